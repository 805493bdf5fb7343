package server

import (
	"context"
	"fmt"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/installation"
	"github.com/openwearables/openwearables/internal/privatefile"
)

const apiVersion = "v1"

// describe tells what runs here, without a secret, a path or an address of a
// database.
func (s *Server) describe(ctx context.Context) (installation.Installation, error) {
	keys, err := s.auth.Signing.Keys(ctx)
	if err != nil {
		return installation.Installation{}, err
	}
	i := installation.Installation{
		Version: ReadBuild().Version, APIVersion: apiVersion, Database: "postgres", Redis: s.redis != nil, Nodes: int32(s.nodes.Count()),
		Limits: s.config.limits(), Settings: s.config.settings(), SigningKeys: keys, Findings: s.findings(), CheckedAt: s.now(),
	}
	if s.config.SQLitePath() != "" {
		i.Database = "sqlite"
	}
	for _, k := range keys {
		if k.State == auth.SigningActive {
			i.SigningAlgorithm = k.Algorithm
		}
	}
	return i, nil
}

// limits returns every limit, by the name of its flag.
func (c *Config) limits() (all []installation.Limit) {
	for _, l := range namedLimits(&c.Auth.Limits) {
		window := int32(l.window / time.Second)
		all = append(all, installation.Limit{Name: l.flag, Limit: int64(l.limit), WindowSeconds: &window, Flag: "--limit-" + l.flag})
	}
	for _, q := range c.namedQuotas() {
		name := "quota-" + q.flag
		all = append(all, installation.Limit{Name: name, Limit: int64(q.limit), Flag: "--" + name})
	}
	return all
}

// settings returns what a person asks about first: how long things last.
func (c *Config) settings() (all []installation.Setting) {
	add := func(flag string, value int64, unit string) {
		all = append(all, installation.Setting{Name: flag, Value: &value, Unit: unit, Flag: "--" + flag})
	}
	for _, l := range []namedSpan{
		{"access-token-ttl", c.Auth.AccessTTL},
		{"refresh-idle", c.Auth.RefreshIdle},
		{"refresh-absolute", c.Auth.RefreshAbsolute},
		{"alert-interval", c.AlertInterval},
	} {
		add(l.flag, int64(l.span/time.Second), installation.Seconds)
	}
	for _, l := range c.namedRetentions() {
		if l.span == 0 {
			all = append(all, installation.Setting{Name: l.flag, Unit: installation.Seconds, Flag: "--" + l.flag})
			continue
		}
		add(l.flag, int64(l.span/time.Second), installation.Seconds)
	}
	add("password-min", int64(c.Auth.Passwords.Min), installation.Characters)
	return all
}

// findings returns those of doctor's findings that take no time and no further
// rights, and what a running node alone can see.
func (s *Server) findings() []installation.Finding {
	all := []installation.Finding{} // empty is not null
	add := func(severity string, messages ...string) {
		for _, m := range messages {
			all = append(all, installation.Finding{Severity: severity, Message: m})
		}
	}
	add(installation.Error, s.Risks()...)
	add(installation.Error, s.Intruders()...)
	add(installation.Error, s.fileFindings()...)
	if s.nodes.Split() {
		add(installation.Error, "The nodes of this database do not share one Redis, so that revocations take a second longer: give every node the same --redis")
	}
	if s.redis != nil && s.redis.Lost() {
		add(installation.Error, "Redis cannot be reached, so that limits and revocations go through the database: bring it back")
	}
	if s.store.Exposed() != "" { // which names the host
		add(installation.Warning, "Others on the way to PostgreSQL could read along or stand in for it: "+
			"add sslmode=verify-full, and sslrootcert=FILE for an authority of your own, to --database")
	}
	if s.nodes.Differ() {
		add(installation.Warning, "Another node of this database has different settings: give every node the same; the log of this one names them")
	}
	add(installation.Warning, s.config.settingWarnings()...)
	add(installation.Warning, s.config.certificateFindings()...)
	return all
}

// fileFindings says whether others reach the files of the database. Which file it
// is, doctor says: its path is not for everybody.
func (s *Server) fileFindings() []string {
	path := s.config.SQLitePath()
	if path == "" {
		return nil
	}
	wrong := 0
	for _, f := range CheckFiles(path) {
		if f.Err != nil {
			wrong++
		}
	}
	if wrong == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Others than the server's user reach the database's files or its folder (%d checks failed): "+
		"run openwearables doctor on that machine, which says what to change", wrong)}
}

// certificateFindings is certificateWarnings without paths.
func (c *Config) certificateFindings() (all []string) {
	if c.TLSKey == "" {
		return nil
	}
	if privatefile.CheckShared(c.TLSKey) != nil {
		all = append(all, "--tls-key: others than the server's user can read the file: run openwearables doctor on that machine, which says what to change")
	}
	if from, to, over := c.certificateOver(); over {
		all = append(all, fmt.Sprintf("--tls-cert is valid from %s to %s only: replace it", from, to))
	}
	return all
}
