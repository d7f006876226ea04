package embedded

import (
	"encoding/xml"
	"errors"
	"io"
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
