package bus

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
)

// Check refuses options whose connection would leave the machine without encryption. Connect does it too.
func (o Options) Check() error {
	_, err := o.security()
	return err
}

// security decides whether the connection is encrypted. It is, unless the server is in this process, on this machine, or
// PlainText allows it; and once it is, no server that was heard of from another one makes it go without.
func (o Options) security() ([]nats.Option, error) {
	if o.InProcess != nil {
		return nil, nil
	}
	if o.URL == "" {
		return nil, fmt.Errorf("%w: no URL is configured", ErrInvalid)
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
			return nil, fmt.Errorf("%w: %.200q is no URL like tls://host:4222", ErrInvalid, o.URL)
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
		return nil, fmt.Errorf("%w: %s is not this machine and the connection would not be encrypted: use tls://%s, or allow plain text where the network is private by other means", ErrInvalid, plain, plain)
	}
	// A server on this machine may be part of a cluster and name servers that are not.
	return []nats.Option{nats.IgnoreDiscoveredServers()}, nil
}

// Loopback reports whether a host, without port, is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
