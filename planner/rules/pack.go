package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/location"
	"github.com/meridian-federation/meridian/planner/rules/operation"
	"github.com/meridian-federation/meridian/planner/rules/resilience"
	"github.com/meridian-federation/meridian/planner/rules/rule"
	"github.com/meridian-federation/meridian/planner/rules/sharing"
)

// version of the built-in pack. It grows with every change of a rule's judgement or parameters.
const version = "1.0.0"

// Pack is a set of rules. It is immutable and safe for use by several goroutines; building one costs more than an
// evaluation, so callers keep it.
type Pack struct {
	rules    []rule.Rule // in order of id
	defaults []rule.Tuned
	version  string
	digest   [sha256.Size]byte // over the entries, their parameters and the sources of extra rules
}

// Extra is a rule from outside the built-in pack.
type Extra struct {
	Entry Entry
	// Digest identifies the rule's source; it becomes part of the pack's hash.
	Digest string
	// Judge judges one subject of the entry's scope. It must be pure and must not change what it is given, Prepared apart.
	Judge func(*World) Outcome
}

// World is what an extra rule judges: one subject and the input it is part of.
type World struct {
	*Input
	Cluster        *inventory.Cluster        // nil for a site
	Use            *inventory.Use            // nil unless the scope is infrastructure
	Infrastructure *inventory.Infrastructure // nil unless the scope is infrastructure
	// Prepared is nil at the beginning of each evaluation and then what extra rules leave there for each other, such as the
	// input in another form.
	Prepared any
}

// Builtin returns the built-in rule pack.
func Builtin() *Pack {
	return assemble(version, slices.Concat(location.Rules(), resilience.Rules(), sharing.Rules(), operation.Rules()), nil)
}

func assemble(version string, rules []rule.Rule, digests []string) *Pack {
	slices.SortFunc(rules, func(a, b rule.Rule) int { return strings.Compare(a.ID, b.ID) })
	p := &Pack{rules: rules, version: version, defaults: make([]rule.Tuned, len(rules))}
	h := sha256.New()
	for i := range rules {
		p.defaults[i] = rules[i].Defaults()
		text, err := json.Marshal(&rules[i].Entry)
		if err != nil {
			// Entries hold strings and slices of them only, which always marshal.
			panic(fmt.Sprintf("rules: marshal entry %s: %v", rules[i].ID, err))
		}
		_, _ = h.Write(text)
	}
	for _, d := range digests {
		_, _ = h.Write([]byte(d + "\n"))
	}
	h.Sum(p.digest[:0])
	return p
}

// With returns the pack with further rules. It fails when two rules have one id.
func (p *Pack) With(extras []Extra) (*Pack, error) {
	all := slices.Clone(p.rules)
	digests := make([]string, 0, len(extras)+1)
	for _, x := range extras {
		if slices.ContainsFunc(all, func(r rule.Rule) bool { return r.ID == x.Entry.ID }) {
			return nil, fmt.Errorf("add rule %s: the id is taken; give the rule another one", x.Entry.ID)
		}
		if x.Judge == nil {
			return nil, fmt.Errorf("add rule %s: it has no judgement", x.Entry.ID)
		}
		if len(x.Entry.Parameters) > rule.MaxParameters {
			return nil, fmt.Errorf("add rule %s: it has more than %d parameters", x.Entry.ID, rule.MaxParameters)
		}
		all = append(all, x.rule())
		digests = append(digests, x.Entry.ID+" "+x.Digest)
	}
	if len(extras) == 0 {
		return p, nil
	}
	slices.Sort(digests)
	return assemble(fmt.Sprintf("%s+%d", p.version, len(extras)), all, append(digests, hex.EncodeToString(p.digest[:]))), nil
}

func (x Extra) rule() rule.Rule {
	r := rule.Rule{Entry: x.Entry.Copy()}
	switch r.Scope {
	case OfSite:
		r.Site = func(j *rule.Judge) { j.Outcome(j.OfSite(), x.judge(j, nil, nil)) }
	case OfInfrastructure:
		r.Cluster = func(j *rule.Judge, c *facts.Cluster) {
			for i := range c.Uses {
				if u := &c.Uses[i]; u.Infra != nil {
					j.Outcome(j.Of(c, u), x.judge(j, c, u))
				}
			}
			if len(c.Uses) == 0 {
				j.Skip(j.OfCluster(c), "The cluster uses no infrastructure.")
			}
		}
	default:
		r.Cluster = func(j *rule.Judge, c *facts.Cluster) { j.Outcome(j.OfCluster(c), x.judge(j, c, nil)) }
	}
	return r
}

func (x Extra) judge(j *rule.Judge, c *facts.Cluster, u *facts.Use) Outcome {
	w := &World{Input: &j.Input, Prepared: j.Prepared}
	if c != nil {
		w.Cluster = c.Cluster
	}
	if u != nil {
		w.Use, w.Infrastructure = u.Use, u.Infra
	}
	out := x.Judge(w)
	j.Prepared = w.Prepared
	return out
}

// Entries returns the catalogue of the pack, in order of id. The slice is the caller's.
func (p *Pack) Entries() []Entry {
	out := make([]Entry, len(p.rules))
	for i := range p.rules {
		out[i] = p.rules[i].Copy()
	}
	return out
}

func (p *Pack) find(id string) *Entry {
	for i := range p.rules {
		if p.rules[i].ID == id {
			return &p.rules[i].Entry
		}
	}
	return nil
}

func (p *Pack) ids() []string {
	out := make([]string, len(p.rules))
	for i := range p.rules {
		out[i] = p.rules[i].ID
	}
	return out
}

// Version is the pack's version.
func (p *Pack) Version() string { return p.version }

// Hash identifies what a judgement was made under: the pack's entries with their parameters, the sources of its extra
// rules, and the policy. Equal hashes mean equal judgement of equal input. It marshals the policy; callers keep the result.
func (p *Pack) Hash(pol *policy.Policy) string {
	h := sha256.New()
	_, _ = h.Write(p.digest[:])
	text, err := json.Marshal(pol)
	if err != nil {
		// Only a chance of failure that is NaN or infinite does not marshal; a policy read from a document has none.
		text = []byte(err.Error())
	}
	_, _ = h.Write(text)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Evaluate is Judge with all findings.
func (p *Pack) Evaluate(in Input) []Finding {
	out, _ := p.Judge(in, true)
	return out
}

// Judge judges a site by every rule that the policy leaves enabled, in the order of site, cluster, rule, subject. The tally
// counts all verdicts; without all the findings are those that fail or are unknown. The input is not changed; equal input gives equal findings. A policy that Validate refuses is read
// as far as it makes sense.
//
// A failing finding within its rule's grace keeps its verdict but has the severity info; its evidence says until when
// (graceUntil), with which severity afterwards (severityAfterGrace) and when that was judged (judgedAt).
func (p *Pack) Judge(in Input, all bool) ([]Finding, Tally) {
	out, j := p.judge(in, all, false)
	return out, j.Tally()
}

// JudgeOpen judges as Judge does without all, and names what it leaves out.
func (p *Pack) JudgeOpen(in Input) ([]Finding, Tally, []LeftOut) {
	out, j := p.judge(in, false, true)
	return out, j.Tally(), j.LeftOut()
}

func (p *Pack) judge(in Input, all, note bool) ([]Finding, *rule.Judge) {
	settings := p.tune(in.Policy)
	room := 24 * len(in.Site.Clusters)
	if all {
		room = len(p.rules)*len(in.Site.Clusters) + len(in.Site.Infrastructure) + 32
	}
	j := rule.NewJudge(in, all, room)
	if note {
		j.NoteLeftOut()
	}
	for i := range p.rules {
		if r := &p.rules[i]; r.Site != nil && !settings[i].Disabled {
			j.Begin(r, &settings[i])
			r.Site(j)
		}
	}
	for k := range j.View.Clusters {
		c := &j.View.Clusters[k]
		for i := range p.rules {
			r := &p.rules[i]
			if r.Cluster == nil || settings[i].Disabled {
				continue
			}
			j.Begin(r, &settings[i])
			if r.Versions != nil && outside(r.Versions, c.ThingworxVersion) {
				j.Skip(j.OfCluster(c), "The rule does not apply to the cluster's version of ThingWorx.")
				continue
			}
			r.Cluster(j, c)
		}
	}
	// Rules run in order of id and clusters and infrastructures are prepared in order of theirs, so nothing is left to sort.
	out := j.End()
	if cap(out) > len(out)+len(out)/4 {
		out = slices.Clone(out) // they live as long as the assessment
	}
	identify(out)
	return out, j
}

func outside(v *Versions, version string) bool {
	if v.From != "" {
		major, minor, _ := facts.MajorMinor(v.From)
		if yes, known := facts.AtLeast(version, major, minor); known && !yes {
			return true
		}
	}
	if v.Before != "" {
		major, minor, _ := facts.MajorMinor(v.Before)
		if yes, known := facts.AtLeast(version, major, minor); known && yes {
			return true
		}
	}
	return false
}

// ID returns the identity of a rule's finding on a subject: 32 hexadecimal digits that never change.
func ID(rule string, s Subject) string {
	return string(appendID(nil, rule, &s))
}

// identify sets the identities of findings, all in one string.
func identify(fs []Finding) {
	text := make([]byte, 0, idSize*len(fs))
	for i := range fs {
		text = appendID(text, fs[i].Rule, &fs[i].Subject)
	}
	all := string(text)
	for i := range fs {
		fs[i].ID = all[i*idSize : (i+1)*idSize]
	}
}

const idSize = 32

// appendID appends the 128-bit FNV-1a hash of rule and subject in hexadecimal. It is not meant to withstand an attacker: who
// chooses site and cluster ids can only make findings of his own site collide with each other.
func appendID(to []byte, rule string, s *Subject) []byte {
	// The offset basis and the prime 2^88 + 0x13b of FNV-128.
	hi, lo := uint64(0x6c62272e07bb0142), uint64(0x62b821756295c58d)
	for _, part := range [...]string{rule, s.Site, s.Cluster, s.Infrastructure, s.Node} {
		for i := 0; i <= len(part); i++ {
			if i < len(part) {
				lo ^= uint64(part[i])
			}
			// Past the end nothing is mixed in, which separates the parts.
			carry, low := bits.Mul64(lo, 0x13b)
			hi, lo = carry+lo<<24+hi*0x13b, low
		}
	}
	return hex.AppendEncode(to, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), hi), lo))
}
