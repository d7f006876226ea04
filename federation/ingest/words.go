package ingest

import (
	"strings"
	"sync"
)

// most bounds the words that are kept, so that sites which make up new ones do not fill the memory.
const most = 1 << 15

// Words keeps one copy of each text that many documents have in common. It is safe for concurrent use.
type Words struct {
	mu    sync.RWMutex
	known map[string]string
}

// NewWords returns an empty collection.
func NewWords() *Words { return &Words{known: map[string]string{}} }

// Word returns the kept copy of a text, or keeps a copy of it while there is room.
func (w *Words) Word(text string) string {
	w.mu.RLock()
	kept, ok := w.known[text]
	w.mu.RUnlock()
	if ok {
		return kept
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept, ok := w.known[text]; ok {
		return kept
	}
	if len(w.known) >= most {
		return text
	}
	text = strings.Clone(text)
	w.known[text] = text
	return text
}
