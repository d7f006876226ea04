// Package rules judges one site by a pack of rules: plain functions over the normalised inventory, its neighbours and what
// the other pure packages computed. It does no I/O and reads no clock; assess calls it, and so daemon, hub and CLI give the
// same findings. The rules themselves are in the packages by topic below it; callers need only this one.
package rules

import "github.com/meridian-federation/meridian/planner/rules/rule"

// Verdict is a rule's judgement on one subject.
type Verdict = rule.Verdict

// Severity is how bad a failing finding is.
type Severity = rule.Severity

// Confidence is what a rule rests on.
type Confidence = rule.Confidence

// Subject is what a finding is about.
type Subject = rule.Subject

// Finding is one rule's verdict on one subject.
type Finding = rule.Finding

// Evidence is the facts that a verdict rests on.
type Evidence = rule.Evidence

// NewEvidence writes facts as evidence.
func NewEvidence(facts map[string]any) Evidence { return rule.NewEvidence(facts) }

// Waiver is the overlay on a failing finding that its owner accepted for a time.
type Waiver = rule.Waiver

// Input is the world of one evaluation.
type Input = rule.Input

// ClusterFacts is the results of the other pure packages for one cluster.
type ClusterFacts = rule.ClusterFacts

// Planner is what the federation knows of a site's planner.
type Planner = rule.Planner

// Outcome is what an extra rule says about one subject.
type Outcome = rule.Outcome

// Tally counts the verdicts of an evaluation and the facts that they rest on.
type Tally = rule.Tally

// LeftOut names the rules whose findings were not kept.
type LeftOut = rule.LeftOut

// Entry is a rule's page in the catalogue.
type Entry = rule.Entry

// Scope is the kind of subject a rule judges.
type Scope = rule.Scope

// Versions is a range of ThingWorx versions.
type Versions = rule.Versions

// Parameter is a number of a rule that policy may set.
type Parameter = rule.Parameter

// ParameterKind is how a parameter is written.
type ParameterKind = rule.ParameterKind

// Contradiction is advice of a generic cloud adviser that says the opposite of a rule.
type Contradiction = rule.Contradiction

// Win is which side holds for which components.
type Win = rule.Win

// Verdicts. Unknown means a needed fact is missing; it is neither pass nor fail.
const (
	Pass          = rule.Pass
	Fail          = rule.Fail
	Unknown       = rule.Unknown
	NotApplicable = rule.NotApplicable
)

// Severities, worst first.
const (
	Critical = rule.Critical
	High     = rule.High
	Medium   = rule.Medium
	Low      = rule.Low
	Info     = rule.Info
)

// Confidences: stated by PTC or Microsoft, our inference, the owner's policy, or a rule of the user's own.
const (
	Official = rule.Official
	Inferred = rule.Inferred
	ByPolicy = rule.ByPolicy
	UserRule = rule.UserRule
)

// Scopes of rules.
const (
	OfSite           = rule.OfSite
	OfCluster        = rule.OfCluster
	OfInfrastructure = rule.OfInfrastructure
)

// Kinds of parameter.
const (
	DurationParameter = rule.DurationParameter
	NumberParameter   = rule.NumberParameter
	PercentParameter  = rule.PercentParameter
)

// Severities lists all severities, worst first. The array is a copy.
func Severities() [5]Severity { return rule.Severities() }
