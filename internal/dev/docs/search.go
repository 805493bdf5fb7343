package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"
)

// index is what the search of the pages reads. A section begins at a heading.
type index struct {
	Pages    [][3]string `json:"pages"`    // name, route, group
	Sections [][]any     `json:"sections"` // number of the page, id, heading, text
}

// tables are pages of which only the headings are searched: their text is rows of
// figures and names of tests.
var unsearched = map[string]bool{
	"server/ASVS.md": true, "server/RELIABILITY.md": true, "server/BENCHMARK.md": true, "server/LICENSES.md": true,
}

func indexOf(root fs.FS, pages []*page) ([]byte, error) {
	var all index
	for i, p := range pages {
		all.Pages = append(all.Pages, [3]string{p.Label, p.Route, p.Group})
		id, title, text := "", "", p.Description
		add := func() { all.Sections = append(all.Sections, []any{i, id, title, text}) }
		next := 0
		for n := p.nodes.FirstChild(); n != nil; n = n.NextSibling() {
			if next < len(p.Headings) && idOf(n) == p.Headings[next].ID {
				add()
				id, title, text = p.Headings[next].ID, p.Headings[next].Text, ""
				next++
				if words := textOf(n, p.file.text); words == title {
					continue
				}
			}
			if words := textOf(n, p.file.text); words != "" && !unsearched[p.Source] {
				text = strings.TrimSpace(text + " " + words)
			}
		}
		add()
	}
	operations, err := operationsOf(root)
	if err != nil {
		return nil, err
	}
	all.Pages = append(all.Pages, [3]string{"API reference", "/docs/reference", "Reference"})
	for _, o := range operations {
		all.Sections = append(all.Sections, []any{len(all.Pages) - 1, "/" + o.tag + "/" + o.id, o.id, o.summary + " " + o.method + " " + o.path})
	}
	return json.Marshal(all)
}

// operation is one of the contract's.
type operation struct{ method, path, id, tag, summary string }

func operationsOf(root fs.FS) (all []operation, err error) {
	text, err := fs.ReadFile(root, "openapi.yaml")
	if err != nil {
		return nil, err
	}
	var contract struct {
		Paths yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &contract); err != nil {
		return nil, err
	}
	paths := contract.Paths.Content // keys and values by turns
	for i := 0; i+1 < len(paths); i += 2 {
		methods := paths[i+1].Content
		for j := 0; j+1 < len(methods); j += 2 {
			var o struct {
				ID      string   `yaml:"operationId"`
				Tags    []string `yaml:"tags"`
				Summary string   `yaml:"summary"`
			}
			if methods[j+1].Kind != yaml.MappingNode {
				continue
			}
			if err := methods[j+1].Decode(&o); err != nil || o.ID == "" || len(o.Tags) == 0 {
				return nil, fmt.Errorf("openapi.yaml: %s %s has no operationId, or no tag: %w", methods[j].Value, paths[i].Value, err)
			}
			all = append(all, operation{strings.ToUpper(methods[j].Value), paths[i].Value, o.ID, o.Tags[0], o.Summary})
		}
	}
	return all, nil
}
