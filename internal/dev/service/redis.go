package service

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

// Redis is a Redis server that keeps nothing on disk. Its methods must not be
// called concurrently.
type Redis struct {
	folder, addr string
	args         []string
	tls          bool
	clustered    bool // a node of a cluster
	process      *childproc.Process
}

// NewRedisTLS is NewRedis for a server that speaks TLS alone. Before it starts,
// certify makes its files for the host on which it will listen.
func NewRedisTLS(folder string, certify func(host string), args ...string) (*Redis, error) {
	r := &Redis{folder: folder, args: args, tls: true}
	_, err := Listen(func(addr string) error {
		r.addr = addr
		host, _, _ := net.SplitHostPort(addr)
		certify(host)
		return r.Up()
	})
	return r, err
}

// NewRedis starts a server in the folder with the arguments beside the usual ones.
func NewRedis(folder string, args ...string) (*Redis, error) {
	return newRedis(&Redis{folder: folder, args: args})
}

func newRedis(r *Redis) (*Redis, error) {
	_, err := Listen(func(addr string) error {
		r.addr = addr
		return r.Up()
	})
	return r, err
}

// RedisVersion returns the name and version of the Redis that is installed.
func RedisVersion() string {
	out, _ := exec.Command("redis-server", "--version").Output() // empty if it fails
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return "Redis"
	}
	return "Redis " + strings.TrimPrefix(fields[2], "v=")
}

// Up starts the server, which must not be running, at its address, and returns
// when it takes connections.
func (r *Redis) Up() error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("Redis is not installed: apt-get install redis-server")
	}
	host, port, _ := net.SplitHostPort(r.addr)
	ports := []string{"--port", port}
	if r.tls {
		ports = []string{"--port", "0", "--tls-port", port}
	}
	if r.clustered { // and not the address from which the system lets it call
		ports = append(ports, "--cluster-enabled", "yes", "--cluster-announce-ip", host)
	}
	usual := []string{"--bind", host, "--dir", r.folder, "--save", "", "--appendonly", "no"}
	cmd := exec.Command(path, slices.Concat(usual, ports, r.args)...)
	r.process, err = childproc.Serve(cmd, syscall.SIGKILL, filepath.Join(r.folder, "log"), "Ready to accept connections")
	return err
}

// ID returns the process id of the server.
func (r *Redis) ID() int { return r.process.ID() }

// Addr returns the address, HOST:PORT.
func (r *Redis) Addr() string { return r.addr }

// Kill ends the server at once.
func (r *Redis) Kill() { r.process.End(syscall.SIGKILL, time.Second) }

// Pause stops the server from doing anything until Continue.
func (r *Redis) Pause() { r.process.Pause() }

// Continue ends a Pause.
func (r *Redis) Continue() { r.process.Resume() }
