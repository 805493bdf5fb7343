// Command sbom writes what a binary of the server holds, in the JSON of SPDX 2.3, from
// what the go command stamped into it. The same binary always gives the same bytes.
//
//	go run ./internal/dev/release/sbom BINARY
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/openwearables/openwearables/internal/dev/release/dependency"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY")
		os.Exit(2)
	}
	if err := write(os.Stdout, ".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// document is a document of SPDX 2.3, with the members that are needed.
type document struct {
	Version       string         `json:"spdxVersion"`
	DataLicense   string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID        string      `json:"SPDXID"`
	Name      string      `json:"name"`
	Version   string      `json:"versionInfo"`
	Location  string      `json:"downloadLocation"`
	Analyzed  bool        `json:"filesAnalyzed"`
	Concluded string      `json:"licenseConcluded"`
	Declared  string      `json:"licenseDeclared"`
	Copyright string      `json:"copyrightText"`
	Checksums []checksum  `json:"checksums,omitempty"`
	Refs      []reference `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const none = "NOASSERTION"

// write writes the document of the binary, which was built from the tree at root.
func write(w io.Writer, root, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	modules, err := dependency.Of(root, "./server/cmd/openwearables")
	if err != nil {
		return err
	}
	licenses := map[string]string{}
	for _, m := range modules {
		licenses[m.Path] = m.License
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	d := document{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "openwearables " + info.Main.Version,
		Namespace: "https://github.com/openwearables/openwearables/spdx/" + digest,
		Creation:  creation{setting(info, "vcs.time"), []string{"Tool: openwearables-sbom"}},
	}
	d.add(info.Main.Path, info.Main.Version, "MIT", "DESCRIBES", "SPDXRef-DOCUMENT", checksum{"SHA256", digest})
	d.add("std", strings.TrimPrefix(info.GoVersion, "go"), "BSD-3-Clause", "CONTAINS", d.Packages[0].ID)
	for _, m := range info.Deps {
		license := licenses[m.Path]
		if strings.HasPrefix(m.Path, info.Main.Path+"/") {
			license = "MIT"
		}
		if license == "" {
			return fmt.Errorf("%s is linked, and not among the modules of this tree: give the binary that was built from it", m.Path)
		}
		d.add(m.Path, m.Version, license, "CONTAINS", d.Packages[0].ID)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// add adds a package, which the element from describes or contains.
func (d *document) add(path, version, license, relation, from string, sums ...checksum) {
	id := fmt.Sprintf("SPDXRef-Package-%d", len(d.Packages))
	d.Packages = append(d.Packages, spdxPackage{
		id, path, version, none, false, license, license, none, sums,
		[]reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}},
	})
	d.Relationships = append(d.Relationships, relationship{from, relation, id})
}

// setting returns a setting of the build, or the epoch for the time of a commit that is
// not known.
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return "1970-01-01T00:00:00Z"
}
