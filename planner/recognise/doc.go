// Package recognise finds the reference architecture nearest to a cluster, with a distance and what is missing, extra or
// misplaced. It is pure; assess calls it.
package recognise
