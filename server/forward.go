package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/policy"
	"github.com/openwearables/openwearables/internal/privatefile"
)

// recheckPolicy is how often the files of the policy are read again.
const recheckPolicy = 5 * time.Second

// forwardPolicy is the policy of /forward-auth in force. Safe for concurrent use.
type forwardPolicy struct {
	config  *Config
	current atomic.Pointer[policy.Policy]
}

// load takes up the policy in the files, or returns an error and leaves the one in force.
func (f *forwardPolicy) load(context.Context) error {
	p, err := f.config.readPolicy()
	if err != nil {
		return err
	}
	f.current.Store(p)
	return nil
}

// readPolicy reads the policy and the secret that it names. It refuses files that everybody
// may change, and a policy whose proxies nobody could tell from callers.
func (c *Config) readPolicy() (*policy.Policy, error) {
	fail := func(err error) error {
		return fmt.Errorf("--forward-auth-policy %s: %w", c.ForwardAuthPolicy, err)
	}
	if err := privatefile.Tolerate(privatefile.CheckShared(c.ForwardAuthPolicy)); err != nil {
		return nil, fail(err)
	}
	text, err := privatefile.ReadShared(c.ForwardAuthPolicy, policy.MaxFile)
	if err != nil {
		return nil, fail(err)
	}
	p, err := policy.Parse(text)
	if err != nil {
		return nil, fail(err)
	}
	if p.SecretFile == "" {
		if len(c.TrustedProxies) == 0 || c.ClientAddress == proxyProtocol {
			return nil, fail(errors.New("nobody may ask: name the proxies in --trusted-proxies, or give the policy a secret_file, " +
				"which it needs with --client-address proxy-protocol"))
		}
		return p, nil
	}
	secret, err := privatefile.ReadMounted(p.SecretFile, maxSecretFile)
	if err != nil {
		return nil, fail(fmt.Errorf("secret_file: %w", err))
	}
	if p.Secret = []byte(strings.TrimSpace(string(secret))); len(p.Secret) < 32 {
		return nil, fail(fmt.Errorf("secret_file %s must hold at least 32 characters, such as openssl rand -hex 32 prints", p.SecretFile))
	}
	return p, nil
}

// checkForwardAuth refuses a policy that cannot be served.
func (c *Config) checkForwardAuth() error {
	if c.ForwardAuthPolicy == "" {
		if c.ExtAuthzAddr != "" {
			return errors.New("--ext-authz-addr needs --forward-auth-policy, which says who may call what")
		}
		return nil
	}
	_, err := c.readPolicy()
	return err
}

// listenExtAuthz opens the listener of ext_authz.
func (s *Server) listenExtAuthz() (boundServer, error) {
	l, err := net.Listen("tcp", s.config.ExtAuthzAddr)
	if err != nil {
		return boundServer{}, fmt.Errorf("--ext-authz-addr: %w", err)
	}
	s.config.Log.Info("answering ext_authz", "addr", l.Addr().String())
	h := s.newHTTPServer(s.front.ExtAuthz())
	h.IdleTimeout = s.config.Connections.Idle
	serveHTTP2(h)
	h.HTTP2.MaxConcurrentStreams = maxChecks
	limits := s.config.Connections
	return limited(h, l, connectionLimits{
		total: limits.Total, share: limits.PerAddress, exempt: s.config.TrustedProxies, firstRequest: limits.FirstRequest,
	}), nil
}
