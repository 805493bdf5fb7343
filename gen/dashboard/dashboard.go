// Package dashboard holds the pages of clients/dashboard as make dashboard built them.
package dashboard

import (
	"embed"
	"io/fs"
)

//go:embed all:site
var site embed.FS

// Site returns the files of the site. What compresses is there as NAME.br and NAME.gz
// only. The name of a file in assets holds a hash of its content.
func Site() fs.FS {
	files, err := fs.Sub(site, "site")
	if err != nil {
		panic(err) // the name above is no path
	}
	return files
}
