package geo

// near keeps the candidate with the fewest typing errors. The first of equals wins.
type near struct {
	best  string
	score int
}

// try compares folded spellings; title is what is shown. More than a third of the letters wrong is another word.
func (n *near) try(want, have, title string) {
	limit := max(1, min(len(want), len(have))/3)
	s := typos(want, have)
	if s > limit || n.best != "" && s >= n.score {
		return
	}
	n.best, n.score = title, s
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
