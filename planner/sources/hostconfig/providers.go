package hostconfig

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// maxPool bounds a pool size that is believed; PTC's default is 100, and public guides go up to 5,000.
const maxPool = 100_000

// providers reads PersistenceProviderPackageConfigs. Of each package only the JDBC URL and the pool's size are looked at.
func (s *settingsFile) providers() {
	v, at := s.section(providerSection, true, false)
	if v == nil {
		if !s.part {
			s.note(0, "", "the file configures no persistence provider, so that the database is not known")
		}
		return
	}
	for i := range v.Len() {
		p := v.At(i)
		if !strings.Contains(strings.ToLower(p.Key()), "persistenceprovider") {
			line, _ := p.Place()
			s.problem(line, at, "an entry is no persistence provider package; it was left out", settingsRemedy)
			continue
		}
		pointer := at
		if importer.Token(p.Key()) != "" {
			pointer += "/" + p.Key()
		}
		s.provider(p, pointer)
	}
}

// engineOf tells the product by the name of the provider's package.
func engineOf(name string) (e inventory.Engine, other string) {
	name = strings.ToLower(name)
	switch {
	case strings.Contains(name, "postgres"):
		return inventory.EnginePostgreSQL, ""
	case strings.Contains(name, "azuresql") || strings.Contains(name, "azure_sql"):
		return inventory.EngineAzureSQL, ""
	case strings.Contains(name, "mssql") || strings.Contains(name, "sqlserver"):
		return inventory.EngineSQLServer, ""
	case strings.HasPrefix(name, "h2") || strings.Contains(name, "-h2") || strings.Contains(name, "_h2"):
		return inventory.EngineH2, ""
	case strings.Contains(name, "influx"):
		return "", "InfluxDB"
	}
	return "", "another product"
}

func (s *settingsFile) provider(p *loose.Value, at string) {
	engine, other := engineOf(p.Key())
	info := p.Get("ConnectionInformation")
	url := info.Get("jdbcUrl")
	if url == nil {
		url = p.Get("jdbcUrl")
	}
	line, _ := p.Place()
	if url.Text() == "" && engine != inventory.EngineH2 {
		if other != "" {
			s.problem(line, at, "the provider of "+other+" is not read; where its database is stays unknown", "list it in a site file")
		} else {
			s.problem(line, at, "the provider has no jdbcUrl; where the database is stays unknown", "correct the file, or list the database in a site file")
		}
	}
	d := Database{Engine: engine}
	if url.Text() != "" {
		d = ParseJDBC(url.Text())
		if engine != "" && d.Engine != "" && base(engine) != base(d.Engine) {
			s.unreadable(url, at+"/ConnectionInformation/jdbcUrl", "the JDBC URL is of another product than the provider; the URL counts")
		}
		if engine == inventory.EngineAzureSQL && d.Engine == inventory.EngineSQLServer || d.Engine == "" {
			d.Engine = engine
		}
		urlLine, _ := url.Place()
		if d.Odd != "" {
			s.problem(urlLine, at+"/ConnectionInformation/jdbcUrl", d.Odd, settingsRemedy)
		}
		for _, field := range []string{"endpoint", "database", "schema"} {
			if e := d.Unknown[field]; e != "" {
				s.problem(urlLine, at+"/ConnectionInformation/jdbcUrl", "the "+field+" is not known"+isExpression(e), "give the file as the server has it, with its values filled in")
			}
		}
	}
	if d.Engine == "" {
		return
	}
	u := d.Use()
	u.Server.Place = placeOf(p, at)
	for _, v := range []*loose.Value{info, p, p.Get("ConnectionPool")} {
		if n, ok := v.Get("maxPoolSize").Int(); ok && n > 0 && n <= maxPool && u.PoolMax == 0 {
			u.PoolMax = n
		} else if m := v.Get("maxPoolSize"); m != nil && !ok {
			s.unreadable(m, at+"/maxPoolSize", "maxPoolSize is no number")
		}
	}
	s.f.Uses = append(s.f.Uses, u)
}

// base is the product without regard to who runs it.
func base(e inventory.Engine) inventory.Engine {
	switch e {
	case inventory.EngineAzurePostgreSQLFlexible:
		return inventory.EnginePostgreSQL
	case inventory.EngineAzureSQL:
		return inventory.EngineSQLServer
	case inventory.EnginePostgreSQL, inventory.EngineSQLServer, inventory.EngineH2:
	}
	return e
}
