package hub_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/access"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

func (r *running) ask(t *testing.T, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Server: r.url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(bustest.Patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func colocation(r *running) *rules.Finding {
	rec, ok := r.View().Site("muc-01")
	if !ok || rec.Assessment == nil {
		return nil
	}
	for i := range rec.Assessment.Findings {
		if f := &rec.Assessment.Findings[i]; f.Rule == "COL-001" && f.Verdict == rules.Fail {
			return f
		}
	}
	return nil
}

func assessment(t *testing.T, r *running) (*assess.Assessment, []byte) {
	t.Helper()
	rec, ok := r.View().Site("muc-01")
	if !ok {
		t.Fatal("no site")
	}
	b, err := assess.Marshal(rec.Assessment)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Assessment, b
}

// made is a token made over REST.
func made(t *testing.T, admin *client.Client, name string, role gen.AccessRole, scope access.Scope) gen.TokenSecret {
	t.Helper()
	s, err := admin.CreateToken(t.Context(), gen.TokenRequest{Name: name, Role: role, Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// TestGovernance runs two replicas: what people decide at one is in force at both, at the instants that the documents give,
// survives a restart, and all of it is in the audit.
func TestGovernance(t *testing.T) {
	server := bustest.Start(t)
	conn := server.Hub(t)
	first, second := run(t, conn), run(t, server.Hub(t))
	revision, body := munich(t, time.Now(), 12000)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: revision, Body: body}); err != nil {
		t.Fatal(err)
	}
	poll(t, "the mismatch", func() bool { return colocation(first) != nil && colocation(second) != nil })
	ctx := t.Context()
	admin := first.ask(t, secret)
	anna := made(t, admin, "Anna", "planner", access.Scope{})
	bert := made(t, admin, "Bert", "approver", access.Scope{})
	drives := made(t, admin, "Drives", "viewer", access.Scope{Tags: map[string]string{"division": "drives"}})
	nobody := made(t, admin, "Nobody", "viewer", access.Scope{Tags: map[string]string{"division": "none"}})
	poll(t, "the tokens at the other replica", func() bool { _, err := second.ask(t, bert.Secret).Me(ctx); return err == nil })

	asked, err := first.ask(t, anna.Secret).RequestWaiver(ctx, gen.WaiverRequest{
		Rule: "COL-001", Match: waiver.Match{Site: "muc-01"}, Reason: "moves in spring", Expires: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.ask(t, anna.Secret).ApproveWaiver(ctx, asked.Id, "", ""); client.CodeOf(err) != client.Forbidden {
		t.Errorf("approved by a planner: %v", err)
	}
	own, err := first.ask(t, bert.Secret).RequestWaiver(ctx, gen.WaiverRequest{Rule: "COL-001", Match: waiver.Match{Site: "ham-03"}, Reason: "mine", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.ask(t, bert.Secret).ApproveWaiver(ctx, own.Id, "", ""); client.CodeOf(err) != client.Forbidden {
		t.Errorf("approved by who requested it: %v", err)
	}
	// Another token of the same person changes nothing.
	again := made(t, admin, " bert", "admin", access.Scope{})
	poll(t, "the second token at the other replica", func() bool { _, err := second.ask(t, again.Secret).Me(ctx); return err == nil })
	for _, r := range []*running{first, second} {
		if _, err := r.ask(t, again.Secret).ApproveWaiver(ctx, own.Id, "", ""); client.CodeOf(err) != client.Forbidden {
			t.Errorf("approved by who requested it with another token: %v", err)
		}
	}
	approved, err := second.ask(t, bert.Secret).ApproveWaiver(ctx, asked.Id, "agreed", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*running{first, second} {
		poll(t, "the waiver at both", func() bool { f := colocation(r); return f != nil && f.Waiver != nil && f.Waiver.ID == asked.Id })
	}
	a, at1 := assessment(t, first)
	if _, at2 := assessment(t, second); !bytes.Equal(at1, at2) {
		t.Error("the replicas differ about what is waived")
	}
	if a.At.Before(approved.Decided.At) {
		t.Errorf("judged at %s, approved at %s", a.At, approved.Decided.At)
	}
	if back, err := first.ask(t, bert.Secret).WithdrawWaiver(ctx, asked.Id, "mended", ""); err != nil || back.State != "withdrawn" {
		t.Fatalf("%+v: %v", back, err)
	}
	for _, r := range []*running{first, second} {
		poll(t, "the withdrawal at both", func() bool { f := colocation(r); return f != nil && f.Waiver == nil })
	}

	draft, err := first.ask(t, anna.Secret).DraftPolicy(ctx, "apiVersion: meridian/v1\nkind: Policy\nname: mild\nrules: {COL-001: {severity: low}}\n", "less noise")
	if err != nil {
		t.Fatal(err)
	}
	p, err := first.ask(t, anna.Secret).PreviewPolicy(ctx, draft.Id)
	if err != nil || p.Sites != 1 || len(p.Changed) != 1 || p.Changed[0].Rule != "COL-001" || len(p.Opened)+len(p.Closed) != 0 {
		t.Fatalf("%+v: %v", p, err)
	}
	if f := colocation(first); f.Severity == rules.Low {
		t.Error("a preview changed what is in force")
	}
	active, err := first.ask(t, bert.Secret).ActivatePolicy(ctx, draft.Id, "agreed")
	if err != nil || !active.Active {
		t.Fatalf("%+v: %v", active, err)
	}
	for _, r := range []*running{first, second} {
		poll(t, "the policy at both", func() bool { f := colocation(r); return f != nil && f.Severity == rules.Low })
	}
	a, at1 = assessment(t, first)
	if _, at2 := assessment(t, second); !bytes.Equal(at1, at2) || a.Policy.Version != draft.Id || a.Policy.Hash != draft.Hash || a.Policy.Name != "mild" {
		t.Errorf("under %+v", a.Policy)
	}

	for secret, want := range map[string]int{drives.Secret: 1, nobody.Secret: 0} {
		page, err := first.ask(t, secret).Sites(client.Query{}).Collect(ctx)
		if err != nil || page.Total != want {
			t.Errorf("a token sees %d sites, want %d: %v", page.Total, want, err)
		}
	}
	if _, err := admin.RevokeToken(ctx, drives.Token.Id, "lost"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.ask(t, drives.Secret).Me(ctx); client.CodeOf(err) != client.Unauthorised {
		t.Errorf("a revoked token: %v", err)
	}

	acts := func(r *running) string {
		page, err := r.ask(t, secret).Audit(client.Query{}).Collect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for i := len(page.Items) - 1; i >= 0; i-- {
			out = append(out, page.Items[i].Act+" "+string(page.Items[i].Outcome))
		}
		return strings.Join(out, "\n")
	}
	want := strings.Join([]string{
		"createToken done", "createToken done", "createToken done", "createToken done", "requestWaiver done", "requestWaiver done", "approveWaiver refused", "createToken done", "approveWaiver refused", "approveWaiver refused", "approveWaiver done",
		"withdrawWaiver done", "draftPolicy done", "activatePolicy done", "revokeToken done",
	}, "\n")
	poll(t, "the audit at the other replica", func() bool { return acts(second) == acts(first) })
	if got := acts(first); got != want {
		t.Errorf("the audit:\n%s\nwant:\n%s", got, want)
	}

	first.stop()
	second.stop()
	later := run(t, server.Hub(t))
	if n := later.Evaluations(); n != 0 {
		t.Errorf("a hub that starts later judges %d times", n)
	}
	if _, at3 := assessment(t, later); !bytes.Equal(at1, at3) {
		t.Error("a hub that starts later says something else")
	}
	poll(t, "the audit after a restart", func() bool { return acts(later) == want })
}

// TestPolicyNeedsAnother: where approval is demanded, the author may not activate, and a version that was in force before
// may be activated again by anybody who may activate at all.
func TestPolicyNeedsAnother(t *testing.T) {
	server := bustest.Start(t)
	h := run(t, server.Hub(t), func(o *hub.Options) { o.PolicyApproval = true })
	ctx := context.Background()
	admin := h.ask(t, secret)
	other := made(t, admin, "Other", "approver", access.Scope{})
	one, err := admin.DraftPolicy(ctx, "apiVersion: meridian/v1\nkind: Policy\nname: one\n", "")
	if err != nil {
		t.Fatal(err)
	}
	two, err := admin.DraftPolicy(ctx, "apiVersion: meridian/v1\nkind: Policy\nname: two\n", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ActivatePolicy(ctx, one.Id, "mine"); client.CodeOf(err) != client.Forbidden {
		t.Errorf("activated by its author: %v", err)
	}
	me, err := admin.Me(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ask(t, made(t, admin, strings.ToUpper(me.Name), "approver", access.Scope{}).Secret).ActivatePolicy(ctx, one.Id, "mine"); client.CodeOf(err) != client.Forbidden {
		t.Errorf("activated by its author with another token: %v", err)
	}
	for _, id := range []string{one.Id, two.Id} {
		if _, err := h.ask(t, other.Secret).ActivatePolicy(ctx, id, "agreed"); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := admin.ActivatePolicy(ctx, one.Id, "back"); err != nil || !v.Active || len(v.Activations) != 2 {
		t.Errorf("%+v: %v", v, err)
	}
	page, err := admin.Policies(client.Query{}).Collect(ctx)
	if err != nil || page.Total != 3 || page.Items[0].Id != "2" || page.Items[2].Id != "file" || page.Items[2].Active {
		t.Errorf("%+v: %v", page, err)
	}
}
