package trust

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/meridian-federation/meridian/api/bus"
)

// Authority issues and revokes the credentials of sites. Safe for concurrent use.
type Authority struct {
	account  string        // public key of the sites' account
	sites    nkeys.KeyPair // signs credentials
	operator nkeys.KeyPair // signs the account
	system   *bus.Conn
	now      func() time.Time

	mu      sync.Mutex
	looked  time.Time // when who is connected was looked at last
	changed bool      // the account, that time
}

// System returns the options of the connection that an Authority needs beside its keys, on the servers that o names.
func System(dir string, o bus.Options) bus.Options {
	o.CredentialsFile, o.SeedFile, o.User, o.PasswordFile, o.InboxPrefix = filepath.Join(dir, SystemFile), "", "", "", ""
	o.Name += " system"
	return o
}

// Open reads the keys of a folder that Create made. system is a connection made with the options of System; it stays the
// caller's.
func Open(dir string, system *bus.Conn, now func() time.Time) (*Authority, error) {
	a := &Authority{system: system, now: now}
	var err error
	if a.sites, err = readSeed(filepath.Join(dir, SitesFile)); err == nil {
		a.operator, err = readSeed(filepath.Join(dir, OperatorFile))
	}
	var servers Servers
	if err == nil {
		servers, err = ReadServers(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of the federation: %w", err)
	}
	a.account = servers.Sites
	return a, nil
}

// readSeed reads a key. Its content appears in no error.
func readSeed(path string) (nkeys.KeyPair, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s can be read by everybody (mode %o): set it to 600", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	kp, err := nkeys.FromSeed([]byte(strings.TrimSpace(string(b))))
	if err != nil {
		return nil, fmt.Errorf("%s holds no NKey seed", path)
	}
	return kp, nil
}

// Issue signs the credential of a site for the public key of its planner. It is no secret: without the seed, which never
// leaves the planner, it opens nothing.
func (a *Authority) Issue(site, publicKey string, expires time.Time) (string, error) {
	if !bus.ValidSite(site) {
		return "", fmt.Errorf("issue a credential: %w: site id %.80q", bus.ErrInvalid, site)
	}
	if !ValidKey(publicKey) {
		return "", fmt.Errorf("issue a credential for site %s: %w: %.80q is no public key of an NKey user", site, bus.ErrInvalid, publicKey)
	}
	uc := jwt.NewUserClaims(publicKey)
	uc.Name, uc.IssuerAccount, uc.Expires = site, a.account, expires.Unix()
	uc.SetScoped(true)
	token, err := uc.Encode(a.sites)
	if err != nil {
		return "", fmt.Errorf("issue a credential for site %s: %w", site, err)
	}
	return token, nil
}

// ValidKey reports whether the text is the public key of an NKey user.
func ValidKey(publicKey string) bool { return nkeys.IsValidPublicUserKey(publicKey) }

// Verify reports whether the holder of the public key's seed signed the text.
func Verify(publicKey string, text, signature []byte) bool {
	if !ValidKey(publicKey) {
		return false
	}
	kp, err := nkeys.FromPublicKey(publicKey)
	return err == nil && kp.Verify(text, signature) == nil
}

// rounds is how often Reconcile tells the servers before it gives up. Replicas that tell different things at the same time
// need two or three.
const rounds = 5

// Reconcile brings the account at every server that answers to this release's rights of a site and to these revocations: by
// public key, until when the key's credentials would be good. Those that are over are dropped; revocations that any server
// holds of keys that are not named stay, whoever made them. The servers disconnect at once who is revoked, and whom they miss
// is disconnected here. It reports whether the account had to change, and bus.ErrUnavailable when a server does not take it
// over. Any number of replicas may call it; each calls it after it has learnt of another revocation, and again and again for
// the servers that were away.
func (a *Authority) Reconcile(ctx context.Context, revoked map[string]time.Time) (bool, error) {
	const op = "bring the account of the sites up to date"
	for round := 0; ; round++ {
		held, err := accountClaims(ctx, a.system, a.account)
		if err != nil {
			return round > 0, fmt.Errorf("%s: %w", op, err)
		}
		ac, newest, err := a.revise(held, revoked)
		if err != nil {
			return round > 0, fmt.Errorf("%s: %w", op, err)
		}
		if newest == 0 {
			return round > 0, a.look(ctx, ac.Revocations, round > 0)
		}
		if round == rounds {
			// Whom a server that does not listen lets in is disconnected all the same.
			err := fmt.Errorf("%s: %w: not every server takes it over", op, bus.ErrUnavailable)
			return true, errors.Join(err, a.look(ctx, ac.Revocations, true))
		}
		token, err := a.sign(ac, newest+1)
		if err != nil {
			return round > 0, fmt.Errorf("%s: %w", op, err)
		}
		if err := setAccountClaims(ctx, a.system, token); err != nil {
			return round > 0, fmt.Errorf("%s: %w", op, err)
		}
	}
}

// revise returns what the servers are to hold and, when it is not what all of them do, the second since 1970 when the newest of
// what they hold was signed.
func (a *Authority) revise(held []string, revoked map[string]time.Time) (*jwt.AccountClaims, int64, error) {
	var ac *jwt.AccountClaims
	var unreadable error
	union, newest, changed := jwt.RevocationList{}, int64(0), false
	for _, token := range held {
		changed = changed || token != held[0]
		one, err := jwt.DecodeAccountClaims(token)
		if err != nil {
			unreadable = err
			continue
		}
		if ac == nil || one.IssuedAt > newest {
			ac, newest = one, one.IssuedAt
		}
		for key, at := range one.Revocations {
			union[key] = max(union[key], at)
		}
	}
	if ac == nil {
		return nil, 0, fmt.Errorf("read what the servers hold: %w", unreadable)
	}
	ac.Revocations = union
	rescoped, err := a.rescope(ac)
	if err != nil {
		return nil, 0, err
	}
	changed = changed || rescoped
	now := a.now().Unix()
	for key, until := range revoked {
		at, have := ac.Revocations[key]
		switch {
		case until.Unix() < now && have:
			delete(ac.Revocations, key)
			changed = true
		case until.Unix() >= now && at < until.Unix():
			ac.Revocations[key] = until.Unix()
			changed = true
		}
	}
	if !changed {
		newest = 0
	}
	return ac, newest, nil
}

// lookEvery is how often all connections are looked at although nothing changed. A server tells of each with its credential, which is much
// where there are many.
const lookEvery = time.Minute

// look expels who is revoked: after a change, once more when the account is compared next, since a client may come while a server takes the
// change over, and now and then for the servers that took it over from each other.
func (a *Authority) look(ctx context.Context, revocations jwt.RevocationList, changed bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if !changed && !a.changed && now.Sub(a.looked) < lookEvery {
		return nil
	}
	if err := a.expel(ctx, revocations); err != nil {
		a.looked = time.Time{}
		return err
	}
	a.looked, a.changed = now, changed
	return nil
}

// expel disconnects who is connected although revoked. A server looks whether a client is revoked before it counts it among
// the connected ones, and so overlooks one that comes while it takes over the revocation, as the revoked do that another
// server has just disconnected.
func (a *Authority) expel(ctx context.Context, revocations jwt.RevocationList) error {
	const op = "disconnect who is revoked"
	if len(revocations) == 0 {
		return nil
	}
	clients, err := Connections(ctx, a.system, a.account)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	var failed []error
	for _, client := range clients {
		// The name that the server tells of a client may be one that the client gave itself; what it was let in with is not.
		uc, err := jwt.DecodeUserClaims(client.JWT)
		if err == nil && revocations.IsRevoked(uc.Subject, time.Unix(uc.IssuedAt, 0)) {
			err = disconnect(ctx, a.system, client)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: connection %d of server %s: %w", op, client.ID, client.Server, err))
		}
	}
	return errors.Join(failed...)
}

// sign signs the account as of now, and not before the given second since 1970. A server that missed a JWT takes it from
// another server only if it is newer by a second and has an id of its own. The library's id is the same for all that it signs
// in one second, whatever they say, and its time is before that of a replica whose clock is ahead.
func (a *Authority) sign(ac *jwt.AccountClaims, earliest int64) (string, error) {
	token, err := ac.Encode(a.operator)
	if err != nil {
		return "", err
	}
	ac.IssuedAt, ac.ID = max(ac.IssuedAt, earliest), ""
	body, err := json.Marshal(ac)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	ac.ID = hex.EncodeToString(sum[:])
	if body, err = json.Marshal(ac); err != nil {
		return "", err
	}
	header, _, _ := strings.Cut(token, ".")
	signed := header + "." + base64.RawURLEncoding.EncodeToString(body)
	signature, err := a.operator.Sign([]byte(signed))
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// rescope gives the signing key of the sites the rights that this release wants.
func (a *Authority) rescope(ac *jwt.AccountClaims) (bool, error) {
	public, err := a.sites.PublicKey()
	if err != nil {
		return false, err
	}
	want, err := siteScope(public)
	if err != nil {
		return false, err
	}
	had, err := json.Marshal(ac.SigningKeys[public])
	if err != nil {
		return false, err
	}
	has, err := json.Marshal(want)
	if err != nil {
		return false, err
	}
	ac.SigningKeys.AddScopedSigner(want)
	return !bytes.Equal(had, has), nil
}
