package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// versions are where a version is written: a pattern whose group is it, and how often
// the file has it at least.
var versions = []struct {
	file, pattern string
	least         int
}{
	{"CHANGELOG.md", `(?m)\A(?s:.*?)^## (\d\S*), `, 1}, // the newest entry
	{"clients/go/client.go", `(?m)^const Version = "(.*)"$`, 1},
	{"clients/typescript/src/version.ts", `version = "(.*)"`, 1},
	{"clients/typescript/package.json", `(?m)^  "version": "(.*)"`, 1},
	{"clients/typescript/package-lock.json", `"@openwearables/sdk",\s+"version": "(.*)"`, 2},
	{"clients/typescript/README.md", `openwearables-sdk-(.*)\.tgz`, 1},
	{"clients/swift/Sources/OpenWearables/OpenWearablesClient.swift", `static let version = "(.*)"`, 1},
	{"clients/swift/README.md", `openwearables-swift\.git", from: "(.*)"`, 1},
	{"clients/dashboard/package.json", `(?m)^  "version": "(.*)"`, 1},
	{"clients/dashboard/src/pages/setup/snippets.ts", `openwearables-swift\.git", from: "(.*)"`, 1},
	{"go.mod", `openwearables/openwearables/\S+ v(\S+)`, 1},
	{"go.work", `openwearables/openwearables/\S+ v(\S+) =>`, 2},
	{"clients/go/go.mod", `openwearables/openwearables/\S+ v(\S+)`, 1},
	{"clients/go/oauth2/go.mod", `openwearables/openwearables/\S+ v(\S+)`, 2},
	{"clients/go/examples/opentelemetry/go.mod", `openwearables/openwearables/\S+ v(\S+)`, 1},
}

// TestVersionsAgree holds every place to server.Version, as CHANGELOG.md promises.
func TestVersionsAgree(t *testing.T) {
	for _, v := range versions {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", v.file))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(v.pattern).FindAllSubmatch(text, -1)
		if len(found) < v.least {
			t.Errorf("%s: %s is found %d times, want %d", v.file, v.pattern, len(found), v.least)
		}
		for _, f := range found {
			if string(f[1]) != server.Version {
				t.Errorf("%s: %q has another version than server/version.go, which has %s", v.file, f[0], server.Version)
			}
		}
	}
}

// The API has a version of its own, the one of its paths.
func TestSpecHasTheVersionOfTheAPI(t *testing.T) {
	spec := loadSpec(t)
	for path := range spec.Paths.Map() {
		if m := regexp.MustCompile(`^/api/v(\d+)/`).FindStringSubmatch(path); m != nil && m[1] != spec.Info.Version {
			t.Errorf("openapi.yaml's info.version is %q, and it has %s", spec.Info.Version, path)
		}
	}
}
