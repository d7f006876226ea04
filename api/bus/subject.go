package bus

import (
	"fmt"
	"strconv"
	"strings"
)

// Subjects. The last token of all but the change and document subjects is the site.
const (
	subjectRoot       = "meridian.v1."
	subjectInventory  = subjectRoot + "inventory."
	subjectHeartbeat  = subjectRoot + "heartbeat."
	subjectAssessment = subjectRoot + "assessment."
	subjectRequest    = subjectRoot + "request."
	subjectRejected   = subjectRoot + "rejected."
	subjectChange     = subjectRoot + "change."
	subjectDocument   = subjectRoot + "document."
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

func siteSubject(prefix, site string) (string, error) {
	if !ValidSite(site) {
		return "", fmt.Errorf("%w: site id %.80q does not match ^[a-z0-9][a-z0-9-]{0,62}$", ErrInvalid, site)
	}
	return prefix + site, nil
}

// siteOf returns the site of a subject with the prefix.
func siteOf(prefix, subject string) (string, error) {
	site, ok := strings.CutPrefix(subject, prefix)
	if !ok || !ValidSite(site) {
		return "", fmt.Errorf("%w: subject %.200q", ErrMisdirected, subject)
	}
	return site, nil
}

// changeSubject is meridian.v1.change.<kind>.<site>; a kind is one or more tokens of lower-case letters and dashes.
func changeSubject(kind, site string) (string, error) {
	for token := range strings.SplitSeq(kind, ".") {
		if !validToken(token) {
			return "", fmt.Errorf("%w: change kind %.80q: lower-case letters and dashes, tokens separated by dots", ErrInvalid, kind)
		}
	}
	return siteSubject(subjectChange+kind+".", site)
}

func validToken(token string) bool {
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

// changeOf returns kind and site of a change subject.
func changeOf(subject string) (kind, site string, err error) {
	rest, ok := strings.CutPrefix(subject, subjectChange)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot <= 0 || !ValidSite(rest[dot+1:]) {
		return "", "", fmt.Errorf("%w: subject %.200q", ErrMisdirected, subject)
	}
	return rest[:dot], rest[dot+1:], nil
}

func documentSubject(site string, piece int) (string, error) {
	prefix, err := siteSubject(subjectDocument, site)
	return prefix + "." + strconv.Itoa(piece), err
}

// Permissions are the subjects a credential may publish and subscribe to.
type Permissions struct {
	Publish   []string
	Subscribe []string
}

// InboxPrefix is the inbox prefix of a site's credential; no site can read another's answers.
func InboxPrefix(site string) string { return "_INBOX_" + site }

// SitePermissions is the least a site's credential needs: to publish its own inventories, documents and heartbeats, to
// read its own assessment and rejections, and to hear and answer requests. The answers need the server's
// allow_responses beside these. It reads the kept assessment by a direct get of exactly its subject, so that it needs no
// right on streams or consumers.
func SitePermissions(site string) (Permissions, error) {
	if !ValidSite(site) {
		_, err := siteSubject("", site)
		return Permissions{}, err
	}
	return Permissions{
		Publish: []string{
			subjectInventory + site,
			subjectHeartbeat + site,
			subjectDocument + site + ".*",
			directGet(StreamAssessment, subjectAssessment+site),
			directGet(StreamRejected, subjectRejected+site),
			// Over a leaf node the API of the hub's domain is asked.
			directGetOfDomain(StreamAssessment, subjectAssessment+site),
			directGetOfDomain(StreamRejected, subjectRejected+site),
		},
		Subscribe: []string{
			subjectAssessment + site,
			subjectRejected + site,
			subjectRequest + site,
			InboxPrefix(site) + ".>",
		},
	}, nil
}

// directGet is the subject of the JetStream API that answers with the last message of a subject.
func directGet(stream, subject string) string {
	return "$JS.API.DIRECT.GET." + stream + "." + subject
}

// directGetOfDomain is directGet in whichever domain the hub's servers name.
func directGetOfDomain(stream, subject string) string {
	return "$JS.*.API.DIRECT.GET." + stream + "." + subject
}
