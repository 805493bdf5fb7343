package scenario_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/openwearables/openwearables/internal/auth"
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

// TestNetworksOfAKeyBehindProxyProtocol checks that the address in the header of a connection decides
// whether a key may be used on it, and that a client with a UNIX socket for an address is in no network.
func TestNetworksOfAKeyBehindProxyProtocol(t *testing.T) {
	t.Parallel()
	n := listen(t, behindProxy, func(c *server.Config) { c.ClientAddress = "proxy-protocol" })
	n.addDeveloper(n.email, n.password)
	key := n.keyInProcess(t, "0.0.0.0/0", "2001:db8::/48")
	socket := &net.UnixAddr{Name: "/run/client", Net: "unix"}
	unix, err := proxyproto.HeaderProxyFromAddrs(2, socket, socket).Format()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		header []byte
		want   string // the address that is refused
	}{
		{clientHeader(t, 2, "192.0.2.1"), ""},
		{clientHeader(t, 2, "64:ff9b:1::c000:201"), ""},
		{clientHeader(t, 2, "2001:db8::1"), ""},
		{clientHeader(t, 2, "2001:db8:1::1"), "2001:db8:1::1"},
		{unix, "an unknown address"},
	} {
		conn := n.dial(t)
		request := "GET /api/v1/users HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n"
		if _, err := io.WriteString(conn, string(c.header)+request); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(string(text), "HTTP/1.1 403") && strings.Contains(string(text), "from "+c.want+", which is in none")
		if said != (c.want != "") || !said && !strings.Contains(string(text), "HTTP/1.1 200") {
			t.Errorf("want a refusal of %q: %s", c.want, text)
		}
	}
}

// keyInProcess creates a key without HTTP, as the first developer, and returns its secret.
func (n *node) keyInProcess(t *testing.T, networks ...string) string {
	t.Helper()
	a := n.server.Auth()
	grant, err := a.Logins.Login(auth.WithCaller(t.Context(), &auth.Caller{}), auth.LoginInput{Email: n.email, Password: n.password})
	if err != nil {
		t.Fatal(err)
	}
	caller := new(auth.Caller)
	a.Authenticator.Bearer(t.Context(), caller, grant.AccessToken)
	key, err := a.Keys.Create(auth.WithCaller(t.Context(), caller), auth.KeyInput{AllowedNetworks: &networks})
	if err != nil {
		t.Fatal(err)
	}
	return key.Secret
}
