package rest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
)

const (
	cookieName = "meridian_session"
	csrfHeader = "X-CSRF-Token"
	// SessionKeySize is the length of Options.SessionKey.
	SessionKeySize = 32
)

// sessions seals a caller's token into a cookie, so that every replica with the same key reads it and none keeps it.
// The token is authenticated anew for each request: revoking it ends its sessions.
type sessions struct {
	aead   cipher.AEAD
	csrf   []byte
	ttl    time.Duration
	secure bool
}

func newSessions(key []byte, ttl time.Duration, secure bool) (*sessions, error) {
	if len(key) == 0 {
		key = make([]byte, SessionKeySize)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make a session key: %w", err)
		}
	}
	if len(key) != SessionKeySize {
		return nil, fmt.Errorf("the session key has %d bytes, not %d", len(key), SessionKeySize)
	}
	block, err := aes.NewCipher(derive(key, "cookie"))
	if err != nil {
		return nil, fmt.Errorf("session cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("session cipher: %w", err)
	}
	return &sessions{aead: aead, csrf: derive(key, "csrf"), ttl: ttl, secure: secure}, nil
}

func derive(key []byte, use string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("meridian/" + use))
	return mac.Sum(nil)
}

func (s *sessions) seal(token string, expires time.Time) (string, error) {
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("seal a session: %w", err)
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix())) //nolint:gosec // the bits are kept either way
	plain = append(plain, token...)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, nil)), nil
}

func (s *sessions) open(cookie string, now time.Time) (token string, expires time.Time, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return "", time.Time{}, false
	}
	plain, err := s.aead.Open(nil, raw[:s.aead.NonceSize()], raw[s.aead.NonceSize():], nil)
	if err != nil || len(plain) < 8 {
		return "", time.Time{}, false
	}
	expires = time.Unix(int64(binary.BigEndian.Uint64(plain)), 0).UTC() //nolint:gosec // written by seal
	return string(plain[8:]), expires, now.Before(expires)
}

// csrfToken belongs to one cookie, so that it is worthless with any other.
func (s *sessions) csrfToken(cookie string) string {
	mac := hmac.New(sha256.New, s.csrf)
	mac.Write([]byte(cookie))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *sessions) csrfValid(cookie, token string) bool {
	return subtle.ConstantTimeCompare([]byte(s.csrfToken(cookie)), []byte(token)) == 1
}

func (s *sessions) cookie(value string, maxAge int, tls bool) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure || tls, SameSite: http.SameSiteStrictMode,
	}
}

func (a *api) me(p *Principal, csrf *string, expires *time.Time) gen.Me {
	me := gen.Me{Name: p.Name, Role: accessRole(p.Role), AllSites: p.Sites == nil, Sites: []string{}, CsrfToken: csrf, Expires: expires, Version: a.Version}
	me.Sites = append(me.Sites, p.Sites...)
	return me
}

// GetMe implements the contract.
func (a *api) GetMe(ctx context.Context, _ gen.GetMeRequestObject) (gen.GetMeResponseObject, error) {
	c := callOf(ctx)
	if c.cookie == "" {
		return a.private(ctx, http.StatusOK, a.me(&c.principal, nil, nil))
	}
	csrf := a.sessions.csrfToken(c.cookie)
	return a.private(ctx, http.StatusOK, a.me(&c.principal, &csrf, &c.expires))
}

// CreateSession implements the contract.
func (a *api) CreateSession(ctx context.Context, req gen.CreateSessionRequestObject) (gen.CreateSessionResponseObject, error) {
	c := callOf(ctx)
	if c.request.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return nil, fail(http.StatusForbidden, "a session begins on this site's own pages")
	}
	principal, err := a.authenticate(ctx, req.Body.Token)
	if err != nil {
		return nil, err
	}
	c.principal = principal
	expires := a.Clock().Add(a.sessions.ttl).UTC().Truncate(time.Second)
	value, err := a.sessions.seal(req.Body.Token, expires)
	if err != nil {
		return nil, err
	}
	csrf := a.sessions.csrfToken(value)
	r, err := a.private(ctx, http.StatusCreated, a.me(&principal, &csrf, &expires))
	if err != nil {
		return nil, err
	}
	r.setCookie = a.sessions.cookie(value, int(a.sessions.ttl/time.Second), c.request.TLS != nil)
	return r, nil
}

// DeleteSession implements the contract.
func (a *api) DeleteSession(ctx context.Context, _ gen.DeleteSessionRequestObject) (gen.DeleteSessionResponseObject, error) {
	c := callOf(ctx)
	return &reply{call: c, status: http.StatusNoContent, setCookie: a.sessions.cookie("", -1, c.request.TLS != nil)}, nil
}
