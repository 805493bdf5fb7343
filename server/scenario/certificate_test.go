package scenario_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// writeCertificate writes a self-signed certificate with the serial number, and its key.
func writeCertificate(t *testing.T, serial int64, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: certificate}, keyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRenewedCertificate checks that replaced certificate files are served within a minute, and
// that unreadable files change nothing.
func TestRenewedCertificate(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writeCertificate(t, 1, certFile, keyFile)
	n := listen(t, func(c *server.Config) { c.TLSCert, c.TLSKey = certFile, keyFile })
	want := func(when string, serial int64) {
		t.Helper()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(n.url, "http://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
			t.Errorf("%s: certificate %d, want %d", when, got, serial)
		}
	}
	want("at first", 1)
	writeCertificate(t, 2, certFile, keyFile)
	n.clock.advance(time.Minute)
	want("after the renewal", 2)
	if err := os.WriteFile(certFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.clock.advance(time.Minute)
	want("while the files cannot be read", 2)
	if !strings.Contains(n.log.String(), "the TLS certificate could not be read anew") {
		t.Error("the log does not report the unreadable files")
	}
	writeCertificate(t, 3, certFile, keyFile)
	n.clock.advance(time.Minute)
	want("when they can again", 3)
}
