// Package facts answers the questions the rules ask about a site: where parts run, who shares an infrastructure, what a
// version, a connect string or a machine type says. It prepares them once per evaluation, judges nothing, changes no
// argument and does no I/O. Package rules calls it.
package facts
