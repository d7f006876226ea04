//go:build !race

package azure

import "time"

const limit = time.Second

// tries is how often a limit is measured; the best counts.
const tries = 3
