//go:build race

package sourcetest

// The race detector makes everything some ten times slower.
const slower = 10
