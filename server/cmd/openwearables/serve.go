package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/server"
	"github.com/openwearables/openwearables/server/operator"
)

func (p *program) serve() *cobra.Command {
	s := p.serveSettings("serve", "serve the API until SIGTERM or SIGINT, which drain; a second one ends it at once")
	check := false
	s.toggle(&check, "check", "check the settings and the files that they name, print each finding, and end: it connects to nothing and changes nothing")
	return s.command(func(ctx context.Context) error {
		level, err := s.level()
		if err != nil {
			return err
		}
		if s.empty && !s.config.Dev {
			return usageError("--empty goes with --dev: without --dev nobody is created")
		}
		if err := s.keepApart(); err != nil {
			return err
		}
		if check {
			return operator.CheckSettings(p.stdout, s.config)
		}
		return p.runServer(ctx, s, level)
	})
}

// longestPath is how long the path of a database may be beside which the socket of commands
// has room on every system.
const longestPath = 95

// keepApart gives a server for development that was told no database one of its own for the
// folder that it is started in, among what programs keep of one user, so that a clone stays
// clean. It leaves one that is in the folder already.
func (s *settings) keepApart() error {
	if !s.config.Dev || s.sources["database"] != fromDefault || s.sources["database-file"] != fromDefault {
		return nil
	}
	if _, err := os.Lstat(s.config.SQLitePath()); err == nil {
		return nil
	}
	at, err := os.Getwd()
	if err != nil {
		return err
	}
	state := os.Getenv("XDG_STATE_HOME")
	if home, err := os.UserHomeDir(); err == nil && state == "" {
		state = filepath.Join(home, ".local", "state")
	}
	if !filepath.IsAbs(state) {
		return nil // there is no such place
	}
	sum := sha256.Sum256([]byte(at))
	folder := filepath.Join(state, "openwearables", hex.EncodeToString(sum[:4]))
	path := filepath.Join(folder, "dev.db")
	if len(path) > longestPath {
		return nil
	}
	s.config.Database = "sqlite:" + path
	return os.MkdirAll(folder, 0o700)
}

// runServer runs the server until ctx ends.
func (p *program) runServer(ctx context.Context, s *settings, level slog.Level) (err error) {
	signal.Ignore(syscall.SIGPIPE) // whoever reads the log may end; the requests go on
	log := newLogWriter(p.stderr)
	defer func() { err = errors.Join(err, log.Close()) }()
	s.config.Log = newLogger(log, level)
	s.config.Traces = true
	server.LimitMemory()
	node, err := server.New(ctx, s.config)
	if err != nil {
		return err
	}
	scheme := "http"
	if s.config.TLSCert != "" {
		scheme = "https"
	}
	err = node.Run(ctx, func(addr string) {
		named := addr
		if scheme == "http" {
			named = byName(ctx, addr)
		}
		w := welcome{s, node, addr, scheme + "://" + named}
		text := w.text(ctx)
		if s.config.Dev {
			addr = named
		}
		base := scheme + "://" + addr
		fmt.Fprintf(p.stdout, "openwearables is ready on %s (reference: %s/docs)\n%s", base, base, text)
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
