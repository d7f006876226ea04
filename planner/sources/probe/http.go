package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// Bounds of an HTTP answer. The body is never read.
const (
	maxHTTP   = 128 << 10
	maxHeader = 64 << 10
)

// get asks for a URL and returns status and headers. Redirections are not followed, no proxy is used.
func (r *run) get(ctx context.Context, url, host string, secure wire.TLS) (int, http.Header, error) {
	config, err := secure.Config(host, wire.VerifyFull)
	if err != nil {
		return 0, nil, err
	}
	e := r.dialer.Exchange(wire.Limits{Timeout: r.timeout, Bytes: maxHTTP, Dials: 1})
	defer e.Close()
	transport := &http.Transport{
		DialContext: e.Dial, TLSClientConfig: config, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, wire.Fail("was not asked: its URL cannot be used")
	}
	request.Header.Set("User-Agent", "meridian-planner")
	answer, err := transport.RoundTrip(request)
	if err != nil {
		var tooLong interface{ Timeout() bool }
		if text := wire.Explain(err); strings.HasPrefix(text, "failed") && !errors.As(err, &tooLong) {
			return 0, nil, wire.Fail("closed the connection, or answered with something else than HTTP")
		}
		return 0, nil, err
	}
	answer.Body.Close()
	return answer.StatusCode, answer.Header, nil
}

// thingworx asks a server whether it is ready for requests, and alive.
func (r *run) thingworx(ctx context.Context, c *Component, t *ThingWorx) {
	base, err := t.base()
	if err != nil {
		c.problem(err.Error())
		c.finish()
		return
	}
	_, address, _ := strings.Cut(base, "://")
	var told []string
	for _, path := range []string{"/Thingworx/ready", "/Thingworx/health"} {
		status, _, err := r.get(ctx, base+path, wire.Host(address), t.TLS)
		if err != nil {
			c.problem(address + " " + wire.Explain(err))
			break // the other path lies behind the same door
		}
		told = append(told, fmt.Sprintf("%s %d", path, status))
		if status != http.StatusOK {
			c.problem(path + meaning(status))
		}
	}
	if len(told) > 0 && !slices.ContainsFunc(told, func(s string) bool { return strings.HasSuffix(s, " 200") }) {
		c.Problems = append([]string{strings.Join(told, ", ")}, c.Problems...)
		told = nil // a server that is neither ready nor alive has told nothing
	}
	c.finish(strings.Join(told, ", "))
}

func meaning(status int) string {
	switch {
	case status >= 300 && status < 400:
		return " redirects elsewhere: give the URL it leads to"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return " asks for credentials: let it be read without"
	case status == http.StatusNotFound:
		return " does not exist: the address is none of ThingWorx, or the version has no such page"
	case status == http.StatusServiceUnavailable:
		return " says it is not ready"
	}
	return fmt.Sprintf(" answered with status %d", status)
}

// balancer asks for ThingWorx's readiness through a load balancer, and measures the way to it.
func (r *run) balancer(ctx context.Context, c *Component, a *aim) {
	at := r.connects(ctx, c, a.addresses)
	if at == "" {
		c.finish()
		return
	}
	path := orElse(a.target.Path, "/Thingworx/ready")
	status, _, err := r.get(ctx, a.scheme+"://"+at+path, wire.Host(at), a.target.TLS)
	told := at + " takes connections"
	switch {
	case err != nil:
		c.problem(at + " " + wire.Explain(err))
	case status != http.StatusOK:
		c.problem(path + meaning(status))
	default:
		told += ", " + path + " 200"
	}
	c.finish(told, c.told())
}

// influx asks each node's /ping, which needs no credentials, and reads product and version out of the headers.
func (r *run) influx(ctx context.Context, c *Component, a *aim) {
	scheme := a.scheme
	switch {
	case a.target.TLS.Mode != "" && a.target.TLS.Mode != wire.Prefer && a.target.TLS.Mode != wire.Disable:
		scheme = "https"
	case scheme == "":
		scheme = "http"
	}
	var versions, editions []string
	answered := 0
	for _, address := range a.addresses {
		status, header, err := r.get(ctx, scheme+"://"+address+"/ping", wire.Host(address), a.target.TLS)
		if err != nil {
			c.problem(label(a, address) + " " + wire.Explain(err))
			continue
		}
		if status != http.StatusNoContent && status != http.StatusOK {
			c.problem(fmt.Sprintf("%s answered /ping with status %d", label(a, address), status))
			continue
		}
		version, edition, ok := influxVersion(header)
		if !ok {
			c.problem(label(a, address) + " answered /ping without the version InfluxDB gives")
			continue
		}
		answered++
		if !slices.Contains(versions, version) {
			versions = append(versions, version)
		}
		if edition != "" && !slices.Contains(editions, string(edition)) {
			editions = append(editions, string(edition))
		}
	}
	if answered == 0 {
		c.finish()
		return
	}
	told := []string{fmt.Sprintf("%d of %d nodes answer", answered, len(a.addresses))}
	if len(versions) == 1 {
		told = append(told, "version "+versions[0])
		c.fact("", FieldVersion, versions[0])
	} else {
		slices.Sort(versions)
		c.problem("the nodes run different versions: " + strings.Join(versions, ", "))
	}
	switch len(editions) {
	case 1:
		told = append(told, "edition "+editions[0])
		c.fact("", FieldEdition, editions[0])
	case 2:
		c.problem("the nodes are of different editions")
	}
	r.connects(ctx, c, a.addresses)
	c.finish(append(told, c.told())...)
}

// influxVersion reads X-Influxdb-Version, 1.8.10 or v2.7.1, Enterprise with a suffix like 1.11.6-c1.11.6, and
// X-Influxdb-Build, OSS or ENT since 1.4.
func influxVersion(h http.Header) (version string, edition inventory.Edition, ok bool) {
	text := strings.TrimPrefix(h.Get("X-Influxdb-Version"), "v")
	version, ok = wire.Version(text)
	if !ok {
		return "", "", false
	}
	if plain, suffix, found := strings.Cut(version, "-c"); found && suffix != "" && suffix[0] >= '0' && suffix[0] <= '9' {
		version, edition = plain, inventory.EditionEnterprise
	}
	switch strings.ToUpper(h.Get("X-Influxdb-Build")) {
	case "OSS":
		edition = inventory.EditionOSS
	case "ENT", "ENTERPRISE":
		edition = inventory.EditionEnterprise
	}
	return version, edition, true
}

// near reports whether two measurements say the same: a fifth of the larger apart, or 200 µs.
func near(a, b time.Duration) bool {
	apart := a - b
	if apart < 0 {
		apart = -apart
	}
	return apart <= max(a, b)/5 || apart <= 200*time.Microsecond
}
