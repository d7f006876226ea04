//go:build !unix

package main

import "time"

// clockIs names what now reads.
const clockIs = "wall-clock time"

// now is the time since the epoch.
func now() time.Duration { return time.Duration(time.Now().UnixNano()) }
