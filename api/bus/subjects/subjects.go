// Package subjects names the subjects of the NATS contract, what a site may do with them, and what crosses between the
// accounts of the sites and the hub. It sends nothing; package bus does.
package subjects

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Subjects. The last token of all but the change and document subjects is the site.
const (
	root       = "meridian.v1."
	Inventory  = root + "inventory."
	Heartbeat  = root + "heartbeat."
	Assessment = root + "assessment."
	Request    = root + "request."
	Rejected   = root + "rejected."
	Change     = root + "change."
	Document   = root + "document."
	Audit      = root + "audit" // the whole subject
)

// Streams from which a site reads its own last message.
const (
	StreamAssessment = "MERIDIAN_ASSESSMENT"
	StreamRejected   = "MERIDIAN_REJECTED"
)

// Errors of this package.
var (
	ErrInvalid     = errors.New("the message is invalid")                     // no subject can be made of it
	ErrMisdirected = errors.New("the message does not belong to its subject") // the subject is no site's
)

// maxSite is the greatest length of a site id.
const maxSite = 63

// ValidSite reports whether the id can stand in a subject: ^[a-z0-9][a-z0-9-]{0,62}$. Nothing else is ever sent or read,
// so that no id can carry a dot, a wildcard or a space into a subject.
func ValidSite(id string) bool {
	if id == "" || len(id) > maxSite || id[0] == '-' {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Of returns a subject of a site. ErrInvalid when the id is none.
func Of(prefix, site string) (string, error) {
	if !ValidSite(site) {
		return "", fmt.Errorf("%w: site id %.80q does not match ^[a-z0-9][a-z0-9-]{0,62}$", ErrInvalid, site)
	}
	return prefix + site, nil
}

// SiteOf returns the site of a subject with the prefix.
func SiteOf(prefix, subject string) (string, error) {
	site, ok := strings.CutPrefix(subject, prefix)
	if !ok || !ValidSite(site) {
		return "", fmt.Errorf("%w: subject %.200q", ErrMisdirected, subject)
	}
	return site, nil
}

// OfChange is meridian.v1.change.<kind>.<site>; a kind is one or more tokens of lower-case letters and dashes.
func OfChange(kind, site string) (string, error) {
	for token := range strings.SplitSeq(kind, ".") {
		if !ValidToken(token) {
			return "", fmt.Errorf("%w: change kind %.80q: lower-case letters and dashes, tokens separated by dots", ErrInvalid, kind)
		}
	}
	return Of(Change+kind+".", site)
}

// ValidToken reports whether the text is lower-case letters and dashes, and short enough for a subject.
func ValidToken(token string) bool {
	if token == "" || len(token) > maxSite {
		return false
	}
	for i := range len(token) {
		if c := token[i]; (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}

// ChangeOf returns kind and site of a change subject.
func ChangeOf(subject string) (kind, site string, err error) {
	rest, ok := strings.CutPrefix(subject, Change)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot <= 0 || !ValidSite(rest[dot+1:]) {
		return "", "", fmt.Errorf("%w: subject %.200q", ErrMisdirected, subject)
	}
	return rest[:dot], rest[dot+1:], nil
}

// OfDocument returns the subject of a piece of a large document of a site.
func OfDocument(site string, piece int) (string, error) {
	prefix, err := Of(Document, site)
	return prefix + "." + strconv.Itoa(piece), err
}

// Permissions are the subjects a credential may publish and subscribe to.
type Permissions struct {
	Publish   []string
	Subscribe []string
}

// InboxPrefix is the inbox prefix of a site's credential; no site can read another's answers.
func InboxPrefix(site string) string { return "_INBOX_" + site }

// AnswerWithin is how long a site may answer a request of the hub: the server lets it publish once to the request's reply
// subject within this time, and to no other inbox.
const AnswerWithin = time.Minute

// SitePermissions is the least a site's credential needs: to publish its own inventories, documents and heartbeats, to
// read its own assessment and rejections, and to hear and answer requests. The answers need the server's
// allow_responses beside these. It reads the kept assessment by a direct get of exactly its subject, so that it needs no
// right on streams or consumers.
func SitePermissions(site string) (Permissions, error) {
	if !ValidSite(site) {
		_, err := Of("", site)
		return Permissions{}, err
	}
	return Permissions{
		Publish: []string{
			Inventory + site,
			Heartbeat + site,
			Document + site + ".*",
			DirectGet("", StreamAssessment, Assessment+site),
			DirectGet("", StreamRejected, Rejected+site),
			// Over a leaf node the API of the hub's domain is asked.
			DirectGet(anyDomain, StreamAssessment, Assessment+site),
			DirectGet(anyDomain, StreamRejected, Rejected+site),
		},
		Subscribe: []string{
			Assessment + site,
			Rejected + site,
			Request + site,
			InboxPrefix(site) + ".>",
		},
	}, nil
}

// anyDomain stands for whichever JetStream domain the hub's servers name.
const anyDomain = "*"

// API is a subject of the JetStream API in a domain; empty is that of servers without one.
func API(domain, rest string) string {
	if domain == "" {
		return "$JS.API." + rest
	}
	return "$JS." + domain + ".API." + rest
}

// DirectGet is the subject of the JetStream API that answers with the last message of a subject.
func DirectGet(domain, stream, subject string) string {
	return API(domain, "DIRECT.GET."+stream+"."+subject)
}

// Flows are the subjects that cross between the account of the sites and that of the hub, for sites in general.
type Flows struct {
	Services []string // a site asks or publishes, the hub's account answers
	Streams  []string // the hub publishes, sites listen
	Requests []string // the hub asks, a site answers
	// Domains are what a site says over a leaf node, where the API has the name of the hub's domain in it, and what the
	// sites' account makes of it; $2 stands for the second wildcard.
	Domains [][2]string
}

// SiteSubjects are what the hub's account lends to that of the sites. Which of them a site may use is in SitePermissions.
func SiteSubjects() Flows {
	return Flows{
		Services: []string{
			Inventory + "*", Heartbeat + "*", Document + "*.*",
			DirectGet("", StreamAssessment, Assessment+"*"), DirectGet("", StreamRejected, Rejected+"*"),
		},
		Streams:  []string{Assessment + "*", Rejected + "*"},
		Requests: []string{Request + "*"},
		Domains: [][2]string{
			{DirectGet(anyDomain, StreamAssessment, Assessment+"*"), DirectGet("", StreamAssessment, Assessment+"$2")},
			{DirectGet(anyDomain, StreamRejected, Rejected+"*"), DirectGet("", StreamRejected, Rejected+"$2")},
		},
	}
}
