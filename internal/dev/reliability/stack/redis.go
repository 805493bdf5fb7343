package stack

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Redis is a Redis server that keeps nothing on disk.
type Redis struct {
	folder, addr string
	process      *process
}

// NewRedis starts a server in the folder.
func NewRedis(folder string) (*Redis, error) {
	r := &Redis{folder: filepath.Join(folder, "redis")}
	var err error
	if r.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.folder, 0o755); err != nil {
		return nil, err
	}
	return r, r.Up()
}

// Up starts the server, empty, and returns when it takes connections.
func (r *Redis) Up() error {
	host, port, _ := net.SplitHostPort(r.addr)
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("Redis is not installed: apt-get install redis-server")
	}
	cmd := exec.Command(path, "--bind", host, "--port", port, "--dir", r.folder, "--save", "", "--appendonly", "no", "--logfile", "log")
	if r.process, err = start(cmd, syscall.SIGKILL); err != nil {
		return err
	}
	return await(r.addr, r.process, filepath.Join(r.folder, "log"))
}

// Version is what the server calls itself.
func (r *Redis) Version() string {
	out, _ := exec.Command("redis-server", "--version").Output() // empty if it fails
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return "Redis"
	}
	return "Redis " + strings.TrimPrefix(fields[2], "v=")
}

// Kill ends the server at once.
func (r *Redis) Kill() { r.process.end(syscall.SIGKILL, time.Second) }

// Pause stops the server from doing anything until Continue.
func (r *Redis) Pause() { r.process.signal(syscall.SIGSTOP) }

// Continue is the other way of Pause.
func (r *Redis) Continue() { r.process.signal(syscall.SIGCONT) }

// Flush makes the server forget everything.
func (r *Redis) Flush() error {
	c, err := net.DialTimeout("tcp", r.addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprint(c, "FLUSHALL\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line != "+OK\r\n" {
		err = fmt.Errorf("FLUSHALL was answered %q", line)
	}
	return err
}
