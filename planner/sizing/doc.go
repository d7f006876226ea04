// Package sizing applies PTC's sizing formulas to a workload: writes and requests per second, connection servers, the
// size class that the largest criterion decides, and the headroom left. It is pure; assess and recommend call it.
package sizing
