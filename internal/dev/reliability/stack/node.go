package stack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
	"github.com/openwearables/openwearables/internal/dev/service"
)

// Node is one process of the product.
type Node struct {
	Index   int
	Addr    string        // of the API; the same after a restart
	Starts  time.Duration // from the last Start to its being ready
	metrics string
	log     string
	stack   *Stack
	process *childproc.Process

	// What the next Start does differently from that of the other nodes.
	Flags []string      // beside the others' flags, which they overrule
	Shift time.Duration // of its clock, in whole seconds; needs Lab.BuildShifted
}

// add adds a node, at addresses that no other program of this machine uses.
func (s *Stack) add() {
	i := len(s.Nodes)
	s.Nodes = append(s.Nodes, &Node{Index: i, Addr: service.Address(), metrics: service.Address(), log: filepath.Join(s.folder, fmt.Sprintf("node%d.log", i)), stack: s})
}

// Start starts the node and returns when it is ready. A failpoint (NAME:ACTION:N)
// is set in a build that has them.
func (n *Node) Start(failpoint string) error {
	binary := n.stack.lab.binary
	switch {
	case failpoint != "":
		binary = n.stack.lab.breakable
	case n.Shift != 0:
		binary = n.stack.lab.shifted
	}
	cmd := n.stack.command(context.Background(), binary, slices.Concat([]string{"serve", "--addr", n.Addr, "--metrics-addr", n.metrics, "--log-level", "warn"}, n.stack.flags, n.Flags)...)
	if n.Shift != 0 {
		cmd.Env = append(cmd.Env, fmt.Sprint(shiftVariable, "=", int64(n.Shift.Seconds())))
	}
	if failpoint != "" {
		cmd.Env = append(cmd.Env, "FAILPOINT="+failpoint)
	}
	begun := time.Now()
	var err error
	n.process, err = childproc.Serve(cmd, syscall.SIGKILL, n.log, "openwearables is ready on http://"+n.Addr)
	n.Starts = time.Since(begun)
	return err
}

// Running reports whether the process runs.
func (n *Node) Running() bool { return n.process.Running() }

// Ended returns a channel that is closed when the process has ended.
func (n *Node) Ended() <-chan struct{} { return n.process.Ended() }

// Kill ends the process at once.
func (n *Node) Kill() { n.process.End(syscall.SIGKILL, time.Second) }

// Terminate sends SIGTERM.
func (n *Node) Terminate() { n.process.Signal(syscall.SIGTERM) }

// Await returns when the process has ended, or with an error after 20 seconds.
func (n *Node) Await() error {
	select {
	case <-n.process.Ended():
		return nil
	case <-time.After(20 * time.Second):
		return fmt.Errorf("node %d did not end within 20 seconds", n.Index)
	}
}

// Exit returns the exit status of a process that has ended, -1 after a signal.
func (n *Node) Exit() int { return n.process.ExitCode() }

// Pause stops the process from doing anything until Continue.
func (n *Node) Pause() { n.process.Signal(syscall.SIGSTOP) }

// Continue ends a Pause.
func (n *Node) Continue() { n.process.Signal(syscall.SIGCONT) }

// Load counts the resources that a process holds.
type Load struct {
	Goroutines, Files int
	RSS               int64 // bytes
}

// Load reads the load from the node's metrics listener.
func (n *Node) Load() (Load, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.metrics+"/metrics", nil)
	if err != nil {
		return Load{}, err
	}
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return Load{}, err
	}
	defer res.Body.Close()
	values := make(map[string]float64)
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if name, text, ok := strings.Cut(lines.Text(), " "); ok && !strings.HasPrefix(name, "#") {
			values[name], _ = strconv.ParseFloat(text, 64) // only numbers are used
		}
	}
	return Load{int(values["go_goroutines"]), int(values["process_open_fds"]), int64(values["process_resident_memory_bytes"])}, nil
}

// ResetPeak forgets the Peak so far.
func (n *Node) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", n.process.ID()), []byte("5"), 0)
}

// Peak returns how many bytes of memory the process has held at most since
// ResetPeak, as Linux counts them.
func (n *Node) Peak() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.process.ID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kilobytes int64
			_, err := fmt.Sscanf(size, "%d kB", &kilobytes)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("node %d: the kernel tells no VmHWM", n.Index)
}

// Stacks ends the process by SIGQUIT and returns the stacks of all goroutines that
// it then writes, as evidence of a hang.
func (n *Node) Stacks() string {
	n.process.End(syscall.SIGQUIT, 5*time.Second)
	text, _ := os.ReadFile(n.log) // empty if there is none
	if i := bytes.LastIndex(text, []byte("SIGQUIT: quit")); i >= 0 {
		text = text[i:]
	}
	return string(text)
}
