package server

import "runtime/debug"

// Version is the version of this source: that of its release or, until that has its
// tag, of the next one. CHANGELOG.md says what it promises, and a test that the SDKs,
// the modules and that page have the same.
const Version = "0.1.0"

// module is the path of the module that this package is in.
const module = "github.com/openwearables/openwearables"

// Build is what a program was built from.
type Build struct {
	Version  string // Version; with "-dev" after it unless the Go command saw the tag of the release
	Revision string // the commit, "" if it is not known
	Modified bool   // whether the tree had changes that were not committed
	Go       string // the version of Go
}

// ReadBuild returns what this program was built from.
func ReadBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: Version + "-dev"}
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) Build {
	b := Build{Version: Version + "-dev", Go: info.GoVersion}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module && m.Version == "v"+Version {
			b.Version = Version
		}
	}
	if info.Main.Path != module {
		return b // the revision is that of a program that embeds the server
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
