package inventory

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/geo"
)

const planted = "hunter2"

// Everything here holds the planted secret where people and programs put secrets.
func TestSecretsAreDropped(t *testing.T) {
	for _, endpoint := range []string{
		"postgres://twadmin:hunter2@pg.example/t", "postgres://twadmin:hunter2/x@pg.example:5432/t", "postgres://twadmin:12/hunter2@pg.example/t", "postgres://u:a?hunter2@pg.example/t",
		"postgres://u:a#hunter2@pg.example/t", "postgres://u:a;hunter2@pg.example/t", "postgres://u:a@hunter2@pg.example/t", "hunter2@pg.example", "u:hunter2@pg.example:5432", "u:hunter2/x@pg.example",
		"jdbc:postgresql://pg.example/t?user=u&password=hunter2", "jdbc:postgresql://pg.example/t?PASSWORD=hunter2&ssl=true", "jdbc:postgresql://pg.example?sslpassword=hunter2#hunter2",
		"jdbc:postgresql://pg.example/t?options=hunter2", "jdbc:postgresql://u:hunter2@pg.example/t", "jdbc:postgresql://pg.example/t?ssl=hunter2@x",
		"jdbc:sqlserver://pg.example:1433;user=sa;password=hunter2;encrypt=true", "jdbc:sqlserver://pg.example;password={a;hunter2};databaseName=t", "jdbc:sqlserver://pg.example;pwd=hunter2@x",
		"jdbc:jtds:sqlserver://pg.example/t;password=hunter2", "jdbc:h2:file:/x;PASSWORD=hunter2", "jdbc:oracle:thin:scott/hunter2@pg.example:1521:x", "https://pg.example/share?sig=hunter2&sv=2020",
		"https://pg.example:8443/?token=hunter2", "//u:hunter2@pg.example/share", `\\u:hunter2@pg.example\share`, "u:/hunter2@pg.example:/export", "jdbc:postgresql:t?password=hunter2", "not an address password=hunter2@pg.example", "weird host;password=hunter2",
	} {
		for _, kind := range []InfrastructureKind{KindDatabase, KindStorage, KindInfluxDB, KindLoadBalancer, KindZooKeeper} {
			s := &Site{
				Infrastructure: []Infrastructure{{ID: "x", Kind: kind, Identity: ResourceIdentity{Endpoint: endpoint, Addresses: []string{endpoint}}, FailoverEndpoint: endpoint}},
			}
			if data, err := json.Marshal(Normalise(s, nil)); err != nil || strings.Contains(string(data), planted) {
				t.Errorf("%s %q: normalised to %s, %v", kind, endpoint, data, err)
			}
			if keys := fmt.Sprint(Keys("s", &s.Infrastructure[0])); strings.Contains(keys, planted) {
				t.Errorf("%s %q has keys %s", kind, endpoint, keys)
			}
			doc := fmt.Sprintf(`{"apiVersion":"meridian/v1","kind":"SiteInventory","observedAt":"2026-11-20T08:00:00Z","site":{"id":"s"},"infrastructure":[{"id":"x","kind":%q,"identity":{"endpoint":%q,"addresses":[%q]},"failoverEndpoint":%q}]}`,
				kind, endpoint, endpoint, endpoint)
			parsed, err := Parse("x.json", []byte(doc), nil)
			if err != nil {
				t.Fatal(err)
			}
			if data, _ := json.Marshal(parsed); strings.Contains(string(data), planted) {
				t.Errorf("%s %q: parsed to %s", kind, endpoint, data)
			}
		}
	}
}

func TestSecretsInFreeText(t *testing.T) {
	s := &Site{
		Clusters: []Cluster{{Uses: []Use{{Path: "smb://u:hunter2@nas/share", HealthPath: "/Thingworx/ready?appKey=hunter2&x=1"}}}},
		Sources:  []Source{{Detail: `GET https://u:hunter2@h/x?sig=hunter2 failed; password=hunter2, "token=hunter2" gone`}},
		Provenance: []Provenance{
			{Declared: "jdbc:postgresql://u:hunter2@h/db?password=hunter2"}, {Declared: "westeurope"}, {Declared: "a = b"},
		},
	}
	n := Normalise(s, nil)
	data, err := json.Marshal(n)
	if err != nil || strings.Contains(string(data), planted) {
		t.Errorf("%s, %v", data, err)
	}
	if n.Clusters[0].Uses[0].HealthPath != "/Thingworx/ready?x=1" {
		t.Errorf("health path %q", n.Clusters[0].Uses[0].HealthPath)
	}
	if n.Provenance[1].Declared != "westeurope" || n.Provenance[2].Declared != "a = b" {
		t.Error("harmless text changed")
	}
}

func TestOptionsWithAColon(t *testing.T) {
	for text, want := range map[string]string{
		"/ready?x=1;trustStorePassword:hunter2":       "/ready?x=1",
		`{"password": "hunter2", "db":"twx"} failed`:  `{, "db":"twx"} failed`,
		`said {"appKey":"hunter2"}`:                   "said {}",
		"secret:hunter2":                              "",
		"tokens/users.json:12:3: /key/0: not JSON":    "tokens/users.json:12:3: /key/0: not JSON",
		"key-vault.example:8443,user-db.example:5432": "key-vault.example:8443,user-db.example:5432",
		"https://user.example/x":                      "https://user.example/x",
		"a secret: one":                               "a secret: one",
	} {
		if got := Scrub(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestKeysInTextAreDropped(t *testing.T) {
	for text, want := range map[string]string{
		"a -----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY----- b": "a  b",
		"a -----BEGIN RSA PRIVATE KEY-----\nhunter2":                          "a ",
		"-----BEGIN X-----hunter2-----END X-----,-----BEGIN Y-----hunter2":    ",",
	} {
		if got := Scrub(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := canonicalEndpoint("password=hunter2!:postgresql://pg.example/t", KindDatabase, ""); strings.Contains(got, planted) {
		t.Errorf("an endpoint that is none becomes %q", got)
	}
}

func TestUserInfoNeverSurvives(t *testing.T) {
	secret := rapid.StringMatching(`[a-z/?#;:@%&0-9]{0,6}`)
	scheme := rapid.SampledFrom([]string{"postgres://", "http://", "nfs://", "smb://", "jdbc:postgresql://", "jdbc:mysql://", "//"})
	rapid.Check(t, func(t *rapid.T) {
		in := scheme.Draw(t, "scheme") + "u:" + secret.Draw(t, "before") + "QQQ" + secret.Draw(t, "after") + "@pg.example/db"
		if got := canonicalEndpoint(in, KindDatabase, EnginePostgreSQL); strings.Contains(strings.ToLower(got), "qqq") {
			t.Fatalf("%q becomes %q", in, got)
		}
	})
}

func TestMessagesCiteNoSecret(t *testing.T) {
	tb, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	const head = "apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: 2026-11-20T08:00:00Z\nsite: {id: s}\n"
	for _, body := range []string{
		"infrastructure: [{id: x, kind: database, identity: {endpoint: [hunter2]}}]", "infrastructure: [{id: x, kind: database, identity: {endpont: hunter2}}]",
		"infrastructure: [{id: x, kind: database, identity: {endpoint: {password: hunter2}}}]", "infrastructure: [{id: x, kind: 'u:hunter2@host'}]", "infrastructure: [{id: 'password=hunter2', kind: database}]",
		"infrastructure: [{id: x, kind: database, password: hunter2}]", "clusters: [{id: c, uses: [{infrastructure: 'jdbc:x://u:hunter2@h', as: database}]}]",
		"probes: [{from: 'u:hunter2@h/a/b', to: 'pw=hunter2', kind: 'token hunter2'}]", "clusters: [{id: c, objectives: {geographies: ['u:hunter2@h'], rto: 'pw:hunter2'}}]",
		"infrastructure: [{id: x, kind: database, placement: {provider: azure, region: 'u:hunter2@h'}}]", "clusters: [{id: c, objectives: {hosting: ['secret hunter2']}}]",
		"sources: [{name: a, status: 'https://u:hunter2@h'}]", "provenance: [{path: 'hunter2@h', source: ''}]", "infrastructure: [{id: x, kind: database, identity: {endpoint: !hunter2 x}}]",
	} {
		_, err := Parse("x.yaml", []byte(head+body), tb)
		if err == nil {
			t.Errorf("%q was accepted", body)
		} else if strings.Contains(err.Error(), planted) {
			t.Errorf("%q: the message cites it: %v", body, err)
		}
	}
}
