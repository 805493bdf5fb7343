package webhook

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestReachOfAddresses(t *testing.T) {
	for want, all := range map[reach]string{
		public: "8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2600::1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1",
		private: "10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 100.127.255.255 198.18.0.1 fd00::1 fc00::1 ::ffff:10.0.0.1 ::10.0.0.1 64:ff9b::a00:1 64:ff9b:1::808:808 " +
			"2002:a00:1::1 2002:c0a8:101::1",
		loopback: "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1",
		nowhere: "0.0.0.0 0.1.2.3 :: 169.254.169.254 ::ffff:169.254.169.254 169.254.0.1 fe80::1 fe80::1%eth0 224.0.0.1 239.255.255.255 ff02::1 255.255.255.255 240.0.0.1 " +
			"192.0.0.192 100.100.100.200 168.63.129.16 fd00:ec2::254 fd20:ce::254 192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1 2001::1 fec0::1 100::1 " +
			"64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 2002:7f00:1::1 2002:a9fe:a9fe::1 ::127.0.0.1 ::ffff:0:127.0.0.1 4000::1",
	} {
		for _, a := range strings.Fields(all) {
			if got := reachOf(netip.MustParseAddr(a)); got != want {
				t.Errorf("%s: %d, want %d", a, got, want)
			}
		}
	}
	if reachOf(netip.Addr{}) != nowhere {
		t.Error("no address leads somewhere")
	}
}

func TestRefuseURL(t *testing.T) {
	var strict Policy
	dev, open := Policy{Loopback: true}, Policy{PrivateNetworks: true}
	for _, c := range []struct {
		url      string
		allowed  []Policy
		refusing []Policy
	}{
		{"https://example.com:8443/a?b=c", []Policy{strict, dev, open}, nil},
		{"https://8.8.8.8", []Policy{strict, dev, open}, nil},
		{"https://xn--exmple-cua.com", []Policy{strict, dev, open}, nil},
		{"http://8.8.8.8", nil, []Policy{strict, dev, open}},
		{"http://internal.example", []Policy{open}, []Policy{strict, dev}},
		{"http://localhost:8000/hook", []Policy{dev, open}, []Policy{strict}},
		{"http://LOCALHOST.", []Policy{dev, open}, []Policy{strict}},
		{"https://a.localhost", []Policy{dev, open}, []Policy{strict}},
		{"http://[::ffff:127.0.0.1]", []Policy{dev, open}, []Policy{strict}},
		{"https://10.0.0.1", []Policy{open}, []Policy{strict, dev}},
		{"https://169.254.169.254", nil, []Policy{strict, dev, open}},
		{"https://[fe80::1%25eth0]", nil, []Policy{strict, dev, open}},
		{"https://user@example.com", nil, []Policy{strict, dev, open}},
		{"https://example.com:0", nil, []Policy{strict, dev, open}},
		{"HTTPS://example.com", []Policy{strict}, nil},
	} {
		for _, p := range c.allowed {
			if fault := p.RefuseURL(c.url); fault != "" {
				t.Errorf("%s %+v: %s", c.url, p, fault)
			}
		}
		for _, p := range c.refusing {
			if p.RefuseURL(c.url) == "" {
				t.Errorf("%s %+v is allowed", c.url, p)
			}
		}
	}
}

// nameserver is a resolver by which every name has the addresses.
// Without any, it fails.
func nameserver(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for buffer := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := resolve(buffer[:n], addresses); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// resolve answers a query.
func resolve(query []byte, addresses []string) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	q := m.Questions[0]
	if len(addresses) == 0 {
		m.RCode = dnsmessage.RCodeServerFailure
	}
	for _, address := range addresses {
		a, err := netip.ParseAddr(address)
		if err != nil {
			m.RCode = dnsmessage.RCodeNameError
			continue
		}
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	reply, _ := m.Pack()
	return reply
}

// sendTo sends a message to the URL, where names have the addresses.
func sendTo(t *testing.T, p Policy, url string, addresses ...string) answer {
	t.Helper()
	ports := Ports{Now: time.Now, Log: slog.New(slog.DiscardHandler), Resolver: nameserver(t, addresses...)}
	s := newSender(p, ports)
	defer s.close()
	return s.send(t.Context(), message{id: "msg_1", url: url, body: []byte("{}"), secrets: [][]byte{[]byte("secret")}})
}

// A name is refused by the address to which it is resolved when it is connected to, so that it may
// lead elsewhere when the endpoint is made.
func TestNamesThatLeadIntoPrivateNetworksAreRefused(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "fe80::1", "64:ff9b::7f00:1", "::ffff:127.0.0.1"} {
		begun := time.Now()
		a := sendTo(t, Policy{}, "https://rebound.example/hook", address)
		if a.status != 0 || !strings.HasPrefix(a.fault, "The URL must") || strings.Contains(a.fault, address) || time.Since(begun) > 5*time.Second {
			t.Errorf("%s: %+v after %v", address, a, time.Since(begun))
		}
	}
	if a := sendTo(t, Policy{Loopback: true}, "https://rebound.example/hook", "10.0.0.1"); !strings.Contains(a.fault, "private") {
		t.Errorf("%+v", a)
	}
	if a := sendTo(t, Policy{PrivateNetworks: true}, "http://public.example/hook", "8.8.8.8"); !strings.Contains(a.fault, "https") {
		t.Errorf("%+v", a)
	}
	if a := sendTo(t, Policy{}, "https://nobody.example/hook"); !strings.Contains(a.fault, "could not be looked up") {
		t.Errorf("%+v", a)
	}
	if a := sendTo(t, Policy{}, "https://nobody.example/hook", "none"); !strings.Contains(a.fault, "not found") {
		t.Errorf("%+v", a)
	}
	if a := sendTo(t, Policy{}, "https://[::1]/hook", "8.8.8.8"); !strings.Contains(a.fault, "private") {
		t.Errorf("an endpoint of before: %+v", a)
	}
}

// A name may lead to this machine if that is allowed. Neither a proxy of the environment nor a
// cookie of an earlier answer has a part in it.
func TestNamesThatLeadToThisMachine(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:9")
	var seen http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		_, _ = io.CopyN(w, strings.NewReader(strings.Repeat("a", 1<<20)), 1<<20) // the sender reads some of it
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for range 2 {
		if a := sendTo(t, Policy{PrivateNetworks: true}, "http://hook.example:"+port, "127.0.0.1"); a.status != 200 || a.fault != "" {
			t.Errorf("%+v", a)
		}
	}
	if seen.Get("Cookie") != "" || seen.Get("User-Agent") != userAgent || seen.Get("Content-Type") != "application/json" {
		t.Errorf("%v", seen)
	}
}

// What is no HTTPS is said to be unreachable.
func TestPlainServerBehindHTTPS(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	a := sendTo(t, Policy{Loopback: true}, strings.Replace(server.URL, "http:", "https:", 1), "127.0.0.1")
	if a.status != 0 || !strings.Contains(a.fault, "could not be reached") {
		t.Errorf("%+v", a)
	}
}

// The certificate is verified, by the host name of the URL.
func TestCertificatesAreVerified(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	defer server.Close()
	for name, c := range map[string]struct {
		known bool
		host  string
		said  string
	}{
		"unknown authority": {false, "127.0.0.1", "certificate"},
		"known":             {true, "127.0.0.1", ""},
		"another host":      {true, "localhost", "certificate"},
	} {
		ports := Ports{Now: time.Now}
		if c.known {
			ports.Roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		}
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		s := newSender(Policy{Loopback: true}, ports)
		a := s.send(t.Context(), message{id: "msg_1", url: "https://" + c.host + ":" + port, body: []byte("{}"), secrets: [][]byte{[]byte("secret")}})
		s.close()
		if c.said == "" && a.fault != "" || !strings.Contains(a.fault, c.said) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
