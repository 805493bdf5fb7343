//go:build unix

package childproc

import "syscall"

// resume lets a paused program go on.
func (p *Process) resume() { p.Signal(syscall.SIGCONT) }
