package azure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/[prt]*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"parameters":{},"responses":{"200":{"body":{"value":[]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Import([]importer.File{{Name: "fuzz", Data: data}}, options(t, "s"))
		sourcetest.CheckImport(t, &r)
	})
}

// FuzzExpression puts a text in the places of a template where expressions stand, and among the values they look up.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{"[parameters('p')]", "[variables('v').a.b]", "[concat('a', parameters('p'))]", "[[x]", "[variables('v')]"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, expression, value string) {
		quoted := func(s string) string {
			data, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		e, v := quoted(expression), quoted(value)
		body := template(`"p":{"defaultValue":`+v+`}`, `"v":`+v, `{"type":"Microsoft.DBforPostgreSQL/flexibleServers","name":`+e+`,"location":`+e+`,"sku":{"name":`+e+`},"properties":{"version":`+e+`,"administratorLoginPassword":`+e+`}}`)
		r := Import([]importer.File{{Name: "fuzz", Data: []byte(body)}}, options(t, "s"))
		sourcetest.CheckImport(t, &r)
	})
}
