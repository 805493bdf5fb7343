package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// contentsFile lists the pages: a heading a group, and below it a list of links to
// files, or to second-level sections of files, each with a description.
const contentsFile = "server/docs/README.md"

// page is one page of the site.
type page struct {
	Source      string // the path of its file in the repository
	section     string // the id of the second-level heading that it holds; "" is all of the file
	Route       string // such as /docs/guides/web
	Label       string // what the contents call it
	Description string
	Group       string
	Headings    []heading

	title string
	nodes *ast.Document // what of the file it shows, without the title
	file  *file
	html  []byte
}

// heading is a place in a page that can be linked to, of the level 2 or 3.
type heading struct {
	Level    int
	ID, Text string
}

// groups returns the pages by their groups, in order.
func groups(pages []*page) (all [][]*page) {
	for i, p := range pages {
		if i == 0 || p.Group != pages[i-1].Group {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], p)
	}
	return all
}

// readContents returns the pages that the contents list, before they are rendered.
func readContents(f *file) (pages []*page, err error) {
	group := ""
	for n := f.document.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level == 2 {
				group = textOf(n, f.text)
			}
		case *ast.List:
			for item := n.FirstChild(); item != nil; item = item.NextSibling() {
				p, err := listed(item, f)
				if err != nil {
					return nil, err
				}
				p.Group = group
				if slices.ContainsFunc(pages, func(other *page) bool { return other.Route == p.Route }) {
					return nil, fmt.Errorf("%s: two pages are at %s", contentsFile, p.Route)
				}
				pages = append(pages, p)
			}
		}
	}
	return pages, nil
}

// listed returns the page of an item of the contents: a link, a colon, a description.
func listed(item ast.Node, f *file) (*page, error) {
	var link *ast.Link
	_ = ast.Walk(item, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && entering && link == nil {
			link = l
		}
		return ast.WalkContinue, nil
	})
	text := textOf(item, f.text)
	if link == nil {
		return nil, fmt.Errorf("%s: %q has no link", contentsFile, text)
	}
	p := &page{Label: textOf(link, f.text)}
	description, ok := strings.CutPrefix(text, p.Label+": ")
	if !ok || !strings.HasSuffix(description, ".") {
		return nil, fmt.Errorf("%s: after [%s](…) come a colon and a sentence", contentsFile, p.Label)
	}
	p.Description = description
	to, section, _ := strings.Cut(string(link.Destination), "#")
	p.Source, p.section = path.Join(path.Dir(contentsFile), to), section
	p.Route = routeOf(p.Source, section)
	return p, nil
}

// routeOf returns the path at which a file or a section of it is served. It is a
// contract: an address that was once there stays.
func routeOf(source, section string) string {
	name := strings.ToLower(strings.TrimSuffix(path.Base(source), ".md"))
	switch folder := path.Dir(source); {
	case source == "README.md":
		return "/docs/guides/" + section
	case folder == ".":
		return "/docs/" + name
	case folder == "server/docs":
		return "/docs/guides/" + name
	case source == "server/README.md":
		return "/docs/operating/" + section
	case folder == "server":
		return "/docs/trust/" + name
	case name == "readme":
		return "/docs/sdk/" + path.Base(folder)
	default:
		return "/docs/sdk/" + name
	}
}
