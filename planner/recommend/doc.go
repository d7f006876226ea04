// Package recommend enumerates the variants of the reference architectures that meet a cluster's objectives and names at
// most three of them, with the reason for every architecture it rejects. It is pure; assess calls it.
package recommend
