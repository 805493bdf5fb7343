package credential

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/nbutton23/zxcvbn-go/frequency"
)

const (
	minKnown     = 3    // characters of the shortest known word
	maxKnown     = 24   // of the longest
	minReversed  = 5    // of the shortest that is recognized backwards
	sequenceBits = 7    // of a word of a sequence in common.txt
	commonBits   = 9    // of another word in common.txt
	topWords     = 2500 // of each of zxcvbn's lists that count as known
)

//go:embed common.txt
var commonText string

// wordlist holds the words that guessers try first.
type wordlist struct {
	bits      map[string]float64
	places    map[string][]place // of the words of sequences
	sequences [][]string
	longest   int // characters of the longest word
}

// place is a place in a sequence.
type place struct{ list, index int }

// lexicon returns the words of common.txt, and the first of zxcvbn's lists.
var lexicon = sync.OnceValue(func() *wordlist {
	l := &wordlist{bits: make(map[string]float64), places: make(map[string][]place)}
	for line := range strings.Lines(commonText) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#" || strings.HasPrefix(words[0], "#"):
		case words[0] == "=":
			l.addSequence(words[1:])
		default:
			for _, word := range words {
				l.add(word, commonBits)
			}
		}
	}
	for _, name := range []string{"Passwords", "English"} {
		list := frequency.Lists[name].List
		for i, word := range list[:min(len(list), topWords)] {
			l.add(word, math.Log2(float64(i+2))+1)
		}
	}
	return l
})

// add adds a word unless it is known as a cheaper one. It leaves out runs of the
// alphabet, which the estimator recognizes itself.
func (l *wordlist) add(word string, bits float64) {
	runes, _, _ := withoutSeparators(word)
	if len(runes) < minKnown || len(runes) > maxKnown || isAlphabetRun(runes) {
		return
	}
	word = string(runes)
	if known, ok := l.bits[word]; !ok || bits < known {
		l.bits[word] = bits
	}
	l.longest = max(l.longest, len(runes))
}

func (l *wordlist) addSequence(words []string) {
	list := make([]string, len(words))
	for i, word := range words {
		l.add(word, sequenceBits)
		runes, _, _ := withoutSeparators(word)
		list[i] = string(runes)
		l.places[list[i]] = append(l.places[list[i]], place{len(l.sequences), i})
	}
	l.sequences = append(l.sequences, list)
}

func isAlphabetRun(runes []rune) bool {
	for i := 2; i < len(runes); i++ {
		if !straightAlphabet(runes[i-2], runes[i-1], runes[i]) {
			return false
		}
	}
	return len(runes) > 2
}

// numericDate returns the bits of the digits as a year, a day of a year or a
// date, in any order and with or without leading zeros. It returns 0 if they are
// neither.
func numericDate(digits string) float64 {
	switch n := len(digits); {
	case n == 4 && isYear(digits):
		return yearBits
	case n == 3 || n == 4:
		if isDay(digits) {
			return dayBits
		}
	case n == 6 && (isDay(digits[:4]) || isDay(digits[2:])), // the year has two digits
		n >= 6 && n <= 8 && isYear(digits[:4]) && isDay(digits[4:]),
		n >= 6 && n <= 8 && isYear(digits[n-4:]) && isDay(digits[:n-4]):
		return dateBits
	}
	return 0
}

func isYear(digits string) bool { return "1900" <= digits && digits <= "2099" }

// isDay reports whether the digits are a day and a month, in either order.
func isDay(digits string) bool {
	for i := 1; i < len(digits); i++ {
		a, _ := strconv.Atoi(digits[:i])
		b, _ := strconv.Atoi(digits[i:])
		if i <= 2 && len(digits)-i <= 2 && min(a, b) >= 1 && min(a, b) <= 12 && max(a, b) <= 31 {
			return true
		}
	}
	return false
}

//go:embed phrases.txt
var phrasesText string

// minPart is how many letters of a phrase must be there for a part of it to
// count.
const minPart = 12

// phrases holds the lines of phrases.txt, folded, the longest first.
var phrases = sync.OnceValue(func() []string { return foldedLines(phrasesText) })

// isPhrase reports whether little of the password is left without a phrase, or
// its letters are a part of one.
func isPhrase(password string) bool {
	if isMostly(password, phrases()) {
		return true
	}
	folded := fold(strings.TrimFunc(password, func(r rune) bool { return !unicode.IsLetter(r) }))
	if utf8.RuneCountInString(folded) < minPart {
		return false
	}
	for _, phrase := range phrases() {
		if strings.Contains(phrase, folded) {
			return true
		}
	}
	return false
}
