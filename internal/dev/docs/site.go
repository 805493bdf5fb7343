package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed assets
var own embed.FS

// view is what the template shows.
type view struct {
	Page       *page // nil on the pages below
	Title      string
	Home       bool
	Missing    bool // the page of an address that there is not
	Reference  bool
	Session    bool // the reference may use the session of the dashboard
	Body       template.HTML
	Groups     [][]*page
	Route      string
	Prev, Next *page
}

// build returns the files of the site, by their names below /docs, not compressed:
// index.html is /docs, and NAME.html is /docs/NAME.
func build(root fs.FS) (map[string][]byte, error) {
	pages, err := readPages(root)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	assets, err := assetsOf(root, pages, files)
	if err != nil {
		return nil, err
	}
	layout, err := template.New("page.html").Funcs(template.FuncMap{"asset": func(name string) (string, error) {
		if at, ok := assets[name]; ok {
			return at, nil
		}
		return "", fmt.Errorf("there is no asset %s", name)
	}}).ParseFS(own, "assets/page.html")
	if err != nil {
		return nil, err
	}
	all := groups(pages)
	show := func(name string, v view) error {
		v.Groups = all
		var out bytes.Buffer
		if err := layout.Execute(&out, v); err != nil {
			return err
		}
		files[name] = out.Bytes()
		return nil
	}
	for i, p := range pages {
		v := view{Page: p, Title: p.title, Body: template.HTML(p.html), Route: p.Route}
		if i > 0 {
			v.Prev = pages[i-1]
		}
		if i+1 < len(pages) {
			v.Next = pages[i+1]
		}
		err = errors.Join(err, show(strings.TrimPrefix(p.Route, "/docs/")+".html", v))
	}
	return files, errors.Join(err,
		show("index.html", view{Title: "Documentation", Home: true, Route: "/docs"}),
		show("missing.html", view{Title: "There is no such page", Missing: true}),
		show("reference.html", view{Title: "API reference", Reference: true, Route: "/docs/reference"}),
		show("reference-session.html", view{Title: "API reference", Reference: true, Session: true, Route: "/docs/reference"}))
}

// readPages returns the pages in the order of the contents, rendered.
func readPages(root fs.FS) ([]*page, error) {
	contents, err := readFile(root, contentsFile)
	if err != nil {
		return nil, err
	}
	pages, err := readContents(contents)
	if err != nil {
		return nil, err
	}
	for _, p := range pages {
		if p.file, err = readFile(root, p.Source); err != nil { // anew, for cut changes it
			return nil, err
		}
		if err := p.cut(); err != nil {
			return nil, err
		}
	}
	t := targetsOf(root, pages)
	for _, p := range pages {
		err = errors.Join(err, t.point(p))
	}
	if err != nil {
		return nil, err
	}
	for _, p := range pages {
		var out bytes.Buffer
		if err := markdown.Renderer().Render(&out, p.file.text, p.nodes); err != nil {
			return nil, err
		}
		p.html = out.Bytes()
	}
	return pages, nil
}

// assetsOf adds what the pages load to the files, under names that change with the
// content, and returns their addresses. Colours, font and the script of the theme are
// those of the dashboard.
func assetsOf(root fs.FS, pages []*page, files map[string][]byte) (map[string]string, error) {
	assets := make(map[string]string)
	add := func(name string, content []byte) {
		sum := sha256.Sum256(content)
		extension := path.Ext(name)
		at := "assets/" + strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:5]) + extension
		files[at], assets[name] = content, "/docs/"+at
	}
	for name, from := range map[string]string{
		"geist.woff2": "clients/dashboard/src/style/geist.woff2",
		"theme.js":    "clients/dashboard/public/theme.js", "favicon.svg": "clients/dashboard/public/favicon.svg",
	} {
		content, err := fs.ReadFile(root, from)
		if err != nil {
			return nil, err
		}
		add(name, content)
	}
	sections, err := indexOf(root, pages)
	if err != nil {
		return nil, err
	}
	files["search.json"] = sections // under one name, so that a new word changes no page but its own
	tokens, err := fs.ReadFile(root, "clients/dashboard/src/style/tokens.css")
	if err != nil {
		return nil, err
	}
	bar, err := own.ReadFile("assets/bar.css")
	if err != nil {
		return nil, err
	}
	text, err := own.ReadFile("assets/text.css")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"docs.css", "docs.js", "reference.css", "reference.js"} {
		content, err := own.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		if name == "docs.css" {
			content = bytes.ReplaceAll(content, []byte("geist.woff2"), []byte(assets["geist.woff2"]))
			content = slices.Concat(tokens, bar, text, content) // the last has the rules by width
		}
		add(name, content)
	}
	return assets, nil
}
