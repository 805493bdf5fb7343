package leak

import (
	"bytes"
	"encoding/base64"
	"slices"

	"github.com/openwearables/openwearables/internal/credential"
)

// Encoding says how a credential is written in the bytes of a file.
type Encoding string

// The encodings in which a credential is found.
const (
	Plain  Encoding = "plain" // ASCII, and thus UTF-8
	UTF16  Encoding = "utf-16"
	Base64 Encoding = "base64" // encoded by itself, as in a Secret of Kubernetes
)

// match is a credential at a place of a buffer.
type match struct {
	start, end int
	prefix     credential.Prefix
	text       string
	encoding   Encoding
}

// sought are the kinds that are looked for. The id of an application is public;
// found beside a secret, it tells whose that is.
var sought = [...]credential.Prefix{credential.LiveKey, credential.TestKey, credential.AppSecret, credential.Refresh, credential.AppID}

// findText appends the matches in ASCII and UTF-16 whose prefix ends in
// b[from:to]. It looks at each underscore, the end of every prefix.
func findText(found []match, b []byte, from, to int) []match {
	for i := from; i < to; i++ {
		n := bytes.IndexByte(b[i:to], '_')
		if n < 0 {
			break
		}
		i += n
		stride := 1
		if i >= 2 && b[i-1] == 0 {
			stride = 2 // of either byte order: zeros stand on both sides
		}
		if i < stride {
			continue
		}
		switch b[i-stride] {
		case 'e', 't', 'p': // the last letters of the prefixes
			if m, ok := matchText(b, i, stride); ok {
				found = append(found, m)
			}
		}
	}
	return found
}

// matchText reads the credential whose prefix ends with the underscore at i. Its
// characters are stride bytes apart, with zeros between them.
func matchText(b []byte, i, stride int) (match, bool) {
	for _, p := range sought {
		start := i - (len(p)-1)*stride
		end := start + (p.Len()-1)*stride + 1
		if start < 0 || end > len(b) || b[start] != p[0] {
			continue
		}
		text, ok := narrow(b[start:end], stride, len(p))
		if !ok || !credential.Valid(p, text) {
			continue
		}
		encoding := Plain
		if stride == 2 {
			encoding = UTF16
		}
		return match{start, end, p, text, encoding}, true
	}
	return match{}, false
}

// narrow returns the characters of b that are stride bytes apart. It reports
// false as soon as one after the prefix is not of a credential.
func narrow(b []byte, stride, prefix int) (string, bool) {
	for i := prefix * stride; i < len(b); i += stride {
		if c := b[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "", false
		}
	}
	if stride == 1 {
		return string(b), true
	}
	text := make([]byte, 0, len(b)/stride+1)
	for i, c := range b {
		if i%stride == 0 {
			text = append(text, c)
		} else if c != 0 {
			return "", false
		}
	}
	return string(text), true
}

// encodedPrefixes are the beginnings of secrets in base64, as far as they are the
// same for each secret.
var encodedPrefixes = [...]struct {
	text  []byte
	kinds []credential.Prefix
}{
	{[]byte("b3df"), []credential.Prefix{credential.LiveKey, credential.TestKey}}, // ow_
	{[]byte("c2VjcmV0X"), []credential.Prefix{credential.AppSecret}},              // secret_
	{[]byte("cnRf"), []credential.Prefix{credential.Refresh}},                     // rt_
}

// findEncoded appends the matches in base64 that begin in b[from:to].
func findEncoded(found []match, b []byte, from, to int) []match {
	for _, e := range encodedPrefixes {
		within := b[:min(len(b), to+len(e.text)-1)]
		for i := from; ; i++ {
			n := bytes.Index(within[min(i, len(within)):], e.text)
			if n < 0 {
				break
			}
			i += n
			for _, p := range e.kinds {
				if m, ok := matchEncoded(b, i, p); ok {
					found = append(found, m)
				}
			}
		}
	}
	return found
}

// matchEncoded decodes the credential of the kind p that begins at start.
func matchEncoded(b []byte, start int, p credential.Prefix) (match, bool) {
	end := start + base64.RawStdEncoding.EncodedLen(p.Len())
	if end > len(b) || slices.ContainsFunc(b[start:end-1], notEncoded) {
		return match{}, false
	}
	var decoded [128]byte
	n, err := base64.RawStdEncoding.Decode(decoded[:], b[start:end])
	text := string(decoded[:n])
	return match{start, end, p, text, Base64}, err == nil && credential.Valid(p, text)
}

// notEncoded reports whether c cannot be of a secret in base64: the letters of
// secrets never become a plus or a slash. Only bits after a secret may.
func notEncoded(c byte) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}
