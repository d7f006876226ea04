package bus

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// readSecret reads a one-line secret from a file. The content appears in no error.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", errors.New("read the password of the message bus: no password file is configured")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the password of the message bus: %w", err)
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" {
		return "", fmt.Errorf("read the password of the message bus: %s is empty", path)
	}
	return s, nil
}
