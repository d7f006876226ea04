// Package join gets a planner into a federation and keeps it there: it exchanges the join token for a NATS credential,
// keeps credential and key in the planner's state folder, and renews the credential before it expires. The seed is made
// here and never leaves the folder.
package join

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/bus/link"
	"github.com/meridian-federation/meridian/api/bus/trust"
	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/enrol"
	"github.com/meridian-federation/meridian/planner/atomicfile"
)

// ErrNotJoined means that the folder holds no identity.
var ErrNotJoined = errors.New("this planner has not joined a federation")

// Options say which federation and as which site.
type Options struct {
	Server    string // https://, or http:// on this machine
	Site      string
	Dir       string // state folder of the planner
	HTTP      *http.Client
	UserAgent string
	Now       func() time.Time
	Logger    *slog.Logger
}

// Identity is what the planner is in the federation.
type Identity struct {
	Enrolment string    `json:"enrolment"`
	Site      string    `json:"site"`
	Server    string    `json:"server"`
	NATS      []string  `json:"nats"`
	Expires   time.Time `json:"expires"`
	RenewFrom time.Time `json:"renewFrom"`

	dir string
}

// Files below the state folder. The key of a credential that was asked for is kept until the answer is, so that an answer
// that was lost can be asked for again.
const (
	folder          = "identity"
	identityFile    = "identity.json"
	credentialsFile = "site.creds"
	authorityFile   = "nats-ca.pem"
	pendingFile     = "pending.nk"

	retryFirst = 5 * time.Second
	retryMax   = 15 * time.Minute
)

// CredentialsFile is the NATS credential. It is replaced at each renewal.
func (i *Identity) CredentialsFile() string { return filepath.Join(i.dir, credentialsFile) }

// AuthorityFile holds the authorities of the message bus' certificates; empty where the system's are.
func (i *Identity) AuthorityFile() string {
	path := filepath.Join(i.dir, authorityFile)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// Load reads the identity in a planner's state folder. ErrNotJoined when there is none.
func Load(dir string) (*Identity, error) {
	dir = filepath.Join(dir, folder)
	b, err := os.ReadFile(filepath.Join(dir, identityFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotJoined
	}
	if err != nil {
		return nil, fmt.Errorf("read the planner's identity: %w", err)
	}
	i := &Identity{dir: dir}
	if err := json.Unmarshal(b, i); err != nil {
		return nil, fmt.Errorf("read the planner's identity %s: %w; remove the folder %s and join again", identityFile, err, dir)
	}
	return i, nil
}

func (o Options) client() (*client.Client, error) {
	u, err := url.Parse(o.Server)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("%q is no address of a server; write it like https://meridian.example.com", o.Server)
	}
	if u.Scheme == "http" && !link.Loopback(u.Hostname()) {
		return nil, fmt.Errorf("%s is not this machine and the join token would not be encrypted on the way: use https://", o.Server)
	}
	// A redirect could lead the token elsewhere.
	h := http.Client{Timeout: time.Minute}
	if o.HTTP != nil {
		h = *o.HTTP
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client.New(client.Options{Server: o.Server, UserAgent: o.UserAgent, HTTP: &h})
}

// Join exchanges a token. It may be repeated when it failed: the key is kept.
func Join(ctx context.Context, o Options, token string) (*Identity, error) {
	i, err := join(ctx, o, strings.TrimSpace(token))
	if err != nil {
		return nil, fmt.Errorf("join the federation of %s as site %s: %w", o.Server, o.Site, err)
	}
	return i, nil
}

func join(ctx context.Context, o Options, token string) (*Identity, error) {
	id := enrol.TokenID(token)
	if id == "" {
		return nil, errors.New("the file holds no join token; it begins with mjt_ and is printed by \"meridian enrol\"")
	}
	api, err := o.client()
	if err != nil {
		return nil, err
	}
	i := &Identity{dir: filepath.Join(o.Dir, folder), Server: o.Server}
	key, err := i.pending()
	if err != nil {
		return nil, err
	}
	signature, err := key.Sign(enrol.JoinText(id, o.Site, key.Public()))
	if err != nil {
		return nil, err
	}
	c, err := api.Join(ctx, gen.JoinRequest{Token: token, Site: o.Site, PublicKey: key.Public(), Signature: signature})
	if err != nil {
		return nil, err
	}
	if c.Site != o.Site {
		return nil, fmt.Errorf("the server gave the credential of site %q", c.Site)
	}
	return i, i.take(c, key)
}

// Renew replaces the credential by one for a new key.
func (i *Identity) Renew(ctx context.Context, o Options) error {
	if err := i.renew(ctx, o); err != nil {
		return fmt.Errorf("renew the planner's credential: %w", err)
	}
	return nil
}

func (i *Identity) renew(ctx context.Context, o Options) error {
	o.Server = i.Server
	api, err := o.client()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(i.CredentialsFile())
	if err != nil {
		return err
	}
	old, err := trust.KeyFromCredentials(b)
	if err != nil {
		return err
	}
	key, err := i.pending()
	if err != nil {
		return err
	}
	at := o.Now().UTC()
	text := enrol.RenewalText(i.Enrolment, old.Public(), key.Public(), at)
	signature, err := old.Sign(text)
	if err != nil {
		return err
	}
	proof, err := key.Sign(text)
	if err != nil {
		return err
	}
	c, err := api.RenewCredential(ctx, gen.RenewalRequest{
		Enrolment: i.Enrolment, OldKey: old.Public(), NewKey: key.Public(), At: at, Signature: signature, Proof: proof,
	})
	if err != nil {
		return err
	}
	return i.take(c, key)
}

// pending is the key that the next credential is asked for.
func (i *Identity) pending() (*trust.Key, error) {
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(i.dir, pendingFile)
	seed, err := os.ReadFile(path)
	switch {
	case err == nil:
		return trust.KeyFromSeed(seed)
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	key, err := trust.NewKey()
	if err != nil {
		return nil, err
	}
	if seed, err = key.Seed(); err != nil {
		return nil, err
	}
	return key, atomicfile.Write(path, seed)
}

// take keeps a credential. The identity is written last: until then a crash leaves what was in force, and the pending key
// gets the same answer again.
func (i *Identity) take(c *gen.PlannerCredential, key *trust.Key) error {
	creds, err := key.Credentials(c.Jwt)
	if err != nil {
		return err
	}
	next := *i
	next.Enrolment, next.Site, next.NATS, next.Expires, next.RenewFrom = c.Enrolment, c.Site, c.Nats, c.Expires, c.RenewFrom
	b, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	if c.NatsAuthority != "" {
		if err := atomicfile.Write(filepath.Join(i.dir, authorityFile), []byte(c.NatsAuthority)); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(i.CredentialsFile(), creds); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(i.dir, identityFile), append(b, '\n')); err != nil {
		return err
	}
	*i = next
	return os.Remove(filepath.Join(i.dir, pendingFile))
}

// Keep renews the credential whenever it is due, until the context ends. The connection takes the new one when it is made
// the next time; the server ends it when the old one expires.
func (i *Identity) Keep(ctx context.Context, o Options) error {
	for failures := 0; ; {
		wait := i.RenewFrom.Sub(o.Now())
		if failures > 0 {
			wait = retryAfter(failures)
		}
		if !sleep(ctx, wait) {
			return nil
		}
		err := i.Renew(ctx, o)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			o.Logger.Error("the planner's credential is not renewed yet", "error", err, "expires", i.Expires)
		default:
			failures = 0
			o.Logger.Info("the planner's credential is renewed", "expires", i.Expires)
		}
	}
}

// Until joins, and tries again while the server cannot be reached or the enrolment waits for its approval. Any other
// refusal is final.
func Until(ctx context.Context, o Options, token string) (*Identity, error) {
	for failures := 1; ; failures++ {
		i, err := Join(ctx, o, token)
		code := client.CodeOf(err)
		if err == nil || ctx.Err() != nil || (code != client.Unavailable && code != client.Forbidden) {
			return i, err
		}
		wait := retryAfter(failures)
		o.Logger.Warn("not joined yet", "error", err, "again", wait)
		if !sleep(ctx, wait) {
			return nil, ctx.Err()
		}
	}
}

func retryAfter(failures int) time.Duration {
	d := retryMax
	if failures < 9 {
		d = min(retryMax, retryFirst<<(failures-1))
	}
	return d/2 + rand.N(d/2+1)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
