// Package stack starts the real thing on this machine: the product's binary,
// PostgreSQL and Redis as Debian packages them, each in a folder and on a port of
// its own, and a proxy before each dependency that can fail it. All processes end
// with the program, however it ends.
package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// starter starts every process from one thread that lives as long as the program,
// since the kernel ends a child when the thread that started it ends.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// process is a child.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

// start starts the command, which is sent the signal should this program end.
func start(cmd *exec.Cmd, last syscall.Signal) (*process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = last
	cmd.SysProcAttr.Setpgid = true // the terminal's interrupt is for us
	done := make(chan error)
	starter() <- func() { done <- cmd.Start() }
	if err := <-done; err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // who wants to know looks at the state that it left
	}()
	return p, nil
}

func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// signal is nothing to a process that has ended.
func (p *process) signal(s syscall.Signal) {
	if p.running() {
		_ = p.cmd.Process.Signal(s) // it ended just now
	}
}

// end sends the signal and waits; what has not ended after the time is killed.
func (p *process) end(s syscall.Signal, within time.Duration) {
	if !p.running() {
		return
	}
	p.signal(s)
	p.signal(syscall.SIGCONT) // it may be paused
	select {
	case <-p.ended:
	case <-time.After(within):
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// freeAddr is an address on this machine that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// await dials until somebody accepts.
func await(addr string, p *process, log string) error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		if !p.running() {
			err = errors.New("it ended")
		} else if time.Now().Before(deadline) {
			continue
		}
		text, _ := os.ReadFile(log)
		return fmt.Errorf("%s does not answer at %s: %w\n%s", p.cmd.Path, addr, err, tail(text))
	}
}

func tail(text []byte) []byte { return text[max(0, len(text)-2000):] }
