package main

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/yuin/goldmark/ast"
)

// repo is the repository.
var repo = os.DirFS("../../..")

// TestSite builds the site of the repository, whose links lead somewhere, and holds what it
// weighs: the index of the search is under 100 kB as it is sent, a page under 20 kB.
func TestSite(t *testing.T) {
	files, err := build(repo)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, content := range files {
		size := len(pack(content))
		total += size
		switch {
		case name == "search.json" && size > 100_000:
			t.Errorf("the index of the search has %d bytes", size)
		case path.Ext(name) == ".html" && size > 20_000:
			t.Errorf("%s has %d bytes", name, size)
		}
	}
	t.Logf("%d files, %d bytes packed", len(files), total)
	for _, name := range []string{"index.html", "missing.html", "reference.html", "guides/web.html", "operating/settings.html", "sdk/go.html"} {
		if files[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestEverySectionIsListed checks that no part of the operator's page is left out.
func TestEverySectionIsListed(t *testing.T) {
	pages, err := readPages(repo)
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for _, p := range pages {
		listed[p.Source+"#"+p.section] = true
	}
	f, err := readFile(repo, "server/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for n := f.document.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == 2 && !listed["server/README.md#"+idOf(h)] {
			t.Errorf("%s does not list the section %q of server/README.md", contentsFile, textOf(h, f.text))
		}
	}
	guides, err := fs.Glob(repo, "server/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range guides {
		if guide != contentsFile && !listed[guide+"#"] {
			t.Errorf("%s does not list %s", contentsFile, guide)
		}
	}
}

// info is what stands behind the fence of a block of a guide that is run by the tests of
// its language, or is not and says why. In the pages of the SDKs, those tests run each
// block of theirs.
var (
	info    = regexp.MustCompile(`^(?:(?:go|ts|swift|sh) \w+|\w+ norun="[^"]{20,}")$`)
	infoSDK = regexp.MustCompile(`^(?:go|(?:tsx?|swift|js) \w+)$`)
)

// notRun are the numbers of blocks in each page that no test runs: commands that install,
// that need another machine, or that print what a person sees once.
var notRun = map[string]int{
	"SECURITY.md": 1, "clients/go/README.md": 3, "clients/typescript/README.md": 4, "server/PRIVACY.md": 2, "server/README.md": 11,
	"server/docs/getting-started.md": 1, "server/docs/migrating.md": 1,
}

// TestBlocksAreRun checks that each block of code of the pages is run, but for as many as
// are known here.
func TestBlocksAreRun(t *testing.T) {
	pages, err := readPages(repo)
	if err != nil {
		t.Fatal(err)
	}
	run, not := 0, make(map[string]int)
	for _, p := range pages {
		_ = ast.Walk(p.nodes, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			block, ok := n.(*ast.FencedCodeBlock)
			if !ok || !entering {
				return ast.WalkContinue, nil
			}
			said := ""
			if block.Info != nil {
				said = string(block.Info.Value(p.file.text))
			}
			isGuide := strings.HasPrefix(p.Source, "server/docs/")
			switch {
			case isGuide && !info.MatchString(said):
				t.Errorf("%s: a block says %q: give it a name, or norun=\"why\"", p.Source, said)
			case isGuide && strings.Contains(said, "norun"), !isGuide && !infoSDK.MatchString(said):
				not[p.Source]++
			default:
				run++
			}
			return ast.WalkContinue, nil
		})
	}
	if run < 60 || !maps.Equal(not, notRun) {
		t.Errorf("%d blocks are run, and of those that are not there are %v", run, not)
	}
}

// small is a repository of two pages, with what each test adds.
func small(guide string, more map[string]string) fstest.MapFS {
	all := fstest.MapFS{
		"openapi.yaml":     {Data: []byte("paths: {/users: {get: {operationId: ListUsers, tags: [Users], summary: All of them}}}")},
		contentsFile:       {Data: []byte("# Contents\n\n## Begin\n\n- [A](a.md): The first.\n- [B](../README.md#b): A section.\n")},
		"server/docs/a.md": {Data: []byte("# The guide\n\n" + guide)},
		"server/README.md": {Data: []byte("# Page\n\n## Other\n\nNot here.\n\n## B\n\nHere.\n\n### Deep\n\n**Run in.** Words.\n\n**Again.** More.\n")},
		"clients/go/x.go":  {Data: []byte("package x")},
	}
	for name, text := range more {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, name := range []string{
		"clients/dashboard/src/style/geist.woff2", "clients/dashboard/src/style/tokens.css", "clients/dashboard/public/theme.js", "clients/dashboard/public/favicon.svg",
	} {
		all[name] = &fstest.MapFile{Data: []byte("/* " + name + " */")}
	}
	return all
}

// TestPages checks what becomes of each element.
func TestPages(t *testing.T) {
	const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><style>.box { fill: red }</style><rect class="box"/></svg>`
	files, err := build(small(strings.Join([]string{
		"## A place, that is", "[b](../README.md#b) [deep](../README.md#deep) [run](../README.md#run-in) [code](../../clients/go/x.go) [folder](../../clients/go) [self](#a-place-that-is) [home](README.md) [api](../../openapi.yaml)",
		"![What it shows](d.svg)", "| a | |\n|---|--:|\n| `x` | 1 |", "| | |\n|---|---|\n| only | body |",
		"```go one\nfunc f() {} // \"no\"\n```\n\n```ts one\nconst a = \"<b>\";\n```", "```sh norun=\"why\"\nx\n```", "<script>alert(1)</script>",
	}, "\n\n"), map[string]string{"server/docs/d.svg": drawing}))
	if err != nil {
		t.Fatal(err)
	}
	a, b := string(files["guides/a.html"]), string(files["operating/b.html"])
	for _, want := range []string{
		`<title>The guide · Open Wearables</title>`, `<h2 id="a-place-that-is"><a class="anchor" href="#a-place-that-is">A place, that is</a></h2>`,
		`<a href="/docs/operating/b">b</a>`, `<a href="/docs/operating/b#deep">`, `<a href="/docs/operating/b#run-in">`,
		`<a href="https://github.com/openwearables/openwearables/blob/main/clients/go/x.go">`, `/tree/main/clients/go">`, `<a href="/docs/guides/a#a-place-that-is">self`,
		`<a href="/docs">home`, `<a href="/docs/reference">api`, `<svg role="img" aria-label="What it shows" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect class="box"/></svg>`,
		`<th scope="col">a</th>`, `<td class="num"></td>`, `<td class="num">1</td>`, `<table>` + "\n<tbody>\n<tr>\n<td>only</td>",
		`<div class="languages">` + "\n" + `<div class="code" data-language="Go">`, `<span class="k">func</span> f() {} <span class="c">// &#34;no&#34;</span>`,
		`<span class="s">&#34;&lt;b&gt;&#34;</span>`, `aria-label="Shell code"`, `<a href="/docs/guides/a" aria-current="page">A</a>`,
	} {
		if !strings.Contains(a, want) {
			t.Errorf("the guide has no %s", want)
		}
	}
	if strings.Contains(a, "<script>alert") || strings.Contains(a, "<style") || strings.Count(a, `class="languages"`) != 1 {
		t.Error("the guide has what it must not")
	}
	for _, want := range []string{`<h1>B</h1>`, `<h2 id="deep">`, `<p id="run-in"><strong>Run in.</strong>`, `href="#run-in">Run in</a>`, "From <code>server/README.md</code>"} {
		if !strings.Contains(b, want) {
			t.Errorf("the section has no %s:\n%s", want, b)
		}
	}
	if strings.Contains(b, "Not here") {
		t.Error("the section has another one")
	}
	for _, want := range []string{`[1,"run-in","Run in","Run in. Words."]`, `[2,"/Users/ListUsers","ListUsers","All of them GET /users"]`} {
		if !strings.Contains(string(files["search.json"]), want) {
			t.Errorf("the index has no %s: %s", want, files["search.json"])
		}
	}
}

// TestWhatIsRefused checks that a link to nothing is an error that names it.
func TestWhatIsRefused(t *testing.T) {
	for guide, want := range map[string]string{
		"[x](none.md)":             "none.md",
		"[x](../README.md#none)":   "#none",
		"[x](#none)":               "#none",
		"[x](/docs/none)":          "/docs/none",
		"![x](none.svg)":           "none.svg",
		"words ![x](d.svg)":        "not alone",
		"![](d.svg)":               "has a description",
		"![x](../../openapi.yaml)": "is an <svg>",
	} {
		_, err := build(small(guide, map[string]string{"server/docs/d.svg": "<svg viewBox=\"0 0 9 9\"><style></style></svg>"}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", guide, err)
		}
	}
	for contents, want := range map[string]string{
		"- [A](a.md) The first.":               "a colon",
		"- [A](a.md): No sentence":             "a sentence",
		"- A":                                  "has no link",
		"- [A](a.md): It.\n- [A](a.md): It.":   "two pages",
		"- [A](../README.md#none): A section.": "no heading",
		"- [A](../README.md#other): A section.\n- [B](none.md): None.": "none.md",
	} {
		_, err := build(small("", map[string]string{contentsFile: "## Begin\n\n" + contents}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", contents, err)
		}
	}
}

// TestWrite checks that a file whose content is as before stays, however it is packed, and
// that one which is no longer there goes.
func TestWrite(t *testing.T) {
	folder := t.TempDir()
	if err := write(folder, map[string][]byte{"a.html": []byte("a"), "b/c.html": []byte("c"), "f.woff2": []byte("f")}); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(folder, "a.html.gz")
	otherwise := append(pack([]byte("a")), pack(nil)...) // gzip of two members
	if err := os.WriteFile(at, otherwise, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(folder, map[string][]byte{"a.html": []byte("a"), "f.woff2": []byte("g")}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(at); err != nil || string(data) != string(otherwise) {
		t.Errorf("a file that had not changed was written: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(folder, "f.woff2")); err != nil || string(data) != "g" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "b", "c.html.gz")); err == nil {
		t.Error("a page that is gone is still there")
	}
}
