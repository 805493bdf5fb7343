//go:build unix

package childproc

import "syscall"

// Pause stops the program from doing anything until Resume.
func (p *Process) Pause() { p.Signal(syscall.SIGSTOP) }

// Resume lets a paused program go on.
func (p *Process) Resume() { p.Signal(syscall.SIGCONT) }
