package ingest_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"unsafe"

	"github.com/meridian-federation/meridian/federation/ingest"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// TestWordsChangeNoText: documents whose texts are shared are the same documents.
func TestWordsChangeNoText(t *testing.T) {
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	words := ingest.NewWords()
	var regions []string
	sim := sitesim.New(sitesim.Options{Seed: 3, Sites: 20, Start: now})
	sites := sim.Sites(0)
	for _, a := range engine.Sites(sites, assess.View{At: now}) {
		text, err := assess.Compact(a)
		if err != nil {
			t.Fatal(err)
		}
		var read assess.Assessment
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		assess.Words(&read, words.Word)
		if again, err := assess.Compact(&read); err != nil || string(again) != string(text) {
			t.Fatalf("an assessment becomes\n%s\nof\n%s: %v", again, text, err)
		}
	}
	for _, s := range sites {
		kept := inventory.Clone(s)
		inventory.Words(s, words.Word)
		if !reflect.DeepEqual(kept, s) {
			t.Fatalf("an inventory becomes %+v of %+v", s, kept)
		}
		for i := range s.Infrastructure {
			regions = append(regions, s.Infrastructure[i].Placement.Region)
		}
	}
	for _, a := range regions {
		for _, b := range regions {
			if a != "" && a == b && unsafe.StringData(a) != unsafe.StringData(b) {
				t.Fatalf("there are two copies of %s", a)
			}
		}
	}
}

// TestWordsAreBounded: beyond the bound texts stay as they are.
func TestWordsAreBounded(t *testing.T) {
	words := ingest.NewWords()
	for i := range 1 << 16 {
		text := fmt.Sprint("word ", i)
		if got := words.Word(text); got != text {
			t.Fatalf("%q became %q", text, got)
		}
	}
	one, two := fmt.Sprint("word ", 5), fmt.Sprint("word ", 5)
	if unsafe.StringData(words.Word(one)) != unsafe.StringData(words.Word(two)) {
		t.Error("a kept word has two copies")
	}
	one, two = fmt.Sprint("late ", 5), fmt.Sprint("late ", 5)
	if unsafe.StringData(words.Word(one)) == unsafe.StringData(words.Word(two)) {
		t.Error("words are kept without bound")
	}
}
