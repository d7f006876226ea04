// Package seal keeps a caller's session in its own cookie. It knows no request; api/rest calls it.
package seal

import (
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
)

const (
	// CookieName is the cookie's.
	CookieName = "meridian_session"
	// KeySize is the length of the key of Sessions.
	KeySize = 32
)

// Sessions seals a caller's token into a cookie, so that every replica with the same key reads it and none keeps it.
// The token is authenticated anew for each request: revoking it ends its sessions.
type Sessions struct {
	aead   cipher.AEAD
	csrf   []byte
	ttl    time.Duration
	secure bool
}

// New returns sessions; an empty key is made by chance.
func New(key []byte, ttl time.Duration, secure bool) (*Sessions, error) {
	if len(key) == 0 {
		key = make([]byte, KeySize)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make a session key: %w", err)
		}
	}
	if len(key) != KeySize {
		return nil, fmt.Errorf("the session key has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(derive(key, "cookie"))
	if err != nil {
		return nil, fmt.Errorf("session cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("session cipher: %w", err)
	}
	return &Sessions{aead: aead, csrf: derive(key, "csrf"), ttl: ttl, secure: secure}, nil
}

func derive(key []byte, use string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("meridian/" + use))
	return mac.Sum(nil)
}

// Seal makes the value of a cookie of a caller's token.
func (s *Sessions) Seal(token string, expires time.Time) (string, error) {
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("seal a session: %w", err)
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix())) //nolint:gosec // the bits are kept either way
	plain = append(plain, token...)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, nil)), nil
}

// Open reads one that has not ended.
func (s *Sessions) Open(cookie string, now time.Time) (token string, expires time.Time, ok bool) {
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

// CSRF is a token that belongs to one cookie, so that it is worthless with any other.
func (s *Sessions) CSRF(cookie string) string {
	mac := hmac.New(sha256.New, s.csrf)
	mac.Write([]byte(cookie))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Valid checks a CSRF token.
func (s *Sessions) Valid(cookie, token string) bool {
	return subtle.ConstantTimeCompare([]byte(s.CSRF(cookie)), []byte(token)) == 1
}

// TTL is how long a session lasts.
func (s *Sessions) TTL() time.Duration { return s.ttl }

// Cookie is the cookie of a value; a negative age ends it.
func (s *Sessions) Cookie(value string, maxAge int, tls bool) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure || tls, SameSite: http.SameSiteStrictMode,
	}
}
