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
	return a.reader.Fields(), nil
}
