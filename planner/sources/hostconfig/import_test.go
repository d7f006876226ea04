package hostconfig_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A whole plant from the folders of its hosts: two Foundation nodes, an ensemble of three, connection server, Ignite,
// HAProxy, pgpool-II, and an old server with a file that was edited by hand. Secrets are planted wherever there are some.
func TestPlant(t *testing.T) {
	files := sourcetest.Folder(t, "testdata/plant")
	r := hostconfig.Import(files, sourcetest.Options(t, "plant"))
	sourcetest.CheckImport(t, &r)
	sourcetest.Golden(t, "testdata/plant.golden.json", sourcetest.JSON(t, r), *update)
}

func TestCorpus(t *testing.T) {
	for folder, want := range map[string]struct{ files, understood, partial, refused int }{
		"5_thingworx/platform_settings":  {10, 7, 3, 0},
		"5_thingworx/ptc_docs_fragments": {3, 0, 3, 0},
		"6_infra":                        {41, 32, 6, 3},
	} {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			r := hostconfig.Import(sourcetest.Corpus(t, folder), sourcetest.Options(t, "corpus"))
			sourcetest.CheckImport(t, &r)
			sourcetest.Golden(t, "testdata/corpus_"+filepath.Base(folder)+".golden.txt", sourcetest.Summary(&r), *update)
			count := map[importer.Status]int{}
			for _, f := range r.Files {
				count[f.Status]++
			}
			if len(r.Files) != want.files || count[importer.Understood] != want.understood || count[importer.Partial] != want.partial || count[importer.Refused] != want.refused {
				t.Errorf("%d files: %v, want %+v", len(r.Files), count, want)
			}
		})
	}
}

// one imports a single text and returns the result.
func one(t *testing.T, name, text string) importer.Result {
	t.Helper()
	r := hostconfig.Import([]importer.File{{Name: name, Data: []byte(text)}}, sourcetest.Options(t, "s"))
	sourcetest.CheckImport(t, &r)
	return r
}

func FuzzImport(f *testing.F) {
	for _, folder := range []string{"testdata/plant", "testdata/quirks"} {
		for _, file := range sourcetest.Folder(f, folder) {
			f.Add(file.Name, file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		data = []byte(strings.ReplaceAll(string(data), sourcetest.Secret, "x"))
		r := hostconfig.Import([]importer.File{{Name: strings.ReplaceAll(name, sourcetest.Secret, "x"), Data: data}}, sourcetest.Options(t, "s"))
		sourcetest.CheckImport(t, &r)
	})
}

func FuzzParseJDBC(f *testing.F) {
	for _, seed := range []string{"postgresql://", "sqlserver://h\\i:1;x=y;password=", "jtds:sqlserver://h/d;", "h2:tcp://", "postgresql:", "sqlserver://;serverName="} {
		f.Add(seed, "db1:5432,db2/thingworx?ssl=true")
	}
	f.Fuzz(func(t *testing.T, driver, rest string) {
		if strings.Contains(strings.ToLower(driver+rest), "s3cr3t") {
			return
		}
		d := hostconfig.ParseJDBC("jdbc:" + driver + "user:S3CR3T!@" + rest)
		for _, h := range d.Hosts {
			if strings.Contains(h.Host, "s3cr3t") || h.Host == "" || h.Port < 0 || h.Port > 65535 {
				t.Errorf("host %+v", h)
			}
		}
		if strings.Contains(d.Name+d.Schema+d.Instance+d.Odd, "S3CR3T!") {
			t.Errorf("%+v", d)
		}
	})
}

// A settings file that cannot be read in full is what rule CFG-005 is about; it names the file and the line.
func TestRuleOfSettingsFiles(t *testing.T) {
	for text, want := range map[string]rules.Verdict{
		`{"PlatformSettingsConfig":{}}`:  rules.Pass,
		`{"PlatformSettingsConfig":{},}`: rules.Fail,
		`{"PlatformSettingsConfig":{"Storage":{"PersistenceProviderPackageConfigs":{}}}}`: rules.Fail,
	} {
		r := one(t, "twx-1/platform-settings.json", text)
		opts := sourcetest.Options(t, "")
		found := false
		for _, f := range rules.Builtin().Evaluate(rules.Input{Site: r.Site, Regions: opts.Regions.(*geo.Table), Policy: policy.Default(), At: opts.At}) {
			if f.Rule == "CFG-005" {
				found = true
				if f.Verdict != want || want == rules.Fail && !strings.Contains(f.Message, "twx-1/platform-settings.json:1") {
					t.Errorf("%s: %s %q", text, f.Verdict, f.Message)
				}
			}
		}
		if !found {
			t.Error("no verdict of CFG-005")
		}
	}
}

func TestSources(t *testing.T) {
	r := one(t, "twx-1/platform-settings.json", `{"PlatformSettingsConfig":{}} x`)
	if s := r.Site.Sources; len(s) != 1 || s[0].Name != "hostconfig" || s[0].Status != inventory.SourcePartial || !strings.Contains(s[0].Detail, "platform-settings.json:1:") {
		t.Errorf("sources %+v", s)
	}
	r = hostconfig.Import([]importer.File{
		{Name: "a1/platform-settings.json", Data: []byte("nothing of it")},
		{Name: "b1/platform-settings.json", Data: []byte(`{"PlatformSettingsConfig":{}}`)},
		{Name: "c1/zoo.cfg", Unreadable: "not a regular file"},
	}, sourcetest.Options(t, "s"))
	if s := r.Site.Sources; len(s) != 1 || s[0].Status != inventory.SourcePartial || !strings.Contains(s[0].Detail, "a1/platform-settings.json") || !strings.Contains(s[0].Detail, "c1/zoo.cfg") {
		t.Errorf("sources %+v", s)
	}
}
