package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// lineLength is the default limit of swift-format.
const lineLength = 100

// source builds Swift source text in the layout of swift-format.
type source struct {
	text  strings.Builder
	depth int
	// separate requests an empty line before the next line.
	separate bool
}

// line writes one line. The format "" writes an empty line.
func (s *source) line(format string, args ...any) {
	if s.separate {
		s.separate = false
		s.text.WriteByte('\n')
	}
	if text := fmt.Sprintf(format, args...); text != "" {
		s.text.WriteString(strings.Repeat("  ", s.depth) + text)
	}
	s.text.WriteByte('\n')
}

// block writes a line, an indented body and the closing brace.
func (s *source) block(head string, body func()) {
	s.line("%s", strings.TrimSpace(head+" {"))
	s.depth++
	body()
	s.depth--
	s.separate = false
	s.line("}")
}

// gap requests an empty line, unless the block ends here.
func (s *source) gap() { s.separate = true }

// list writes items between a head and a tail. It writes one item per line and appends
// last to the final one. A single item, or none, goes on one line if it fits.
func (s *source) list(head string, items []string, last, tail string) {
	if one := head + strings.Join(items, "") + tail; len(items) < 2 && 2*s.depth+len(one) <= lineLength {
		s.line("%s", one)
		return
	}
	s.line("%s", head)
	s.depth++
	for i, item := range items {
		if i < len(items)-1 {
			item += ","
		} else {
			item += last
		}
		s.line("%s", item)
	}
	s.depth--
	s.line("%s", tail)
}

// comment writes the comment of a declaration as documentation: the leading comment,
// else the trailing one.
func (s *source) comment(comments protogen.CommentSet) {
	text := strings.TrimRight(string(comments.Leading), " \n")
	if text == "" {
		text = strings.TrimRight(string(comments.Trailing), " \n")
	}
	for line := range strings.Lines(text) {
		s.documentation(strings.TrimRight(strings.TrimPrefix(line, " "), " \t\n"))
	}
}

// documentation writes a line of documentation. It breaks a long line at spaces.
func (s *source) documentation(text string) {
	width := lineLength - 2*s.depth - len("/// ")
	for len([]rune(text)) > width {
		at := strings.LastIndexByte(string([]rune(text)[:width+1]), ' ')
		if at <= 0 {
			break
		}
		s.line("/// %s", text[:at])
		text = text[at+1:]
	}
	s.line("%s", strings.TrimSpace("/// "+text))
}
