package main

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// elements renders what looks otherwise here than goldmark has it.
type elements struct{}

func (elements) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, renderHeading)
	r.Register(ast.KindFencedCodeBlock, renderCode)
	r.Register(kindLanguages, renderLanguages)
	r.Register(kindFigure, renderFigure)
	r.Register(tables.KindTable, renderTable)
	r.Register(tables.KindTableHeader, renderHeader)
	r.Register(tables.KindTableRow, renderRow)
	r.Register(tables.KindTableCell, renderCell)
}

// renderHeading makes the heading a link to itself, unless it has links.
func renderHeading(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	n := node.(*ast.Heading)
	linked := true
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if _, ok := c.(*ast.Link); ok {
			linked = false
		}
	}
	id := html.EscapeString(idOf(n))
	switch {
	case entering && linked:
		fmt.Fprintf(w, `<h%d id="%s"><a class="anchor" href="#%[2]s">`, n.Level, id)
	case entering:
		fmt.Fprintf(w, `<h%d id="%s">`, n.Level, id)
	case linked:
		fmt.Fprintf(w, "</a></h%d>\n", n.Level)
	default:
		fmt.Fprintf(w, "</h%d>\n", n.Level)
	}
	return ast.WalkContinue, nil
}

// kindLanguages is of blocks of code that follow one another, in several languages.
var kindLanguages = ast.NewNodeKind("Languages")

type languages struct{ ast.BaseBlock }

func (*languages) Kind() ast.NodeKind              { return kindLanguages }
func (n *languages) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// group puts blocks of code that follow one another, in different languages, together.
func group(document *ast.Document, source []byte) {
	for n := document.FirstChild(); n != nil; n = n.NextSibling() {
		blocks, seen := []ast.Node{}, make(map[string]bool)
		for c := n; c != nil; c = c.NextSibling() {
			block, ok := c.(*ast.FencedCodeBlock)
			if !ok || seen[string(block.Language(source))] {
				break
			}
			seen[string(block.Language(source))] = true
			blocks = append(blocks, c)
		}
		if len(blocks) < 2 {
			continue
		}
		together := &languages{}
		document.InsertBefore(document, n, together)
		for _, block := range blocks {
			together.AppendChild(together, block)
		}
		n = together
	}
}

func renderLanguages(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<div class="languages">` + "\n")
	} else {
		_, _ = w.WriteString("</div>\n")
	}
	return ast.WalkContinue, nil
}

// names are what people call the languages of blocks.
var names = map[string]string{
	"go": "Go", "ts": "TypeScript", "tsx": "TypeScript", "js": "JavaScript", "swift": "Swift", "sh": "Shell", "json": "JSON", "yaml": "YAML",
	"nginx": "nginx", "text": "", "http": "HTTP", "toml": "TOML",
}

func renderCode(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	n := node.(*ast.FencedCodeBlock)
	language := string(n.Language(source))
	name := names[language]
	label := "Code"
	if name != "" {
		label = name + " code"
	}
	fmt.Fprintf(w, `<div class="code" data-language="%s">`, html.EscapeString(name))
	if name != "" {
		fmt.Fprintf(w, `<p class="code-name">%s</p>`, name)
	}
	fmt.Fprintf(w, `<pre tabindex="0" role="group" aria-label="%s"><code>%s</code></pre></div>`+"\n", label, highlight(language, string(codeOf(n, source))))
	return ast.WalkSkipChildren, nil
}

// codeOf returns the text of a block of code.
func codeOf(n ast.Node, source []byte) []byte {
	var code bytes.Buffer
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		code.Write(line.Value(source))
	}
	return code.Bytes()
}

// kindFigure is of a drawing, which is in the page so that it has its colours.
var kindFigure = ast.NewNodeKind("Figure")

type figure struct {
	ast.BaseBlock
	svg []byte
}

func (*figure) Kind() ast.NodeKind              { return kindFigure }
func (n *figure) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

func renderFigure(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<div class="figure" tabindex="0" role="group" aria-label="Drawing">`)
		_, _ = w.Write(node.(*figure).svg)
		_, _ = w.WriteString("</div>\n")
	}
	return ast.WalkSkipChildren, nil
}

func renderTable(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<div class="table" tabindex="0" role="group" aria-label="Table"><table>` + "\n")
	} else {
		_, _ = w.WriteString("</tbody>\n</table></div>\n")
	}
	return ast.WalkContinue, nil
}

// renderHeader leaves out a head whose cells are all empty.
func renderHeader(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if textOf(node, source) == "" {
		if entering {
			_, _ = w.WriteString("<tbody>\n")
		}
		return ast.WalkSkipChildren, nil
	}
	if entering {
		_, _ = w.WriteString("<thead>\n<tr>\n")
	} else {
		_, _ = w.WriteString("</tr>\n</thead>\n<tbody>\n")
	}
	return ast.WalkContinue, nil
}

func renderRow(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString("<tr>\n")
	} else {
		_, _ = w.WriteString("</tr>\n")
	}
	return ast.WalkContinue, nil
}

func renderCell(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	n := node.(*tables.TableCell)
	tag, class := "td", ""
	if n.Parent().Kind() == tables.KindTableHeader && textOf(n, source) != "" {
		tag, class = "th", ` scope="col"`
	}
	if n.Alignment == tables.AlignRight {
		class += ` class="num"`
	}
	if entering {
		fmt.Fprintf(w, "<%s%s>", tag, class)
	} else {
		fmt.Fprintf(w, "</%s>\n", tag)
	}
	return ast.WalkContinue, nil
}

// inlined returns a drawing as it stands in a page: described by alt, and without styles
// of its own, for which docs.css has the same classes.
func inlined(svg, alt string) ([]byte, error) {
	before, rest, ok := strings.Cut(svg, "<style>")
	_, after, closed := strings.Cut(rest, "</style>")
	if !ok || !closed || !strings.HasPrefix(svg, "<svg ") || alt == "" {
		return nil, fmt.Errorf("a drawing is an <svg> with a <style>, and has a description")
	}
	open := fmt.Sprintf(`<svg role="img" aria-label="%s" `, html.EscapeString(alt))
	return []byte(open + strings.TrimSpace(strings.TrimPrefix(before, "<svg ")) + strings.TrimSpace(after)), nil
}
