package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// maxSkew is how far an inventory's time may lie ahead of this server's clock: an assumption about clocks that are set by
// NTP, wide enough for one that is not quite.
const maxSkew = 5 * time.Minute

// putInventory takes a document and answers 202 once the stream has it. It is written by hand because the generated server
// would decode the body before the strict reader sees its bytes.
func (a *api) putInventory(c echo.Context) error {
	ca := callOf(c.Request().Context())
	revision, err := a.acceptInventory(c, ca, c.Param("site"))
	if failed := a.recordAudit(c.Request().Context(), ca, "putSiteInventory", err); failed != nil && err == nil {
		return failed
	}
	if err != nil {
		return err
	}
	location := basePath + "/sites/" + c.Param("site") + "/inventory"
	out, err := json.Marshal(gen.Accepted{Site: c.Param("site"), Revision: revision, Location: location})
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	h := c.Response().Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusAccepted, jsonType, append(out, '\n'))
}

// acceptInventory checks a document and hands it to the stream.
func (a *api) acceptInventory(c echo.Context, ca *call, site string) (revision string, err error) {
	r := c.Request()
	ca.entry.Site, ca.entry.Target = site, site
	if !ca.scope.Allows(site) {
		return "", fail(http.StatusForbidden, "the token's scope does not include the site "+site)
	}
	if err := inventoryType(r.Header.Get("Content-Type")); err != nil {
		return "", err
	}
	if err := a.precondition(ca, site); err != nil {
		return "", err
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, inventory.MaxDocument))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return "", err
		}
		return "", fail(http.StatusBadRequest, "the body ended before it was read")
	}
	if err := a.checkInventory(site, r.Header.Get("Content-Type"), body); err != nil {
		return "", err
	}
	if a.PutInventory == nil {
		return "", &Error{Code: CodeUnavailable, Detail: "this server takes no inventories"}
	}
	revision, err = a.PutInventory(r.Context(), site, body)
	if err != nil {
		return "", putFailure(err)
	}
	var before any
	if r, ok := a.View().Site(site); ok {
		before = map[string]string{"revision": r.Revision}
	}
	ca.wrote(site, before, map[string]string{"revision": revision})
	return revision, nil
}

func inventoryType(header string) error {
	t, _, err := mime.ParseMediaType(header)
	if err == nil && (t == jsonType || t == "application/yaml") {
		return nil
	}
	return fail(http.StatusUnsupportedMediaType, "an inventory is application/json or application/yaml")
}

// precondition compares If-Match with the inventory in force. It is a help against overwriting unread changes, not a
// lock: the stream may take another inventory in between.
func (a *api) precondition(ca *call, site string) error {
	header := ca.request.Header.Get("If-Match")
	if header == "" {
		return nil
	}
	s := a.snapshot(ca)
	doc, err := s.Inventory(site)
	if err == nil {
		if header == "*" {
			return nil
		}
		body, merr := json.Marshal(doc)
		if merr != nil {
			return fmt.Errorf("encode an inventory: %w", merr)
		}
		if noneMatch(header, represent(jsonType, append(body, '\n')).etag) {
			return nil
		}
	}
	return fail(http.StatusPreconditionFailed, "the inventory in force is another than If-Match names; read it again")
}

func (a *api) checkInventory(site, contentType string, body []byte) error {
	t, _, _ := mime.ParseMediaType(contentType)
	doc, err := inventory.Parse("body", body, a.Regions)
	if err != nil {
		status := http.StatusUnprocessableEntity
		if t == jsonType && !json.Valid(body) {
			status = http.StatusBadRequest
		}
		return documentFailure(err, status)
	}
	if t == jsonType && !json.Valid(body) {
		return fail(http.StatusBadRequest, "the body is not JSON; send YAML as application/yaml")
	}
	if doc.Site.ID != site {
		return fail(http.StatusUnprocessableEntity, "the inventory is another site's", gen.ProblemError{
			Pointer: "/site/id", Detail: fmt.Sprintf("the document says %q, the address %q", doc.Site.ID, site), Remedy: "send it to the address of its own site",
		})
	}
	if now := a.Clock(); doc.ObservedAt.After(now.Add(maxSkew)) {
		return fail(http.StatusUnprocessableEntity, "the inventory is from the future", gen.ProblemError{
			Pointer: "/observedAt", Detail: "the time lies more than " + maxSkew.String() + " ahead of the server's " + now.UTC().Format(time.RFC3339),
			Remedy: "set the clock of the machine that wrote it",
		})
	}
	return nil
}

func documentFailure(err error, status int) error {
	var de *document.Error
	if !errors.As(err, &de) {
		return fail(status, "the inventory cannot be read", gen.ProblemError{Detail: err.Error()})
	}
	return fail(status, "the inventory is not valid", problemErrors(de.Problems)...)
}

func putFailure(err error) error {
	var own *Error
	var de *document.Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &de):
		return documentFailure(err, http.StatusUnprocessableEntity)
	}
	return &Error{Code: CodeUnavailable, Detail: "the stream did not accept the inventory; send it again later", Err: err}
}
