//go:build !linux || (!amd64 && !arm64) || nochdb

package embedded

import (
	"context"
	"os"
	"time"
)

const supported = false

// Main does nothing on a platform without the child.
func Main() {}

// process stands in for the child of supported platforms; none is ever made.
type process struct{ exited chan struct{} }

func spawn(string, string, *os.File) (*process, error) { return nil, ErrUnsupported }

func (p *process) pid() int { return 0 }

func (p *process) state() string { return "" }

func (p *process) end(time.Duration) bool { return false }

func (p *process) tail() string { return "" }

func lockDir(context.Context, string) (*os.File, error) { return nil, ErrUnsupported }

func trusted(os.FileInfo) bool { return false }
