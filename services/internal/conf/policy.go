package conf

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Policy reads a policy file and checks it against the rules it tunes. An empty path gives the default policy.
func Policy(path string, pack *rules.Pack) (*policy.Policy, error) {
	if path == "" {
		return policy.Default(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	p, err := policy.Parse(path, data)
	if err != nil {
		return nil, err
	}
	if err := pack.Validate(p); err != nil {
		return nil, Named(path, err)
	}
	return p, nil
}

// Named puts a file's name into problems that were found without knowing it.
func Named(file string, err error) error {
	var d *document.Error
	if !errors.As(err, &d) {
		return fmt.Errorf("%s: %w", file, err)
	}
	problems := slices.Clone(d.Problems)
	for i := range problems {
		if problems[i].File == "" {
			problems[i].File = file
		}
	}
	return document.NewError(problems)
}
