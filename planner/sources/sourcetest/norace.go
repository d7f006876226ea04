//go:build !race

package sourcetest

const slower = 1
