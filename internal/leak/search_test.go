package leak

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"io"
	mrand "math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/openwearables/openwearables/internal/credential"
)

// mint returns a new secret of each kind.
func mint(t testing.TB) map[Kind]string {
	t.Helper()
	v, err := credential.NewVault([]byte(rand.Text() + rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	var session [16]byte
	rand.Read(session[:])
	return map[Kind]string{
		LiveKey: credential.Mint(credential.LiveKey), TestKey: credential.Mint(credential.TestKey),
		ApplicationSecret: credential.Mint(credential.AppSecret), RefreshToken: v.RefreshToken(session, 7, credential.NewSeed()),
	}
}

// searchAll returns what stands in r.
func searchAll(t testing.TB, r io.Reader) []Finding {
	t.Helper()
	var f fileFindings
	if _, err := search(context.Background(), r, f.add); err != nil {
		t.Fatal(err)
	}
	return f.list
}

func toUTF16(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func littleEndian(text string) string { return toUTF16(binary.LittleEndian, text) }

func bigEndian(text string) string { return toUTF16(binary.BigEndian, text) }

func asItIs(text string) string { return text }

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestEveryKindIsFoundWhereverItStands(t *testing.T) {
	for kind, secret := range mint(t) {
		for _, c := range []struct {
			text         string // with a $ for the secret, or an @ for it in base64
			encode       func(string) string
			line, column int64
			encoding     Encoding
		}{
			{"$", asItIs, 1, 1, Plain},
			{"KEY=$\n", asItIs, 1, 5, Plain},
			{"\n\r\n  \"key\": \"$\",\r\n", asItIs, 3, 11, Plain},
			{"\xef\xbb\xbf$", asItIs, 1, 1, Plain},
			{"größe: 日本 $", asItIs, 1, 11, Plain},
			{"url?k%3D$%26x", asItIs, 1, 9, Plain},
			{"word$word_", asItIs, 1, 5, Plain},
			{"ow_live_$", asItIs, 1, 9, Plain},
			{"secret_rt_ow_test_$", asItIs, 1, 19, Plain},
			{"\x00\xff\xfe\x80$\x00", asItIs, 1, 4, Plain},
			{"\uFEFFa\r\nkey $!", littleEndian, 2, 5, UTF16},
			{"\uFEFFa\r\nkey $!", bigEndian, 2, 5, UTF16},
			{"\uFEFF$", littleEndian, 1, 1, UTF16},
			{"\uFEFF$", bigEndian, 1, 1, UTF16},
			{"$", bigEndian, 1, 1, UTF16},
			{"data:\n  key: @\n", asItIs, 2, 8, Base64},
			{"x@", asItIs, 1, 2, Base64},
			{"$\xff\xff more", inBase64, 1, 1, Base64}, // within more that is encoded
			{"$: {", inBase64, 1, 1, Base64},
		} {
			text := c.encode(strings.NewReplacer("$", secret, "@", inBase64(secret)).Replace(c.text))
			found := searchAll(t, strings.NewReader(text))
			if len(found) != 1 || found[0].Kind != kind || found[0].Line != c.line || found[0].Column != c.column || found[0].Encoding != c.encoding {
				t.Errorf("%s in %q: %+v", kind, c.text, found)
			}
		}
	}
}

// The last letter of a key in base64 may hold bits of what follows, and then be
// none that a secret has.
func TestEncodedKeyBeforeOtherBytes(t *testing.T) {
	key := credential.Mint(credential.LiveKey)
	for !strings.HasSuffix(key, "o") {
		key = credential.Mint(credential.LiveKey)
	}
	text := inBase64(key + "\xff")
	if found := searchAll(t, strings.NewReader(text)); !strings.HasSuffix(text, "/") || len(found) != 1 {
		t.Errorf("found %+v before %q", found, text[len(text)-1])
	}
}

func TestFindingsShowWhatTheAPIShows(t *testing.T) {
	secrets := mint(t)
	token, _ := credential.ParseRefreshToken(secrets[RefreshToken])
	for kind, secret := range secrets {
		f := searchAll(t, strings.NewReader(secret+" "+secret))
		if len(f) != 2 || f[0].Fingerprint != f[1].Fingerprint || len(f[0].Fingerprint) != 16 {
			t.Fatalf("%s: %+v", kind, f)
		}
		switch name := f[0].Name; kind {
		case LiveKey, TestKey:
			if name != secret[:len("ow_live_")+4] {
				t.Errorf("the name of a %s is %q", kind, name)
			}
		case RefreshToken:
			if strings.ReplaceAll(name, "-", "") != hexOf(token.Session[:]) {
				t.Errorf("the session is %q", name)
			}
		default:
			if name != "" {
				t.Errorf("the name of an %s is %q", kind, name)
			}
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var text []byte
	for _, c := range b {
		text = append(text, digits[c>>4], digits[c&15])
	}
	return string(text)
}

func TestLookAlikesAreSilent(t *testing.T) {
	for kind, secret := range mint(t) {
		for i := range secret {
			for _, c := range []byte{'0', 'z', 'A', '_', 0, '\n', 0xff} {
				changed := secret[:i] + string([]byte{c}) + secret[i+1:]
				if found := searchAll(t, strings.NewReader(changed)); changed != secret && len(found) != 0 {
					t.Fatalf("%s with another byte %d: %+v", kind, i, found)
				}
			}
		}
		for _, text := range []string{
			"", "_", secret[1:], secret[:len(secret)-1], strings.ToUpper(secret), secret[:20] + "\n" + secret[20:],
			littleEndian(secret[1:]), inBase64(secret[1:]), inBase64(secret)[:40],
			credential.Mint(credential.KeyID), credential.Mint(credential.AppID),
			string(kinds[0].prefix) + strings.Repeat("0", 36), string(credential.Refresh) + strings.Repeat("z", 63),
		} {
			if found := searchAll(t, strings.NewReader(text)); len(found) != 0 {
				t.Errorf("%q: %+v", text, found)
			}
		}
	}
}

// Text of 50 MB that is full of prefixes, each followed by what might be a secret,
// has no finding.
func TestRandomTextHasNoFinding(t *testing.T) {
	const size = 50 << 20
	random := mrand.New(mrand.NewPCG(1, 2))
	prefixes := []string{"ow_live_", "ow_test_", "secret_", "rt_", "app_", "b3df", "c2VjcmV0X", "cnRf", "_", "\n", "\x00_\x00"}
	r, w := io.Pipe()
	go func() {
		block := make([]byte, 0, 1<<20)
		for range size >> 20 {
			for block = block[:0]; len(block) < cap(block)-200; {
				letters := "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				block = append(block, prefixes[random.IntN(len(prefixes))]...)
				if random.IntN(4) > 0 {
					letters = letters[:36]
				}
				for range random.IntN(100) {
					block = append(block, letters[random.IntN(len(letters))])
				}
			}
			if _, err := w.Write(block); err != nil {
				return
			}
		}
		w.Close()
	}()
	defer r.Close()
	if found := searchAll(t, r); len(found) != 0 {
		t.Errorf("%d findings, such as %+v", len(found), found[0])
	}
}

// A credential is found once wherever the edges of the buffer cut it.
func TestEdgesOfTheBuffer(t *testing.T) {
	secret := mint(t)[RefreshToken]
	for _, text := range []string{secret, littleEndian(secret), inBase64(secret)} {
		for _, edge := range []int{bufferSize - margin, bufferSize, 2*bufferSize - 3*margin, 2*bufferSize - 2*margin} {
			b := bytes.Repeat([]byte("é\n"), bufferSize)[:edge+2*margin]
			for at := edge - len(text) - 2; at <= edge+2; at += 1 + at&1 {
				at -= at % 3 // a line begins there
				copied := bytes.Clone(b)
				copy(copied[at:], text)
				found := searchAll(t, bytes.NewReader(copied))
				if len(found) != 1 || found[0].Line != int64(at/3)+1 || found[0].Column != 1 {
					t.Fatalf("at %d of the edge %d: %+v", at, edge, found)
				}
				at += 3
			}
		}
	}
}

func TestOneHugeLineNeedsNoMoreMemory(t *testing.T) {
	secret := mint(t)[LiveKey]
	const size = 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found := searchAll(t, io.MultiReader(io.LimitReader(repeated("é_ "), size), strings.NewReader(secret)))
	runtime.ReadMemStats(&after)
	if len(found) != 1 || found[0].Line != 1 || found[0].Column != size/4*3+1 {
		t.Errorf("found %+v", found)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// repeated is an endless reader of one text of four bytes.
type repeated string

func (r repeated) Read(b []byte) (int, error) {
	n := 0
	for n+len(r) <= len(b) {
		n += copy(b[n:], r)
	}
	if n == 0 {
		return copy(b, r[:1]), nil
	}
	return n, nil
}

func TestMarkerLeavesOut(t *testing.T) {
	secret := mint(t)[TestKey]
	for _, c := range []struct {
		text   string
		want   int // findings
		encode func(string) string
	}{
		{"k = $ // openwearables:allow\n", 0, asItIs},
		{"/* openwearables:allow */ k = $\r\n", 0, asItIs},
		{"$ $ $ # openwearables:allow", 0, asItIs},
		{"$ openwearables:allow\n", 0, littleEndian},
		{"// openwearables:allow\n$\n", 1, asItIs},
		{"$\n// openwearables:allow\n", 1, asItIs},
		{"$ openwearables:allo", 1, asItIs},
		{"$" + strings.Repeat(" ", reach-len(AllowMarker)) + AllowMarker, 0, asItIs},
		{"$" + strings.Repeat(" ", reach+1) + AllowMarker, 1, asItIs},
	} {
		text := c.encode(strings.ReplaceAll(c.text, "$", secret))
		for _, before := range []int{0, bufferSize - margin - 20, bufferSize - 20} {
			var f fileFindings
			r := io.MultiReader(strings.NewReader(strings.Repeat("\n", before)), strings.NewReader(text))
			if _, err := search(t.Context(), r, f.add); err != nil || len(f.list) != c.want || f.allowed+len(f.list) != strings.Count(c.text, "$") {
				t.Errorf("%.50q after %d: %+v, %v", c.text, before, f, err)
			}
		}
	}
}

func TestMarginHoldsWhatIsCompared(t *testing.T) {
	if longest := 2 * credential.Refresh.Len(); margin < reach+longest || bufferSize < 4*margin {
		t.Errorf("a margin of %d bytes", margin)
	}
}

// What is measured: text like source code; text that is all prefixes; one line.
func BenchmarkSearch(b *testing.B) {
	for name, text := range map[string]string{
		"code":        "\tsession_id := startOf(trip_id, sort_by) // the first of the secret_names of this user\n\tif err != nil {\n\t\treturn err\n\t}\n",
		"prefixes":    "ow_live_ secret_0a rt_zz b3dfb cnRf_",
		"look-alikes": "rt_" + strings.Repeat("a1", 31) + "b\n",
		"line":        strings.Repeat("lorem ipsum dolor ", 100),
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(strings.Repeat(text, 16<<20/len(text)))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if found := searchAll(b, bytes.NewReader(data)); len(found) > 0 {
					b.Fatal(found)
				}
			}
		})
	}
}
