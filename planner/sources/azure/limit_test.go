//go:build !race

package azure

import "time"

const limit = time.Second
