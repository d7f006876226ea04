// Package rule says what a rule is: its page in the catalogue, the findings it gives, and the judge through which it gives
// them. It judges nothing itself. The rules are in the packages by topic beside it; package rules makes a pack of them and
// is what callers outside use.
package rule
