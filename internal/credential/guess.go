package credential

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/nbutton23/zxcvbn-go"
	"github.com/nbutton23/zxcvbn-go/match"
	"github.com/nbutton23/zxcvbn-go/matching"
	"golang.org/x/text/unicode/norm"
)

const (
	window       = 64 // characters that zxcvbn scores at once: its work grows with the square
	minScore     = 3  // of zxcvbn's 0 to 4: 10^6 seconds at 10^4 guesses a second
	minRemainder = 8  // characters that a password must have beside known words
	minWord      = 4  // a shorter context word is too likely to occur by chance
)

//go:embed breached.txt
var breachedText string

// productWords are known to every attacker of this product.
var productWords = []string{"openwearables", "openwearable", "open wearables", "wearables", "wearable"}

// breached holds the lines of breached.txt, folded, the longest first.
var breached = sync.OnceValue(func() []string { return foldedLines(breachedText) })

// foldedLines returns the lines that are not comments, folded, the longest
// first.
func foldedLines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, fold(line))
		}
	}
	return longestFirst(list)
}

// contextWords returns the names of the product and the person, in parts and as
// a whole, each folded and at least minWord long, the longest first.
func contextWords(context []string) []string {
	var words []string
	for _, c := range append(slices.Clone(context), productWords...) {
		words = append(words, fold(c))
		for _, part := range strings.FieldsFunc(c, func(r rune) bool { return r == '@' || unicode.IsSpace(r) }) {
			words = append(words, fold(part))
			for _, piece := range strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune("._+-", r) }) {
				words = append(words, fold(piece))
			}
		}
	}
	return longestFirst(slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) < minWord }))
}

// longestFirst sorts and drops duplicates, so that no word is taken apart by
// one that it contains.
func longestFirst(words []string) []string {
	slices.SortFunc(words, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(words)
}

// isMostly reports whether little of the password is left without the words.
func isMostly(password string, words []string) bool {
	folded := fold(password)
	rest := folded
	for _, w := range words {
		rest = strings.ReplaceAll(rest, w, "")
	}
	return rest != folded && len([]rune(rest)) < minRemainder
}

// isGuessable scores the password with zxcvbn: as it is, with repeated blocks
// written once, and in both readings of leet.
func isGuessable(password string, words []string) bool {
	plain := standIns(password)
	once := standIns(collapse(password))
	readings := []string{plain, once, leetI.Replace(plain), leetL.Replace(plain), leetI.Replace(once), leetL.Replace(once)}
	slices.Sort(readings)
	known := slices.Concat(words, years)
	return slices.ContainsFunc(slices.Compact(readings), func(reading string) bool {
		head, tail := reading[:min(len(reading), window)], reading[max(0, len(reading)-window):]
		return score(head, known) < minScore && (head == tail || score(tail, known) < minScore)
	})
}

// score leaves out two matchers of zxcvbn: leet, whose work grows exponentially
// with the number of symbols, and keyboards, which isPattern recognizes better.
func score(text string, known []string) int {
	return zxcvbn.PasswordStrength(text, known, func(m match.Matcher) bool {
		return matching.FilterL33tMatcher(m) || matching.FilterSpatialMatcher(m)
	}).Score
}

// years are words for zxcvbn, whose dates end in 2019 and need a day.
var years = func() []string {
	var list []string
	for year := 2039; year >= 1940; year-- {
		list = append(list, strconv.Itoa(year))
	}
	return list
}()

// standIns puts a letter in place of each character that is not ASCII, because
// zxcvbn counts bytes. Equal characters stay equal and neighbours stay
// neighbours.
func standIns(password string) string {
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII {
			return unicode.ToLower(r)
		}
		return 'a' + r%26
	}, unaccented(password))
}

// Digits and symbols, read as the letters that they stand for. 1, ! and | are
// read as i, or as l.
var (
	leetI = strings.NewReplacer("4", "a", "@", "a", "8", "b", "(", "c", "3", "e", "6", "g", "9", "g",
		"1", "i", "!", "i", "|", "i", "0", "o", "$", "s", "5", "s", "7", "t", "+", "t")
	leetL = strings.NewReplacer("4", "a", "@", "a", "8", "b", "(", "c", "3", "e", "6", "g", "9", "g",
		"1", "l", "!", "l", "|", "l", "0", "o", "$", "s", "5", "s", "7", "t", "+", "t")
)

// fold maps spellings of one word to one text: it drops case, accents, width,
// leet and separators.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, leetI.Replace(strings.ToLower(unaccented(s))))
}

func unaccented(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
}
