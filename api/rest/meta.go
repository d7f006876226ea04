package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/meridian-federation/meridian/api/rest/gen"
)

// GetOpenAPI implements the contract.
func (a *api) GetOpenAPI(ctx context.Context, _ gen.GetOpenAPIRequestObject) (gen.GetOpenAPIResponseObject, error) {
	return &reply{call: callOf(ctx), status: http.StatusOK, doc: a.openapi}, nil
}

// GetInventorySchema implements the contract.
func (a *api) GetInventorySchema(ctx context.Context, _ gen.GetInventorySchemaRequestObject) (gen.GetInventorySchemaResponseObject, error) {
	if a.schema == nil {
		return nil, fail(http.StatusNotFound, "this server publishes no schema")
	}
	return &reply{call: callOf(ctx), status: http.StatusOK, doc: a.schema}, nil
}

func (a *api) health(c echo.Context) error {
	return a.healthy(c)
}

func (a *api) readiness(c echo.Context) error {
	if a.Ready != nil {
		if err := a.Ready(c.Request().Context()); err != nil {
			return &Error{Code: CodeUnavailable, Detail: "not ready", Err: err}
		}
	}
	return a.healthy(c)
}

func (a *api) healthy(c echo.Context) error {
	body, err := json.Marshal(gen.Health{Status: "ok", Version: a.Version})
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, jsonType, append(body, '\n'))
}
