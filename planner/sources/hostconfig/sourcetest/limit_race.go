//go:build race

package sourcetest

import "time"

// The race detector slows everything down several times.
const limit = 10 * time.Second

const tries = 1
