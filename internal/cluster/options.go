package cluster

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/openwearables/openwearables/internal/privatefile"
	"github.com/openwearables/openwearables/internal/redis"
)

// Largest files that a URL names, in bytes.
const (
	maxPassword    = 64 << 10 // a token of a cloud may be long
	maxCertificate = 1 << 20
)

var errURL = errors.New("--redis must be redis://[:PASSWORD@]HOST:PORT[/DB], rediss:// for TLS, or unix://PATH; " +
	"redis://HOST:PORT,HOST:PORT for a cluster")

// parse reads a URL: redis:// or rediss:// with USER:PASSWORD, one address or, of a
// cluster, several, and the number of a database; or unix:// with a path. Parameters:
// db, the number as well; cluster=true, of a cluster that is given by one address;
// skip_verify=true, to believe any certificate; and some that name files: password_file,
// with the password; ca_file, with the authorities that may vouch for the server;
// cert_file and key_file, with the client's certificate. All but ca_file are read anew
// for each connection, since they may be replaced at any time. What tunes the client of
// earlier releases has no effect. The error holds no part of a password.
func parse(raw string) (*redis.Options, error) {
	raw, more := cutAddresses(raw)
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errURL
	}
	o := &redis.Options{Network: "tcp", Timeout: timeout}
	path := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "unix":
		if u.Host != "" || path == "" {
			return nil, errURL
		}
		o.Network, o.Addrs, path = "unix", []string{u.Path}, ""
	case "redis", "rediss":
		if o.Addrs, err = addresses(u, more); err != nil {
			return nil, err
		}
	default:
		return nil, errURL
	}
	if u.Scheme == "rediss" {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	query := parameters{u.Query()}
	if err := query.apply(o, path, len(more) > 0); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, name := range []string{"password_file", "ca_file", "cert_file", "key_file"} {
		files[name] = query.take(name)
	}
	for name := range query.Values {
		if !slices.Contains(obsolete, name) {
			return nil, errURL
		}
	}
	if err := identify(o, u.User, files["password_file"]); err != nil {
		return nil, err
	}
	return o, secure(o, files)
}

// obsolete are parameters that tuned the client of earlier releases.
var obsolete = []string{
	"protocol", "client_name", "max_retries", "min_retry_backoff", "max_retry_backoff", "dial_timeout", "read_timeout", "write_timeout",
	"pool_fifo", "pool_size", "pool_timeout", "min_idle_conns", "max_idle_conns", "max_active_conns", "conn_max_idle_time", "idle_timeout",
	"conn_max_lifetime", "max_conn_age",
}

// cutAddresses takes all addresses but the first from a URL, which may have only one.
func cutAddresses(raw string) (rest string, more []string) {
	begin := strings.Index(raw, "://")
	if begin < 0 {
		return raw, nil
	}
	begin += len("://")
	end := begin + strings.IndexAny(raw[begin:]+"/", "/?#")
	begin += strings.LastIndex(raw[begin:end], "@") + 1
	first, others, several := strings.Cut(raw[begin:end], ",")
	if !several {
		return raw, nil
	}
	return raw[:begin] + first + raw[end:], strings.Split(others, ",")
}

// addresses returns where the servers are. An address without a port has the usual one.
func addresses(u *url.URL, more []string) ([]string, error) {
	all := []*url.URL{u}
	for _, address := range more {
		other, err := url.Parse("redis://" + address)
		if err != nil || other.Host == "" {
			return nil, errURL
		}
		all = append(all, other)
	}
	list := make([]string, len(all))
	for i, a := range all {
		list[i] = net.JoinHostPort(cmp.Or(a.Hostname(), "localhost"), cmp.Or(a.Port(), "6379"))
	}
	return list, nil
}

// parameters are those of a URL that were not taken yet.
type parameters struct{ url.Values }

func (p parameters) take(name string) string {
	value := p.Get(name)
	p.Del(name)
	return value
}

// flag takes a parameter that is true or false.
func (p parameters) flag(name string) (bool, error) {
	value, err := strconv.ParseBool(cmp.Or(p.take(name), "false"))
	if err != nil {
		return false, fmt.Errorf("--redis: %s must be true or false", name)
	}
	return value, nil
}

// apply takes the parameters that name no file.
func (p parameters) apply(o *redis.Options, path string, several bool) error {
	unverified, err := p.flag("skip_verify")
	if err != nil {
		return err
	}
	if o.TLS != nil {
		o.TLS.InsecureSkipVerify = unverified
	}
	o.Cluster, err = p.flag("cluster")
	if err != nil {
		return err
	}
	o.Cluster = o.Cluster || several
	number := cmp.Or(p.take("db"), path)
	if number == "" {
		return nil
	}
	if o.Database, err = strconv.Atoi(number); err != nil || o.Database < 0 {
		return errURL
	}
	if o.Cluster && o.Database != 0 {
		return errors.New("--redis: a cluster has only the database 0")
	}
	return nil
}

// identify makes each connection say who it is. The password is that of the URL, or
// read from the file each time.
func identify(o *redis.Options, user *url.Userinfo, path string) error {
	name := user.Username()
	password, given := user.Password()
	if path == "" {
		o.Credentials = func() (string, string, error) { return name, password, nil }
		return nil
	}
	if given && password != "" {
		return errors.New("--redis: give the password in the URL or as password_file, not both")
	}
	o.Credentials = func() (string, string, error) {
		password, err := privatefile.ReadShared(path, maxPassword)
		return name, strings.TrimRight(string(password), "\r\n"), err
	}
	if _, _, err := o.Credentials(); err != nil {
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
	if o.TLS == nil || (cert == "") != (key == "") {
		return errors.New("--redis: ca_file, cert_file and key_file are for rediss://, and the last two go together")
	}
	if ca != "" {
		pem, err := privatefile.ReadShared(ca, maxCertificate)
		if err != nil {
			return fmt.Errorf("--redis: ca_file: %w", err)
		}
		o.TLS.RootCAs = x509.NewCertPool()
		if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("--redis: ca_file %s holds no certificate in PEM", ca)
		}
	}
	if cert == "" {
		return nil
	}
	if _, err := readPair(cert, key); err != nil {
		return fmt.Errorf("--redis: cert_file and key_file: %w", err)
	}
	o.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
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
