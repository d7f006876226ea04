// Package link decides how a connection to the message bus is encrypted and with which credential it is made. It reads the
// files that the options name and connects nowhere; package bus does.
package link

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// Options are those of bus.Options that say where the bus is and who connects.
type Options struct {
	URL             string
	InProcess       bool
	CredentialsFile string
	SeedFile        string
	User            string
	PasswordFile    string
	CAFile          string
	CertFile        string
	KeyFile         string
	PlainText       bool
}

// NATS are the options of the client.
func (o Options) NATS() ([]nats.Option, error) {
	opts, err := o.security()
	if err != nil {
		return nil, err
	}
	switch {
	case o.CredentialsFile != "":
		opts = append(opts, nats.UserCredentials(o.CredentialsFile))
	case o.SeedFile != "":
		seed, err := nats.NkeyOptionFromSeed(o.SeedFile)
		if err != nil {
			return nil, fmt.Errorf("read the NKey seed %s: %w", o.SeedFile, err)
		}
		opts = append(opts, seed)
	case o.User != "":
		password, err := readSecret(o.PasswordFile)
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.UserInfo(o.User, password))
	}
	return opts, nil
}

// Check refuses options whose connection would leave the machine without encryption.
func (o Options) Check() error {
	_, err := o.security()
	return err
}

// security decides whether the connection is encrypted. It is, unless the server is in this process, on this machine, or
// PlainText allows it; and once it is, no server that was heard of from another one makes it go without.
func (o Options) security() ([]nats.Option, error) {
	if o.InProcess {
		return nil, nil
	}
	if o.URL == "" {
		return nil, errors.New("no URL is configured")
	}
	encrypted := o.CAFile != "" || o.CertFile != "" || o.KeyFile != ""
	var plain string // the first server that is elsewhere and has no scheme that encrypts
	for raw := range strings.SplitSeq(o.URL, ",") {
		raw = strings.TrimSpace(raw)
		if !strings.Contains(raw, "://") {
			raw = "nats://" + raw
		}
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" {
			return nil, fmt.Errorf("%.200q is no URL like tls://host:4222", o.URL)
		}
		switch {
		case u.Scheme == "tls" || u.Scheme == "wss":
			encrypted = true
		case plain == "" && !Loopback(u.Hostname()):
			plain = u.Host
		}
	}
	if encrypted {
		opts := []nats.Option{nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12})}
		if o.CAFile != "" {
			opts = append(opts, nats.RootCAs(o.CAFile))
		}
		if o.CertFile != "" || o.KeyFile != "" {
			opts = append(opts, nats.ClientCert(o.CertFile, o.KeyFile))
		}
		return opts, nil
	}
	if o.PlainText {
		return nil, nil
	}
	if plain != "" {
		return nil, fmt.Errorf("%s is not this machine and the connection would not be encrypted: use tls://%s, or allow plain text where the network is private by other means", plain, plain)
	}
	// A server on this machine may be part of a cluster and name servers that are not.
	return []nats.Option{nats.IgnoreDiscoveredServers()}, nil
}

// Loopback reports whether a host, without port, is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readSecret reads a one-line secret from a file. The content appears in no error.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", errors.New("read the password of the message bus: no password file is configured")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the password of the message bus: %w", err)
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" {
		return "", fmt.Errorf("read the password of the message bus: %s is empty", path)
	}
	return s, nil
}
