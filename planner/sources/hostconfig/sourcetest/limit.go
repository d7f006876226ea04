//go:build !race

package sourcetest

import "time"

const limit = time.Second

// tries is how often a limit is measured; the best counts, because other work on the machine only makes it slower.
const tries = 3
