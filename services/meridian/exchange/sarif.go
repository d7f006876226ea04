package exchange

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/rules"
)

// sarifLog is SARIF 2.1.0 (OASIS), the parts that findings fill.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
	ColumnKind  string            `json:"columnKind"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	Semantic       string      `json:"semanticVersion,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string         `json:"id"`
	ShortDescription sarifText      `json:"shortDescription"`
	FullDescription  *sarifText     `json:"fullDescription,omitempty"`
	Help             *sarifText     `json:"help,omitempty"`
	HelpURI          string         `json:"helpUri,omitempty"`
	Configuration    sarifLevelOnly `json:"defaultConfiguration"`
	Properties       map[string]any `json:"properties,omitempty"`
}

type sarifLevelOnly struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	EndTime       string              `json:"endTimeUtc,omitempty"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Kind         string             `json:"kind"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	Properties   map[string]any     `json:"properties"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

// SARIF writes one run. A file that was refused is a notification, and the run did not succeed then.
func SARIF(w io.Writer, x Export, version string) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "meridian", Version: version, InformationURI: "https://github.com/meridian-federation/meridian", Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{Successful: len(x.Problems) == 0, EndTime: x.At.UTC().Format(time.RFC3339)}},
		Results:     []sarifResult{},
		ColumnKind:  "unicodeCodePoints",
	}
	if x.At.IsZero() {
		run.Invocations[0].EndTime = ""
	}
	if strings.HasPrefix(version, "v") {
		run.Tool.Driver.Semantic = version[1:]
	}
	for _, p := range x.Problems {
		n := sarifNotification{Level: "error", Message: sarifText{sentence(p.What, p.Remedy)}}
		if p.File != "" {
			n.Locations = []sarifLocation{{Physical: physical(Place{p.File, p.Line, p.Column})}}
		}
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, n)
	}
	index := map[string]int{}
	for i := range x.Findings {
		f := &x.Findings[i]
		at, ok := index[f.Rule]
		if !ok {
			at = len(run.Tool.Driver.Rules)
			index[f.Rule] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, x.sarifRule(f))
		}
		r := x.sarifResult(f)
		r.RuleIndex = at
		run.Results = append(run.Results, r)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
	if err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

func (x *Export) sarifResult(f *rules.Finding) sarifResult {
	text := f.Message
	if f.Remedy != "" {
		text += " " + f.Remedy
	}
	location := sarifLocation{Logical: []sarifLogical{{Subject(f.Subject), "resource"}}}
	if at, ok := x.place(f.Subject); ok {
		location.Physical = physical(at)
	}
	r := sarifResult{
		RuleID: f.Rule, Kind: sarifKind(f.Verdict), Level: "none", Message: sarifText{text},
		Locations:    []sarifLocation{location},
		Fingerprints: map[string]string{"findingId/v1": f.ID},
		Properties:   map[string]any{"severity": f.Severity, "verdict": f.Verdict, "confidence": f.Confidence, "reference": f.Reference},
	}
	// The standard demands the level none of all but failures.
	if f.Verdict == rules.Fail {
		r.Level = sarifLevel(f.Severity)
	}
	if f.Waiver != nil {
		r.Suppressions = []sarifSuppression{{"external", "accepted", f.Waiver.Reason + " (until " + f.Waiver.Expires.UTC().Format(time.RFC3339) + ")"}}
	}
	return r
}

func (x *Export) sarifRule(f *rules.Finding) sarifRule {
	out := sarifRule{ID: f.Rule, ShortDescription: sarifText{f.Title}, HelpURI: webAddress(f.Reference), Configuration: sarifLevelOnly{sarifLevel(f.Severity)}}
	entry, ok := x.entry(f.Rule)
	if !ok {
		return out
	}
	out.ShortDescription = sarifText{entry.Title}
	out.FullDescription = &sarifText{entry.Why}
	out.Help = &sarifText{entry.Remedy}
	out.HelpURI = webAddress(entry.Reference)
	out.Configuration.Level = sarifLevel(entry.Severity)
	out.Properties = map[string]any{"topic": entry.Topic, "severity": entry.Severity, "confidence": entry.Confidence, "basis": entry.Basis}
	return out
}

// webAddress is the reference when it is one; most name a page of the help by its title.
func webAddress(reference string) string {
	if u, err := url.Parse(reference); err == nil && u.Scheme == "https" && u.Host != "" && !strings.ContainsAny(reference, " ;,") {
		return reference
	}
	return ""
}

func physical(p Place) *sarifPhysical {
	out := &sarifPhysical{Artifact: sarifArtifact{fileURI(p.Path)}}
	if p.Line > 0 {
		out.Region = &sarifRegion{p.Line, p.Column}
	}
	return out
}

// fileURI writes a path as SARIF wants it: relative paths stay relative, to wherever the log is read.
func fileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(filepath.Clean(path))}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
	}
	return u.String()
}

func sarifKind(v rules.Verdict) string {
	switch v {
	case rules.Fail:
		return "fail"
	case rules.Pass:
		return "pass"
	case rules.NotApplicable:
		return "notApplicable"
	}
	return "open" // The standard's word for what could not be decided.
}

func sarifLevel(s rules.Severity) string {
	switch s {
	case rules.Critical, rules.High:
		return "error"
	case rules.Medium:
		return "warning"
	}
	return "note"
}

// sentence joins what is wrong and what to do.
func sentence(what, remedy string) string {
	if remedy == "" {
		return what
	}
	return what + "; " + remedy
}
