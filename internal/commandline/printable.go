package commandline

import (
	"io"
	"strings"
	"unicode"
)

// unprintable stands for what Printable replaces.
const unprintable = '·'

// Printable returns text of others for a terminal: without control characters, and without
// marks that change the direction of writing. It is one line.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unprintable
	}, text)
}

// printableWriter keeps the lines of a text.
type printableWriter struct{ to io.Writer }

// PrintableWriter returns a writer of lines, each of which [Printable] makes what it is.
// Each Write must have whole characters.
func PrintableWriter(to io.Writer) io.Writer { return printableWriter{to} }

// Write implements io.Writer.
func (w printableWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, PrintableLines(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// PrintableLines is Printable for each line of a text.
func PrintableLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		content, ends := strings.CutSuffix(line, "\n")
		b.WriteString(Printable(content))
		if ends {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
