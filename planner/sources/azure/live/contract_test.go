package live

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

// answers is Azure as a list of bodies: a query is answered by the first input whose name stands in it, a request by the one
// whose name ends its path. What is in none of them is an empty list.
type answers []sourcetest.Input

// Do implements transporter.
func (a answers) Do(req *http.Request) (*http.Response, error) {
	what := req.URL.Path
	if what == graphPath {
		query, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		what = string(query)
	}
	body := []byte(`{"value":[]}`)
	if req.URL.Path == graphPath {
		body = []byte(`{"count":0,"totalRecords":0,"resultTruncated":"false","data":[]}`)
	}
	for i := range a {
		if req.URL.Path == graphPath && strings.Contains(what, a[i].Name) || strings.HasSuffix(what, a[i].Name) {
			body = a[i].Data
			break
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: req}, nil
}

func collectOnce(t testing.TB, inputs []sourcetest.Input) sourcetest.Outcome {
	t.Helper()
	s, err := build(Config{}, Options{Site: "s", Regions: regions(t)}, &credential{inner: &azfake.TokenCredential{}, kind: "fake"}, answers(inputs), policy.RetryOptions{MaxRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	s.now, s.imds = func() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }, answers(inputs)
	o := sourcetest.Collected(context.Background(), s)
	if r := s.whole; r != nil {
		o.Said = append(o.Said, r.Unassigned, r.Notes, r.Self)
	}
	return o
}

func TestContract(t *testing.T) {
	input := func(name string) sourcetest.Input {
		file := strings.NewReplacer("/", "-", ".", "-").Replace(strings.TrimPrefix(name, "/")) + ".json"
		data, err := os.ReadFile("testdata/contract/" + file)
		if err != nil {
			t.Fatal(err)
		}
		return sourcetest.Input{Name: name, Data: data}
	}
	sourcetest.Run(t, sourcetest.Contract{
		Collect: collectOnce, Answers: true, IDs: true, Step: 5,
		Fixtures: map[string][]sourcetest.Input{
			"Resource Graph": {input("/subscriptions"), input("microsoft.dbforpostgresql/flexibleservers"), input("microsoft.compute/virtualmachines")},
			"details":        {input("/subscriptions"), input("microsoft.dbforpostgresql/flexibleservers"), input("/max_connections"), input("/locations"), input("/compute")},
		},
	})
}
