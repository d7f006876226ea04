package tree

import "strings"

// Unflatten turns an object with dotted keys (network.0.name), as Terraform wrote attributes before version 0.12, into
// nested objects and lists. A level all of whose keys are numbers is a list in the order of the keys; the counts that
// Terraform wrote beside (network.#, tags.%) are left out.
func Unflatten(v *Value) *Value {
	if v.Kind() != Object {
		return v
	}
	root := &Value{kind: Object, off: v.off}
	for _, m := range v.Members() {
		parts := strings.Split(m.Key, ".")
		if last := parts[len(parts)-1]; last == "#" || last == "%" || len(parts) > MaxDepth {
			continue
		}
		at := root
		for _, p := range parts[:len(parts)-1] {
			at = at.child(p, m.Value.off)
		}
		if at.kind == Object {
			at.add(Member{Key: parts[len(parts)-1], Value: m.Value})
		}
	}
	root.lists()
	return root
}

func (v *Value) add(m Member) *Value {
	kids := append(v.Members(), m)
	v.kids = &kids
	return &kids[len(kids)-1].Value
}

// child returns the object at a key, which it makes when there is none.
func (v *Value) child(key string, off uint32) *Value {
	// Terraform writes keys in order, so that the last one is nearly always the one asked for.
	kids := v.Members()
	for i := len(kids) - 1; i >= 0 && i >= len(kids)-8; i-- {
		if kids[i].Key == key && kids[i].Value.kind == Object {
			return &kids[i].Value
		}
	}
	return v.add(Member{Key: key, Value: Value{kind: Object, off: off}})
}

// lists turns objects whose keys are numbers into lists, from the leaves up.
func (v *Value) lists() {
	kids := v.Members()
	numbers := v.kind == Object && len(kids) > 0
	for i := range kids {
		kids[i].Value.lists()
		if strings.Trim(kids[i].Key, "0123456789") != "" {
			numbers = false
		}
	}
	if numbers {
		v.kind = Array
		for i := range kids {
			kids[i].Key = ""
		}
	}
}

// Replace returns a copy in which every text that f answers for is replaced by its answer; the answer takes the place
// of the text. Levels below MaxDepth are not entered.
func Replace(v *Value, f func(path []string, text string) (*Value, bool)) *Value {
	return replace(v, f, nil)
}

func replace(v *Value, f func([]string, string) (*Value, bool), path []string) *Value {
	switch v.Kind() {
	case String:
		if to, ok := f(path, v.text); ok {
			c := Value{kind: Null, off: v.off}
			if to != nil {
				c = *to
				c.off = v.off
			}
			return &c
		}
		return v
	case Array, Object:
		if len(path) > MaxDepth {
			return v
		}
		kids := make([]Member, v.Len())
		for i, m := range v.Members() {
			kids[i] = Member{Key: m.Key, Value: *replace(v.Item(i), f, append(path, m.Key))}
		}
		return &Value{kind: v.kind, off: v.off, kids: &kids}
	default:
		return v
	}
}
