package notify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed message, those of the Standard Webhooks specification (https://www.standardwebhooks.com), version 1.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp" // seconds since 1970, of the attempt
	HeaderSignature = "webhook-signature"
)

const (
	// ReplayWindow is how far a receiver should let the timestamp be from its own clock, before or after. A captured message
	// is worth nothing after it, and the id tells a repetition within it.
	ReplayWindow = 5 * time.Minute

	secretPrefix = "whsec_"
	secretSize   = 32
	minSecret    = 24 // bytes, as the specification has it
	maxSecret    = 64
	version      = "v1,"
)

func newSecret() []byte {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// FormatSecret writes a secret the way receivers' libraries take it.
func FormatSecret(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// ParseSecret reads a secret as FormatSecret writes it.
func ParseSecret(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(s), secretPrefix))
	if err != nil {
		return nil, errors.New("the secret is not whsec_ and base64") // the cause would show a part of it
	}
	if len(raw) < minSecret || len(raw) > maxSecret {
		return nil, fmt.Errorf("the secret has %d bytes and needs %d to %d", len(raw), minSecret, maxSecret)
	}
	return raw, nil
}

// Sign is the value of HeaderSignature: HMAC-SHA256 over id, timestamp and body, joined by dots.
func Sign(secret []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%d.", id, at.Unix()) // a hash takes everything
	_, _ = mac.Write(body)
	return version + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Verify is what a receiver does: it accepts a message whose signature is good and whose timestamp is within ReplayWindow of
// now. The header may hold several signatures, while a secret is changed.
func Verify(secret []byte, id, timestamp, signature string, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("the timestamp is no number of seconds")
	}
	at := time.Unix(seconds, 0)
	if d := now.Sub(at); d > ReplayWindow || d < -ReplayWindow {
		return fmt.Errorf("the message is %s old, which is beyond %s", d.Round(time.Second), ReplayWindow)
	}
	want := Sign(secret, id, at, body)
	for given := range strings.SplitSeq(signature, " ") {
		if subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1 {
			return nil
		}
	}
	return errors.New("the signature does not fit")
}

// readSecret reads a secret's file from the folder that the configuration names. Errors hold nothing of its content.
func readSecret(folder, name string) ([]byte, error) {
	if folder == "" {
		return nil, errors.New("no folder of secrets is configured at the hub")
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the folder of secrets: %w", err)
	}
	defer root.Close()
	b, err := root.ReadFile(filepath.Base(name))
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	return ParseSecret(string(b))
}
