package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// Largest files that a URL names, in bytes.
const (
	maxPassword    = 64 << 10 // a token of a cloud may be long
	maxCertificate = 1 << 20
)

var errURL = errors.New("--redis must be redis://[:PASSWORD@]HOST:PORT[/DB], rediss:// for TLS, or unix://PATH")

// parse reads a URL as redis.ParseURL takes it, and four parameters that name
// files: password_file, with the password; ca_file, with the authorities that may
// vouch for the server; cert_file and key_file, with the client's certificate. All
// but ca_file are read anew for each connection, since they may be replaced at any
// time. The error holds no part of a password.
func parse(raw string) (*redis.Options, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errURL
	}
	query, files := u.Query(), map[string]string{}
	for _, name := range []string{"password_file", "ca_file", "cert_file", "key_file"} {
		files[name] = query.Get(name)
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, errURL
	}
	if path := files["password_file"]; path != "" {
		if options.Password != "" {
			return nil, errors.New("--redis: give the password in the URL or as password_file, not both")
		}
		if err := provide(options, path); err != nil {
			return nil, err
		}
	}
	return options, secure(options, files)
}

// provide makes each connection read its password from the file.
func provide(o *redis.Options, path string) error {
	user := o.Username
	o.CredentialsProviderContext = func(context.Context) (string, string, error) {
		password, err := privatefile.ReadShared(path, maxPassword)
		return user, strings.TrimRight(string(password), "\r\n"), err
	}
	if _, _, err := o.CredentialsProviderContext(context.Background()); err != nil {
		return fmt.Errorf("--redis: password_file: %w", err)
	}
	return nil
}

// secure applies the files of TLS.
func secure(o *redis.Options, files map[string]string) error {
	ca, cert, key := files["ca_file"], files["cert_file"], files["key_file"]
	if ca+cert+key == "" {
		return nil
	}
	if o.TLSConfig == nil || (cert == "") != (key == "") {
		return errors.New("--redis: ca_file, cert_file and key_file are for rediss://, and the last two go together")
	}
	if ca != "" {
		pem, err := privatefile.ReadShared(ca, maxCertificate)
		if err != nil {
			return fmt.Errorf("--redis: ca_file: %w", err)
		}
		o.TLSConfig.RootCAs = x509.NewCertPool()
		if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("--redis: ca_file %s holds no certificate in PEM", ca)
		}
	}
	if cert == "" {
		return nil
	}
	if _, err := readPair(cert, key); err != nil {
		return fmt.Errorf("--redis: cert_file and key_file: %w", err)
	}
	o.TLSConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return readPair(cert, key)
	}
	return nil
}

func readPair(cert, key string) (*tls.Certificate, error) {
	certificate, err := privatefile.ReadShared(cert, maxCertificate)
	if err != nil {
		return nil, err
	}
	private, err := privatefile.ReadShared(key, maxCertificate)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, private)
	return &pair, err
}
