package main_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// certify writes a self-signed certificate for 127.0.0.1 and its key into the
// folder. It returns a pool that trusts it.
func (i *installation) certify() *x509.CertPool {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		i.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		i.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(i.path(name), pem.EncodeToMemory(block), 0o600); err != nil {
			i.t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}

func TestTLSFloorAndProtocols(t *testing.T) {
	t.Parallel()
	i := install(t)
	trusted := i.certify()
	p := i.serve("--addr", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
	host, ok := strings.CutPrefix(p.url, "https://")
	if !ok {
		t.Fatalf("ready on %s", p.url)
	}
	for _, major := range []int{1, 2} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(major == 1)
		transport.Protocols.SetHTTP2(major == 2)
		a, err := p.send(&http.Client{Transport: transport}, "GET", "/api/v1/users", "", nil)
		transport.CloseIdleConnections()
		if err != nil || a.status != 401 {
			t.Fatalf("HTTP/%d answered %d, %v", major, a.status, err)
		}
		age, _ := strings.CutPrefix(a.header.Get("Strict-Transport-Security"), "max-age=")
		if seconds, err := strconv.Atoi(age); err != nil || seconds < 31536000 {
			t.Errorf("HTTP/%d: Strict-Transport-Security is %q", major, a.header.Get("Strict-Transport-Security"))
		}
	}
	conn, err := tls.DialWithDialer(dialer, "tcp", host, &tls.Config{RootCAs: trusted, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	if s := conn.ConnectionState(); s.NegotiatedProtocol != "h2" || s.Version != tls.VersionTLS13 {
		t.Errorf("negotiated %q, TLS %x", s.NegotiatedProtocol, s.Version)
	}
	conn.Close()
	t.Run("versions and suites", func(t *testing.T) { refusedHandshakes(t, host, trusted) })
	t.Run("plain HTTP", func(t *testing.T) {
		conn, err := dialer.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /api/v1/users HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.0 400 ") {
			t.Errorf("answered %q, %v", line, err)
		}
	})
	if status := p.stop(); status != 0 {
		t.Errorf("status %d\n%s", status, &p.stderr)
	}
	plain := install(t).serve()
	if h := plain.call("GET", "/livez", "", nil).header; h.Get("Strict-Transport-Security") != "" {
		t.Error("plain HTTP carries Strict-Transport-Security")
	}
}

// The minimum is TLS 1.2 with forward secrecy.
func refusedHandshakes(t *testing.T, host string, trusted *x509.CertPool) {
	t.Helper()
	for _, c := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"without forward secrecy", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{
			tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		}}, false},
		{"RC4 and 3DES", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
		}}, false},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, true},
	} {
		c.config.RootCAs = trusted
		conn, err := tls.DialWithDialer(dialer, "tcp", host, c.config)
		if err == nil {
			conn.Close()
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
