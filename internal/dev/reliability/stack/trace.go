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

// Trace makes nodes that are started from now on record what they do to the files
// of the database, for disk.Read. Traced waits for the end of the trace.
func (s *Stack) Trace(to string) error {
	if _, err := exec.LookPath("strace"); err != nil {
		return errors.New("strace is not installed: apt-get install strace")
	}
	only := fmt.Sprintf("-P %q", s.folder)
	for _, end := range []string{"", "-wal", "-shm", "-journal", ".mark", ".mark.new"} {
		only += fmt.Sprintf(" -P %q", s.File()+end)
	}
	script := fmt.Sprintf("#!/bin/sh\nexec strace -D -f -y -T -ttt -xx -s 4194304 --seccomp-bpf -q -e signal=KILL -e trace=%s %s -o %q %q \"$@\"\n",
		disk.Calls, only, to, s.lab.binary)
	lab := *s.lab
	lab.binary, s.lab = filepath.Join(s.folder, "traced"), &lab
	return os.WriteFile(lab.binary, []byte(script), 0o755)
}

// Traced returns when the trace of a node that has ended is complete.
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

// Folder returns the folder of the database.
func (s *Stack) Folder() string { return s.folder }

// At returns the same installation on the database files in another folder, with
// one node that is not started. It shares the log of this stack.
func (s *Stack) At(folder string) *Stack {
	o := *s
	o.folder, o.Nodes = folder, nil
	o.add()
	o.Nodes[0].log = s.Nodes[0].log
	return &o
}
