//go:build !web

// Package webclient carries the built web client inside the program.
package webclient

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed stub
var files embed.FS

// FS returns the built web client. built is false when the program was built without it and the page only says so.
func FS() (client fs.FS, built bool, err error) {
	client, err = fs.Sub(files, "stub")
	if err != nil {
		return nil, false, fmt.Errorf("open the page that stands for the web client: %w", err)
	}
	return client, false, nil
}
