package front

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}

// TestClientAddress checks the address of a client behind proxies that write it in every form which
// is in use.
func TestClientAddress(t *testing.T) {
	for _, c := range []struct {
		name   string
		peer   string
		header ClientHeader
		lines  []string
		want   string
	}{
		{"no proxy", "192.0.2.1:4711", XForwardedFor, []string{"198.51.100.7"}, "192.0.2.1"},
		{"a proxy without the header", "10.0.0.1:1", XForwardedFor, nil, "10.0.0.1"},
		{"an address", "10.0.0.1:1", XForwardedFor, []string{"198.51.100.7"}, "198.51.100.7"},
		{"a proxy in IPv6 notation", "[::ffff:10.0.0.1]:1", XForwardedFor, []string{"198.51.100.7"}, "198.51.100.7"},
		{"a proxy with a zone", "[fe80::1%eth0]:1", XForwardedFor, []string{"198.51.100.7"}, "198.51.100.7"},
		{"a port", "10.0.0.1:1", XForwardedFor, []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"IPv6", "10.0.0.1:1", XForwardedFor, []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 in brackets", "10.0.0.1:1", XForwardedFor, []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 with a port", "10.0.0.1:1", XForwardedFor, []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"IPv6 in quotes", "10.0.0.1:1", XForwardedFor, []string{`"[2001:db8::1]:4711"`}, "2001:db8::1"},
		{"IPv6 with a zone", "10.0.0.1:1", XForwardedFor, []string{"2001:db8::1%eth0"}, "2001:db8::1"},
		{"IPv4 in IPv6", "10.0.0.1:1", XForwardedFor, []string{"[::ffff:198.51.100.7]:80"}, "198.51.100.7"},
		{"IPv4 behind NAT64", "10.0.0.1:1", XForwardedFor, []string{"64:ff9b::c633:6407"}, "198.51.100.7"},
		{"a peer behind NAT64", "[64:ff9b::198.51.100.7]:1", XForwardedFor, nil, "198.51.100.7"},
		{"IPv4 behind a NAT64 of one's own", "10.0.0.1:1", XForwardedFor, []string{"[64:ff9b:1:2::c633:6407]:4711"}, "198.51.100.7"},
		{"no IPv4 behind a NAT64 of one's own", "10.0.0.1:1", XForwardedFor, []string{"64:ff9b:1:c633:64:700::"}, "64:ff9b:1:c633:64:700::"},
		{"a proxy behind NAT64", "[64:ff9b::10.0.0.1]:1", XForwardedFor, []string{"198.51.100.7"}, "198.51.100.7"},
		{"several proxies", "10.0.0.1:1", XForwardedFor, []string{"192.0.2.9, 198.51.100.7, 10.1.1.1", "10.2.2.2"}, "198.51.100.7"},
		{"empty elements", "10.0.0.1:1", XForwardedFor, []string{"192.0.2.9, 198.51.100.7 ,, ", ""}, "198.51.100.7"},
		{"only proxies", "10.0.0.1:1", XForwardedFor, []string{"10.1.1.1,10.2.2.2"}, "10.1.1.1"},
		{"what is no address ends the way", "10.0.0.1:1", XForwardedFor, []string{"198.51.100.7, unknown, 10.2.2.2"}, "10.2.2.2"},
		{"another header", "10.0.0.1:1", Forwarded, nil, "10.0.0.1"},
		{"forwarded", "10.0.0.1:1", Forwarded, []string{"for=192.0.2.9, For=198.51.100.7;proto=https;by=10.1.1.1"}, "198.51.100.7"},
		{"forwarded for IPv6", "10.0.0.1:1", Forwarded, []string{`proto=https; for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		{"forwarded by several", "10.0.0.1:1", Forwarded, []string{"for=198.51.100.7", "for=10.1.1.1;host=a.example"}, "198.51.100.7"},
		{"an obfuscated client", "10.0.0.1:1", Forwarded, []string{"for=_hidden, for=10.1.1.1"}, "10.1.1.1"},
		{"a quote without end", "10.0.0.1:1", Forwarded, []string{`for="`, "for=198.51.100.7"}, "198.51.100.7"},
		{"a client in another parameter", "10.0.0.1:1", Forwarded, []string{`for=198.51.100.7;host="a,for=6.6.6.6;x=b"`}, "198.51.100.7"},
		{"a client in a parameter before", "10.0.0.1:1", Forwarded, []string{`host="a;for=6.6.6.6,for=7.7.7.7";for=198.51.100.7`}, "198.51.100.7"},
		{"an escaped quote", "10.0.0.1:1", Forwarded, []string{`for=198.51.100.7;host="a\",for=6.6.6.6;x=\"b"`}, "198.51.100.7"},
		{"two clients in one element", "10.0.0.1:1", Forwarded, []string{"for=6.6.6.6;for=198.51.100.7"}, "10.0.0.1"},
		{"no client in it", "10.0.0.1:1", Forwarded, []string{"for=198.51.100.7", "proto=https"}, "10.0.0.1"},
		{"headers do not count", "10.0.0.1:1", NoHeader, []string{"198.51.100.7"}, "10.0.0.1"},
		{"no address at all", "@", XForwardedFor, nil, "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := string(c.header)
			if name == "" {
				name = string(XForwardedFor)
			}
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{name: c.lines}}
			if got := clientAddress(r, c.header, proxies).String(); got != c.want {
				t.Errorf("the client is %s, want %s", got, c.want)
			}
			other := Forwarded
			if name == string(Forwarded) {
				other = XForwardedFor
			}
			r.Header[string(other)] = []string{"for=203.0.113.1", "203.0.113.1"}
			if got := clientAddress(r, c.header, proxies).String(); got != c.want {
				t.Errorf("with a header that does not count the client is %s, want %s", got, c.want)
			}
		})
	}
}

func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{"198.51.100.7", `for="[2001:db8::1]:1";proto=x,`, `"[::1]"`, "[", `"`, "64:ff9b::1", ",;=,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, header := range []ClientHeader{XForwardedFor, Forwarded} {
			// What the client wrote never changes what the proxy after it says.
			r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{string(header): {line, map[ClientHeader]string{
				XForwardedFor: "198.51.100.7", Forwarded: "for=198.51.100.7",
			}[header]}}}
			if got := clientAddress(r, header, proxies).String(); got != "198.51.100.7" {
				t.Errorf("%q makes the client %s", line, got)
			}
			r.Header[string(header)] = strings.Split(line, "\n")
			if got := clientAddress(r, header, proxies); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
				t.Errorf("%q makes the client %s", line, got)
			}
		}
	})
}
