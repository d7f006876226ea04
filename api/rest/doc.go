// Package rest serves Meridian's HTTP contract, api/openapi.yaml, from a consistent view of the federation in memory.
// It authenticates, authorises and scopes every request, and keeps no state but caches. It never reads a stream, a
// database or a file; services/federation passes in what it needs through Options and runs the handler it gets.
package rest

//go:generate go tool -modfile=../../deployments/tools/go.mod oapi-codegen -config gen.yaml ../openapi.yaml
