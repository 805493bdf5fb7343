package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A certificate that is not in force is served, for a clock may be wrong, and
// warned of.
func TestACertificateOutOfForceIsWarnedOf(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	c.TLSCert, c.TLSKey = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	writePair(t, c, begin, begin.Add(time.Hour))
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for after, warned := range map[time.Duration]bool{-time.Second: true, 0: false, time.Hour: false, time.Hour + time.Second: true} {
		c.Now = func() time.Time { return begin.Add(after) }
		said := strings.Join(c.Warnings(), "\n")
		if strings.Contains(said, "is valid from 2026-01-02T03:04:05Z to 2026-01-02T04:04:05Z only: replace it") != warned {
			t.Errorf("%v after its beginning: %q", after, said)
		}
		found := strings.Join(c.certificateFindings(), "\n")
		if strings.Contains(found, "--tls-cert is valid from 2026-01-02T03:04:05Z to 2026-01-02T04:04:05Z only") != warned {
			t.Errorf("%v after its beginning, findings are %q", after, found)
		}
	}
	if err := os.Chmod(c.TLSKey, 0o644); err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(c.certificateFindings(), "\n"); !strings.Contains(found, "--tls-key: others") || strings.Contains(found, "key.pem") {
		t.Errorf("with a key that others read, findings are %q", found)
	}
}

func writePair(t *testing.T, c Config, begin, end time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: end}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		c.TLSCert: {Type: "CERTIFICATE", Bytes: certificate}, c.TLSKey: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
