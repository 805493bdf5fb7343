package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The processor time and the memory of a process are read, with those of its children
// that have ended and that run.
func TestProcessorTimeOfAProcess(t *testing.T) {
	child := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo; sleep 60")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	own1, err1 := ownTime()
	before, err2 := processorTime(os.Getpid())
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has counted
		t.Fatal(err)
	}
	of, err3 := processorTime(child.Process.Pid)
	after, err4 := processorTime(os.Getpid())
	own2, err5 := ownTime()
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if of < 5*tick || after-before < of || own2-own1 > after-before {
		t.Errorf("the child took %v, this process with it %v, alone %v", of, after-before, own2-own1)
	}
	if bytes, err := resident(os.Getpid()); err != nil || bytes < 1<<20 || bytes > 1<<40 {
		t.Errorf("this process has %d bytes, %v", bytes, err)
	}
	if _, err := processorTimes(os.Getpid(), 1<<30); err == nil {
		t.Error("a process that is not there took no time")
	}
	if all, stolen := machineTimes(); loadAverage() == "" || all < own2 || stolen < 0 || stolen > 1e6*time.Hour {
		t.Errorf("the load is %q, %v were taken and %v stolen", loadAverage(), all, stolen)
	}
}

func TestFileSystemOfAFolder(t *testing.T) {
	if got := fileSystem("/proc/self"); got != "proc" {
		t.Errorf("/proc is on %q", got)
	}
	if got := fileSystem(filepath.Join(t.TempDir(), "none")); got != "" {
		t.Errorf("a folder that is not there is on %q", got)
	}
	l := &lab{folder: "/dev/shm"}
	if got := fileSystem(l.folder); got != "tmpfs" {
		t.Skipf("this machine has no file system in memory there, but %q", got)
	}
	if err := l.onDisk(); err != errTemporary {
		t.Errorf("a folder in memory: %v", err)
	}
}

// What go test prints of benchmarks is read by units.
func TestReadBenchmark(t *testing.T) {
	values := make(map[string]float64)
	readBenchmark("goos: linux\nBenchmarkX-2 \t 10\t 42.5 ns/op\t 28.00 bare-allocs/call\t 1373 bare-ns/call\nPASS\nok  x 1.2s\n", values)
	if len(values) != 3 || values["ns/op"] != 42.5 || values["bare-allocs/call"] != 28 || values["bare-ns/call"] != 1373 {
		t.Errorf("read %v", values)
	}
	good := sdk{Bare: 1, Ours: 2, Callers: 1000, Refreshes: 1, Expiry: 3}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*sdk){func(s *sdk) { s.Refreshes = 2 }, func(s *sdk) { s.Ours = 0 }, func(s *sdk) { s.Callers = 0 }} {
		s := good
		change(&s)
		if s.check() == nil {
			t.Errorf("%+v is taken for good", s)
		}
	}
}
