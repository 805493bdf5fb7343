package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/service"
)

// TLS is a server that speaks TLS alone, with files in PEM.
type TLS struct {
	*Server
	CA        string // the authority of the server and of its clients
	Cert, Key string // of a client

	authority *x509.Certificate
	signer    *ecdsa.PrivateKey
}

// StartTLS starts a server that only clients with a certificate may use.
func StartTLS(t testing.TB) *TLS {
	t.Helper()
	folder := t.TempDir()
	s := &TLS{CA: filepath.Join(folder, "ca.pem"), Cert: filepath.Join(folder, "client.pem"), Key: filepath.Join(folder, "client.key")}
	s.signer = s.newKey(t, "")
	s.authority = s.issue(t, s.CA, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, &s.signer.PublicKey)
	cert, key := filepath.Join(folder, "server.pem"), filepath.Join(folder, "server.key")
	s.Renew(t, time.Now().Add(time.Hour))
	certify := func(host string) {
		s.issue(t, cert, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(host)}}, &s.newKey(t, key).PublicKey)
	}
	r, err := service.NewRedisTLS(folder, certify, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", s.CA)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	s.Server = &Server{r, t}
	return s
}

// Renew replaces the certificate of the client by one that is good until the end.
func (s *TLS) Renew(t testing.TB, end time.Time) {
	t.Helper()
	s.issue(t, s.Cert, &x509.Certificate{NotAfter: end}, &s.newKey(t, s.Key).PublicKey)
}

// newKey makes a key and writes it to path, unless that is empty.
func (s *TLS) newKey(t testing.TB, path string) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err == nil && path != "" {
		err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue completes the certificate, signs it and writes it to path.
func (s *TLS) issue(t testing.TB, path string, c *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	t.Helper()
	c.SerialNumber, c.Subject, c.NotBefore = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: filepath.Base(path)}, time.Now().Add(-time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	issuer := s.authority
	if issuer == nil {
		issuer = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key, s.signer)
	if err == nil {
		err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}
