package inventory

import (
	"crypto/sha256"
)

// Structure identifies what a site is made of: everything in its document but when, how and with what measurements it was
// observed. The zero value stands for a document that was not read. Equal structures are equal sites but for ObservedAt,
// Probes, Provenance and Sources; the reverse need not hold for documents that are not canonical.
type Structure [sha256.Size]byte

// StructureOf computes the structure of a document that is valid JSON.
func StructureOf(document []byte) Structure {
	sum := sha256.New()
	for key, member := range members(document) {
		if !measuredKey(key) {
			_, _ = sum.Write(member)
		}
	}
	return Structure(sum.Sum(nil))
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
				end := i + 1
				for end < len(text) && text[end] != '"' {
					if text[end] == '\\' {
						end++
					}
					end++
				}
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
