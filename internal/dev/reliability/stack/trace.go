package stack

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/disk"
)

// Trace makes nodes that are started from now on leave a trace of what they do to
// the database's files, for disk.Read. Traced says when it is whole.
func (s *Stack) Trace(to string) error {
	if _, err := exec.LookPath("strace"); err != nil {
		return errors.New("strace is not installed: apt-get install strace")
	}
	only := fmt.Sprintf("-P %q", s.folder)
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		only += fmt.Sprintf(" -P %q", s.File()+end)
	}
	script := fmt.Sprintf("#!/bin/sh\nexec strace -D -f -y -T -ttt -xx -s 4194304 --seccomp-bpf -q -e signal=KILL -e trace=%s %s -o %q %q \"$@\"\n",
		disk.Calls, only, to, s.lab.binary)
	lab := *s.lab
	lab.binary, s.lab = filepath.Join(s.folder, "traced"), &lab
	return os.WriteFile(lab.binary, []byte(script), 0o755)
}

// Traced returns when the trace of a node that has ended is whole.
func (n *Node) Traced(path string) error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text = bytes.TrimSpace(text)
		final := text[bytes.LastIndexByte(text, '\n')+1:]
		if bytes.HasPrefix(final, fmt.Append(nil, n.process.ID(), " ")) && bytes.Contains(final, []byte("+++")) {
			return nil
		}
	}
	return errors.New("the trace does not end")
}

// Folder is where the database is.
func (s *Stack) Folder() string { return s.folder }

// At is the same installation on the database files in another folder, with a
// node that has not been started. It logs to where this one does.
func (s *Stack) At(folder string) *Stack {
	o := *s
	o.folder, o.Nodes = folder, nil
	o.add()
	o.Nodes[0].log = s.Nodes[0].log
	return &o
}
