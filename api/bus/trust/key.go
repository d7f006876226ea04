package trust

import (
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Key is the key pair of a planner. Its seed is a secret that never leaves the planner.
type Key struct {
	public string
	kp     nkeys.KeyPair
}

// NewKey makes a key pair.
func NewKey() (*Key, error) {
	kp, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("make a key pair: %w", err)
	}
	return newKey(kp)
}

// KeyFromSeed is the key pair of a seed.
func KeyFromSeed(seed []byte) (*Key, error) {
	kp, err := nkeys.FromSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("read a seed: %w", err)
	}
	return newKey(kp)
}

func newKey(kp nkeys.KeyPair) (*Key, error) {
	public, err := kp.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("read a key pair: %w", err)
	}
	return &Key{public, kp}, nil
}

// Public is the public key.
func (k *Key) Public() string { return k.public }

// Seed is the secret.
func (k *Key) Seed() ([]byte, error) { return k.kp.Seed() }

// Sign signs a text.
func (k *Key) Sign(text []byte) ([]byte, error) { return k.kp.Sign(text) }

// Credentials is the NATS credentials file of a JWT that was issued for the key.
func (k *Key) Credentials(token string) ([]byte, error) {
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return nil, fmt.Errorf("read the credential: %w", err)
	}
	if claims.Subject != k.public {
		return nil, fmt.Errorf("the credential is for the key %s, this is %s", claims.Subject, k.public)
	}
	seed, err := k.kp.Seed()
	if err != nil {
		return nil, err
	}
	return jwt.FormatUserConfig(token, seed)
}

// KeyFromCredentials is the key pair in a NATS credentials file.
func KeyFromCredentials(b []byte) (*Key, error) {
	kp, err := jwt.ParseDecoratedUserNKey(b)
	if err != nil {
		return nil, fmt.Errorf("read the credentials file: %w", err)
	}
	return newKey(kp)
}
