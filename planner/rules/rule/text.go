package rule

import (
	"strconv"
	"strings"
	"time"
)

// Joined joins words as in a sentence: a, b and c.
func Joined(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// Missing names a fact of several things, for Finding.Missing.
func Missing(fact string, of []string) []string {
	if len(of) == 0 {
		return nil
	}
	out := make([]string, len(of))
	for i, name := range of {
		out[i] = fact + " of " + name
	}
	return out
}

// Count writes a number with its noun: no node, 1 node, 2 nodes.
func Count(n int, one, many string) string {
	switch n {
	case 0:
		return "no " + one
	case 1:
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Millis writes a duration in milliseconds.
func Millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64) + " ms"
}

// Share writes a probability as a percentage with up to four decimals.
func Share(p float64) string {
	text := strconv.FormatFloat(p*100, 'f', 4, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + " %"
}

// Compact leaves out repetitions, whatever their distance.
func Compact(words []string) []string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		known := false
		for _, o := range out {
			known = known || o == w
		}
		if !known {
			out = append(out, w)
		}
	}
	return out
}
