package rest

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// spa serves a single-page application: its files, and index.html for every other address that is no API's.
func (a *api) spa(c echo.Context) error {
	r := c.Request()
	if isAPI(r.URL.Path) {
		return echo.ErrNotFound
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	h := c.Response().Header()
	if name != "" && name != "index.html" {
		body, err := fs.ReadFile(a.Web, name)
		if err == nil {
			// Names under assets carry a hash of the content, so that they never change.
			if strings.HasPrefix(name, "assets/") {
				h.Set("Cache-Control", "public, max-age=31536000, immutable")
			} else {
				h.Set("Cache-Control", "no-cache")
			}
			http.ServeContent(c.Response(), r, name, time.Time{}, bytes.NewReader(body))
			return nil
		}
		if path.Ext(name) != "" {
			return echo.ErrNotFound
		}
	}
	body, err := fs.ReadFile(a.Web, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return echo.ErrNotFound
	}
	if err != nil {
		return err
	}
	h.Set("Cache-Control", "no-cache")
	http.ServeContent(c.Response(), r, "index.html", time.Time{}, bytes.NewReader(body))
	return nil
}
