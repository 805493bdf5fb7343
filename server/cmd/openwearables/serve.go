package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/openwearables/openwearables/server"
)

// devEmail is the email of the developer that serve --dev creates.
const devEmail = "dev@example.com"

// serve runs the server until ctx ends.
func (p *program) serve(ctx context.Context, args []string) error {
	s := p.serveSettings()
	if err := s.parse(args); err != nil {
		return err
	}
	level, err := s.level()
	if err != nil {
		return err
	}
	s.config.Log = slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level}))
	s.config.Traces = true
	node, err := server.New(ctx, s.config)
	if err != nil {
		return err
	}
	scheme := "http"
	if s.config.TLSCert != "" {
		scheme = "https"
	}
	err = node.Run(ctx, func(addr string) {
		if s.config.Dev && scheme == "http" {
			addr = byName(ctx, addr)
		}
		base := scheme + "://" + addr
		welcome := s.welcome(ctx, node, base)
		fmt.Fprintf(p.stdout, "openwearables is ready on %s (reference: %s/docs)\n%s", base, base, welcome)
	})
	return errors.Join(err, node.Close())
}

// byName returns an address with the name localhost, if that name leads to it. The
// pages of a development server are usually at localhost, which for a browser is
// another site than 127.0.0.1: it would drop the cookie of a login.
func byName(ctx context.Context, addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	name := net.JoinHostPort("localhost", port)
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", name)
	if err != nil {
		return addr
	}
	defer conn.Close()
	if conn.RemoteAddr().String() != addr {
		return addr // another process listens there, or this one on every address
	}
	return name
}

// level returns the level of the log.
func (s *settings) level() (slog.Level, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(s.log)]
	if !ok {
		return 0, fmt.Errorf("--log-level %q must be debug, info, warn or error", s.log)
	}
	return level, nil
}

// welcome checks that somebody can log in. If there is no developer, --dev
// creates one with a random password, and welcome returns how to log in; it is
// shown only this once.
func (s *settings) welcome(ctx context.Context, node *server.Server, base string) string {
	developers := node.Auth().Developers
	all, err := developers.All(ctx)
	if err == nil && len(all) == 0 && !s.config.Dev {
		s.config.Log.Warn("nobody can log in yet: run openwearables developer create")
	}
	if len(all) > 0 || !s.config.Dev {
		return ""
	}
	password := rand.Text()
	if err == nil {
		_, err = developers.Create(ctx, devEmail, password)
	}
	if err != nil {
		s.config.Log.Error("the first developer could not be created: run openwearables developer create", "error", err)
		return ""
	}
	return "\nThe first developer, shown this once:\n" +
		"  email     " + devEmail + "\n" +
		"  password  " + password + "\n\n" +
		"Try it:\n" +
		"  curl -X POST " + base + "/api/v1/auth/login -d username=" + devEmail + " -d password=" + password + "\n\n"
}
