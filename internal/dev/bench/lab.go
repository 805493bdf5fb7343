package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
	"github.com/openwearables/openwearables/internal/dev/service"
)

// lab holds the processes of a run, each of which is started at its first use.
type lab struct {
	binary    string // the product
	folder    string // of everything that the processes write
	users     int    // of an installation, sessions or more
	processes []*childproc.Process
	floors    map[string]*target // by kind
	sqlite    *installation
	clustered *installation            // on PostgreSQL and Redis
	stocked   map[string]*installation // with a stock, by name
	postgres  *service.Postgres
	redis     *service.Redis
}

// newLab returns a lab for the binary. The caller must close it.
func newLab(binary string) (*lab, error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	l := &lab{binary: path, folder: folder, users: users, floors: make(map[string]*target)}
	return l, os.Chmod(folder, 0o755) // PostgreSQL is another user
}

// onDisk returns an error if the folder of the lab is in memory.
func (l *lab) onDisk() error {
	if fs := fileSystem(l.folder); strings.Contains(fs, "tmpfs") || strings.Contains(fs, "ramfs") {
		return errTemporary
	}
	return nil
}

// processorTime returns the processor time that this process and those of the lab have
// taken so far.
func (l *lab) processorTime() (time.Duration, error) {
	own, err := stat("self")
	if err != nil {
		return 0, err
	}
	var pids []int
	for _, p := range l.processes {
		pids = append(pids, p.ID())
	}
	if l.postgres != nil {
		pids = append(pids, l.postgres.ID(), l.redis.ID())
	}
	taken, err := processorTimes(pids...)
	return taken + sum(own[11:15]...), err // with its children that have ended
}

// close ends all processes and removes what they wrote.
func (l *lab) close() error {
	for _, p := range l.processes {
		p.End(syscall.SIGKILL, time.Second)
	}
	if l.redis != nil {
		l.redis.Kill()
	}
	if l.postgres != nil {
		l.postgres.Kill()
	}
	return os.RemoveAll(l.folder)
}

// onSQLite returns the installation on SQLite.
func (l *lab) onSQLite(ctx context.Context) (i *installation, err error) {
	if l.sqlite == nil {
		l.sqlite, err = l.install(ctx, "sqlite", "sqlite:openwearables.db", "")
	}
	return l.sqlite, err
}

// onPostgres returns the installation on PostgreSQL and Redis.
func (l *lab) onPostgres(ctx context.Context) (*installation, error) {
	if l.clustered != nil {
		return l.clustered, nil
	}
	database, redis, err := l.createDatabase(ctx, "bench")
	if err != nil {
		return nil, err
	}
	i, err := l.install(ctx, "postgres-redis", database, redis)
	if err != nil {
		return nil, err
	}
	i.databases = []int{l.postgres.ID(), l.redis.ID()}
	l.clustered = i
	return i, nil
}

// createDatabase creates a database of PostgreSQL and returns its URL and that of Redis.
func (l *lab) createDatabase(ctx context.Context, name string) (database, redis string, err error) {
	if err := l.services(); err != nil {
		return "", "", err
	}
	err = l.postgres.Exec(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE template0")
	return l.postgres.URL(l.postgres.Addr(), name), "redis://" + l.redis.Addr(), err
}

// services starts PostgreSQL, with the settings that it comes with but for the number
// of its connections: fsync is on; and Redis.
func (l *lab) services() (err error) {
	if l.postgres != nil {
		return nil
	}
	folder := filepath.Join(l.folder, "services")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if l.redis, err = service.NewRedis(folder); err != nil {
		return err
	}
	l.postgres, err = service.NewPostgresTCP(folder, "max_connections=200")
	return err
}

// floor returns the floor of a kind, served by a process of its own.
func (l *lab) floor(ctx context.Context, kind string) (*target, error) {
	if t := l.floors[kind]; t != nil {
		return t, nil
	}
	args := []string{kind, filepath.Join(l.folder, kind+".db")}
	t := new(target)
	if kind == "postgres" {
		if err := l.services(); err != nil {
			return nil, err
		}
		if err := l.postgres.Exec(ctx, "postgres", "CREATE DATABASE floor TEMPLATE template0"); err != nil {
			return nil, err
		}
		args = []string{kind, l.postgres.URL(l.postgres.Addr(), "floor"), l.redis.Addr()}
		t.databases = []int{l.postgres.ID(), l.redis.ID()}
	}
	var p *childproc.Process
	addr, err := service.Listen(func(addr string) (err error) {
		cmd, err := floorCommand(ctx, addr, args...)
		if err == nil {
			p, err = childproc.Serve(cmd, syscall.SIGKILL, filepath.Join(l.folder, kind+".log"), floorReady)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(errors.New("the floor "+kind), err)
	}
	l.processes = append(l.processes, p)
	t.addr, t.server = addr, p.ID()
	l.floors[kind] = t
	return t, nil
}
