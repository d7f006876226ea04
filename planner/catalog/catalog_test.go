package catalog

import "testing"

func TestBuiltin(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.All()) != 7 {
		t.Fatal(len(c.All()))
	}
}
