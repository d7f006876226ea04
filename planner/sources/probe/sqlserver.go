package probe

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// sqlserver opens a connection and exchanges the pre-login message, in which both sides tell their version before any
// log-in. It sends no credentials; a database round trip is not measured, since a query needs them.
func (r *run) sqlserver(ctx context.Context, c *Component, a *aim) {
	var told []string
	for _, address := range a.addresses {
		version, err := r.prelogin(ctx, address)
		if err != nil {
			c.problem(label(a, address) + " " + wire.Explain(err))
			continue
		}
		told = append(told, label(a, address)+" is SQL Server "+version)
		if len(told) == 1 {
			// Azure SQL answers with the version of its gateway.
			if !a.infra.Engine.Managed() {
				c.fact("", FieldVersion, version)
			}
			r.connects(ctx, c, []string{address})
		}
	}
	if len(told) > 0 {
		told = append(told, c.told())
	}
	c.finish(told...)
}

// Pre-login of the Tabular Data Stream protocol, MS-TDS 2.2.6.5: a header of eight bytes, then a list of options, each
// with token, offset and length, ended by 0xFF, then their values.
const (
	tdsPreLogin    = 0x12
	tdsAnswer      = 0x04
	tdsHeader      = 8
	tdsVersion     = 0x00
	tdsEncryption  = 0x01
	tdsEnd         = 0xff
	tdsNoEncrypt   = 0x02
	maxTDS         = 4096
	preLoginLength = tdsHeader + 2*5 + 1 + 6 + 1
)

func (r *run) prelogin(ctx context.Context, address string) (string, error) {
	e := r.dialer.Exchange(wire.Limits{Timeout: r.timeout, Bytes: maxTDS + tdsHeader, Dials: 1})
	defer e.Close()
	conn, err := e.Dial(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	if _, err := conn.Write(preLogin()); err != nil {
		return "", err
	}
	var head [tdsHeader]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return "", err
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if head[0] != tdsAnswer || length <= tdsHeader || length > maxTDS {
		return "", errNotSQLServer
	}
	body := make([]byte, length-tdsHeader)
	if _, err := io.ReadFull(conn, body); err != nil {
		return "", err
	}
	return preLoginVersion(body)
}

var errNotSQLServer = wire.Fail("answered with something else than SQL Server does")

func preLogin() []byte {
	m := make([]byte, 0, preLoginLength)
	m = append(m, tdsPreLogin, 1, 0, preLoginLength, 0, 0, 0, 0)
	m = append(m, tdsVersion, 0, 11, 0, 6)
	m = append(m, tdsEncryption, 0, 17, 0, 1)
	m = append(m, tdsEnd)
	m = append(m, 0, 0, 0, 0, 0, 0) // version of the client: none
	return append(m, tdsNoEncrypt)
}

// preLoginVersion reads major, minor and build out of the answer's options.
func preLoginVersion(body []byte) (string, error) {
	for at := 0; at < len(body) && body[at] != tdsEnd; at += 5 {
		if at+5 > len(body) {
			break
		}
		offset, length := int(binary.BigEndian.Uint16(body[at+1:])), int(binary.BigEndian.Uint16(body[at+3:]))
		if body[at] != tdsVersion {
			continue
		}
		if length < 4 || offset+length > len(body) {
			break
		}
		v := body[offset:]
		return fmt.Sprintf("%d.%d.%d", v[0], v[1], binary.BigEndian.Uint16(v[2:])), nil
	}
	return "", errNotSQLServer
}
