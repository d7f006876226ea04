package sourcetest

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Secret is what fixtures hold in every place of a secret.
const Secret = "S3CR3T"

// shape is a secret as inputs hold it. No mark may come out, in whatever case.
type shape struct {
	name, text string
	marks      []string
}

// shapes are put in the places where fixtures have Secret.
func shapes() []shape {
	const core = "Pl4ntedQzXv9"
	encoded := base64.StdEncoding.EncodeToString([]byte("password=" + core + "!"))
	return []shape{
		{"password", core + "!x%", []string{core}},
		{"password that is a name", core, []string{core}},
		{"token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0d3gifQ." + core, []string{core, "eyJhbGciOiJIUzI1NiJ9"}},
		{"connection string", "Server=tcp:db.x.example,1433;User ID=sa;Password=" + core + ";Encrypt=true", []string{core}},
		{"shared access signature", "https://st.blob.x.example/c?sv=2024-08-04&sig=" + core + "%2Babc%3D", []string{core}},
		{"account key", "DefaultEndpointsProtocol=https;AccountName=st;AccountKey=" + core + "==;EndpointSuffix=x.example", []string{core}},
		{"private key", `-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg` + core + `\n-----END PRIVATE KEY-----`, []string{core, "MIIEvQIBADANBg"}},
		{"base64", encoded, []string{encoded, core}},
		{"user in a URL", "https://u:" + core + "@h.x.example:8443/x", []string{core}},
		{"a quote in it", core + `"'x`, []string{core}},
		{"percent-encoded", "https://u:" + percent(core) + "@h.x.example/?password=" + percent(core), []string{core, percent(core)}},
		{"escaped in JSON", escaped(core), []string{core, escaped(core)}},
		{"Java properties of a keystore", "keystorePassword=" + core + ";trustStorePassword:" + core, []string{core}},
	}
}

// percent is a text with every byte percent-encoded, which is another spelling of the same.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// escaped is a text as JSON may spell it.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

// leak finds a mark in what came out: in any case, percent-encoded, escaped, or within a base64 text at any offset. It returns
// the position, -1 when there is none.
func leak(text, mark string) int {
	lower := strings.ToLower(text)
	for _, form := range []string{mark, percent(mark), escaped(mark), strings.ReplaceAll(escaped(mark), `\`, `\\`)} {
		if at := strings.Index(lower, strings.ToLower(form)); at >= 0 {
			return at
		}
	}
	for offset := range 3 {
		// The first and the last characters depend on the neighbours.
		encoded := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("..."[:offset]+mark)), "=")
		if inner := encoded[(offset*8+5)/6 : len(encoded)-1]; len(inner) >= 6 {
			if at := strings.Index(text, inner); at >= 0 {
				return at
			}
		}
	}
	return -1
}

// engine is made once.
var engine = sync.OnceValues(assess.Builtin)

// findings is the assessment of an inventory as text, because what is in an inventory comes out there again.
func findings(t testing.TB, site *inventory.Site) string {
	t.Helper()
	if site == nil {
		return ""
	}
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	a := e.Site(assess.View{Site: site, At: site.ObservedAt})
	return JSON(t, a)
}

var word = regexp.MustCompile(`[A-Za-z0-9_./\\-]{2,}`)

// forms are secrets that no name has the form of, so that they must not come out of any place at all.
func forms() []string {
	return []string{Secret + "!x%", "password=" + Secret + "!", "jdbc:x://u:" + Secret + "!@h.x.example/d", `"` + Secret + "!", "\n# pw: " + Secret + "!\n{", "${P:-" + Secret + "!}"}
}

// secrets plants in every place of every input, one at a time: keys, values, comments and names; whole, and with the input
// broken or ending there, so that what quotes an input in its errors is seen.
func (c *Contract) secrets(t *testing.T, inputs []Input) {
	t.Helper()
	for _, s := range shapes() {
		changed := slices.Clone(inputs)
		for i := range changed {
			changed[i].Data = []byte(strings.ReplaceAll(string(changed[i].Data), Secret, s.text))
		}
		o := c.collect(t, changed)
		for _, text := range append(o.words(t), findings(t, o.Site)) {
			for _, mark := range s.marks {
				if at := leak(text, mark); at >= 0 {
					t.Fatalf("a %s got out: %s", s.name, text[max(0, at-200):min(len(text), at+60)])
				}
			}
		}
	}
	n := 0
	for i := range inputs {
		data := string(inputs[i].Data)
		for _, at := range word.FindAllStringIndex(data, -1) {
			if n++; n%c.Step != 0 {
				continue
			}
			before, after := data[:at[0]], data[at[1]:]
			tried := []string{forms()[0], forms()[1+n%(len(forms())-1)]}
			if c.Written {
				tried = forms()[1:3] // a word that could be a name is cited, for people to find what they misspelt
			}
			for k, form := range tried {
				changed := slices.Clone(inputs)
				changed[i].Data = []byte(before + form + after)
				c.planted(t, changed, form, data[at[0]:at[1]])
				if k == n%2 {
					changed[i].Data = []byte(before + form)
					c.planted(t, changed, form, data[at[0]:at[1]])
				}
			}
		}
		if c.Answers {
			continue
		}
		for _, name := range []string{"password=" + Secret + "!/", "https://u:" + Secret + "!@h.x.example/", "x?sig=" + Secret + "!&a/"} {
			changed := slices.Clone(inputs)
			changed[i].Name = name + changed[i].Name
			c.planted(t, changed, name, "the name")
			changed[i].Data = changed[i].Data[:len(changed[i].Data)/2]
			c.planted(t, changed, name, "the name, and the input cut off")
		}
	}
}

func (c *Contract) planted(t *testing.T, inputs []Input, form, where string) {
	t.Helper()
	o := c.collect(t, inputs)
	if !c.IDs {
		for _, text := range o.words(t) {
			if at := strings.Index(text, strings.ToLower(Secret)); at >= 0 {
				t.Errorf("a secret got out in small letters: %s", text[max(0, at-200):min(len(text), at+60)])
			}
		}
	}
	if t.Failed() {
		t.Fatalf("with %q in the place of %q", form, where)
	}
}
