package geo

import (
	"cmp"
	_ "embed" // the data files
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed data/regions.csv
var regionsCSV string

//go:embed data/roundtrips.csv
var roundtripsCSV string

//go:embed data/countries.csv
var countriesCSV string

func builtin() (*Table, error) { return load(regionsCSV, roundtripsCSV, countriesCSV) }

func load(regions, roundtrips, countries string) (*Table, error) {
	t := &Table{}
	if err := t.readRegions(regions); err != nil {
		return nil, fmt.Errorf("read regions: %w", err)
	}
	if err := t.readTrips(roundtrips); err != nil {
		return nil, fmt.Errorf("read round trips: %w", err)
	}
	if err := t.readCountries(countries); err != nil {
		return nil, fmt.Errorf("read countries: %w", err)
	}
	if err := t.nameGeographies(); err != nil {
		return nil, fmt.Errorf("name geographies: %w", err)
	}
	return t, nil
}

// eachRow calls f with every data row. The first row that is no comment names the columns and must be header.
func eachRow(text, header string, f func(row []string) error) error {
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	r.ReuseRecord = true
	first, err := r.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if got := strings.Join(first, ","); got != header {
		return fmt.Errorf("header is %q, not %q", got, header)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(row); err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (d *data) readRegions(text string) error {
	aliases := map[string][]string{}
	err := eachRow(text, "provider,code,name,geography,country,latitude,longitude,zones,pair,access,aliases", func(row []string) error {
		lat, err := degrees(row[5], 90)
		if err != nil {
			return fmt.Errorf("latitude: %w", err)
		}
		lon, err := degrees(row[6], 180)
		if err != nil {
			return fmt.Errorf("longitude: %w", err)
		}
		d.list = append(d.list, Region{
			Provider: row[0], Code: row[1], Name: row[2], Geography: row[3], Country: row[4],
			Latitude: lat, Longitude: lon, Zones: row[7] == "yes", Pair: row[8], Access: Access(row[9]),
		})
		aliases[row[0]+"/"+row[1]] = strings.Fields(row[10])
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.list, func(a, b Region) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Code, b.Code))
	})
	d.spellings = map[string]map[string]int{}
	// Codes go first, names second, and so an alias can never hide either.
	for i, r := range d.list {
		if d.spellings[r.Provider] == nil {
			d.spellings[r.Provider] = map[string]int{}
		}
		if _, taken := d.spellings[r.Provider][r.Code]; taken {
			return fmt.Errorf("code %s of %s is listed twice", r.Code, r.Provider)
		}
		d.spellings[r.Provider][r.Code] = i
	}
	for i, r := range d.list {
		known := d.spellings[r.Provider]
		for _, s := range slices.Concat([]string{r.Code, r.Name, r.Geography + r.Name}, aliases[r.Provider+"/"+r.Code]) {
			if other, taken := known[fold(s)]; taken && other != i {
				return fmt.Errorf("%q names both %s and %s", s, r.Code, d.list[other].Code)
			}
			known[fold(s)] = i
		}
	}
	return nil
}

func degrees(s string, limit float64) (float64, error) {
	if s == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, err
	}
	if v < -limit || v > limit {
		return 0, fmt.Errorf("%v is outside ±%v", v, limit)
	}
	return v, nil
}

func (d *data) readTrips(text string) error {
	d.trips = map[trip]time.Duration{}
	return eachRow(text, "provider,a,b,p95ms", func(row []string) error {
		ms, err := strconv.Atoi(row[3])
		if err != nil {
			return err
		}
		if ms <= 0 {
			return fmt.Errorf("%d ms is no round trip", ms)
		}
		a, ok := d.find(row[0], row[1])
		b, ok2 := d.find(row[0], row[2])
		if !ok || !ok2 || a.Code != row[1] || b.Code != row[2] || a.Code >= b.Code {
			return fmt.Errorf("%s,%s is not a pair of region codes in alphabetical order", row[1], row[2])
		}
		key := trip{a.Provider, a.Code, b.Code}
		if _, twice := d.trips[key]; twice {
			return fmt.Errorf("%s,%s is listed twice", row[1], row[2])
		}
		d.trips[key] = time.Duration(ms) * time.Millisecond
		return nil
	})
}

func (d *data) readCountries(text string) error {
	d.countries = map[string]country{}
	d.words = map[string]place{}
	return eachRow(text, "code,name,geography,eu,aliases", func(row []string) error {
		c := country{code: row[0], name: row[1], geography: row[2], eu: row[3] == "yes"}
		if _, twice := d.countries[c.code]; twice {
			return fmt.Errorf("%s is listed twice", c.code)
		}
		d.countries[c.code] = c
		spellings := []string{c.code, c.name}
		if row[4] != "" {
			spellings = append(spellings, strings.Split(row[4], "|")...)
		}
		for _, s := range spellings {
			if other, taken := d.words[fold(s)]; taken && other.country != c.code {
				return fmt.Errorf("%q names both %s and %s", s, c.code, other.country)
			}
			d.words[fold(s)] = place{country: c.code}
		}
		return nil
	})
}

// nameGeographies collects the geographies of regions and countries. A geography of one country only (US, Mexico) may
// bear a word that names the country too: both readings mean the same.
func (d *data) nameGeographies() error {
	members := map[string]map[string]bool{northAmerica: {}, europeanUnion: {}}
	add := func(geography, code string) {
		if geography == "" {
			return
		}
		if members[geography] == nil {
			members[geography] = map[string]bool{}
		}
		members[geography][code] = true
	}
	for _, r := range d.list {
		add(r.Geography, r.Country)
	}
	for _, c := range d.countries {
		add(c.geography, c.code)
	}
	for g, in := range members {
		if p, taken := d.words[fold(g)]; taken && (len(in) != 1 || !in[p.country]) {
			return fmt.Errorf("%q names a geography and the country %s", g, p.country)
		}
		d.words[fold(g)] = place{geography: g}
	}
	d.words[fold("European Union")] = place{geography: europeanUnion}
	d.words[fold("APAC")] = place{geography: "Asia Pacific"}
	d.geographic = sortedKeys(members)
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
