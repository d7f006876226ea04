package rest

import "github.com/labstack/echo/v4"

// Routes lists the routes that New registers for options without a web client, each as "METHOD /path/:parameter".
func Routes(o Options) ([]string, error) {
	o.Web = nil
	a, err := newAPI(o)
	if err != nil {
		return nil, err
	}
	e := echo.New()
	if err := a.routes(e); err != nil {
		return nil, err
	}
	var out []string
	for _, r := range e.Routes() {
		out = append(out, r.Method+" "+r.Path)
	}
	return out, nil
}

// FilterFields lists the filter fields of every collection by operation id, sorted.
func FilterFields(o Options) (map[string][]string, error) {
	a, err := newAPI(o)
	if err != nil {
		return nil, err
	}
	return map[string][]string{
		"listSites": a.sites.fields.Names(), "listClusters": a.clusters.fields.Names(), "listFindings": a.findings.fields.Names(), "getComplianceReport": a.findings.fields.Names(),
		"listRegionMismatches": a.mismatches.fields.Names(), "listRecommendations": a.recommendations.fields.Names(),
		"listTenancy": a.shared.fields.Names(), "listRejections": a.rejections.fields.Names(), "listRules": a.rules.fields.Names(),
		"listArchitectures": a.architectures.fields.Names(), "listRegions": a.regions.fields.Names(),
	}, nil
}
