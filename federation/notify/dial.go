package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errForbidden is an address that the configuration does not allow.
var errForbidden = errors.New("the address is private, loopback or link-local; an operator of the hub can allow it under notifications.allow")

const (
	dialTimeout = 5 * time.Second
	idle        = time.Minute
	maxHeader   = 16 << 10 // bytes of an answer's headers
	maxAnswer   = 4 << 10  // bytes of an answer's body that are read
)

// newClient sends to public addresses and to those that are allowed. What a name resolves to is looked at when it is
// dialled, so that a name which resolves to something else the second time gains nothing. It follows no redirect, which
// would lead elsewhere, and uses no proxy, which would resolve names by itself.
func newClient(allow []netip.Prefix, timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", errForbidden, address)
		}
		if !permitted(a.Addr(), allow) {
			return fmt.Errorf("%w: %s", errForbidden, a.Addr())
		}
		return nil
	}}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: idle, MaxIdleConnsPerHost: 2,
			MaxResponseHeaderBytes: maxHeader, ForceAttemptHTTP2: true,
		},
	}
}

// special are ranges that are not of the public internet beside those netip knows: RFC 6890 and its successors, and the
// prefixes that carry IPv4 addresses inside (RFC 6052, RFC 3056, RFC 4380).
func special() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func permitted(a netip.Addr, allow []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	for _, p := range allow {
		if p.Contains(a) {
			return true
		}
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range special() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
