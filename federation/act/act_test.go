package act

import "testing"

func TestSamePerson(t *testing.T) {
	for _, c := range []struct {
		a, b Act
		want bool
	}{
		{Act{By: "1", Name: "Anna"}, Act{By: "1", Name: "Bert"}, true},
		{Act{By: "1", Name: "Anna Berg"}, Act{By: "2", Name: " anna  BERG "}, true},
		{Act{By: "1", Name: "Anna"}, Act{By: "2", Name: "Bert"}, false},
		{Act{By: "1"}, Act{By: "2"}, false},
		{Act{By: "1", Name: " "}, Act{By: "2", Name: ""}, false},
		{Act{By: "1", Name: "Anna"}, Act{By: "2"}, false},
		{Act{By: "1"}, Act{By: "1"}, true},
	} {
		if got := c.a.SamePerson(c.b); got != c.want || c.b.SamePerson(c.a) != c.want {
			t.Errorf("%+v and %+v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
