// Package conf reads the configuration of a daemon: one YAML file, read strictly, overridden by environment variables.
// It keeps no state; the programs under services call it once at start.
package conf

import (
	"errors"
	"fmt"
	"os"

	"github.com/caarlos0/env/v11"

	"github.com/meridian-federation/meridian/planner/document"
)

// maxFile bounds a configuration file, which a person writes and a person reads.
const maxFile = 1 << 20

// Load fills v, a pointer to a struct with json tags that holds the defaults, from the file at path, which may be empty,
// and then from environment variables: with the prefix MERIDIAN and the tag envPrefix:"NATS_" on the field NATS,
// MERIDIAN_NATS_URL sets v.NATS.URL. Unknown keys are errors that name file, line and the nearest known key.
func Load(path, prefix string, v any) error {
	if path != "" {
		data, err := read(path)
		if err != nil {
			return err
		}
		if err := document.Decode(path, data, v); err != nil {
			return fmt.Errorf("read the configuration: %w", err)
		}
	}
	if err := env.ParseWithOptions(v, env.Options{Prefix: prefix + "_", UseFieldNameByDefault: true}); err != nil {
		return fmt.Errorf("read the configuration from the environment: %w", err)
	}
	return nil
}

// Secret reads a secret from the file that a configuration refers to, without its final line break.
func Secret(path string) (string, error) {
	data, err := read(path)
	if err != nil {
		return "", err
	}
	for len(data) > 0 && (data[len(data)-1] == '\n' || data[len(data)-1] == '\r') {
		data = data[:len(data)-1]
	}
	if len(data) == 0 {
		return "", fmt.Errorf("read the secret in %s: the file is empty", path)
	}
	return string(data), nil
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if info.Size() > maxFile {
		return nil, errors.New("read the configuration: " + path + " is larger than 1 MiB, which no configuration is")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return data, nil
}
