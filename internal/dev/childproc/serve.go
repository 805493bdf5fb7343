package childproc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// startTimeout bounds how long a server may take until it is ready.
const startTimeout = 30 * time.Second

// Serve starts a server as Start does, appends what it prints to the file log, and
// returns once it has printed ready. That a server at some address accepts a
// connection would not do: it may be another one. If the server ends before that,
// or takes more than 30 seconds, Serve returns an error with the end of what it
// printed, which is syscall.EADDRINUSE if that names this cause.
func Serve(cmd *exec.Cmd, last syscall.Signal, log, ready string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	in, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if _, err := in.Seek(0, io.SeekEnd); err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	p, err := Start(cmd, last)
	if err != nil {
		return nil, err
	}
	if text, err := p.await(in, ready); err != nil {
		p.End(last, time.Second)
		return nil, fmt.Errorf("%s: %w\n%s", cmd.Path, errors.Join(err, inUse(text)), text[max(0, len(text)-2000):])
	}
	return p, nil
}

// await returns what the server has printed once that contains ready, or once it
// will not.
func (p *Process) await(log io.Reader, ready string) (text []byte, err error) {
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(5 * time.Millisecond) {
		running := p.Running()
		more, err := io.ReadAll(log)
		text = append(text, more...)
		switch {
		case err != nil:
			return text, err
		case bytes.Contains(text, []byte(ready)):
			return text, nil
		case !running:
			return text, fmt.Errorf("it ended before it was ready: %v", p.cmd.ProcessState)
		case time.Now().After(deadline):
			return text, fmt.Errorf("it was not ready after %v", startTimeout)
		}
	}
}

func inUse(text []byte) error {
	if bytes.Contains(bytes.ToLower(text), []byte("address already in use")) {
		return syscall.EADDRINUSE
	}
	return nil
}
