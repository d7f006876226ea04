// Package act holds who did something when, as waivers, policies and tokens keep it, and whether two acts are one person's. It is
// pure and a leaf.
package act

import (
	"strings"
	"time"
)

// Act is who did something when.
type Act struct {
	By   string    `json:"by"`   // stable id of the principal: of the token that was used
	Name string    `json:"name"` // of whom the token was issued to
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

// SamePerson reports whether two acts are of one person. A person may have several tokens, so that the name counts beside the id of
// the token: names that differ by case or spaces only are one. An act without a name is compared by its id alone.
func (a Act) SamePerson(b Act) bool {
	fold := func(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }
	return a.By == b.By || fold(a.Name) != "" && fold(a.Name) == fold(b.Name)
}
