package tracing

import "strings"

// maxStatement bounds the text of a statement in a span, in bytes.
const maxStatement = 1 << 10

// withoutArguments returns the statement with ? in place of each literal, cut off
// after maxStatement. It reads what SQLite and PostgreSQL share, with the settings
// that this product has: texts and bytes stand in single quotes, which are doubled
// within, and names in double quotes. What it does not understand it leaves out, as
// the rest after a quote that does not end.
func withoutArguments(text string) string {
	var b strings.Builder
	b.Grow(min(len(text), maxStatement))
	for i := 0; i < len(text); {
		if b.Len() >= maxStatement {
			b.WriteString("...")
			break
		}
		switch c := text[i]; {
		case c == '\'':
			b.WriteByte('?')
			i = afterQuote(text, i, false)
		case isDigit(c):
			b.WriteByte('?')
			i += leading(text[i:], isNumber)
		case isLetter(c) || c == '$': // a name, a keyword, a parameter; or E, X before a quote
			n := 1 + leading(text[i+1:], isWord)
			if i+n < len(text) && text[i+n] == '\'' {
				b.WriteByte('?')
				i = afterQuote(text, i+n, c|0x20 == 'e')
				continue
			}
			b.WriteString(text[i : i+n])
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// afterQuote returns where the text goes on after the literal whose quote is at i. In
// an escaped one, a backslash takes the next byte along.
func afterQuote(text string, i int, escaped bool) int {
	for i++; i < len(text); i++ {
		if escaped && text[i] == '\\' {
			i++
			continue
		}
		if text[i] != '\'' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			i++
			continue
		}
		return i + 1
	}
	return len(text)
}

// leading returns how many bytes at the beginning of text belong to the set.
func leading(text string, in func(byte) bool) int {
	for i := range len(text) {
		if !in(text[i]) {
			return i
		}
	}
	return len(text)
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) }
func isNumber(c byte) bool { return isWord(c) || c == '.' }

// summary returns the verb of a statement and the table that follows it, such as
// SELECT users. Tables in parentheses count only after WITH.
func summary(text string) string {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return "SQL"
	}
	verb, depth := strings.ToUpper(fields[0]), 0
	for i, f := range fields[:len(fields)-1] {
		depth += strings.Count(f, "(") - strings.Count(f, ")")
		if depth > 0 && verb != "WITH" {
			continue
		}
		switch strings.ToUpper(f) {
		case "FROM", "INTO", "UPDATE":
			if table := strings.Trim(fields[i+1], `"(),;`); table != "" && fields[i+1][0] != '(' && leading(table, isWord) == len(table) {
				return verb + " " + table
			}
		}
	}
	return verb
}
