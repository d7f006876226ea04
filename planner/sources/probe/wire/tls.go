package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Mode says how much of TLS is asked for, in the words of PostgreSQL's sslmode.
type Mode string

// Modes. Prefer takes TLS when the server offers it and verifies nothing; Require insists on encryption and verifies
// nothing; VerifyCA verifies the chain, VerifyFull the name too.
const (
	Disable    Mode = "disable"
	Prefer     Mode = "prefer"
	Require    Mode = "require"
	VerifyCA   Mode = "verify-ca"
	VerifyFull Mode = "verify-full"
)

// TLS is how a target's connections are encrypted.
type TLS struct {
	Mode       Mode   `json:"mode,omitempty"`       // empty takes the default of the target's kind
	CA         string `json:"ca,omitempty"`         // PEM file of the authorities to trust; empty trusts the system's
	ServerName string `json:"serverName,omitempty"` // name in the certificate where it is not the host's
}

// Check refuses unknown modes and contradictions.
func (t TLS) Check() error {
	switch t.Mode {
	case "", VerifyCA, VerifyFull:
	case Disable, Prefer, Require:
		if t.CA != "" {
			return fmt.Errorf("tls.ca is of no use with mode %s: write verify-ca or verify-full", t.Mode)
		}
	default:
		return errors.New("tls.mode is none of disable, prefer, require, verify-ca, verify-full")
	}
	return nil
}

// Verified reports whether a mode proves who the server is.
func (m Mode) Verified() bool { return m == VerifyCA || m == VerifyFull }

// Config returns the client's configuration for a host, nil for mode disable. def is the mode of a TLS without one.
func (t TLS) Config(host string, def Mode) (*tls.Config, error) {
	mode := t.Mode
	if mode == "" {
		mode = def
	}
	if mode == Disable {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.CA != "" {
		pem, err := readSmall(t.CA)
		if err != nil {
			return nil, Fail("was not asked: the file of tls.ca cannot be read")
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, Fail("was not asked: the file of tls.ca holds no certificate")
		}
	}
	switch mode {
	case VerifyFull:
	case VerifyCA:
		// The chain is verified below, without the name.
		c.InsecureSkipVerify = true
		roots := c.RootCAs
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return x509.UnknownAuthorityError{}
			}
			options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, cert := range s.PeerCertificates[1:] {
				options.Intermediates.AddCert(cert)
			}
			_, err := s.PeerCertificates[0].Verify(options)
			return err
		}
	default:
		c.InsecureSkipVerify = true
	}
	return c, nil
}

// maxFile bounds the files a target refers to: certificates and passwords.
const maxFile = 1 << 20

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, errors.New("not a regular file of at most 1 MiB")
	}
	return os.ReadFile(path)
}

// Secret reads a password from a file, without its final line break. The error never holds what the file holds.
func Secret(path string) (string, error) {
	data, err := readSmall(path)
	if err != nil {
		return "", Fail("was not asked: the password file cannot be read")
	}
	for len(data) > 0 && (data[len(data)-1] == '\n' || data[len(data)-1] == '\r') {
		data = data[:len(data)-1]
	}
	if len(data) == 0 {
		return "", Fail("was not asked: the password file is empty")
	}
	return string(data), nil
}
