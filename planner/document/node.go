package document

import "strconv"

// kind is what a value of a document is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

func (k kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "text", "a list", "an object"}[k]
}

// node is one value with its place. The kids of an object are its keys and values in turn; keys are of kind text.
// One parsed alias shares its kids with its anchor.
type node struct {
	kind         kind
	line, column int32
	text         string // of a scalar: as written for numbers, unquoted for text
	kids         []node
}

func (n *node) child(token string) *node {
	switch n.kind {
	case object:
		for i := 0; i+1 < len(n.kids); i += 2 {
			if n.kids[i].text == token {
				return &n.kids[i+1]
			}
		}
	case list:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.kids) {
			return &n.kids[i]
		}
	}
	return nil
}

// plain converts a value for Values.
func plain(n *node) any {
	switch n.kind {
	case boolean:
		return n.text == "true"
	case number:
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return i
		}
		if f, err := strconv.ParseFloat(n.text, 64); err == nil {
			return f
		}
		return n.text
	case text:
		return n.text
	case list:
		out := make([]any, len(n.kids))
		for i := range n.kids {
			out[i] = plain(&n.kids[i])
		}
		return out
	case object:
		out := make(map[string]any, len(n.kids)/2)
		for i := 0; i+1 < len(n.kids); i += 2 {
			out[n.kids[i].text] = plain(&n.kids[i+1])
		}
		return out
	}
	return nil
}
