package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// writeJSON writes the report as one JSON document, each site, cluster, finding and infrastructure in a line of its own. It goes
// out in pieces: of a large federation it has hundreds of megabytes.
func writeJSON(w io.Writer, r *Report) error {
	out := bufio.NewWriterSize(w, 64<<10)
	err := r.encode(out)
	if err == nil {
		_ = out.WriteByte('\n') // Flush tells of an error.
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("write JSON report: %w", err)
	}
	return nil
}

// encode writes the report as JSON and gives it its hash, which is of the text without line feeds and stands at its end. But for the
// line feeds it writes what encoding/json would: a test compares them. That package would read every finding and cluster of the
// history, which are JSON already, and write it anew. Errors of writing are left to out.Flush.
func (r *Report) encode(out *bufio.Writer) error {
	head := *r
	head.Clusters, head.Sites, head.Findings, head.Shared, head.Hash = nil, nil, nil, nil, ""
	text, err := json.Marshal(&head)
	if err != nil {
		return err
	}
	// Within a string the quotes would have a backslash before them.
	first, last, found := bytes.Cut(text, []byte(`,"clusters":null,"sites":null,"findings":null,"sharedInfrastructure":null`))
	if !found {
		return errors.New("the lists of the report do not follow each other")
	}
	var e encoder
	sum := sha256.New()
	put := func() {
		_, _ = sum.Write(e.b) // A hash takes everything.
		_, _ = out.Write(e.b)
		e.b = e.b[:0]
	}
	list := func(key string, n int, element func(i int)) {
		e.raw(`,"` + key + `":[`)
		for i := range n {
			if i > 0 {
				e.b = append(e.b, ',')
			}
			put()
			_ = out.WriteByte('\n')
			element(i)
		}
		e.b = append(e.b, ']')
	}
	e.b = append(e.b, first...)
	list("clusters", len(r.Clusters), func(i int) { e.cluster(&r.Clusters[i]) })
	list("sites", len(r.Sites), func(i int) { e.site(&r.Sites[i]) })
	list("findings", len(r.Findings), func(i int) { e.finding(&r.Findings[i]) })
	list("sharedInfrastructure", len(r.Shared), func(i int) { e.shared(&r.Shared[i]) })
	const end = `"}`
	e.b = append(e.b, last[:len(last)-len(end)]...)
	put()
	_, _ = sum.Write([]byte(end))
	r.Hash = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	_, _ = out.WriteString(r.Hash + end)
	return nil
}

// MarshalJSON writes the finding with all that is known of it.
func (f Finding) MarshalJSON() ([]byte, error) {
	var e encoder
	e.finding(&f)
	return e.b, nil
}

// MarshalJSON writes the cluster with all that is known of it.
func (c Cluster) MarshalJSON() ([]byte, error) {
	var e encoder
	e.cluster(&c)
	return e.b, nil
}

type encoder struct{ b []byte }

func (e *encoder) raw(text string) { e.b = append(e.b, text...) }

// open begins an object with the members of one that is JSON already.
func (e *encoder) open(text string) { e.b = append(e.b, text[:len(text)-1]...) }

func (e *encoder) finding(f *Finding) {
	e.open(f.text)
	e.raw(`,"waived":`)
	e.b = strconv.AppendBool(e.b, f.Waived)
	e.instant(`,"observedAt":`, f.ObservedAt)
	e.b = append(e.b, '}')
}

func (e *encoder) cluster(c *Cluster) {
	e.open(c.text)
	e.text(`,"status":`, string(c.Status))
	e.texts(`,"because":`, c.Because)
	e.verdicts(&c.Findings)
	e.b = append(e.b, '}')
}

func (e *encoder) site(s *SiteResult) {
	e.text(`{"id":`, s.ID)
	e.optional(`,"name":`, s.Name)
	e.optional(`,"country":`, s.Country)
	e.optional(`,"liveness":`, s.Liveness)
	e.text(`,"status":`, string(s.Status))
	e.texts(`,"because":`, s.Because)
	e.optional(`,"revision":`, s.Revision)
	e.instant(`,"observedAt":`, s.ObservedAt)
	e.instant(`,"judgedAt":`, s.JudgedAt)
	e.optional(`,"age":`, s.Age)
	e.text(`,"freshness":`, s.Freshness)
	e.optional(`,"rulePack":`, s.RulePack)
	e.number(`,"clusters":`, s.Clusters)
	e.verdicts(&s.Findings)
	e.b = append(e.b, '}')
}

func (e *encoder) shared(s *Shared) {
	e.text(`{"infrastructure":`, s.Infrastructure)
	e.texts(`,"aliases":`, s.Aliases)
	e.text(`,"kind":`, s.Kind)
	if len(s.Tenants) == 0 {
		e.raw(`,"tenants":[]`)
	}
	e.texts(`,"tenants":`, s.Tenants)
	e.texts(`,"regions":`, s.Regions)
	e.b = append(e.b, '}')
}

func (e *encoder) verdicts(v *Verdicts) {
	e.number(`,"findings":{"fail":`, v.Fail)
	e.number(`,"waived":`, v.Waived)
	e.number(`,"unknown":`, v.Unknown)
	e.number(`,"pass":`, v.Pass)
	e.number(`,"notApplicable":`, v.NotApplicable)
	e.b = append(e.b, '}')
}

func (e *encoder) number(key string, n int) {
	e.b = strconv.AppendInt(append(e.b, key...), int64(n), 10)
}

// optional, texts and instant leave out what is not there.
func (e *encoder) optional(key, value string) {
	if value != "" {
		e.text(key, value)
	}
}

func (e *encoder) texts(key string, values []string) {
	if len(values) == 0 {
		return
	}
	e.raw(key)
	separator := byte('[')
	for _, v := range values {
		e.b = append(e.b, separator)
		e.text("", v)
		separator = ','
	}
	e.b = append(e.b, ']')
}

func (e *encoder) instant(key string, t *time.Time) {
	if t == nil {
		return
	}
	e.b = append(append(e.b, key...), '"')
	e.b = append(t.AppendFormat(e.b, time.RFC3339Nano), '"')
}

func (e *encoder) text(key, value string) {
	e.raw(key)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(value) // A string cannot fail.
			e.b = append(e.b, quoted...)
			return
		}
	}
	e.b = append(append(append(e.b, '"'), value...), '"')
}
