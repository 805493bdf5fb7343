package front

import (
	"strings"
	"testing"
)

// FuzzCheckRequest checks that no bytes of a question make the reader fail in another way than by an
// error, and that none makes a message that is larger than it.
func FuzzCheckRequest(f *testing.F) {
	f.Add([]byte("\x0a\x0f\x22\x0d\x12\x0b\x12\x03GET\x22\x01/\x2a\x01h"))
	f.Add([]byte("\x0a\x22\x22\x20\x12\x1e\x1a\x1c\x0a\x0dauthorization\x12\x0bBearer a, b"))
	f.Add([]byte("\x0a\x10\x0a\x0e\x0a\x0c\x0a\x0a\x12\x08127.0.0."))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m checkRequest
		if (checkCodec{}).Unmarshal(data, &m) != nil {
			return
		}
		n := len(m.method) + len(m.host) + len(m.path) + len(m.address)
		for name, values := range m.header {
			n += len(strings.Join(values, "")) + len(name)
		}
		if n > len(data) {
			t.Errorf("%q holds %+v", data, m)
		}
	})
}
