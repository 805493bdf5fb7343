// Command licences writes under which licences the parts of the server are: as a page,
// or with -texts their texts, as what is given away with the binary must have them.
//
//	go run ./internal/dev/release/licences [-texts]
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/dev/release/dependency"
)

func main() {
	texts := flag.Bool("texts", false, "write the texts")
	flag.Parse()
	if err := write(os.Stdout, ".", *texts); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// write writes the page, or the texts, of the tree at root.
func write(w io.Writer, root string, texts bool) error {
	modules, err := dependency.Of(root, "./server/cmd/openwearables")
	if err != nil {
		return err
	}
	if texts {
		for _, m := range modules {
			fmt.Fprintf(w, "%s %s\n\n%s\n%s\n", m.Path, m.Version, strings.TrimSpace(m.Text), strings.Repeat("-", 80))
		}
		return nil
	}
	fmt.Fprint(w, "# Licences\n\nOf what the server is built from. `make licences` writes this page.\n\n"+
		"| Go module | version | licence |\n|---|---|---|\n")
	for _, m := range modules {
		fmt.Fprintf(w, "| %s | %s | %s |\n", m.Path, m.Version, m.License)
	}
	packages, err := bundled(filepath.Join(root, "clients/dashboard/package-lock.json"))
	if err != nil {
		return err
	}
	fmt.Fprint(w, "\n| npm package of the dashboard | version | licence |\n|---|---|---|\n")
	for _, p := range packages {
		fmt.Fprintf(w, "| %s | %s | %s |\n", p.name, p.Version, p.License)
	}
	return nil
}

// npmPackage is an entry of a lock.
type npmPackage struct {
	name             string
	Version, License string
	Dev, Peer, Link  bool
}

// bundled returns the packages of a lock that are in what a browser gets, by name.
func bundled(lock string) (all []npmPackage, err error) {
	content, err := os.ReadFile(lock)
	if err != nil {
		return nil, err
	}
	var l struct{ Packages map[string]npmPackage }
	if err := json.Unmarshal(content, &l); err != nil {
		return nil, fmt.Errorf("%s: %w", lock, err)
	}
	for path, p := range l.Packages {
		_, name, ok := strings.Cut(path, "node_modules/")
		if !ok || p.Dev || p.Link {
			continue
		}
		if p.License == "" {
			return nil, fmt.Errorf("%s: %s has no licence", lock, name)
		}
		p.name = name
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b npmPackage) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}
