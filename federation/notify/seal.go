package notify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"
)

// KeySize is the size in bytes of the key that seals what webhooks must not show.
const KeySize = 32

// seal encrypts the private part of a webhook with AES-256-GCM, bound to the webhook's id.
type seal struct{ aead cipher.AEAD }

func newSeal(key []byte) (*seal, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("notifications: the key has %d bytes and needs %d: make one with: head -c %d /dev/urandom > notifications.key", len(key), KeySize, KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("notifications: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("notifications: %w", err)
	}
	return &seal{aead}, nil
}

func (s *seal) close(id string, p private) ([]byte, error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("seal webhook %s: %w", id, err)
	}
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal webhook %s: %w", id, err)
	}
	return s.aead.Seal(nonce, nonce, plain, []byte(id)), nil
}

func (s *seal) open(w *Webhook) (p private, err error) {
	if n := s.aead.NonceSize(); len(w.Sealed) > n {
		var plain []byte
		if plain, err = s.aead.Open(nil, w.Sealed[:n], w.Sealed[n:], []byte(w.ID)); err == nil {
			err = json.Unmarshal(plain, &p)
		}
	} else {
		err = fmt.Errorf("nothing is sealed")
	}
	if err != nil {
		return private{}, fmt.Errorf("open webhook %s: the notifications' key is not the one it was sealed with, or it was changed: give the former key, or update the webhook with its URL and rotate its secret: %w", w.ID, err)
	}
	return p, nil
}
