package pgtest

import (
	"os/exec"
	"syscall"
)

// assume makes the program run as the owner.
func (o *owner) assume(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}}
}
