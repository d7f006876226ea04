package trust

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// Reconcile brings the account at the servers to this release's rights of a site and to these revocations: by public key,
// until when the key's credentials would be good. Those that are over are dropped; revocations of keys that are not named
// stay, whoever made them. The servers disconnect at once who is revoked. It reports whether anything had to change; any
// number of replicas may call it, and each calls it again after it has learnt of another revocation.
func (a *Authority) Reconcile(ctx context.Context, revoked map[string]time.Time) (bool, error) {
	const op = "bring the account of the sites up to date"
	token, err := a.system.AccountClaims(ctx, a.account)
	if err != nil {
		return false, fmt.Errorf("%s: %w", op, err)
	}
	ac, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return false, fmt.Errorf("%s: read what the servers hold: %w", op, err)
	}
	changed, err := a.rescope(ac)
	if err != nil {
		return false, fmt.Errorf("%s: %w", op, err)
	}
	if ac.Revocations == nil {
		ac.Revocations = jwt.RevocationList{}
	}
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
		return false, nil
	}
	if token, err = ac.Encode(a.operator); err != nil {
		return false, fmt.Errorf("%s: %w", op, err)
	}
	if err := a.system.SetAccountClaims(ctx, token); err != nil {
		return false, fmt.Errorf("%s: %w", op, err)
	}
	return true, nil
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
