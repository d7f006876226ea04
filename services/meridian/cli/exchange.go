package cli

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// SARIF 2.1.0 (OASIS), the parts that findings fill.
type sarifLog struct {
	Version string     `json:"version"`
	Schema  string     `json:"$schema"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"semanticVersion,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	Kind         string            `json:"kind"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]any    `json:"properties"`
}

type sarifLocation struct {
	LogicalLocations []sarifLogical `json:"logicalLocations"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

func writeSARIF(w io.Writer, a *assess.Assessment, version string) error {
	run := sarifRun{
		Tool:    sarifTool{sarifDriver{Name: "meridian", InformationURI: "https://github.com/meridian-federation/meridian", Rules: []sarifRule{}}},
		Results: []sarifResult{},
	}
	if version != "" && version[0] == 'v' {
		run.Tool.Driver.Version = version[1:]
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		if !slices.ContainsFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == f.Rule }) {
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{f.Rule, sarifText{f.Title}})
		}
		text := f.Message
		if f.Remedy != "" {
			text += " " + f.Remedy
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, Kind: sarifKind(f.Verdict), Level: sarifLevel(f), Message: sarifText{text},
			Locations:    []sarifLocation{{[]sarifLogical{{subject(f.Subject), "resource"}}}},
			Fingerprints: map[string]string{"findingId/v1": f.ID},
			Properties:   map[string]any{"severity": f.Severity, "verdict": f.Verdict, "confidence": f.Confidence, "reference": f.Reference},
		})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(sarifLog{"2.1.0", "https://json.schemastore.org/sarif-2.1.0.json", []sarifRun{run}})
	if err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

func sarifKind(v rules.Verdict) string {
	switch v {
	case rules.Fail:
		return "fail"
	case rules.Pass:
		return "pass"
	case rules.NotApplicable:
		return "notApplicable"
	default:
		return "open" // The standard's word for what could not be decided.
	}
}

// sarifLevel is none for all but failures, as the standard demands.
func sarifLevel(f *rules.Finding) string {
	if f.Verdict != rules.Fail {
		return "none"
	}
	switch f.Severity {
	case rules.Critical, rules.High:
		return "error"
	case rules.Medium:
		return "warning"
	default:
		return "note"
	}
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *struct{}     `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit makes one suite per site. Unknown is an error in JUnit's sense: the test could not be decided.
func writeJUnit(w io.Writer, a *assess.Assessment) error {
	var all junitSuites
	at := map[string]int{}
	for i := range a.Findings {
		f := &a.Findings[i]
		n, ok := at[f.Subject.Site]
		if !ok {
			n = len(all.Suites)
			at[f.Subject.Site] = n
			all.Suites = append(all.Suites, junitSuite{Name: f.Subject.Site})
		}
		s := &all.Suites[n]
		s.Tests++
		c := junitCase{Name: f.Rule + " " + f.Title, Class: subject(f.Subject)}
		m := &junitMessage{Message: f.Message, Type: string(f.Severity), Text: f.Remedy}
		switch f.Verdict {
		case rules.Fail:
			s.Failures++
			c.Failure = m
		case rules.Unknown:
			s.Errors++
			c.Error = m
		case rules.NotApplicable:
			s.Skipped++
			c.Skipped = &struct{}{}
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}
