package hub

import (
	"errors"
	"testing"

	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/policy"
)

// TestOnePreviewAtATime: a second caller is told at once to come again, and does not wait for the first.
func TestOnePreviewAtATime(t *testing.T) {
	h := &Hub{governance: new(governance)}
	h.previewing.Lock()
	_, err := h.preview(t.Context(), policy.Default())
	var refused *refuse.Error
	if !errors.As(err, &refused) || refused.Code != refuse.Unavailable || refused.Detail != "another preview is being made; try again in a moment" {
		t.Errorf("got %v", err)
	}
}
