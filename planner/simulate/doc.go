// Package simulate fails nodes, machines, zones, regions, infrastructures and sites, and tells which clusters stay up,
// are degraded or go down, with the chain of causes; and sweeps all single and double failures. It evaluates the same
// structure whose probability package availability computes. It is pure; the CLI and the REST API call it.
package simulate
