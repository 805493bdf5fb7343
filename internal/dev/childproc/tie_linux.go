package childproc

import (
	"os/exec"
	"syscall"
)

func tie(cmd *exec.Cmd, last syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = last
	cmd.SysProcAttr.Setpgid = true
}
