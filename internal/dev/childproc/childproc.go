// Package childproc runs the programs that tests need. None of them outlives the
// tests, however those end.
package childproc

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is a program that was started. The zero pointer is one that never ran.
// Safe for concurrent use.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once err is set
	err   error
}

// Start starts the program in a process group of its own, so that an interrupt
// from the terminal reaches this process alone. On Linux the program receives the
// signal last when this process ends, even if that was killed. The caller must
// not call cmd.Wait.
func Start(cmd *exec.Cmd, last syscall.Signal) (*Process, error) {
	tie(cmd, last)
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel ties the program to the thread that starts it
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// ID returns the process id.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Running reports whether the program has started and not ended.
func (p *Process) Running() bool {
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

// Ended returns a channel that is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err waits for the program to end and returns the result of cmd.Wait.
func (p *Process) Err() error {
	<-p.ended
	return p.err
}

// ExitCode waits for the program to end and returns its exit status, -1 after a
// signal.
func (p *Process) ExitCode() int {
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal. It does nothing to a program that has ended.
func (p *Process) Signal(s syscall.Signal) {
	if p.Running() {
		_ = p.cmd.Process.Signal(s) // the only failure is that it ended just now
	}
}

// End sends the signal, also to a program that is paused, and waits for the end.
// It kills what has not ended within the time.
func (p *Process) End(s syscall.Signal, within time.Duration) {
	if !p.Running() {
		return
	}
	p.Signal(s)
	p.Resume()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.Signal(syscall.SIGKILL)
		<-p.ended
	}
}
