// Package wire holds what all live probes have in common: addresses out of an inventory's endpoints, connections that are
// bounded in time, bytes and number, TLS modes, and texts of failures that cannot hold a secret. It knows no protocol of a
// server. The packages of the probes call it.
package wire

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxAddresses bounds the members of one endpoint.
const maxAddresses = 64

// Addresses returns the host:port pairs of an endpoint as an inventory holds it: host[:port], a list of them with or without
// a chroot, a URL, a JDBC URL of PostgreSQL or SQL Server. What names no port gets port. The order is kept, repetitions
// are left out. An error names what cannot be read without repeating the endpoint, which could hold a secret.
func Addresses(endpoint string, port int) ([]string, error) {
	s := strings.TrimSpace(endpoint)
	if s == "" {
		return nil, errors.New("there is no endpoint")
	}
	if len(s) > 1<<14 {
		return nil, errors.New("the endpoint is too long")
	}
	if len(s) >= 5 && strings.EqualFold(s[:5], "jdbc:") {
		s = s[5:]
		if !strings.Contains(s, "//") {
			return nil, errors.New("the JDBC URL names no host")
		}
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		switch {
		case strings.EqualFold(scheme, "http") && port == 0:
			port = 80
		case strings.EqualFold(scheme, "https") && port == 0:
			port = 443
		}
		s = rest
	}
	s = strings.TrimLeft(s, `/\`)
	if i := strings.IndexAny(s, `/?;#`); i >= 0 {
		if at := strings.LastIndexByte(s, '@'); at > i && !strings.Contains(s[i:at], "=") {
			s = s[at+1:]
			i = strings.IndexAny(s, `/?;#`)
		}
		if i >= 0 {
			s = s[:i]
		}
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		address, err := Address(part, port)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, address) {
			out = append(out, address)
		}
		if len(out) > maxAddresses {
			return nil, errors.New("the endpoint has more than " + strconv.Itoa(maxAddresses) + " members")
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the endpoint names no host")
	}
	return out, nil
}

// Address reads one host[:port], in canonical spelling. port is what an address without one gets; 0 refuses it.
func Address(s string, port int) (string, error) {
	host, text := strings.TrimSpace(s), ""
	switch {
	case strings.Contains(host, `\`):
		return "", errors.New("a named instance has no fixed port: name the port")
	case strings.HasPrefix(host, "["):
		inner, rest, ok := strings.Cut(host[1:], "]")
		if !ok || rest != "" && rest[0] != ':' {
			return "", errors.New("an address in brackets is not closed")
		}
		if _, err := netip.ParseAddr(inner); err != nil {
			return "", errors.New("what stands in brackets is no IPv6 address")
		}
		host = inner
		text, _, _ = strings.Cut(strings.TrimPrefix(rest, ":"), ":")
	case strings.Count(host, ":") == 1:
		host, text, _ = strings.Cut(host, ":")
	case strings.Count(host, ":") > 1:
		if _, err := netip.ParseAddr(host); err != nil {
			// ZooKeeper writes host:port:port:role in its own configuration.
			host, text, _ = strings.Cut(host, ":")
			text, _, _ = strings.Cut(text, ":")
		}
	}
	if text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 65535 {
			return "", errors.New("a port is no number between 1 and 65535")
		}
		port = n
	}
	if port == 0 {
		return "", errors.New("an address names no port")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !validHost(host) {
		return "", errors.New("an address is no host name and no IP address")
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// Host returns the host of an address in lower case, without port.
func Host(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return strings.ToLower(address)
	}
	return strings.ToLower(host)
}

func validHost(host string) bool {
	if host == "" || len(host) > 253 || strings.HasSuffix(host, ".") {
		return false
	}
	if strings.Contains(host, ":") {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return !strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) && strings.Trim(host, ".-_") != ""
}

// ValidHost reports whether a text a server gave can be a host name or an IP address.
func ValidHost(host string) bool { return validHost(strings.ToLower(host)) }

// Version returns a version a server gave when it looks like one: digits first, then digits, letters, points, dashes,
// at most 40 characters. ok is false otherwise; nothing of the text is to be used then.
func Version(s string) (version string, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 40 || s[0] < '0' || s[0] > '9' {
		return "", false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(".+~-_", rune(c)) {
			return "", false
		}
	}
	return s, true
}
