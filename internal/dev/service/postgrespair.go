package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// PostgresPair is a primary of PostgreSQL and a standby that follows it. Its methods must
// not be called concurrently.
type PostgresPair struct {
	Primary, Standby *Postgres

	synchronous bool
	addrs       string // of both, whichever is the primary
}

// NewPostgresPair starts a pair in the folder, which must exist and be readable for every
// account. If it is synchronous, the primary acknowledges what the standby has synced.
func NewPostgresPair(folder string, synchronous bool, settings ...string) (*PostgresPair, error) {
	p := &PostgresPair{synchronous: synchronous}
	var folders [2]string
	for i, name := range []string{"first", "second"} {
		folders[i] = filepath.Join(folder, name)
		if err := os.Mkdir(folders[i], 0o755); err != nil {
			return nil, err
		}
	}
	var err error
	if p.Primary, err = NewPostgresTCP(folders[0], settings...); err != nil {
		return nil, err
	}
	if p.Standby, err = p.Primary.Standby(folders[1]); err == nil {
		p.addrs = p.Primary.Addr() + "," + p.Standby.Addr()
		err = p.attach()
	}
	if err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// URL names a database of the one that can be written.
func (p *PostgresPair) URL(database string) string {
	return p.Primary.URL(p.addrs, database) + "&target_session_attrs=read-write"
}

// attach returns once the standby follows, and each commit waits for it if it is to. The
// setting is no part of the copy: who is promoted waits for nobody.
func (p *PostgresPair) attach() error {
	state := "state = 'streaming'"
	if p.synchronous {
		state += " AND sync_state = 'sync'"
		err := p.Primary.Exec(context.Background(), "postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'", reload)
		if err != nil {
			return err
		}
	}
	return await("a standby that follows "+p.Primary.Addr(), func() bool {
		return p.Primary.Exec(context.Background(), "postgres", "SELECT 1/count(*) FROM pg_stat_replication WHERE "+state) == nil
	})
}

const reload = "SELECT pg_reload_conf()"

// Part makes the standby receive nothing more.
func (p *PostgresPair) Part() error {
	err := p.Standby.Exec(context.Background(), "postgres", "ALTER SYSTEM SET primary_conninfo = ''", reload)
	if err != nil {
		return err
	}
	return await("a standby on its own", func() bool {
		return p.Standby.Exec(context.Background(), "postgres", "SELECT 1/(1-count(*)) FROM pg_stat_wal_receiver") == nil
	})
}

// Promote makes the standby the primary, in place of one that is not running.
func (p *PostgresPair) Promote() error {
	if p.Primary.Running() {
		return errors.New("the primary runs: there would be two")
	}
	cmd, err := p.Standby.Program("pg_ctl", "promote", "-w", "-D", p.Standby.data())
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl promote: %w\n%s", err, out)
	}
	p.Primary, p.Standby = p.Standby, p.Primary
	return nil
}

// Demote starts the former primary as it was left, but as a standby of the new one. It
// can be read; where it had written what the new one had not received, it does not
// follow.
func (p *PostgresPair) Demote() error {
	signal := filepath.Join(p.Standby.data(), "standby.signal")
	err := os.WriteFile(signal, nil, 0o600)
	if err == nil {
		err = p.Standby.Own(signal)
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(p.Standby.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "primary_conninfo = '%s'\n", p.Primary.DSN(""))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return p.Standby.Up()
}

// Rebuild makes the former primary, running or not, a standby of the new one, from a new
// copy.
func (p *PostgresPair) Rebuild() error {
	if p.Standby.Running() {
		p.Standby.Down()
	}
	err := os.RemoveAll(p.Standby.data())
	if err == nil {
		err = p.Standby.copy(p.Primary)
	}
	if err == nil {
		err = p.Standby.Up()
	}
	if err != nil {
		return err
	}
	return p.attach()
}

// Kill ends both at once.
func (p *PostgresPair) Kill() {
	p.Primary.Kill()
	if p.Standby != nil {
		p.Standby.Kill()
	}
}
