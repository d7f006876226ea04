package rules

// Pack is a set of rules.
type Pack struct{}

// Builtin returns the built-in rule pack.
func Builtin() *Pack { panic("stub") }

// Version is the pack's version.
func (p *Pack) Version() string { panic("stub") }

// Evaluate judges a site by every rule, in the order of site, cluster, rule, subject. All verdicts are present.
func (p *Pack) Evaluate(in Input) []Finding { panic("stub") }
