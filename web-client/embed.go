//go:build web

// Package webclient carries the built web client inside the program.
package webclient

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// FS returns the built web client. built is false when the program was built without it and the page only says so.
func FS() (client fs.FS, built bool, err error) {
	client, err = fs.Sub(files, "dist")
	if err != nil {
		return nil, false, fmt.Errorf("open the embedded web client: %w", err)
	}
	return client, true, nil
}
