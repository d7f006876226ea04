package document

import (
	"strconv"
	"strings"
)

// Cite quotes a value for a message. It returns false for what may hold a secret: a value under a key that tells so, or
// that could be a URL or a connection string, or that is long.
func Cite(key, value string) (string, bool) {
	if len(value) > 48 || secretKey(key) || strings.ContainsAny(value, "@=:;?&\\\n") && !clockLike(value) {
		return "", false
	}
	lower := strings.ToLower(value)
	for _, word := range []string{"passw", "pwd", "secret", "token"} {
		if strings.Contains(lower, word) {
			return "", false
		}
	}
	return strconv.Quote(value), true
}

func secretKey(key string) bool {
	lower := strings.ToLower(key)
	for _, word := range []string{"passw", "pwd", "secret", "token", "credential", "apikey", "accesskey", "privatekey", "auth", "endpoint", "address", "url", "dsn", "connection", "login"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// clockLike tells dates and times, whose colons are harmless.
func clockLike(s string) bool {
	return strings.Trim(s, "0123456789:-+.TZ ") == ""
}

// harmlessKey tells whether a key looks like a name and not like a value that lost its key.
func harmlessKey(s string) bool {
	if s == "" || len(s) > 48 {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != ' ' {
			return false
		}
	}
	return true
}

// maxWords bounds the words that Nearest compares.
const maxWords = 2_000

// Nearest returns the word spelled most like s, or one that s is the beginning of; "" when more than a third of the letters
// differ, or when there are so many words that looking for it takes longer than it helps. Case does not count.
func Nearest(s string, words []string) string {
	best, score := "", 0
	if len(s) > 64 || len(words) > maxWords {
		return ""
	}
	low := strings.ToLower(s)
	for _, w := range words {
		other := strings.ToLower(w)
		n := typos(low, other)
		if len(low) > 2 && strings.HasPrefix(other, low) {
			n = min(n, 1)
		}
		if n > max(1, min(len(s), len(w))/3) || best != "" && n >= score {
			continue
		}
		best, score = w, n
	}
	return best
}

// typos counts the letters to insert, drop, change or swap with their neighbour (optimal string alignment).
func typos(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
