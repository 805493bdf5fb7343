// Package docs holds the pages of /docs as make docs rendered them.
package docs

import (
	"embed"
	"io/fs"
)

//go:embed all:site
var site embed.FS

// Site returns the files of the pages, by their paths below /docs: index.html is /docs
// itself, and NAME.html is /docs/NAME. What compresses is there as NAME.gz only. The name
// of a file in assets holds a hash of its content.
func Site() fs.FS {
	files, err := fs.Sub(site, "site")
	if err != nil {
		panic(err) // the name above is no path
	}
	return files
}
