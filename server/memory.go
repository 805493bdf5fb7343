package server

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory makes the collector of garbage keep the process within nine tenths of
// what its container or systemd unit may have, at the price of processor time. It does
// nothing without such a limit, where GOMEMLIMIT sets another one, and on systems
// other than Linux.
func LimitMemory() {
	if limit := memoryLimit(os.DirFS("/")); limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// memoryLimit returns the lowest limit of the control groups (version 2) that the
// process is in, in bytes, or 0.
func memoryLimit(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	lowest := int64(math.MaxInt64)
	for line := range strings.Lines(string(groups)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for at := path.Clean("/" + group); ; at = path.Dir(at) {
			text, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", at, "memory.max"))
			if limit, failed := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && failed == nil {
				lowest = min(lowest, limit)
			}
			if at == "/" {
				break
			}
		}
	}
	if lowest == math.MaxInt64 {
		return 0
	}
	return lowest
}
