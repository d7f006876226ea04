package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	contracts "github.com/meridian-federation/meridian/api"
	"github.com/meridian-federation/meridian/api/rest/gen"
)

// contract is the OpenAPI document with its operations by id.
type contract struct {
	doc    *openapi3.T
	json   []byte
	routes map[string]*route
}

type route struct {
	operation
	spec       *routers.Route
	parameters []string // of the query, sorted
}

func loadContract() (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(contracts.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("read the embedded contract: %w", err)
	}
	c := &contract{doc: doc, routes: map[string]*route{}}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			r, err := newRoute(doc, path, item, method, op)
			if err != nil {
				return nil, fmt.Errorf("contract of %s %s: %w", method, path, err)
			}
			c.routes[op.OperationID] = r
		}
	}
	if c.json, err = publish(doc); err != nil {
		return nil, fmt.Errorf("publish the contract: %w", err)
	}
	return c, nil
}

// publish encodes the contract without the extensions that speak to the generator only.
func publish(doc *openapi3.T) ([]byte, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	strip(tree)
	return json.Marshal(tree)
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if strings.HasPrefix(k, "x-go-") {
				delete(v, k)
				continue
			}
			strip(x)
		}
	case []any:
		for _, x := range v {
			strip(x)
		}
	}
}

func newRoute(doc *openapi3.T, path string, item *openapi3.PathItem, method string, op *openapi3.Operation) (*route, error) {
	r := &route{
		operation: operation{id: op.OperationID, public: op.Security != nil && len(*op.Security) == 0},
		spec:      &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op},
	}
	if raw, ok := op.Extensions["x-roles"]; ok {
		b, err := json.Marshal(raw)
		if err != nil {
			return nil, fmt.Errorf("x-roles: %w", err)
		}
		if err := json.Unmarshal(b, &r.roles); err != nil {
			return nil, fmt.Errorf("x-roles: %w", err)
		}
	}
	for _, role := range r.roles {
		if !slices.Contains(Roles(), role) {
			return nil, fmt.Errorf("x-roles: unknown role %q", role)
		}
	}
	if r.public == (len(r.roles) > 0) {
		return nil, fmt.Errorf("an operation is either public or has x-roles")
	}
	for _, params := range []openapi3.Parameters{item.Parameters, op.Parameters} {
		for _, p := range params {
			if p.Value.In == openapi3.ParameterInQuery {
				r.parameters = append(r.parameters, p.Value.Name)
			}
		}
	}
	sort.Strings(r.parameters)
	return r, nil
}

// validate checks a request against the contract before the handler sees it. An unknown query parameter is an error: a
// misspelt filter must not answer with everything.
func (a *api) validate(r *route) echo.MiddlewareFunc {
	options := &openapi3filter.Options{
		MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, ExcludeRequestBody: r.body, SkipSettingDefaults: true,
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			query, err := parseQuery(c.Request())
			if err != nil {
				return err
			}
			for name := range query {
				if _, ok := slices.BinarySearch(r.parameters, name); !ok {
					return unknownParameter(name, r.parameters)
				}
				if len(query[name]) > 1 {
					return badParameter(name, "the parameter is given more than once")
				}
			}
			path := make(map[string]string, len(c.ParamNames()))
			for i, n := range c.ParamNames() {
				path[n] = c.ParamValues()[i]
			}
			input := &openapi3filter.RequestValidationInput{
				Request: c.Request(), PathParams: path, QueryParams: query, Route: r.spec, Options: options,
			}
			if err := openapi3filter.ValidateRequest(c.Request().Context(), input); err != nil {
				return err
			}
			return next(c)
		}
	}
}

func parseQuery(r *http.Request) (url.Values, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "the query string is not valid; percent-encode special characters")
	}
	return query, nil
}

func unknownParameter(name string, known []string) error {
	remedy := "this address takes no parameters"
	if len(known) > 0 {
		remedy = "parameters are " + strings.Join(known, ", ")
	}
	return fail(http.StatusBadRequest, "a parameter is not known", gen.ProblemError{Parameter: name, Detail: "unknown parameter", Remedy: remedy})
}
