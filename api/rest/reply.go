package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/meridian-federation/meridian/api/rest/read"
)

const (
	jsonType     = "application/json"
	graphvizType = "text/vnd.graphviz; charset=utf-8"
	textType     = "text/plain; charset=utf-8"
	// gzipFrom is the size from which compressing pays.
	gzipFrom = 1400
)

// representation is one form of an answer. It is immutable but for its compressed form, made on first demand.
type representation struct {
	contentType string
	body        []byte
	etag        string // the opaque part, without quotes
	index       uint64

	once       sync.Once
	compressed []byte
}

func represent(contentType string, body []byte) *representation {
	sum := sha256.Sum256(body)
	return &representation{contentType: contentType, body: body, etag: hex.EncodeToString(sum[:12])}
}

// Index implements answers.Document.
func (d *representation) Index() uint64 { return d.index }

// Size implements answers.Document.
func (d *representation) Size() int { return len(d.body) }

func (d *representation) gzip() []byte {
	d.once.Do(func() {
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			return
		}
		if _, err := w.Write(d.body); err != nil {
			return
		}
		if w.Close() == nil && b.Len() < len(d.body) {
			d.compressed = b.Bytes()
		}
	})
	return d.compressed
}

// reply answers an operation with a representation, or with a status and headers alone. It stands in for every
// generated response type, so that a body can be encoded once and sent many times.
type reply struct {
	call      *call
	status    int
	doc       *representation
	private   bool
	location  string
	setCookie *http.Cookie
}

func (r *reply) write(w http.ResponseWriter) error {
	h := w.Header()
	if r.setCookie != nil {
		http.SetCookie(w, r.setCookie)
	}
	if r.location != "" {
		h.Set("Location", r.location)
	}
	if r.doc == nil {
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(r.status)
		return nil
	}
	body, tag := r.doc.body, `"`+r.doc.etag+`"`
	if len(body) >= gzipFrom {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.call.request.Header.Get("Accept-Encoding")) {
			if z := r.doc.gzip(); z != nil {
				body, tag = z, `"`+r.doc.etag+`-gzip"`
				h.Set("Content-Encoding", "gzip")
			}
		}
	}
	if r.private {
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("Cache-Control", "private, no-cache")
		h.Set("ETag", tag)
		if noneMatch(r.call.request.Header.Get("If-None-Match"), r.doc.etag) {
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Type", r.doc.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(r.status)
	_, err := w.Write(body)
	return err
}

// noneMatch reports whether If-None-Match names the representation, compressed or not.
func noneMatch(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" {
			return true
		}
		part = strings.Trim(strings.TrimPrefix(part, "W/"), `"`)
		if part != "" && strings.TrimSuffix(part, "-gzip") == etag {
			return true
		}
	}
	return false
}

func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if coding = strings.TrimSpace(coding); coding != "gzip" && coding != "*" {
			continue
		}
		q, found := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if !found {
			return true
		}
		v, err := strconv.ParseFloat(q, 64)
		return err == nil && v > 0
	}
	return false
}

// private answers with a document that belongs to the caller alone and is never kept.
func (a *api) private(ctx context.Context, status int, v any) (*reply, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	return &reply{call: callOf(ctx), status: status, doc: represent(jsonType, append(body, '\n')), private: true}, nil
}

// answer encodes v, drops what is outside the caller's scope from its texts, and keeps the result for the next caller
// with the same scope and query.
func (a *api) answer(ctx context.Context, s *read.Snapshot, v any) (*reply, error) {
	c := callOf(ctx)
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	return a.keep(c, s, s.Scrub(body)), nil
}

// own answers with what tells nothing about other sites, as it is: a site's own document, or reference data.
func (a *api) own(ctx context.Context, s *read.Snapshot, v any) (*reply, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	return a.keep(callOf(ctx), s, body), nil
}

func (a *api) keep(c *call, s *read.Snapshot, body []byte) *reply {
	return a.keepAs(c, s, jsonType, append(body, '\n'))
}

func (a *api) keepAs(c *call, s *read.Snapshot, contentType string, body []byte) *reply {
	doc := represent(contentType, body)
	doc.index = s.Index()
	if c.cacheKey != "" {
		a.cache.Put(c.cacheKey, doc)
	}
	return &reply{call: c, status: http.StatusOK, doc: doc}
}

func (r *reply) VisitListArchitecturesResponse(w http.ResponseWriter) error    { return r.write(w) }
func (r *reply) VisitListChangesResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r *reply) VisitListDifferencesResponse(w http.ResponseWriter) error      { return r.write(w) }
func (r *reply) VisitGetTrendsResponse(w http.ResponseWriter) error            { return r.write(w) }
func (r *reply) VisitListClustersResponse(w http.ResponseWriter) error         { return r.write(w) }
func (r *reply) VisitGetClusterResponse(w http.ResponseWriter) error           { return r.write(w) }
func (r *reply) VisitListFindingsResponse(w http.ResponseWriter) error         { return r.write(w) }
func (r *reply) VisitListInfrastructureResponse(w http.ResponseWriter) error   { return r.write(w) }
func (r *reply) VisitGetInfrastructureResponse(w http.ResponseWriter) error    { return r.write(w) }
func (r *reply) VisitGetTenancyGraphResponse(w http.ResponseWriter) error      { return r.write(w) }
func (r *reply) VisitCreateSimulationResponse(w http.ResponseWriter) error     { return r.write(w) }
func (r *reply) VisitGetFleetPlanResponse(w http.ResponseWriter) error         { return r.write(w) }
func (r *reply) VisitGetMeResponse(w http.ResponseWriter) error                { return r.write(w) }
func (r *reply) VisitGetOpenAPIResponse(w http.ResponseWriter) error           { return r.write(w) }
func (r *reply) VisitListRecommendationsResponse(w http.ResponseWriter) error  { return r.write(w) }
func (r *reply) VisitListRegionMismatchesResponse(w http.ResponseWriter) error { return r.write(w) }
func (r *reply) VisitListRegionsResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r *reply) VisitListRejectionsResponse(w http.ResponseWriter) error       { return r.write(w) }
func (r *reply) VisitListRulesResponse(w http.ResponseWriter) error            { return r.write(w) }
func (r *reply) VisitGetRuleResponse(w http.ResponseWriter) error              { return r.write(w) }
func (r *reply) VisitGetInventorySchemaResponse(w http.ResponseWriter) error   { return r.write(w) }
func (r *reply) VisitDeleteSessionResponse(w http.ResponseWriter) error        { return r.write(w) }
func (r *reply) VisitCreateSessionResponse(w http.ResponseWriter) error        { return r.write(w) }
func (r *reply) VisitListSitesResponse(w http.ResponseWriter) error            { return r.write(w) }
func (r *reply) VisitGetSiteResponse(w http.ResponseWriter) error              { return r.write(w) }
func (r *reply) VisitGetSiteAssessmentResponse(w http.ResponseWriter) error    { return r.write(w) }
func (r *reply) VisitGetSiteInventoryResponse(w http.ResponseWriter) error     { return r.write(w) }
func (r *reply) VisitListTenancyResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r *reply) VisitListVersionsResponse(w http.ResponseWriter) error         { return r.write(w) }
func (r *reply) VisitPutSiteHeartbeatResponse(w http.ResponseWriter) error     { return r.write(w) }
