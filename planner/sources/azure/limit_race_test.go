//go:build race

package azure

import "time"

// The race detector slows everything down several times.
const limit = 10 * time.Second

// tries is how often a limit is measured; the best counts.
const tries = 1
