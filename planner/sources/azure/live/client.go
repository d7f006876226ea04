package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph"
)

// Bounds of what is read. Resource Graph gives at most 1,000 rows a page.
const (
	maxAnswer = 32 << 20
	maxRows   = 50_000
	maxPages  = 200
	pageRows  = 1000

	// What may be asked again, and after how long at most. Azure's own Retry-After counts, unless it is longer.
	retries    = 4
	retryDelay = time.Second
	retryMax   = 30 * time.Second
)

// transporter sends one request; *http.Client is one.
type transporter interface {
	Do(*http.Request) (*http.Response, error)
}

// client asks Azure Resource Manager and Resource Graph.
type client struct {
	arm   *arm.Client
	graph *armresourcegraph.Client
	host  string
}

func newClient(cred azcore.TokenCredential, c Config, send transporter, retry policy.RetryOptions) (*client, error) {
	o := &arm.ClientOptions{
		ClientOptions: policy.ClientOptions{
			Cloud: cloudOf(c.Cloud), Retry: retry, Transport: bounded{send},
			Telemetry: policy.TelemetryOptions{ApplicationID: "meridian"},
		},
		DisableRPRegistration: true, // Registering a provider writes to the subscription.
	}
	plain, err := arm.NewClient("live", "v1.0.0", cred, o)
	if err != nil {
		return nil, fmt.Errorf("prepare requests to Azure: %w", err)
	}
	graph, err := armresourcegraph.NewClient(cred, o)
	if err != nil {
		return nil, fmt.Errorf("prepare requests to Resource Graph: %w", err)
	}
	u, err := url.Parse(plain.Endpoint())
	if err != nil {
		return nil, fmt.Errorf("prepare requests to Azure: %w", err)
	}
	return &client{arm: plain, graph: graph, host: u.Host}, nil
}

// bounded cuts off answers that no memory should hold.
type bounded struct{ inner transporter }

// Do implements policy.Transporter.
func (b bounded) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.inner.Do(req)
	if err == nil && resp.Body != nil {
		resp.Body = &limitedBody{resp.Body, maxAnswer}
	}
	return resp, err
}

type limitedBody struct {
	io.ReadCloser
	left int
}

// Read fails with errTooLarge past the bound.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge{}
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return n, errTooLarge{}
	}
	return n, err
}

type errTooLarge struct{}

func (errTooLarge) Error() string { return "the answer is larger than 32 MiB" }

// NonRetriable tells the SDK not to ask again: the next answer would be as large.
func (errTooLarge) NonRetriable() {}

// errElsewhere is about a next page on another server, which must not get the token.
var errElsewhere = errors.New("the next page lies on another server")

// errShape is about an answer that is not what the API describes.
var errShape = errors.New("the answer has another shape than the API describes")

// errEndless is about a list that goes on past every bound.
var errEndless = errors.New("the list goes on past the bound")

// get reads one resource.
func (c *client) get(ctx context.Context, path, version string) ([]byte, error) {
	body, err := c.fetch(ctx, runtime.JoinPaths(c.arm.Endpoint(), escape(path))+"?api-version="+version)
	if err == nil && !json.Valid(body) {
		return nil, errShape
	}
	return body, err
}

func (c *client) fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := runtime.NewRequest(ctx, http.MethodGet, address)
	if err != nil {
		return nil, errShape
	}
	req.Raw().Header.Set("Accept", "application/json")
	resp, err := c.arm.Pipeline().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() // nothing was written
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return nil, runtime.NewResponseError(resp)
	}
	return runtime.Payload(resp)
}

// list reads all pages of a list. With an error come the rows of the pages before it.
func (c *client) list(ctx context.Context, path, version string) ([]json.RawMessage, error) {
	var rows []json.RawMessage
	next := runtime.JoinPaths(c.arm.Endpoint(), escape(path)) + "?api-version=" + version
	for page := 0; next != ""; page++ {
		if page == maxPages || len(rows) > maxRows {
			return rows, errEndless
		}
		body, err := c.fetch(ctx, next)
		if err != nil {
			return rows, err
		}
		var envelope struct {
			Value    *[]json.RawMessage `json:"value"`
			NextLink string             `json:"nextLink"`
		}
		if err := json.Unmarshal(body, &envelope); err != nil || envelope.Value == nil {
			return rows, errShape
		}
		rows = append(rows, *envelope.Value...)
		if next = envelope.NextLink; next != "" {
			if u, err := url.Parse(next); err != nil || u.Host != c.host || u.Scheme != "https" {
				return rows, errElsewhere
			}
		}
	}
	return rows, nil
}

// query reads all pages of a Resource Graph query, each row as JSON. With an error come the rows of the pages before it.
func (c *client) query(ctx context.Context, text string, subscriptions []string) ([]json.RawMessage, error) {
	var rows []json.RawMessage
	request := armresourcegraph.QueryRequest{
		Query: &text, Subscriptions: to.SliceOfPtrs(subscriptions...),
		Options: &armresourcegraph.QueryRequestOptions{ResultFormat: to.Ptr(armresourcegraph.ResultFormatObjectArray), Top: to.Ptr[int32](pageRows)},
	}
	for page := 0; ; page++ {
		if page == maxPages || len(rows) > maxRows {
			return rows, errEndless
		}
		resp, err := c.graph.Resources(ctx, request, nil)
		if err != nil {
			return rows, err
		}
		data, ok := resp.Data.([]any)
		if !ok {
			return rows, errShape
		}
		for _, row := range data {
			var text bytes.Buffer
			e := json.NewEncoder(&text)
			e.SetEscapeHTML(false)
			if err := e.Encode(row); err != nil {
				return rows, errShape
			}
			rows = append(rows, text.Bytes())
		}
		switch {
		case resp.SkipToken != nil && *resp.SkipToken != "":
			request.Options.SkipToken = resp.SkipToken
		case resp.ResultTruncated != nil && *resp.ResultTruncated == armresourcegraph.ResultTruncatedTrue:
			return rows, errEndless
		default:
			return rows, nil
		}
	}
}

// escape makes the path of an id: what stands between its slashes may hold anything.
func escape(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// cause says why something could not be learned, in this program's words.
type cause struct {
	what      string
	code      string // Azure's own, letters only
	forbidden bool   // by a lack of permission
	gone      bool   // it does not exist any more
	unused    bool   // there cannot be any, because the subscription does not use the service
	passing   bool   // likely to work another time
}

func explain(err error) cause {
	var answer *azcore.ResponseError
	var identity *credentialError
	switch {
	case errors.As(err, &identity):
		return cause{what: identity.Error(), passing: true}
	case errors.Is(err, context.DeadlineExceeded):
		return cause{what: "no answer in time", passing: true}
	case errors.As(err, &errTooLarge{}):
		return cause{what: "the answer is larger than 32 MiB; name fewer subscriptions"}
	case errors.Is(err, errElsewhere), errors.Is(err, errShape):
		return cause{what: err.Error()}
	case errors.Is(err, errEndless):
		return cause{what: "more resources than one collection reads; name fewer subscriptions"}
	case !errors.As(err, &answer):
		return cause{what: "Azure cannot be reached", passing: true}
	}
	shown, code := "", ""
	if answer.ErrorCode != "" && len(answer.ErrorCode) <= 64 && !strings.ContainsFunc(answer.ErrorCode, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) {
		code = answer.ErrorCode
		shown = ", " + code
	}
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return cause{what: fmt.Sprintf("not allowed (%d%s); give the credential the role Reader", status, shown), code: code, forbidden: true}
	case code == "MissingSubscriptionRegistration" || code == "SubscriptionNotRegistered" || code == "NoRegisteredProviderFound":
		return cause{what: "the subscription does not use this service", code: code, unused: true}
	case status == http.StatusNotFound:
		return cause{what: fmt.Sprintf("not found (%d%s)", status, shown), code: code, gone: strings.HasSuffix(code, "NotFound")}
	case status == http.StatusTooManyRequests:
		return cause{what: fmt.Sprintf("throttled by Azure (%d%s); it is asked again with the next collection", status, shown), code: code, passing: true}
	case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
		return cause{what: fmt.Sprintf("Azure failed (%d%s)", status, shown), code: code, passing: true}
	default:
		return cause{what: fmt.Sprintf("Azure refused the request (%d%s)", status, shown), code: code}
	}
}
