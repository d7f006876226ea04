package exchange

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/rules"
)

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitTotals
	Suites []*junitSuite `xml:"testsuite"`
}

// Attributes and elements are those of the schema by which Jenkins refuses reports (junit-10.xsd): it has no count of skipped cases
// over all suites, and no file and line of a case.
type junitTotals struct {
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Time     string `xml:"time,attr"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitTotals
	Skipped   int         `xml:"skipped,attr"`
	File      string      `xml:"file,attr,omitempty"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitSkipped `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr,omitempty"`
}

// JUnit makes one suite per site, and one of the files that were refused. Unknown is an error in JUnit's sense: the
// test could not be decided. Waived and not applicable ones are skipped.
func JUnit(w io.Writer, x Export) error {
	all := junitSuites{Name: "meridian"}
	suites := map[string]*junitSuite{}
	suite := func(name string) *junitSuite {
		s, ok := suites[name]
		if !ok {
			s = &junitSuite{Name: name}
			if !x.At.IsZero() {
				s.Timestamp = x.At.UTC().Format("2006-01-02T15:04:05") // JUnit's schema knows no time zones.
			}
			suites[name] = s
			all.Suites = append(all.Suites, s)
		}
		return s
	}
	for _, site := range x.Sites {
		suite(site)
	}
	for i := range x.Findings {
		f := &x.Findings[i]
		s := suite(f.Subject.Site)
		s.add(x.junitCase(f))
		if at, ok := x.place(f.Subject); ok && s.File == "" {
			s.File = at.Path
		}
	}
	for _, p := range x.Problems {
		suite("inventories that could not be read").add(unreadable(p))
	}
	all.Time = "0"
	for _, s := range all.Suites {
		s.Time = "0"
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	return nil
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func (x *Export) junitCase(f *rules.Finding) junitCase {
	c := junitCase{Name: f.Rule + " " + f.Title, Class: Subject(f.Subject), Time: "0"}
	var text []string
	at, _ := x.place(f.Subject)
	for _, line := range []string{at.String(), f.Remedy, f.Reference} {
		if line != "" {
			text = append(text, line)
		}
	}
	m := &junitMessage{Message: f.Message, Type: string(f.Severity), Text: strings.Join(text, "\n")}
	switch {
	case f.Waiver != nil:
		c.Skipped = &junitSkipped{fmt.Sprintf("waived until %s: %s", f.Waiver.Expires.UTC().Format(time.RFC3339), f.Waiver.Reason)}
	case f.Verdict == rules.Fail:
		c.Failure = m
	case f.Verdict == rules.Unknown:
		c.Error = m
	case f.Verdict == rules.NotApplicable:
		c.Skipped = &junitSkipped{f.Message}
	}
	return c
}

func unreadable(p document.Problem) junitCase {
	name := p.Path
	if name == "" {
		name = "document"
	}
	text := strings.TrimSpace(Place{p.File, p.Line, p.Column}.String() + "\n" + p.Remedy)
	return junitCase{Name: name, Class: p.File, Time: "0", Error: &junitMessage{Message: p.What, Type: "refused", Text: text}}
}
