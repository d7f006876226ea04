package geo

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func table(t testing.TB) *Table {
	t.Helper()
	tb, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

func TestFind(t *testing.T) {
	tb := table(t)
	for _, c := range []struct{ provider, name, want string }{
		{"azure", "westeurope", "westeurope"},
		{"azure", "West Europe", "westeurope"},
		{"azure", "WEST EUROPE", "westeurope"},
		{"azure", "west-europe", "westeurope"},
		{"azure", " west_europe ", "westeurope"},
		{"azure", "(Europe) West Europe", "westeurope"},
		{"azure", "EU West", "westeurope"},
		{"Azure", "North Europe", "northeurope"},
		{"azure", "east us 2", "eastus2"},
		{"azure", "US East 2", "eastus2"},
		{"azure", "East US 2 EUAP", "eastus2euap"},
		{"azure", "southcentralusstage", "southcentralusstage"},
		{"azure", "South Central US (Stage)", "southcentralusstage"},
		{"azure", "weu", "westeurope"},
		{"azure", "US Gov Virginia", "usgovvirginia"},
		{"azure", "", ""},
		{"azure", "-", ""},
		{"azure", "europe", ""},
		{"azure", "global", ""},
		{"azure", "ber-dc1", ""},
		{"aws", "westeurope", ""},
		{"on-premise", "westeurope", ""},
		{"", "westeurope", ""},
	} {
		r, ok := tb.Find(c.provider, c.name)
		if ok != (c.want != "") || r.Code != c.want {
			t.Errorf("Find(%q, %q) = %q, %v; want %q", c.provider, c.name, r.Code, ok, c.want)
		}
	}
}

func TestEveryRegionIsFoundByCodeAndName(t *testing.T) {
	tb := table(t)
	for _, r := range tb.Regions() {
		for _, s := range []string{r.Code, r.Name, strings.ToUpper(r.Name), strings.ReplaceAll(r.Name, " ", "-")} {
			if got, ok := tb.Find(r.Provider, s); !ok || got != r {
				t.Errorf("%q finds %q, want %q", s, got.Code, r.Code)
			}
		}
		if r.Name == "" || r.Geography == "" || r.Country == "" {
			t.Errorf("%s lacks name, geography or country", r.Code)
		}
		if _, ok := tb.CountryName(r.Country); !ok {
			t.Errorf("%s is in the unknown country %q", r.Code, r.Country)
		}
		if g, ok := tb.CountryGeography(r.Country); !ok || g != r.Geography {
			t.Errorf("%s is in %s, its country %s in %s", r.Code, r.Geography, r.Country, g)
		}
		if r.Pair != "" {
			if _, ok := tb.Find(r.Provider, r.Pair); !ok {
				t.Errorf("the pair %s of %s is not listed", r.Pair, r.Code)
			}
		}
		if r.Access == "" && !r.Located() && r.Code != "indiasouthcentral" {
			t.Errorf("%s is open to all and has no coordinates", r.Code)
		}
	}
}

func TestAccess(t *testing.T) {
	tb := table(t)
	for code, want := range map[string]Access{
		"westeurope": "", "norwaywest": Restricted, "centraluseuap": Canary, "eastusstg": Staging, "westus2stage": Staging,
		"chinanorth3": Sovereign, "usdodeast": Sovereign, "finlandcentral": Unlisted,
	} {
		if r, _ := tb.Find("azure", code); r.Access != want || r.Code != code {
			t.Errorf("%s has access %q, want %q", code, r.Access, want)
		}
	}
}

// Values of Microsoft's pages, read there and not from our own files.
func TestPublishedValues(t *testing.T) {
	tb := table(t)
	for _, c := range []struct {
		a, b string
		ms   int
	}{
		{"northeurope", "westeurope", 20},
		{"uksouth", "ukwest", 10},
		{"westeurope", "uksouth", 13},
		{"westeurope", "germanywestcentral", 14},
		{"centralus", "eastus", 35},
		{"eastus", "westus2", 76},
		{"eastus", "westeurope", 91},
		{"eastus", "japaneast", 165},
		{"westeurope", "southeastasia", 182},
		{"denmarkeast", "indonesiacentral", 248},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			got, ok := tb.RoundTrip("azure", pair[0], pair[1])
			if !ok || got != time.Duration(c.ms)*time.Millisecond {
				t.Errorf("%s to %s: %v, %v; want %d ms", pair[0], pair[1], got, ok, c.ms)
			}
		}
	}
	if got := len(table(t).trips); got != 54*53/2 {
		t.Errorf("%d pairs, want those of 54 regions", got)
	}
	if _, ok := tb.RoundTrip("azure", "westeurope", "westeurope"); ok {
		t.Error("Microsoft publishes no round trip within a region")
	}
	for _, pair := range [][2]string{{"westeurope", "chinanorth"}, {"westeurope", "nowhere"}, {"nowhere", "westeurope"}} {
		if d, ok := tb.RoundTrip("azure", pair[0], pair[1]); ok || d != 0 {
			t.Errorf("%v has a round trip of %v", pair, d)
		}
	}
	r, _ := tb.Find("azure", "brazilsouth")
	if r.Pair != "southcentralus" || !r.Zones || r.Country != "BR" || r.Geography != "South America" {
		t.Errorf("brazilsouth is %+v", r)
	}
}

func TestDistance(t *testing.T) {
	tb := table(t)
	for _, c := range []struct {
		a, b     string
		from, to int
	}{
		{"westeurope", "northeurope", 740, 880},
		{"westeurope", "westeurope", 0, 0},
		{"eastus", "westeurope", 5800, 6800},
		{"australiaeast", "uksouth", 16500, 17500},
		{"spaincentral", "francecentral", 950, 1150},
	} {
		km, ok := tb.DistanceKm("azure", c.a, c.b)
		if !ok || km < c.from || km > c.to {
			t.Errorf("%s to %s: %d km, %v", c.a, c.b, km, ok)
		}
	}
	if _, ok := tb.DistanceKm("azure", "westeurope", "usdodeast"); ok {
		t.Error("a region without coordinates has a distance")
	}
	if _, ok := tb.DistanceKm("azure", "westeurope", "nowhere"); ok {
		t.Error("an unknown region has a distance")
	}
}

func TestDistanceIsAMetric(t *testing.T) {
	tb := table(t)
	var located []Region
	for _, r := range tb.Regions() {
		if r.Located() {
			located = append(located, r)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		pick := rapid.SampledFrom(located)
		a, b, c := pick.Draw(t, "a"), pick.Draw(t, "b"), pick.Draw(t, "c")
		ab, _ := tb.DistanceKm("azure", a.Code, b.Code)
		ba, _ := tb.DistanceKm("azure", b.Code, a.Code)
		bc, _ := tb.DistanceKm("azure", b.Code, c.Code)
		ac, _ := tb.DistanceKm("azure", a.Code, c.Code)
		if ab != ba || ab < 0 || ab > int(math.Round(math.Pi*earthRadiusKm))+1 || ac > ab+bc+2 {
			t.Fatalf("distances %d %d %d %d", ab, ba, bc, ac)
		}
	})
}

func TestNearest(t *testing.T) {
	tb := table(t)
	for _, c := range []struct{ provider, name, want string }{
		{"azure", "westeurop", "westeurope"},
		{"azure", "weasteurope", "westeurope"},
		{"azure", "West Eruope", "westeurope"},
		{"azure", "germanywestcentrl", "germanywestcentral"},
		{"azure", "ber-dc1", ""},
		{"azure", "", ""},
		{"aws", "westeurop", ""},
	} {
		if got := tb.Nearest(c.provider, c.name); got != c.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", c.provider, c.name, got, c.want)
		}
	}
}

func TestKnows(t *testing.T) {
	tb := table(t)
	for provider, want := range map[string]bool{"azure": true, "Azure": true, "aws": false, "on-premise": false, "": false} {
		if tb.Knows(provider) != want {
			t.Errorf("Knows(%q) is %v", provider, !want)
		}
	}
}

func TestGeographies(t *testing.T) {
	tb := table(t)
	got := tb.Geographies()
	for _, g := range []string{"Africa", "Asia Pacific", "Canada", "EU", "Europe", "Mexico", "Middle East", "North America", "South America", "UK", "US"} {
		if !slices.Contains(got, g) {
			t.Errorf("%s is missing", g)
		}
	}
	if !slices.IsSorted(got) {
		t.Error("not sorted")
	}
	got[0] = "changed"
	if tb.Geographies()[0] == "changed" {
		t.Error("the caller can change the table")
	}
	for country, want := range map[string]string{"DE": "Europe", "de": "Europe", "GB": "UK", "US": "US", "MX": "Mexico", "BR": "South America", "SG": "Asia Pacific", "QA": "Middle East", "ZA": "Africa", "CA": "Canada", "CR": "Central America", "AQ": "", "XX": "", "": ""} {
		if g, ok := tb.CountryGeography(country); g != want || ok != (want != "") {
			t.Errorf("CountryGeography(%q) = %q, %v; want %q", country, g, ok, want)
		}
	}
	for word, want := range map[string]string{"europe": "Europe", "asia-pacific": "Asia Pacific", "APAC": "Asia Pacific", "de": "Germany", "GERMANY": "Germany", "usa": "United States", "us": "US", "european union": "EU", "Atlantis": ""} {
		if g, ok := tb.Geography(word); g != want || ok != (want != "") || tb.KnowsGeography(word) != ok {
			t.Errorf("Geography(%q) = %q, %v; want %q", word, g, ok, want)
		}
	}
	for word, want := range map[string]string{"Erope": "Europe", "Germny": "Germany", "Asia Pacfic": "Asia Pacific", "Narnia": ""} {
		if got := tb.NearestGeography(word); got != want {
			t.Errorf("NearestGeography(%q) = %q, want %q", word, got, want)
		}
	}
	if n, ok := tb.CountryName("fr"); n != "France" || !ok {
		t.Error("France is not named")
	}
}

func TestWithin(t *testing.T) {
	tb := table(t)
	for _, c := range []struct {
		region, allowed string
		within, known   bool
	}{
		{"westeurope", "Europe", true, true},
		{"westeurope", "europe", true, true},
		{"westeurope", "EU", true, true},
		{"westeurope", "Netherlands", true, true},
		{"westeurope", "NL", true, true},
		{"westeurope", "Germany", false, true},
		{"westeurope", "US", false, true},
		{"westeurope", "Atlantis", false, false},
		{"uksouth", "Europe", false, true},
		{"uksouth", "UK", true, true},
		{"uksouth", "GB", true, true},
		{"uksouth", "EU", false, true},
		{"switzerlandnorth", "EU", false, true},
		{"switzerlandnorth", "Europe", true, true},
		{"eastus", "US", true, true},
		{"eastus", "USA", true, true},
		{"eastus", "North America", true, true},
		{"mexicocentral", "North America", true, true},
		{"brazilsouth", "North America", false, true},
		{"southeastasia", "APAC", true, true},
	} {
		r, ok := tb.Find("azure", c.region)
		if !ok {
			t.Fatal(c.region)
		}
		if in, known := tb.Within(r, c.allowed); in != c.within || known != c.known {
			t.Errorf("%s within %s: %v, %v", c.region, c.allowed, in, known)
		}
	}
	for _, c := range []struct {
		country, allowed string
		within, known    bool
	}{
		{"DE", "Europe", true, true},
		{"de", "Germany", true, true},
		{"DE", "France", false, true},
		{"GB", "EU", false, true},
		{"XX", "Europe", false, false},
		{"", "Europe", false, false},
		{"DE", "Atlantis", false, false},
		{"AQ", "Europe", false, false},
		{"AQ", "Antarctica", true, true},
		{"CA", "North America", true, true},
	} {
		if in, known := tb.CountryWithin(c.country, c.allowed); in != c.within || known != c.known {
			t.Errorf("%s within %s: %v, %v", c.country, c.allowed, in, known)
		}
	}
	if _, known := tb.Within(Region{}, "Europe"); known {
		t.Error("a region without a place is known to lie somewhere")
	}
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{{"Europe", "EU", true}, {"EU", "Europe", false}, {"Europe", "DE", true}, {"DE", "Europe", false}, {"North America", "US", true}, {"US", "United States", true}, {"Europe", "Atlantis", false}, {"Atlantis", "EU", false}, {"EU", "UK", false}} {
		if got := tb.Covers(c.wide, c.narrow); got != c.want {
			t.Errorf("%s covers %s: %v", c.wide, c.narrow, got)
		}
	}
}

func TestEmptyTableKnowsNothing(t *testing.T) {
	var tb Table
	if _, ok := tb.Find("azure", "westeurope"); ok || tb.Knows("azure") || tb.Nearest("azure", "x") != "" || len(tb.Regions())+len(tb.Geographies()) != 0 || tb.KnowsGeography("Europe") {
		t.Error("the zero table knows something")
	}
}

func TestRegionsAreTheCallers(t *testing.T) {
	tb := table(t)
	rs := tb.Regions()
	rs[0].Code = "changed"
	if tb.Regions()[0].Code == "changed" {
		t.Error("the caller can change the table")
	}
	if rs = tb.Regions(); len(rs) < 57 || !slices.IsSortedFunc(rs, func(a, b Region) int { return strings.Compare(a.Code, b.Code) }) {
		t.Errorf("%d regions", len(rs))
	}
}

func TestBrokenDataAreRefused(t *testing.T) {
	const rh, th, ch = "provider,code,name,geography,country,latitude,longitude,zones,pair,access,aliases\n", "provider,a,b,p95ms\n", "code,name,geography,eu,aliases\n"
	const ab = rh + "p,a,A One,G,DE,1,2,yes,,,\np,b,B Two,G,DE,1,2,no,,,\n"
	for name, c := range map[string][3]string{
		"no header":            {"", th, ch},
		"other header":         {"code\n", th, ch},
		"latitude":             {rh + "p,a,A,G,DE,91,0,no,,,\n", th, ch},
		"longitude":            {rh + "p,a,A,G,DE,0,181,no,,,\n", th, ch},
		"no number":            {rh + "p,a,A,G,DE,x,0,no,,,\n", th, ch},
		"too few columns":      {rh + "p,a\n", th, ch},
		"code twice":           {rh + "p,a,A,G,DE,,,no,,,\np,a,B,G,DE,,,no,,,\n", th, ch},
		"alias of two":         {rh + "p,a,A,G,DE,,,no,,,x\np,b,B,G,DE,,,no,,,x\n", th, ch},
		"trip unordered":       {ab, th + "p,b,a,1\n", ch},
		"trip to itself":       {ab, th + "p,a,a,1\n", ch},
		"trip unknown":         {ab, th + "p,a,c,1\n", ch},
		"trip no number":       {ab, th + "p,a,b,x\n", ch},
		"trip zero":            {ab, th + "p,a,b,0\n", ch},
		"trip twice":           {ab, th + "p,a,b,1\np,a,b,2\n", ch},
		"country twice":        {ab, th, ch + "DE,Germany,G,yes,\nDE,Germany,G,yes,\n"},
		"country name twice":   {ab, th, ch + "DE,Germany,G,yes,\nDD,Germany,G,yes,\n"},
		"geography is country": {ab, th, ch + "DE,Germany,France,yes,\nFR,France,France,yes,\n"},
	} {
		if _, err := load(c[0], c[1], c[2]); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := load(ab, th+"p,a,b,1\n", ch+"DE,Germany,G,yes,Deutschland|Allemagne\n"); err != nil {
		t.Error(err)
	}
}

func TestTypos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-c]{0,6}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		n := typos(a, b)
		if n != typos(b, a) || (n == 0) != (a == b) || n > max(len(a), len(b)) || n < len(a)-len(b) {
			t.Fatalf("%q to %q is %d", a, b, n)
		}
	})
	if typos("ab", "ba") != 1 {
		t.Error("a swap is one mistake")
	}
}

func BenchmarkFind(b *testing.B) {
	tb := table(b)
	for b.Loop() {
		tb.Find("azure", "westeurope")
	}
}
