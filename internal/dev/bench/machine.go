package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the processor times in /proc.
const tick = 10 * time.Millisecond

// stat reads the fields of /proc/PID/stat after the name of the program: the first is
// the state, the second the parent.
func stat(pid string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 22 {
		return nil, fmt.Errorf("/proc/%s/stat has %d fields", pid, len(fields))
	}
	return fields, nil
}

// sum adds fields that are counted in ticks.
func sum(fields ...string) time.Duration {
	var n int64
	for _, f := range fields {
		ticks, _ := strconv.ParseInt(f, 10, 64) // the kernel writes numbers
		n += ticks
	}
	return time.Duration(n) * tick
}

// processorTime returns the processor time that a process has taken, with its children,
// those that have ended too.
func processorTime(pid int) (time.Duration, error) {
	id := strconv.Itoa(pid)
	own, err := stat(id)
	if err != nil {
		return 0, err
	}
	taken := sum(own[11:15]...)
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, file := range all {
		child, err := stat(filepath.Base(filepath.Dir(file)))
		if err == nil && child[1] == id { // else it has ended, and is counted with its parent
			taken += sum(child[11:15]...)
		}
	}
	return taken, nil
}

// processorTimes is processorTime of several processes together.
func processorTimes(pids ...int) (taken time.Duration, err error) {
	for _, pid := range pids {
		t, err := processorTime(pid)
		if err != nil {
			return 0, err
		}
		taken += t
	}
	return taken, nil
}

// ownTime returns the processor time that this process alone has taken.
func ownTime() (time.Duration, error) {
	own, err := stat("self")
	if err != nil {
		return 0, err
	}
	return sum(own[11:13]...), nil
}

// resident returns the resident memory of a process, in bytes.
func resident(pid int) (int64, error) {
	fields, err := stat(strconv.Itoa(pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(fields[21], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// machineTimes returns which processor time all processes of this machine have taken,
// and which it could not have since other machines on the same host had it.
func machineTimes() (taken, stolen time.Duration) {
	text, _ := os.ReadFile("/proc/stat") // empty elsewhere
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal
	if len(fields) < 9 {
		return 0, 0
	}
	return sum(fields[1], fields[2], fields[3], fields[6], fields[7]), sum(fields[8])
}

// loadAverage returns how many processes ran or waited for a processor or a disk in
// the last minute, as the kernel averages them; "" where it is not known.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // empty elsewhere
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// fileSystem returns the type of the file system that a folder is on, "" where it is
// not known.
func fileSystem(folder string) string {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return ""
	}
	text, _ := os.ReadFile("/proc/self/mounts") // empty elsewhere
	best, found := "", ""
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		at := strings.TrimSuffix(fields[1], "/")
		if strings.HasPrefix(folder+"/", at+"/") && len(at) >= len(best) {
			best, found = at, fields[2]
		}
	}
	return found
}
