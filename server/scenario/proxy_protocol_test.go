package scenario_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/openwearables/openwearables/server"
)

// loginAs tries to log in on a connection that begins with the header, and returns how many requests
// remain of the client's limit, or "" if the connection was closed.
func (n *node) loginAs(t *testing.T, header []byte, forwarded string) string {
	t.Helper()
	conn := n.dial(t)
	defer conn.Close()
	request := string(header) + "POST /api/v1/auth/login HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: " + forwarded + "\r\nContent-Length: 0\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return ""
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.Header.Get("X-Request-Id") == "" {
		return ""
	}
	defer res.Body.Close()
	return res.Header.Get("X-RateLimit-Remaining")
}

// clientHeader returns a header of the PROXY protocol that names the client.
func clientHeader(t *testing.T, version byte, client string) []byte {
	t.Helper()
	source := &net.TCPAddr{IP: net.ParseIP(client), Port: 4711}
	target := &net.TCPAddr{IP: net.ParseIP("203.0.113.1"), Port: 443}
	if source.IP.To4() == nil {
		target.IP = net.ParseIP("2001:db8::443")
	}
	b, err := proxyproto.HeaderProxyFromAddrs(version, source, target).Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestProxyProtocolNamesTheClient checks that the client of a connection through a trusted proxy is
// the one in the header, whatever the client writes itself, and that a proxy cannot leave it out.
func TestProxyProtocolNamesTheClient(t *testing.T) {
	t.Parallel()
	n := listen(t, behindProxy, func(c *server.Config) { c.ClientAddress, c.Auth.Limits.Login.Limit = "proxy-protocol", 60 })
	local, err := (&proxyproto.Header{Version: 2, Command: proxyproto.LOCAL}).Format()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		header []byte
		want   string
	}{
		{"a client", clientHeader(t, 2, "198.51.100.7"), "59"},
		{"the same client", clientHeader(t, 2, "198.51.100.7"), "58"},
		{"another client", clientHeader(t, 2, "198.51.100.8"), "59"},
		{"an IPv6 client", clientHeader(t, 2, "2001:db8::1"), "59"},
		{"its neighbour", clientHeader(t, 2, "2001:db8::2"), "58"},
		{"the proxy itself", local, "59"},
		{"no header", nil, ""},
		{"version 1", clientHeader(t, 1, "198.51.100.7"), ""},
		{"half a header", clientHeader(t, 2, "198.51.100.7")[:14], ""},
	} {
		if got := n.loginAs(t, c.header, "192.0.2.1"); got != c.want {
			t.Errorf("%s: %q remain, want %q", c.name, got, c.want)
		}
	}
	if log := n.log.String(); strings.Count(log, "let the proxy send the PROXY protocol, version 2") != 1 {
		t.Errorf("the log says\n%s", log)
	}
	direct := listen(t, func(c *server.Config) { c.Auth.Limits.Login.Limit = 60 })
	if got := direct.loginAs(t, clientHeader(t, 2, "198.51.100.7"), ""); got != "" {
		t.Errorf("a header that nobody awaits is taken: %q remain", got)
	}
}
