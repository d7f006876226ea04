// Package availability computes the exact probability that a cluster serves, with shared machines, zones, regions and
// infrastructures as common causes. It never samples. Compile turns inventories into a System: elements that fail
// independently, the units (nodes and infrastructures) that depend on them, and the groups of units of which each cluster
// needs a number. Probabilities (Cluster, Pairs) and the evaluation of one state (System.Judge) read the same groups, so
// that assess, recommend and simulate cannot disagree. It is pure.
package availability
