package access_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/federation/access"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	anna  = access.Act{By: "t-1", Name: "Anna"}
)

type stage struct{ *bustest.Stage }

func newStage(t *testing.T) *stage {
	t.Helper()
	return &stage{bustest.NewStage(t, start)}
}

func (s *stage) replica(t *testing.T) *access.Service {
	t.Helper()
	bucket, err := bus.OpenBucket[access.Token](t.Context(), s.Connect(t), bus.StreamOptions{}, access.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	service := access.New(access.Options{Store: bucket, Now: s.Now, Logger: slog.New(slog.DiscardHandler)})
	bustest.Background(t, service.Run)
	return service
}

func made(t *testing.T, s *access.Service, name string, ttl time.Duration) (access.Token, string) {
	t.Helper()
	token, secret, err := s.Create(t.Context(), anna, access.Request{Name: name, Role: "viewer", TTL: ttl, Note: "for a test"})
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}

func refused(t *testing.T, what string, err error, code refuse.Code) {
	t.Helper()
	var e *refuse.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want a refusal of the kind %v", what, err, code)
	}
}

func good(s *access.Service, secret string) bool { _, ok := s.Find(secret); return ok }

// TestLife: a token is taken by every replica until it ends, is revoked once, and a replica that starts later knows.
func TestLife(t *testing.T) {
	s := newStage(t)
	one, two := s.replica(t), s.replica(t)
	token, secret := made(t, one, "Bert", time.Hour)
	if !good(one, secret) {
		t.Error("the replica that made a token does not take it")
	}
	bustest.Eventually(t, "the other replica takes it", func() bool { return good(two, secret) })
	if found, _ := two.Find(secret); found.Name != "Bert" || found.Role != "viewer" || !found.Expires.Equal(start.Add(time.Hour)) || found.Created.By != anna.By || found.Created.Note != "for a test" {
		t.Errorf("found %+v", found)
	}
	for _, wrong := range []string{"", "mat_", secret[:len(secret)-1], secret + "x", strings.Replace(secret, token.ID, strings.Repeat("a", len(token.ID)), 1), "mat_" + token.ID + "_", strings.TrimPrefix(secret, "mat_")} {
		if good(one, wrong) {
			t.Errorf("%q is taken", wrong)
		}
	}
	s.Pass(time.Hour - 1)
	if !good(two, secret) {
		t.Error("it ends too early")
	}
	s.Pass(1)
	if good(one, secret) || good(two, secret) {
		t.Error("it is taken after its end")
	}

	token, secret = made(t, one, "Cleo", 0)
	if !token.Expires.Equal(s.Now().Add(access.DefaultTTL)) {
		t.Errorf("without a time it is good until %s", token.Expires)
	}
	bustest.Eventually(t, "the other replica takes it", func() bool { return good(two, secret) })
	before, after, err := two.Revoke(t.Context(), anna, token.ID, "lost")
	if err != nil || before.Revoked != nil || after.Revoked == nil || after.Revoked.Note != "lost" || !after.Revoked.At.Equal(s.Now()) || good(two, secret) {
		t.Errorf("%+v: %v", after, err)
	}
	bustest.Eventually(t, "nobody takes what is revoked", func() bool { return !good(one, secret) })
	_, _, err = one.Revoke(t.Context(), anna, token.ID, "again")
	refused(t, "revoked already", err, refuse.Conflict)
	_, _, err = one.Revoke(t.Context(), anna, "none", "x")
	refused(t, "no such token", err, refuse.NotFound)

	later := s.replica(t)
	bustest.Eventually(t, "a replica that starts later knows both", func() bool { return len(later.List()) == 2 })
	if list := later.List(); list[0].Name != "Bert" || list[1].Name != "Cleo" || list[1].Revoked == nil || good(later, secret) {
		t.Errorf("it knows %+v", list)
	}
}

// TestSecretsAreNotKept: nothing that is stored or listed holds a secret, and no two secrets are alike.
func TestSecretsAreNotKept(t *testing.T) {
	s := newStage(t)
	service := s.replica(t)
	seen := map[string]bool{} // ids and what is random of secrets
	var secrets []string
	for range 5 {
		token, secret := made(t, service, "Bert", time.Hour)
		random, ok := strings.CutPrefix(secret, "mat_"+token.ID+"_")
		if !ok || len(random) < 40 {
			t.Fatalf("the secret of %s is no secret", token.ID)
		}
		if seen[random] || seen[token.ID] {
			t.Error("a secret or an id is given twice")
		}
		seen[random], seen[token.ID] = true, true
		secrets = append(secrets, random)
	}
	raw, err := bus.OpenBucket[json.RawMessage](t.Context(), s.Connect(t), bus.StreamOptions{}, access.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := raw.List(t.Context())
	if err != nil || len(entries) != 5 {
		t.Fatalf("%d tokens are kept: %v", len(entries), err)
	}
	listed, err := json.Marshal(service.List())
	if err != nil {
		t.Fatal(err)
	}
	for _, random := range secrets {
		for _, e := range entries {
			if strings.Contains(string(e.Value), random) {
				t.Error("a stored document holds a secret")
			}
		}
		if strings.Contains(string(listed), random) {
			t.Error("the list holds a secret")
		}
	}
}

func TestRefused(t *testing.T) {
	s := newStage(t)
	service := s.replica(t)
	for what, r := range map[string]access.Request{
		"without a name": {Name: " ", Role: "viewer"},
		"a long name":    {Name: strings.Repeat("n", 201), Role: "viewer"},
		"too short":      {Name: "n", TTL: time.Second},
		"too long":       {Name: "n", TTL: access.MaxTTL + time.Second},
		"the past":       {Name: "n", TTL: -time.Hour},
	} {
		_, _, err := service.Create(t.Context(), anna, r)
		refused(t, what, err, refuse.Invalid)
	}
	if n := len(service.List()); n != 0 {
		t.Errorf("%d tokens were made", n)
	}
}

// TestTwoRevokeAtOnce: one of two replicas wins, and what it noted stays.
func TestTwoRevokeAtOnce(t *testing.T) {
	s := newStage(t)
	one, two := s.replica(t), s.replica(t)
	for range 10 {
		token, secret := made(t, one, "Bert", time.Hour)
		errs := make([]error, 2)
		var group sync.WaitGroup
		group.Go(func() { _, _, errs[0] = one.Revoke(t.Context(), anna, token.ID, "first") })
		group.Go(func() { _, _, errs[1] = two.Revoke(t.Context(), anna, token.ID, "second") })
		group.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v", errs)
		}
		want := "first"
		lost := errs[1]
		if errs[0] != nil {
			want, lost = "second", errs[0]
		}
		refused(t, "the one that lost", lost, refuse.Conflict)
		for _, r := range []*access.Service{one, two} {
			bustest.Eventually(t, "both know who won", func() bool {
				for _, x := range r.List() {
					if x.ID == token.ID {
						return x.Revoked != nil && x.Revoked.Note == want
					}
				}
				return false
			})
			if good(r, secret) {
				t.Error("a revoked token is taken")
			}
		}
	}
}

// TestUnreadable: a token that cannot be read is not taken.
func TestUnreadable(t *testing.T) {
	s := newStage(t)
	service := s.replica(t)
	token, secret := made(t, service, "Bert", time.Hour)
	raw, err := bus.OpenBucket[json.RawMessage](t.Context(), s.Connect(t), bus.StreamOptions{}, access.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	e, err := raw.Get(t.Context(), token.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Update(t.Context(), token.ID, json.RawMessage(`{"expires":7}`), e.Revision); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "it is not taken any more", func() bool { return !good(service, secret) })
}

func TestScope(t *testing.T) {
	site := &inventory.Site{
		Site: inventory.Identity{ID: "muc-01", Tags: map[string]string{"division": "drives", "wave": "1"}},
		Clusters: []inventory.Cluster{{ID: "prod", Components: []inventory.Component{
			{Kind: inventory.Foundation, Nodes: []inventory.Node{{Name: "a", Placement: inventory.Placement{Region: "westeurope"}}, {Name: "b"}}},
		}}},
		Infrastructure: []inventory.Infrastructure{{ID: "pg", Placement: inventory.Placement{Region: "northeurope"}, Nodes: []inventory.Node{{Name: "n", Placement: inventory.Placement{Region: "uksouth"}}}}},
	}
	for i, c := range []struct {
		scope access.Scope
		want  bool
	}{
		{access.Scope{}, true},
		{access.Scope{Sites: []string{"ber-02", "muc-01"}}, true},
		{access.Scope{Sites: []string{"ber-02"}}, false},
		{access.Scope{Tags: map[string]string{"division": "drives"}}, true},
		{access.Scope{Tags: map[string]string{"division": "drives", "wave": "2"}}, false},
		{access.Scope{Tags: map[string]string{"none": ""}}, false},
		{access.Scope{Regions: []string{"westeurope"}}, true},
		{access.Scope{Regions: []string{"northeurope"}}, true},
		{access.Scope{Regions: []string{"uksouth"}}, true},
		{access.Scope{Regions: []string{"eastus", ""}}, false},
		{access.Scope{Sites: []string{"ber-02"}, Regions: []string{"uksouth"}}, true},
		{access.Scope{Sites: []string{"ber-02"}, Tags: map[string]string{"wave": "2"}, Regions: []string{"eastus"}}, false},
	} {
		if got := c.scope.Allows(site); got != c.want || c.scope.All() != (i == 0) {
			t.Errorf("%+v: allows %v, want %v; all %v", c.scope, got, c.want, c.scope.All())
		}
	}
}
