// Package availability computes the exact probability that a cluster serves, with shared machines, zones, regions and
// infrastructures as common causes. It never samples. It is pure; assess, recommend and simulate call it.
package availability
