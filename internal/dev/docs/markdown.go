package main

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown reads and renders files. It drops HTML that is written in them.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(elements{}, 100))),
)

// file is a file of Markdown. Each of its headings has an id, as GitHub gives it, and so
// has a paragraph that begins with bold words and a full stop.
type file struct {
	path     string
	text     []byte
	document *ast.Document
}

func readFile(root fs.FS, name string) (*file, error) {
	content, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	f := &file{path: name, text: content}
	f.document = markdown.Parser().Parse(text.NewReader(content)).(*ast.Document)
	ids := make(map[string]int)
	for n := f.document.FirstChild(); n != nil; n = n.NextSibling() {
		title := textOf(n, content)
		switch n := n.(type) {
		case *ast.Heading:
		case *ast.Paragraph:
			if title = runIn(n, content); title == "" {
				continue
			}
		default:
			continue
		}
		id := slug(title)
		if ids[id]++; ids[id] > 1 {
			id = fmt.Sprintf("%s-%d", id, ids[id]-1)
		}
		n.SetAttributeString("id", []byte(id))
	}
	return f, nil
}

// runIn returns the bold words that begin a paragraph, without their full stop, "" if
// none do.
func runIn(n *ast.Paragraph, source []byte) string {
	bold, ok := n.FirstChild().(*ast.Emphasis)
	if !ok || bold.Level != 2 {
		return ""
	}
	words, _ := strings.CutSuffix(textOf(bold, source), ".")
	return words
}

// slug returns the id that GitHub gives a heading.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, title)
}

func idOf(n ast.Node) string {
	id, _ := n.AttributeString("id")
	text, _ := id.([]byte)
	return string(text)
}

// textOf returns the words of a node, with a space between blocks, and without blocks
// of code.
func textOf(n ast.Node, source []byte) string {
	var words strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				words.Write(util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(n.Segment.Value(source)))))
				if n.SoftLineBreak() || n.HardLineBreak() {
					words.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				words.Write(n.Value)
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock, *ast.HTMLBlock:
			return ast.WalkSkipChildren, nil
		default:
			if !entering && n.Type() == ast.TypeBlock {
				words.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(words.String()), " ")
}

// cut takes what the page shows out of its file: all without the title, or one section
// with its headings a level higher.
func (p *page) cut() error {
	shown, found := ast.NewDocument(), p.section == ""
	for n := p.file.document.FirstChild(); n != nil; {
		next := n.NextSibling()
		h, isHeading := n.(*ast.Heading)
		switch {
		case isHeading && p.section == "" && h.Level == 1 && p.title == "":
			p.title = textOf(h, p.file.text)
			n = next
			continue
		case isHeading && p.section != "" && h.Level <= 2:
			found = idOf(h) == p.section
			if found {
				p.title = textOf(h, p.file.text)
			}
			n = next
			continue
		}
		if found {
			if isHeading && p.section != "" {
				h.Level--
			}
			shown.AppendChild(shown, n)
		}
		n = next
	}
	if p.title == "" {
		return fmt.Errorf("%s has no heading for %s", p.Source, p.Route)
	}
	p.nodes = shown
	group(shown, p.file.text)
	for n := shown.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level <= 3 {
				p.Headings = append(p.Headings, heading{n.Level, idOf(n), textOf(n, p.file.text)})
			}
		case *ast.Paragraph:
			if title := runIn(n, p.file.text); title != "" {
				p.Headings = append(p.Headings, heading{3, idOf(n), title})
			}
		}
	}
	return nil
}
