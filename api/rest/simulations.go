package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/document"
)

// CreateSimulation implements the contract. Nothing is kept: the answer is that of the moment.
func (a *api) CreateSimulation(ctx context.Context, req gen.CreateSimulationRequestObject) (gen.CreateSimulationResponseObject, error) {
	if a.Branch == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server does not simulate changes"}
	}
	if req.Body == nil {
		return nil, fail(http.StatusBadRequest, "the request has no body")
	}
	if err := req.Body.Validate(); err != nil {
		return nil, notPossible(err)
	}
	c := callOf(ctx)
	view := a.View()
	branch, err := a.Branch(ctx, view, req.Body, c.scope.Allows)
	if err != nil {
		return nil, notPossible(err)
	}
	before := a.reader.Snapshot(view, c.scope)
	answer, err := branch.Answer(before.Sight, a.reader.Snapshot(branch, c.scope).Sight, c.scope.Allows)
	if err != nil {
		return nil, notPossible(err)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("encode a simulation: %w", err)
	}
	return &reply{call: c, status: http.StatusOK, doc: represent(jsonType, append(before.Scrub(body), '\n')), private: true}, nil
}

// notPossible tells why changes cannot be simulated.
func notPossible(err error) error {
	var bad *document.Error
	var change *whatif.Error
	var unknown *whatif.UnknownError
	switch {
	case errors.As(err, &bad):
		return &Error{Code: CodeInvalid, Detail: "the changes, or a document after them, would not be accepted", Problems: bad.Problems}
	case errors.As(err, &change), errors.As(err, &unknown), errors.Is(err, whatif.ErrTooWide):
		return &Error{Code: CodeInvalid, Detail: err.Error()}
	}
	return err
}
