package credential

import (
	"unicode"
	"unicode/utf8"
)

// isPattern reports whether the password is short once repetitions are gone, or
// whether at least three in four of its steps are those of a sequence or of a
// walk over a keyboard. A space between characters breaks a sequence: "a b c d"
// is judged as text.
func isPattern(password string) bool {
	once := []rune(collapse(password))
	if len(once) < defaultMinPassword && 2*len(once) <= utf8.RuneCountInString(password) {
		return true
	}
	unexpected := 0
	for i := 1; i < len(once); i++ {
		if !foretold(once[i-1], once[i]) {
			unexpected++
		}
	}
	return 4*unexpected <= len(once)-1
}

// collapse writes a block that is immediately repeated only once, the longest
// block first: "passwordpassword1" becomes "password1". Doubled letters go as
// well.
func collapse(password string) string {
	rest := []rune(password)
	var once []rune
	for len(rest) > 0 {
		block := repeatedBlock(rest)
		if block == 0 {
			once = append(once, rest[0])
			block = 1
		}
		rest = rest[block:]
	}
	return string(once)
}

// repeatedBlock returns the length of the longest block at the beginning of r
// that is immediately repeated, or 0.
func repeatedBlock(r []rune) int {
	for n := len(r) / 2; n > 0; n-- {
		i := 0
		for i < n && unicode.ToLower(r[i]) == unicode.ToLower(r[n+i]) {
			i++
		}
		if i == n {
			return n
		}
	}
	return 0
}

// foretold reports whether b follows a in a repetition, an alphabet or a walk
// over a keyboard.
func foretold(a, b rune) bool {
	a, b = unicode.ToLower(a), unicode.ToLower(b)
	if unicode.IsSpace(a) || unicode.IsSpace(b) {
		return false
	}
	if d := a - b; -1 <= d && d <= 1 {
		return true
	}
	from, ok := keys[a]
	to, also := keys[b]
	if !ok || !also || from.board != to.board {
		return false
	}
	across, down := to.column-from.column, to.row-from.row
	switch down { // each row stands half a key to the right of the one above
	case 0:
		return across == -1 || across == 1
	case 1:
		return across == -1 || across == 0
	case -1:
		return across == 0 || across == 1
	default:
		return false
	}
}

type key struct{ board, row, column int }

// keys holds the places of characters on common keyboards. A shifted digit is
// where its digit is.
var keys = func() map[rune]key {
	places := make(map[rune]key)
	for board, rows := range [][]string{
		{"1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"},
		{"1234567890-=", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю."},
	} {
		for row, characters := range rows {
			for column, r := range []rune(characters) {
				if _, known := places[r]; !known {
					places[r] = key{board, row, column}
				}
			}
		}
	}
	for column, r := range []rune("!@#$%^&*()_+") {
		places[r] = key{0, 0, column}
	}
	return places
}()
