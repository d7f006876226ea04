package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/meridian-federation/meridian/api/bus/subjects"
	"github.com/meridian-federation/meridian/planner/atomicfile"
)

// Files of a folder of keys. All but ServerFile are secrets of mode 0600.
const (
	HubFile      = "hub.creds"     // credential of the hub: all rights in the federation's account
	SystemFile   = "system.creds"  // credential of the system account, with which the hub tells the servers of revocations
	SitesFile    = "sites.nk"      // key that signs the sites' credentials and nothing else
	OperatorFile = "operator.nk"   // key that signs the account when a credential is revoked
	ServerFile   = "accounts.conf" // what the servers include: operator, accounts and their identities; no secret
	RootsFolder  = "roots"         // seeds nobody needs in operation: keep them offline and away from the hub

	rootOperator, rootHub, rootSites, rootSystem = "operator.nk", "hub.nk", "sites.nk", "system.nk"
)

const (
	hubName      = "MERIDIAN"
	sitesName    = "MERIDIAN_SITES"
	maxSiteSubs  = 100 // a planner holds some ten; the bound keeps a stolen credential from filling the server
	templateSite = "site"
)

// Servers are the accounts as a server is told of them.
type Servers struct {
	Operator string            // JWT
	System   string            // public key of the system account
	Hub      string            // public key of the hub's account, which has the streams and buckets
	Sites    string            // public key of the sites' account, which has nothing but what the hub's lends it
	Preload  map[string]string // JWT by public key of the account
}

// Create makes the keys of a new federation in a folder, which must not hold any yet (os.ErrExist).
func Create(dir string) (Servers, error) {
	s, err := create(dir)
	if err != nil {
		return Servers{}, fmt.Errorf("make the keys of the federation in %s: %w", dir, err)
	}
	return s, nil
}

func create(dir string) (Servers, error) {
	roots := filepath.Join(dir, RootsFolder)
	if err := os.MkdirAll(roots, 0o700); err != nil {
		return Servers{}, err
	}
	for _, path := range [...]string{
		filepath.Join(dir, HubFile), filepath.Join(dir, SystemFile), filepath.Join(dir, SitesFile), filepath.Join(dir, OperatorFile), filepath.Join(dir, ServerFile),
		filepath.Join(roots, rootOperator), filepath.Join(roots, rootHub), filepath.Join(roots, rootSites), filepath.Join(roots, rootSystem),
	} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return Servers{}, fmt.Errorf("%s: %w: keys that are in use must not be replaced; choose another folder", path, os.ErrExist)
		}
	}
	m := &maker{}
	operator, operatorSigner := m.pair(nkeys.CreateOperator), m.pair(nkeys.CreateOperator)
	account, sites, signer, system := m.pair(nkeys.CreateAccount), m.pair(nkeys.CreateAccount), m.pair(nkeys.CreateAccount), m.pair(nkeys.CreateAccount)
	hub, pulse := m.pair(nkeys.CreateUser), m.pair(nkeys.CreateUser)
	if m.err != nil {
		return Servers{}, m.err
	}
	s := Servers{System: m.public(system), Hub: m.public(account), Sites: m.public(sites), Preload: map[string]string{}}

	oc := jwt.NewOperatorClaims(m.public(operator))
	oc.Name, oc.SystemAccount = hubName, s.System
	oc.SigningKeys.Add(m.public(operatorSigner))
	s.Operator = m.encode(oc, operator)

	sc := jwt.NewAccountClaims(s.System)
	sc.Name = "SYS"
	s.Preload[s.System] = m.encode(sc, operatorSigner)

	hc := jwt.NewAccountClaims(s.Hub)
	hc.Name = hubName
	hc.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit, MaxAckPending: jwt.NoLimit,
	}
	lend(hc, s.Sites)
	s.Preload[s.Hub] = m.encode(hc, operatorSigner)

	ac := jwt.NewAccountClaims(s.Sites)
	ac.Name = sitesName
	borrow(ac, s.Hub)
	scope, err := siteScope(m.public(signer))
	if err != nil {
		return Servers{}, err
	}
	ac.SigningKeys.AddScopedSigner(scope)
	s.Preload[s.Sites] = m.encode(ac, operatorSigner)

	m.credential(filepath.Join(dir, HubFile), "hub", hub, account)
	m.credential(filepath.Join(dir, SystemFile), "hub", pulse, system)
	m.seed(filepath.Join(dir, SitesFile), signer)
	m.seed(filepath.Join(dir, OperatorFile), operatorSigner)
	m.seed(filepath.Join(roots, rootOperator), operator)
	m.seed(filepath.Join(roots, rootHub), account)
	m.seed(filepath.Join(roots, rootSites), sites)
	m.seed(filepath.Join(roots, rootSystem), system)
	m.write(filepath.Join(dir, ServerFile), s.conf())
	return s, m.err
}

// siteScope says what a key may sign: credentials with exactly the rights of the site they name.
func siteScope(public string) (*jwt.UserScope, error) {
	p, err := subjects.SitePermissions(templateSite)
	if err != nil {
		return nil, err
	}
	scope := jwt.NewUserScope()
	scope.Key, scope.Role, scope.Description = public, "site", "planner of the site that is the credential's name"
	scope.Template = jwt.UserPermissionLimits{
		Permissions: jwt.Permissions{
			Pub: jwt.Permission{Allow: template(p.Publish)}, Sub: jwt.Permission{Allow: template(p.Subscribe)},
			Resp: &jwt.ResponsePermission{MaxMsgs: 1, Expires: subjects.AnswerWithin},
		},
		Limits: jwt.Limits{NatsLimits: jwt.NatsLimits{Subs: maxSiteSubs, Data: jwt.NoLimit, Payload: jwt.NoLimit}, UserLimits: jwt.UserLimits{Src: jwt.CIDRList{}}},
	}
	return scope, nil
}

// template replaces the site in each subject by the name of the credential, which the server fills in. The site stands at
// the end of a subject, before its last tokens, or in the inbox prefix.
func template(subjects []string) []string {
	out := make([]string, len(subjects))
	for i, s := range subjects {
		at := strings.LastIndex(s, templateSite)
		out[i] = s[:at] + "{{name()}}" + s[at+len(templateSite):]
	}
	return out
}

func (s Servers) conf() []byte {
	var b strings.Builder
	b.WriteString("# Made by \"meridian nats keys\"; include it in the configuration of every server of the cluster. It holds no secret.\n")
	fmt.Fprintf(&b, "operator: %s\nsystem_account: %s\nresolver_preload: {\n", s.Operator, s.System)
	for _, account := range [...]string{s.System, s.Hub, s.Sites} {
		fmt.Fprintf(&b, "  %s: %s\n", account, s.Preload[account])
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

// lend exports what the hub's account lets the sites' use, and imports what it asks of them.
func lend(hub *jwt.AccountClaims, sites string) {
	f := subjects.SiteSubjects()
	for _, subject := range f.Services {
		hub.Exports.Add(&jwt.Export{Name: subject, Subject: jwt.Subject(subject), Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton})
	}
	for _, subject := range f.Streams {
		hub.Exports.Add(&jwt.Export{Name: subject, Subject: jwt.Subject(subject), Type: jwt.Stream})
	}
	for _, subject := range f.Requests {
		hub.Imports.Add(&jwt.Import{Name: subject, Subject: jwt.Subject(subject), Account: sites, Type: jwt.Service})
	}
}

// borrow is the other side of lend.
func borrow(sites *jwt.AccountClaims, hub string) {
	f := subjects.SiteSubjects()
	for _, subject := range f.Services {
		sites.Imports.Add(&jwt.Import{Name: subject, Subject: jwt.Subject(subject), Account: hub, Type: jwt.Service})
	}
	for _, subject := range f.Streams {
		sites.Imports.Add(&jwt.Import{Name: subject, Subject: jwt.Subject(subject), Account: hub, Type: jwt.Stream})
	}
	for _, d := range f.Domains {
		sites.AddMapping(jwt.Subject(d[0]), jwt.WeightedMapping{Subject: jwt.Subject(d[1])})
	}
	for _, subject := range f.Requests {
		sites.Exports.Add(&jwt.Export{Name: subject, Subject: jwt.Subject(subject), Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton})
	}
}

// ReadServers reads what Create wrote for the servers.
func ReadServers(dir string) (Servers, error) {
	path := filepath.Join(dir, ServerFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return Servers{}, fmt.Errorf("read the accounts of the federation: %w", err)
	}
	s := Servers{Preload: map[string]string{}}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !ok || strings.HasPrefix(key, "#") || value == "{":
		case key == "operator":
			s.Operator = value
		case key == "system_account":
			s.System = value
		default:
			account, err := jwt.DecodeAccountClaims(value)
			if err != nil {
				return Servers{}, fmt.Errorf("read the accounts of the federation: %s: account %.80q: %w", path, key, err)
			}
			s.Preload[key] = value
			switch account.Name {
			case hubName:
				s.Hub = key
			case sitesName:
				s.Sites = key
			}
		}
	}
	if s.Operator == "" || s.System == "" || s.Hub == "" || s.Sites == "" {
		return Servers{}, fmt.Errorf("read the accounts of the federation: %s is not what was written there", path)
	}
	return s, nil
}

// maker does one thing after the other until one fails.
type maker struct{ err error }

func (m *maker) pair(create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	if m.err != nil {
		return nil
	}
	kp, err := create()
	m.err = err
	return kp
}

func (m *maker) public(kp nkeys.KeyPair) string {
	if m.err != nil {
		return ""
	}
	p, err := kp.PublicKey()
	m.err = err
	return p
}

func (m *maker) encode(c jwt.Claims, signer nkeys.KeyPair) string {
	if m.err != nil {
		return ""
	}
	token, err := c.Encode(signer)
	m.err = err
	return token
}

func (m *maker) seed(path string, kp nkeys.KeyPair) {
	if m.err != nil {
		return
	}
	var seed []byte
	if seed, m.err = kp.Seed(); m.err == nil {
		m.write(path, append(seed, '\n'))
	}
}

func (m *maker) credential(path, user string, kp, signer nkeys.KeyPair) {
	uc := jwt.NewUserClaims(m.public(kp))
	uc.Name = user
	token := m.encode(uc, signer)
	if m.err != nil {
		return
	}
	var seed, b []byte
	if seed, m.err = kp.Seed(); m.err != nil {
		return
	}
	if b, m.err = jwt.FormatUserConfig(token, seed); m.err == nil {
		m.write(path, b)
	}
}

func (m *maker) write(path string, b []byte) {
	if m.err == nil {
		m.err = atomicfile.Write(path, b)
	}
}
