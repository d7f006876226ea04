package sourcetest

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"testing"
)

// The search must find a secret however it is spelt, or the contract proves nothing.
func TestLeak(t *testing.T) {
	const mark = "Pl4ntedQzXv9"
	quoted, err := json.Marshal(escaped(mark))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"as it is": "x" + mark + "y", "small": "pl4ntedqzxv9", "percent": percent(mark), "escaped": escaped(mark), "escaped and quoted": string(quoted), "query": url.QueryEscape("p=" + mark),
		"base64": base64.StdEncoding.EncodeToString([]byte(mark)), "base64 of more": base64.StdEncoding.EncodeToString([]byte("pw:" + mark + "!!")),
		"base64 at one": base64.StdEncoding.EncodeToString([]byte("p" + mark + "!!")), "base64 at two": base64.RawURLEncoding.EncodeToString([]byte("pp" + mark + "!")),
	} {
		if leak(text, mark) < 0 {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	for _, text := range []string{"", "Pl4nted", base64.StdEncoding.EncodeToString([]byte("something else of that length"))} {
		if leak(text, mark) >= 0 {
			t.Errorf("found in %s", text)
		}
	}
}
