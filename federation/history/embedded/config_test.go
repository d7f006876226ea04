package embedded

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigurationIsWellFormed(t *testing.T) {
	dir := "/srv/a & b <c>"
	for name, text := range map[string]string{"users": usersXML("ab12"), "config": configXML(dir, 9000, 7, "<more>1</more>")} {
		decoder := xml.NewDecoder(strings.NewReader(text))
		var content strings.Builder
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
			if data, ok := token.(xml.CharData); ok {
				content.Write(data)
			}
		}
		if name == "config" && !strings.Contains(content.String(), dir+"/users.xml") {
			t.Errorf("the folder's name was changed: %s", text)
		}
	}
}

func TestWritePrivateReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writePrivate(path, "after"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if data, _ := os.ReadFile(path); string(data) != "after" {
		t.Errorf("content %q", data)
	}
	if err := writePrivate(filepath.Join(t.TempDir(), "none", "f"), ""); err == nil {
		t.Error("a missing folder gives no error")
	}
}
