// Package custom turns rule files that users write, with expressions in CEL, into rules of a pack. Expressions see the
// inventory alone: they do no I/O, read no clock and stop at a cost limit. The package takes bytes; the CLI and the daemons
// read the files and pass the rules to rules.Pack.With.
package custom
