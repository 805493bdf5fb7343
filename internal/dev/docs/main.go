// Command docs renders the Markdown of this repository to the pages that the server
// serves at /docs, into gen/docs/site. server/docs/README.md lists them.
//
// usage: docs ROOT
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs ROOT")
		os.Exit(2)
	}
	root := os.Args[1]
	files, err := build(os.DirFS(root))
	if err == nil {
		err = write(filepath.Join(root, "gen", "docs", "site"), files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}
