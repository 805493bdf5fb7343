// Package childproc runs the programs that tests need, and lets none of them
// outlive the tests, whatever ends those.
package childproc

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Start starts the program. It is sent the signal when this process ends, on
// Linux also where that was killed. The channel gives the result of cmd.Wait,
// which the caller must not call, and is closed.
func Start(cmd *exec.Cmd, end syscall.Signal) (<-chan error, error) {
	tie(cmd, end)
	started, exited := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the kernel ties the program to the thread that starts it
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- cmd.Wait()
			close(exited)
		}
	}()
	return exited, <-started
}
