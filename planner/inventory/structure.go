package inventory

import (
	"crypto/sha256"
)

// Structure identifies what a site is made of. The zero value stands for a document that was not read.
type Structure struct {
	// Site is over everything in the document but when, how and with what measurements the site was observed. Equal ones are equal sites but for
	// ObservedAt, Probes, Provenance and Sources; the reverse need not hold for documents that are not canonical.
	Site [sha256.Size]byte
	// Seen is over what of Site the judgements of other sites look at: not the workload of its clusters.
	Seen [sha256.Size]byte
}

// StructureOf computes the structure of a document that is valid JSON.
func StructureOf(document []byte) Structure {
	site, seen := sha256.New(), sha256.New()
	for key, member := range members(document) {
		if measuredKey(key) {
			continue
		}
		_, _ = site.Write(member)
		if string(key) != `"clusters"` {
			_, _ = seen.Write(member)
			continue
		}
		for part := range withoutWorkload(member) {
			_, _ = seen.Write(part)
		}
	}
	return Structure{[sha256.Size]byte(site.Sum(nil)), [sha256.Size]byte(seen.Sum(nil))}
}

// withoutWorkload yields the text of the member "clusters" but for the members "workload" of the objects in its list.
func withoutWorkload(text []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		const cluster = 2 // the depth of its members: the list and the object
		depth, from := 0, 0
		key, skipped := false, false     // a key of a cluster comes next; a workload is being passed
		for i := 1; i < len(text); i++ { // behind the comma or brace before the member
			c := text[i]
			if skipped && depth == cluster && (c == ',' || c == '}') {
				from, skipped = i, false
			}
			switch c {
			case '"':
				end := stringEnd(text, i)
				if key && string(text[i:min(end+1, len(text))]) == `"workload"` {
					if !yield(text[from:i]) {
						return
					}
					skipped = true
				}
				key, i = false, end
			case '{', '[':
				depth++
				key = c == '{' && depth == cluster
			case '}', ']':
				depth--
			case ',':
				key = depth == cluster
			}
		}
		if !skipped {
			yield(text[from:])
		}
	}
}

// stringEnd is the position of the quotation mark that ends the string which begins at a position.
func stringEnd(text []byte, at int) int {
	end := at + 1
	for end < len(text) && text[end] != '"' {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	return end
}

// measuredKey reports whether a member of a document, by its key as it is written, is no part of the structure.
func measuredKey(key []byte) bool {
	switch string(key) {
	case `"observedAt"`, `"probes"`, `"provenance"`, `"sources"`:
		return true
	}
	return false
}

// members yields the members of a JSON object: the key as it is written, and the text from the key up to the next member.
// Of what is no object it yields the text as one member.
func members(text []byte) func(yield func(key, member []byte) bool) {
	return func(yield func(key, member []byte) bool) {
		var key []byte
		depth, from := 0, 0
		for i := 0; i < len(text); i++ {
			switch text[i] {
			case '"':
				end := stringEnd(text, i)
				if depth == 1 && key == nil && end < len(text) {
					key = text[i : end+1]
				}
				i = end
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			case ',':
				if depth == 1 {
					if !yield(key, text[from:i]) {
						return
					}
					key, from = nil, i
				}
			}
		}
		yield(key, text[from:])
	}
}
