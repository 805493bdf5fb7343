package server

import (
	"runtime/debug"
	"testing"
)

func TestOnlyATagMakesARelease(t *testing.T) {
	t.Parallel()
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "c0ffee"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		name string
		info debug.BuildInfo
		want Build
	}{
		{"the tag", debug.BuildInfo{GoVersion: "go1", Main: debug.Module{Path: module, Version: "v" + Version}}, Build{Version: Version, Go: "go1"}},
		{
			"a commit after it, with changes",
			debug.BuildInfo{Main: debug.Module{Path: module, Version: "v" + Version + "+dirty"}, Settings: vcs},
			Build{Version: Version + "-dev", Revision: "c0ffee", Modified: true},
		},
		{"no tag", debug.BuildInfo{Main: debug.Module{Path: module, Version: "(devel)"}}, Build{Version: Version + "-dev"}},
		{"another release", debug.BuildInfo{Main: debug.Module{Path: module, Version: "v0.0.1"}}, Build{Version: Version + "-dev"}},
		{
			"a program that embeds the release",
			debug.BuildInfo{Main: debug.Module{Path: "example.com/app"}, Deps: []*debug.Module{{Path: module, Version: "v" + Version}}, Settings: vcs},
			Build{Version: Version},
		},
	} {
		if got := buildOf(&c.info); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
