package pgtest

import (
	"os/exec"
	"syscall"
)

// attend makes the program run as the owner and end with the thread that
// starts it, whatever ends the tests.
func attend(cmd *exec.Cmd, o *owner) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if o != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
}
