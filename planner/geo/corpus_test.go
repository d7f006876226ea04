package geo

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Real files of others hold the spellings that people and APIs use.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("MERIDIAN_CORPUS")
	if corpus == "" {
		t.Skip("MERIDIAN_CORPUS is not set")
	}
	tb := table(t)
	t.Run("locations of resources", func(t *testing.T) {
		location := regexp.MustCompile(`"location": *"([^"]+)"`)
		found := 0
		err := filepath.WalkDir(filepath.Join(corpus, "data"), func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range location.FindAllStringSubmatch(string(data), -1) {
				name := m[1]
				if strings.ContainsAny(name, "[<") || name == "global" {
					continue
				}
				found++
				if _, ok := tb.Find("azure", name); !ok {
					t.Errorf("%s: %q is not known", path, name)
				}
			}
			return nil
		})
		if err != nil || found < 500 {
			t.Errorf("%d locations, %v", found, err)
		}
	})
	t.Run("regions as the API lists them", func(t *testing.T) {
		data, err := os.ReadFile(filepath.Join(corpus, "data", "3_regions", "list_locations_extracted_2026.json"))
		if err != nil {
			t.Fatal(err)
		}
		var list []struct {
			Name, DisplayName, RegionalDisplayName string
			Metadata                               struct{ RegionType, GeographyGroup string }
		}
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			if l.Metadata.RegionType != "Physical" {
				continue
			}
			for _, s := range []string{l.Name, l.DisplayName, l.RegionalDisplayName} {
				r, ok := tb.Find("azure", s)
				if !ok || r.Code != l.Name || r.Geography != l.Metadata.GeographyGroup {
					t.Errorf("%q is %q in %q", s, r.Code, r.Geography)
				}
			}
		}
	})
	t.Run("published round trips", func(t *testing.T) {
		f, err := os.Open(filepath.Join(corpus, "data", "3_regions", "azure_latency_p95_2026-07-30.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			for i, name := range rows[0][1:] {
				if name == row[0] {
					continue
				}
				if d, ok := tb.RoundTrip("azure", row[0], name); !ok || d.Milliseconds() <= 0 {
					t.Errorf("%s to %s: %v, published %s ms", row[0], name, d, row[i+1])
				} else if back, _ := tb.RoundTrip("azure", name, row[0]); back != d {
					t.Errorf("%s to %s differs by direction", row[0], name)
				}
			}
		}
	})
}
