package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// recheckAfter is how long a certificate is used before its files are read
// again.
const recheckAfter = time.Minute

// maxPEM is the size of the largest certificate chain or key that is read, in
// bytes.
const maxPEM = 1 << 20

// certificate is a key pair in two files, which may be replaced while it is
// served. It is safe for concurrent use.
type certificate struct {
	file, keyFile string
	now           func() time.Time
	log           *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	readAt time.Time
}

// config returns a TLS configuration, version 1.2 or newer, with the
// certificate.
func (c *certificate) config() (*tls.Config, error) {
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// get returns the pair that is in the files, or the last one while they cannot
// be read.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.readAt) >= recheckAfter {
		if err := c.read(); err != nil {
			c.log.Error("the TLS certificate could not be read anew, the old one is used on", "error", err)
		}
	}
	return c.pair, nil
}

func (c *certificate) read() error {
	c.readAt = c.now()
	pair, err := readPair(c.file, c.keyFile)
	if err != nil {
		return err
	}
	c.pair = &pair
	return nil
}

// readPair reads a certificate chain and its key. It never waits for a file, and
// refuses a key that everybody may change.
func readPair(file, keyFile string) (tls.Certificate, error) {
	chain, err := privatefile.ReadShared(file, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	if err := privatefile.Tolerate(privatefile.CheckShared(keyFile)); err != nil {
		return tls.Certificate{}, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	key, err := privatefile.ReadShared(keyFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("--tls-cert %s and --tls-key %s: %w", file, keyFile, err)
	}
	return pair, nil
}
