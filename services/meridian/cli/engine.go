package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/rules/custom"
	"github.com/meridian-federation/meridian/planner/sources/file"
	"github.com/meridian-federation/meridian/services/internal/conf"
)

// maxEngineFile bounds a file of architectures or rules, which a person writes.
const maxEngineFile = 1 << 20

// rulesFlag adds rules of the user's own.
type rulesFlag struct {
	Rules string `help:"Folder (or one file) of rules of your own in CEL, judged besides the built-in ones." placeholder:"DIR"`
}

// catalogFlag adds reference architectures of the user's own.
type catalogFlag struct {
	Catalog string `help:"Folder (or one file) of reference architectures that add to the built-in ones, or replace those of the same id." placeholder:"DIR"`
}

// policyFlag names the policy.
type policyFlag struct {
	Policy string `help:"Policy file: allowed geographies, tuned rules, chances of failure." placeholder:"FILE"`
}

// engine is the built-in engine with the user's architectures and rules.
func engine(c catalogFlag, r rulesFlag) (*assess.Engine, error) {
	e, err := assess.Builtin()
	if err != nil {
		return nil, err
	}
	if c.Catalog != "" {
		files, err := readFolder("--catalog", c.Catalog)
		if err != nil {
			return nil, err
		}
		if e.Catalog, err = e.Catalog.Override(files.byName()); err != nil {
			return nil, err
		}
	}
	if r.Rules != "" {
		set, err := readRules(r.Rules)
		if err != nil {
			return nil, err
		}
		if e.Rules, err = e.Rules.With(set.extras); err != nil {
			return nil, fmt.Errorf("--rules %s: %w", r.Rules, err)
		}
	}
	return e, nil
}

// judge is the engine with its policy, which may tune the user's rules as well.
func judge(c catalogFlag, r rulesFlag, p policyFlag) (*assess.Engine, *policy.Policy, error) {
	e, err := engine(c, r)
	if err != nil {
		return nil, nil, err
	}
	pol, err := conf.Policy(p.Policy, e.Rules)
	return e, pol, err
}

// userRules are the rules of a folder and the files of cases beside them.
type userRules struct {
	extras []rules.Extra
	cases  documents
}

func readRules(path string) (*userRules, error) {
	files, err := readFolder("--rules", path)
	if err != nil {
		return nil, err
	}
	out := &userRules{}
	var problems document.Collector
	owner := map[string]string{}
	for _, f := range files {
		if kindOf(f) == custom.CasesKind {
			out.cases = append(out.cases, f)
			continue
		}
		extras, err := custom.Compile(f.name, f.data)
		if err != nil {
			problems.AddError(err)
			continue
		}
		for _, x := range extras {
			if other, taken := owner[x.Entry.ID]; taken {
				problems.Add(document.Problem{File: f.name, What: fmt.Sprintf("the rule %s is also in %s", x.Entry.ID, other), Remedy: "give each rule an id of its own"})
				continue
			}
			owner[x.Entry.ID] = f.name
			out.extras = append(out.extras, x)
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if len(out.extras) == 0 {
		return nil, fmt.Errorf("--rules %s: it holds no rules; write a document of kind %s", path, custom.Kind)
	}
	return out, nil
}

// kindOf is the kind a document says it is, "" when it does not or cannot be read; whoever reads it next says what is wrong.
func kindOf(f namedFile) string {
	docs, err := document.Values(f.name, f.data)
	if err != nil || len(docs) == 0 {
		return ""
	}
	fields, _ := docs[0].(map[string]any)
	kind, _ := fields["kind"].(string)
	return kind
}

type namedFile struct {
	name string
	data []byte
}

type documents []namedFile

func (f documents) byName() map[string][]byte {
	out := make(map[string][]byte, len(f))
	for _, x := range f {
		out[x.name] = x.data
	}
	return out
}

// readFolder reads the documents of a folder in the order of their names, or one file. flag is named in errors.
func readFolder(flag, path string) (documents, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s %s: there is no such folder or file", flag, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	names := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		names = nil
		for _, e := range entries {
			if !e.IsDir() && file.IsDocument(e.Name()) && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, filepath.Join(path, e.Name()))
			}
		}
		slices.Sort(names)
	}
	out := make(documents, 0, len(names))
	for _, name := range names {
		if info, err = os.Stat(name); err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		if info.Size() > maxEngineFile {
			return nil, fmt.Errorf("%s: %s is larger than 1 MiB, which nobody writes by hand", flag, name)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		out = append(out, namedFile{name, data})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s %s: the folder holds no file that ends in .yaml, .yml or .json", flag, path)
	}
	return out, nil
}
