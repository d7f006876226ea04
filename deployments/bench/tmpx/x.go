package main

import (
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/meridian-federation/meridian/planner/assess"
	_ "github.com/meridian-federation/meridian/planner/simulate"
	_ "github.com/open-policy-agent/opa/v1/rego"
	_ "github.com/open-policy-agent/opa/v1/ast"
)

func main() {}
