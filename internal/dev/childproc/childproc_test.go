package childproc_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

func TestUnknownProgramDoesNotStart(t *testing.T) {
	if _, err := childproc.Start(exec.Command("/nonexistent"), syscall.SIGKILL); err == nil {
		t.Error("started")
	}
}

func TestEndKillsWhatIgnoresTheSignal(t *testing.T) {
	p, err := childproc.Serve(exec.Command("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"),
		syscall.SIGKILL, filepath.Join(t.TempDir(), "log"), "ready")
	if err != nil {
		t.Fatal(err)
	}
	if !p.Running() {
		t.Error("it does not run")
	}
	p.End(syscall.SIGTERM, 50*time.Millisecond)
	if p.Running() || p.ExitCode() != -1 || p.Err() == nil {
		t.Errorf("running: %t, exit code %d, %v", p.Running(), p.ExitCode(), p.Err())
	}
	p.End(syscall.SIGTERM, time.Minute) // nothing is left to end
}

func TestServeReadsOnlyItsOwnOutput(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, err := childproc.Serve(exec.Command("echo", "ready"), syscall.SIGKILL, log, "ready")
	if err != nil || p.Err() != nil {
		t.Fatal(err)
	}
	_, err = childproc.Serve(exec.Command("echo", "too late"), syscall.SIGKILL, log, "ready")
	if err == nil || !strings.Contains(err.Error(), "too late") || strings.Contains(err.Error(), "ready\n") {
		t.Errorf("%v", err)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v names an address", err)
	}
}

func TestServeTellsThatAnAddressIsInUse(t *testing.T) {
	_, err := childproc.Serve(exec.Command("sh", "-c", "echo bind: Address already in use; exit 1"),
		syscall.SIGKILL, filepath.Join(t.TempDir(), "log"), "it is ready")
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
	}
}
