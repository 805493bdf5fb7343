package server

import (
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	const group, limit = "proc/self/cgroup", "sys/fs/cgroup/"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		root fstest.MapFS
		want int64
	}{
		"no control groups": {fstest.MapFS{}, 0},
		"of version 1":      {fstest.MapFS{group: file("5:memory:/docker/1\n")}, 0},
		"unlimited":         {fstest.MapFS{group: file("0::/\n"), limit + "memory.max": file("max\n")}, 0},
		"a container":       {fstest.MapFS{group: file("0::/\n"), limit + "memory.max": file("67108864\n")}, 64 << 20},
		"a unit":            {fstest.MapFS{group: file("0::/system.slice/a.service\n"), limit + "system.slice/a.service/memory.max": file("67108864\n")}, 64 << 20},
		"a unit in a smaller slice": {fstest.MapFS{
			group: file("0::/s.slice/a.service\n"), limit + "s.slice/a.service/memory.max": file("max\n"), limit + "s.slice/memory.max": file("1048576\n"),
		}, 1 << 20},
	} {
		if got := memoryLimit(c.root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
