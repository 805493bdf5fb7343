package server

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/privatefile"
)

// muchHigher is how many times its default a limit must be to count as a
// mistake.
const muchHigher = 100

// longDrain is the drain delay above which a stop takes longer than most
// supervisors wait.
const longDrain = 10 * time.Second

// Warnings returns settings that work and are probably a mistake, each with what
// to change. The configuration must have passed [Config.Check].
func (c *Config) Warnings() []string {
	warnings := append(c.settingWarnings(), c.certificateWarnings()...)
	for _, f := range c.SecretFiles {
		if err := privatefile.CheckShared(f.Path); err != nil {
			warnings = append(warnings, "--"+f.Flag+": "+err.Error())
		}
	}
	return warnings
}

// settingWarnings returns those of [Config.Warnings] that need no file. They hold no
// path and no address of a database.
func (c *Config) settingWarnings() []string {
	warnings := c.exposed()
	if high := highLimits(&c.Auth.Limits); high != "" {
		warnings = append(warnings, fmt.Sprintf("%s: more than %d times the default hardly limits anybody: lower it", high, muchHigher))
	}
	if c.Upstream.Adopt {
		warnings = append(warnings, "--adopt asks the backend for what is unknown here: leave it out once openwearables_adoptions_total{outcome=\"adopted\"} stands still, "+
			"or import the backend's database, which brings all at once")
	}
	if c.DrainDelay > longDrain {
		warnings = append(warnings, fmt.Sprintf("--drain-delay %s: a stop takes up to %s, and many supervisors kill after 10s or 30s: "+
			"raise their limit (stop_grace_period, terminationGracePeriodSeconds, TimeoutStopSec)", c.DrainDelay, c.DrainDelay+drainTimeout+closeTimeout))
	}
	return warnings
}

// exposed returns the settings that admit more callers than they seem to.
func (c *Config) exposed() (warnings []string) {
	host, _, _ := net.SplitHostPort(c.Addr)
	for _, p := range c.TrustedProxies {
		if p.Addr().Is6() && p.Bits() < 16 && !p.Addr().IsPrivate() {
			warnings = append(warnings, fmt.Sprintf("--trusted-proxies %s is very wide, and a caller in it chooses its address: name only the proxies before this server", p))
		}
	}
	for _, o := range c.AllowedOrigins {
		if name, plain := strings.CutPrefix(o, "http://"); plain && !isLoopback(hostOf(name)) {
			warnings = append(warnings, fmt.Sprintf("--allowed-origins %s: anybody on the way can change a page without TLS and act as its user: serve it as https://%s", o, name))
		}
	}
	if c.Auth.KeysInBrowsers {
		warnings = append(warnings, "--allow-keys-in-browsers: whoever opens a page that holds a key can read it, and with it everybody's data: "+
			"give pages user tokens, and leave the flag out")
	}
	if metrics, _, err := net.SplitHostPort(c.MetricsAddr); err == nil && !isInternal(metrics) {
		warnings = append(warnings, fmt.Sprintf("--metrics-addr %s serves /metrics to everybody who reaches it, without TLS: "+
			"give a loopback or private address, or close the port to others", c.MetricsAddr))
	}
	if authz, _, err := net.SplitHostPort(c.ExtAuthzAddr); err == nil && !isInternal(authz) {
		warnings = append(warnings, fmt.Sprintf("--ext-authz-addr %s is reached by everybody, without TLS: "+
			"give a loopback or private address, or close the port to others", c.ExtAuthzAddr))
	}
	if u, err := url.Parse(c.Redis); err == nil && u.Scheme == "redis" && !isLoopback(u.Hostname()) {
		warnings = append(warnings, "--redis: others on the way could read its password and undo revocations: use rediss://, "+
			"with ca_file=FILE for an authority of your own")
	}
	if c.InsecureHTTP && c.TLSCert != "" {
		warnings = append(warnings, "--insecure-http does nothing beside --tls-cert: leave it out")
	}
	if c.Dev && !isLoopback(host) {
		warnings = append(warnings, fmt.Sprintf("--dev lets pages of localhost call this server, and --addr %s is not for this machine alone: "+
			"leave --dev out, or listen on 127.0.0.1", c.Addr))
	}
	return warnings
}

// certificateWarnings returns what is wrong with a certificate or key that can be
// served.
func (c *Config) certificateWarnings() (warnings []string) {
	if c.TLSKey == "" {
		return nil
	}
	if err := privatefile.CheckShared(c.TLSKey); err != nil {
		warnings = append(warnings, "--tls-key: "+err.Error())
	}
	if from, to, over := c.certificateOver(); over {
		warnings = append(warnings, fmt.Sprintf("--tls-cert %s is valid from %s to %s only: replace it", c.TLSCert, from, to))
	}
	return warnings
}

// certificateOver reports whether the certificate is not valid at present, and when
// it is.
func (c *Config) certificateOver() (from, to string, over bool) {
	pair, err := readPair(c.TLSCert, c.TLSKey)
	if err != nil || pair.Leaf == nil {
		return "", "", false
	}
	now, leaf := c.machine()(), pair.Leaf
	return leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339), now.After(leaf.NotAfter) || now.Before(leaf.NotBefore)
}

// highLimits names the limits that are much higher than their defaults.
func highLimits(l *auth.Limits) string {
	defaults := auth.DefaultLimits()
	usual := namedLimits(&defaults)
	var high []string
	for i, n := range namedLimits(l) {
		if n.limit > muchHigher*usual[i].limit {
			high = append(high, fmt.Sprintf("--limit-%s %d", n.flag, n.limit))
		}
	}
	return strings.Join(high, ", ")
}

// hostOf returns the host of HOST or HOST:PORT.
func hostOf(name string) string {
	if host, _, err := net.SplitHostPort(name); err == nil {
		return host
	}
	return strings.Trim(name, "[]")
}

// isInternal reports whether the host is an address of this machine or of a
// private network.
func isInternal(host string) bool {
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	return isLoopback(host) || err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast())
}
