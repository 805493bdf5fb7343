package main

import (
	"html"
	"regexp"
	"strings"
)

// grammar is what is coloured in a language: comments, texts and keywords.
type grammar struct{ tokens *regexp.Regexp }

func newGrammar(comment, text, keywords string) grammar {
	words := strings.ReplaceAll(keywords, " ", "|")
	return grammar{regexp.MustCompile(`(?m)(` + comment + `)|(` + text + `)|(\b(?:` + words + `)\b)`)}
}

const quoted = `"(?:[^"\\\n]|\\.)*"`

var (
	shell      = newGrammar(`(?:^|\s)#.*$`, quoted+`|'[^']*'`, "export if then else fi for do done case esac while until function")
	typescript = newGrammar(`//.*$|/\*(?s:.*?)\*/`, quoted+"|'(?:[^'\\\\\\n]|\\\\.)*'|`[^`]*`",
		"import export from const let function return if else for of in await async new throw try catch finally class extends type interface typeof instanceof while switch case default break continue void undefined null true false")
	grammars = map[string]grammar{
		"go": newGrammar(`//.*$|/\*(?s:.*?)\*/`, quoted+"|`[^`]*`|'(?:[^'\\\\]|\\\\.)+'",
			"package import func return if else for range var const type struct interface map chan go defer select switch case default break continue nil true false"),
		"swift": newGrammar(`//.*$|/\*(?s:.*?)\*/`, quoted,
			"import func return if else for in let var guard struct class actor enum protocol extension init self try await async throws throw do catch switch case default break continue nil true false some any where static private public final"),
		"ts": typescript, "tsx": typescript, "js": typescript,
		"sh": shell, "yaml": newGrammar(`(?:^|\s)#.*$`, quoted+`|'[^']*'`, "true false null"), "toml": newGrammar(`#.*$`, quoted, "true false"),
		"json": newGrammar(`\x00`, quoted, "true false null"), "nginx": newGrammar(`#.*$`, quoted, "server location upstream proxy_pass"),
	}
)

// highlight returns the code as HTML, with spans of the classes c (comment), s (text)
// and k (keyword).
func highlight(language, code string) string {
	g, ok := grammars[language]
	if !ok {
		return html.EscapeString(code)
	}
	var out strings.Builder
	at := 0
	for _, m := range g.tokens.FindAllStringSubmatchIndex(code, -1) {
		class := "k"
		switch {
		case m[2] >= 0:
			class = "c"
		case m[4] >= 0:
			class = "s"
		}
		out.WriteString(html.EscapeString(code[at:m[0]]))
		out.WriteString(`<span class="` + class + `">` + html.EscapeString(code[m[0]:m[1]]) + `</span>`)
		at = m[1]
	}
	out.WriteString(html.EscapeString(code[at:]))
	return out.String()
}
