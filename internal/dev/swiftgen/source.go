package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// lineLength is swift-format's default.
const lineLength = 100

// source is Swift under construction, laid out as swift-format wants it.
type source struct {
	text  strings.Builder
	depth int
	// separate asks for an empty line before the next line.
	separate bool
}

// line writes one line; "" is an empty one.
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

// block writes a line, an indented body and the brace that closes it.
func (s *source) block(head string, body func()) {
	s.line("%s {", head)
	s.depth++
	body()
	s.depth--
	s.separate = false
	s.line("}")
}

// gap asks for an empty line, unless the block ends here.
func (s *source) gap() { s.separate = true }

// list writes items between a head and a tail: one to a line, the last one with the
// comma of last, or all on one line where there is at most one item and it fits.
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

// comment writes the comment of a declaration as documentation: the one above it,
// else the one behind it.
func (s *source) comment(comments protogen.CommentSet) {
	text := strings.TrimRight(string(comments.Leading), " \n")
	if text == "" {
		text = strings.TrimRight(string(comments.Trailing), " \n")
	}
	for line := range strings.Lines(text) {
		s.documentation(strings.TrimRight(strings.TrimPrefix(line, " "), " \t\n"))
	}
}

// documentation writes one line of documentation, broken at spaces where it is too
// long.
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
