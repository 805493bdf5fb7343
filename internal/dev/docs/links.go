package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// repository is where the files are that no page shows.
const repository = "https://github.com/openwearables/openwearables"

// targets says where in the site each place of a file is.
type targets struct {
	root   fs.FS
	routes map[string]string // by path, and by path#id
	pages  map[string]bool   // routes
}

func targetsOf(root fs.FS, pages []*page) targets {
	t := targets{root: root, routes: make(map[string]string), pages: map[string]bool{"/docs": true, "/docs/reference": true}}
	t.routes[contentsFile] = "/docs"
	t.routes["openapi.yaml"] = "/docs/reference"
	for _, p := range pages {
		t.pages[p.Route] = true
		if _, ok := t.routes[p.Source]; !ok {
			t.routes[p.Source] = p.Route // of a file in sections, the first
		}
		if p.section != "" {
			t.routes[p.Source+"#"+p.section] = p.Route
		}
		for n := p.nodes.FirstChild(); n != nil; n = n.NextSibling() {
			if id := idOf(n); id != "" {
				t.routes[p.Source+"#"+id] = p.Route + "#" + id
			}
		}
	}
	return t
}

// point makes the links of a page lead to other pages, or to the repository, and puts
// drawings in the place of links to them. It fails on what leads nowhere.
func (t targets) point(p *page) error {
	var failed error
	var drawings []*ast.Image
	_ = ast.Walk(p.nodes, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			to, err := t.resolve(p.Source, string(n.Destination))
			failed = errors.Join(failed, err)
			n.Destination = []byte(to)
		case *ast.Image:
			drawings = append(drawings, n)
		}
		return ast.WalkContinue, nil
	})
	for _, image := range drawings {
		failed = errors.Join(failed, t.draw(p, image))
	}
	return failed
}

// resolve returns the address of a link in the file from.
func (t targets) resolve(from, link string) (string, error) {
	switch {
	case strings.HasPrefix(link, "https://"), strings.HasPrefix(link, "http://"):
		return link, nil
	case strings.HasPrefix(link, "/"):
		if bare, _, _ := strings.Cut(link, "#"); !t.pages[bare] {
			return "", fmt.Errorf("%s: there is no page %s", from, link)
		}
		return link, nil
	}
	name, id, _ := strings.Cut(link, "#")
	to := from
	if name != "" {
		to = path.Join(path.Dir(from), name)
	}
	if id != "" {
		route, ok := t.routes[to+"#"+id]
		switch {
		case ok:
			return route, nil
		case t.routes[to] != "" && to != "README.md":
			return "", fmt.Errorf("%s: %s has no place #%s in a page", from, to, id)
		}
	}
	if route, ok := t.routes[to]; ok && id == "" && to != "README.md" {
		return route, nil
	}
	info, err := fs.Stat(t.root, to)
	if err != nil {
		return "", fmt.Errorf("%s: %w", from, err)
	}
	kind := "/blob/main/"
	if info.IsDir() {
		kind = "/tree/main/"
	}
	if id != "" {
		to += "#" + id
	}
	return repository + kind + to, nil
}

// draw puts a drawing, which is alone in its paragraph, into the page.
func (t targets) draw(p *page, image *ast.Image) error {
	name := path.Join(path.Dir(p.Source), string(image.Destination))
	svg, err := fs.ReadFile(t.root, name)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Source, err)
	}
	drawn, err := inlined(string(svg), textOf(image, p.file.text))
	if err != nil {
		return fmt.Errorf("%s: %s: %w", p.Source, name, err)
	}
	paragraph := image.Parent()
	if paragraph.Kind() != ast.KindParagraph || paragraph.ChildCount() != 1 || paragraph.Parent() != ast.Node(p.nodes) {
		return fmt.Errorf("%s: %s is not alone in its paragraph", p.Source, name)
	}
	p.nodes.ReplaceChild(p.nodes, paragraph, &figure{svg: drawn})
	return nil
}
