package govern

import (
	"context"
	"errors"
	"net/http"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	versions "github.com/meridian-federation/meridian/federation/policy"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Policies keep the versions of the policy.
type Policies struct {
	Service  PolicyService
	Base     *policy.Policy // in force while no version is active
	Approval bool           // shown to the caller; the service holds to it
	// Parse checks a document. A *document.Error is told to the caller.
	Parse func(text []byte) (*policy.Policy, error)
	// Preview compares the findings of now with those under another policy and changes nothing.
	Preview func(ctx context.Context, p *policy.Policy) (*versions.Delta, error)
}

// PolicyService is *versions.Service.
type PolicyService interface {
	List() ([]versions.Version, versions.Log)
	Get(id string) (versions.Version, error)
	Draft(ctx context.Context, by versions.Act, p *policy.Policy) (versions.Version, error)
	Activate(ctx context.Context, by versions.Act, id string) (before string, a versions.Activation, err error)
}

// filePolicy is the id of the policy that is in force while no version is active.
const filePolicy = "file"

func (s *Server) policies() (*Policies, error) {
	if s.o.Policies == nil {
		return nil, refuse.Because(refuse.Unavailable, "this server keeps no versions of the policy")
	}
	return s.o.Policies, nil
}

func (s *Server) policyViews() []gen.PolicyVersion {
	list, log := s.o.Policies.Service.List()
	active := log.Active(s.o.Clock())
	out := make([]gen.PolicyVersion, 0, len(list)+1)
	for i := range list {
		v := policyView(&list[i], log)
		v.Active = v.Id == active
		out = append(out, v)
	}
	base := s.o.Policies.Base
	return append(out, gen.PolicyVersion{Id: filePolicy, Name: base.Name, Hash: base.Hash(), Active: active == "", Policy: base})
}

func policyView(v *versions.Version, log versions.Log) gen.PolicyVersion {
	out := gen.PolicyVersion{Id: v.ID, Name: v.Policy.Name, Hash: v.Hash, Created: v.Created, Policy: v.Policy}
	for _, a := range log.Activations {
		if a.Version == v.ID {
			out.Activations = append(out.Activations, a.Act)
		}
	}
	return out
}

// ListPolicies implements the contract.
func (s *Server) ListPolicies(ctx context.Context, req gen.ListPoliciesRequestObject) (gen.ListPoliciesResponseObject, error) {
	p, err := s.policies()
	if err != nil {
		return nil, err
	}
	views := s.policyViews()
	managed := gen.PolicyListManagedBy("hub")
	for i := range views {
		views[i].Policy = nil
		if views[i].Active && views[i].Id == filePolicy {
			managed = "file"
		}
	}
	snap := s.o.Snapshot(ctx)
	v, err := snap.Policies(views, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	v.ManagedBy, v.Approval = managed, p.Approval
	return s.document(ctx, v, false)
}

func (s *Server) policyVersion(id string) (gen.PolicyVersion, error) {
	if _, err := s.policies(); err != nil {
		return gen.PolicyVersion{}, err
	}
	for _, v := range s.policyViews() {
		if v.Id == id {
			return v, nil
		}
	}
	return gen.PolicyVersion{}, refuse.Because(refuse.NotFound, "there is no such version of the policy")
}

// GetPolicy implements the contract.
func (s *Server) GetPolicy(ctx context.Context, req gen.GetPolicyRequestObject) (gen.GetPolicyResponseObject, error) {
	v, err := s.policyVersion(req.Policy)
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, false)
}

// DraftPolicy implements the contract.
func (s *Server) DraftPolicy(ctx context.Context, req gen.DraftPolicyRequestObject) (gen.DraftPolicyResponseObject, error) {
	p, err := s.policies()
	if err != nil {
		return nil, err
	}
	c := s.o.Caller(ctx)
	c.Entry.Why = req.Body.Note
	if err := wholeFederation(c, "a version of the policy"); err != nil {
		return nil, err
	}
	doc, err := p.Parse([]byte(req.Body.Document))
	var de *document.Error
	if errors.As(err, &de) {
		return nil, refuse.Because(refuse.Invalid, "the policy is not valid", de.Problems...)
	}
	if err != nil {
		return nil, refuse.Because(refuse.Invalid, "the policy cannot be read", document.Problem{Path: "/document", What: err.Error()})
	}
	v, err := p.Service.Draft(ctx, deed(c, req.Body.Note), doc)
	if err != nil {
		return nil, err
	}
	c.wrote(v.ID, nil, v)
	return s.private(ctx, http.StatusCreated, "/policies/"+v.ID, policyView(&v, versions.Log{}))
}

func wholeFederation(c Caller, what string) error {
	if c.Scope.All() {
		return nil
	}
	return refuse.Because(refuse.Forbidden, what+" concerns every site; it needs a token that sees all sites")
}

// PreviewPolicy implements the contract.
func (s *Server) PreviewPolicy(ctx context.Context, req gen.PreviewPolicyRequestObject) (gen.PreviewPolicyResponseObject, error) {
	v, err := s.policyVersion(req.Policy)
	if err != nil {
		return nil, err
	}
	if err := wholeFederation(s.o.Caller(ctx), "a preview"); err != nil {
		return nil, err
	}
	d, err := s.o.Policies.Preview(ctx, v.Policy)
	if err != nil {
		return nil, err
	}
	out := gen.PolicyPreview{Version: v.Id, Hash: v.Hash, Sites: d.Sites, Opened: d.Opened, Closed: d.Closed, Changed: d.Changed, Unknown: d.Unknown, Severities: []gen.PolicyCount{}}
	for _, severity := range rules.Severities() {
		n := gen.PolicyCount{Severity: severity}
		for i := range d.Opened {
			if d.Opened[i].Severity == severity {
				n.Opened++
			}
		}
		for i := range d.Closed {
			if d.Closed[i].Severity == severity {
				n.Closed++
			}
		}
		if n.Opened+n.Closed > 0 {
			out.Severities = append(out.Severities, n)
		}
	}
	return s.private(ctx, http.StatusOK, "", out)
}

// ActivatePolicy implements the contract.
func (s *Server) ActivatePolicy(ctx context.Context, req gen.ActivatePolicyRequestObject) (gen.ActivatePolicyResponseObject, error) {
	p, err := s.policies()
	if err != nil {
		return nil, err
	}
	c := s.o.Caller(ctx)
	c.Entry.Target, c.Entry.Why = req.Policy, req.Body.Reason
	if err := wholeFederation(c, "an activation"); err != nil {
		return nil, err
	}
	if req.Policy == filePolicy {
		return nil, refuse.Because(refuse.Conflict, "the file's policy is in force until a version is active, and not again; store it as a version")
	}
	before, done, err := p.Service.Activate(ctx, deed(c, req.Body.Reason), req.Policy)
	if err != nil {
		return nil, err
	}
	c.wrote(req.Policy, map[string]string{"version": before}, done)
	v, err := s.policyVersion(req.Policy)
	if err != nil {
		return nil, err
	}
	return s.private(ctx, http.StatusOK, "", v)
}
