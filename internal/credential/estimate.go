package credential

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The strength of parts of a password, in bits: a guesser tries 2^n parts of
// the kind before it meets one of n bits.
const (
	minBits       = 32 // of a whole password: five days at 10^4 guesses a second
	minRate       = 3  // of a character, for passwords that are shorter than the default allows
	separatorBits = 2
	repeatBits    = 4
	runBits       = 6
	foretoldBits  = 0.5 // a character of a run, or a word of a sequence, after the first
	contextBits   = 3
	yearBits      = 7
	dayBits       = 9  // a day and a month
	dateBits      = 15 // with a year
)

// maxEstimated limits the characters that are estimated, since the work grows
// with the cube. Unicode decomposition makes up to 18 characters of one.
const maxEstimated = 2 * maxPasswordChars

// estimator finds the cheapest way to put a text together from parts that a
// guesser knows. Where the text has separators between all characters, a word
// that is spelled out is a word; a run of the alphabet is not.
type estimator struct {
	runes   []rune   // without separators, case and accents
	places  []int    // of each rune in the password
	offsets []int    // of each rune in the texts, and their length
	texts   []string // the runes as they are, and in both readings of leet
	mirror  string   // texts[0] backwards
	context []string
	bits    []float64 // of the best way to each rune
}

// isAssembled reports whether the password is put together from so few known
// parts that it is easy to guess: dates, words that many people use, sequences,
// repetitions and the context words, however they are separated.
func isAssembled(password string, context []string) bool {
	runes, places, separators := withoutSeparators(password)
	enough := min(minBits, minRate*float64(utf8.RuneCountInString(password))) - separatorBits*float64(separators)
	if newEstimator(runes, places, context).estimate() < enough {
		return true
	}
	once := []rune(collapse(string(runes)))
	return len(once) < len(runes) && newEstimator(once, nil, context).estimate()+repeatBits < enough
}

// withoutSeparators returns the characters between separators, without case and
// accents, with their places, and how many different separators there are.
func withoutSeparators(password string) (runes []rune, places []int, separators int) {
	seen := make(map[rune]bool)
	place := 0
	for _, r := range unaccented(password) {
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(`.,;:_-/\'"+|()[]`, r):
			seen[r] = true
		case len(runes) < maxEstimated:
			runes, places = append(runes, unicode.ToLower(r)), append(places, place)
		}
		place++
	}
	return runes, places, len(seen)
}

// newEstimator returns the estimator of the runes. Without places, they are
// neighbours.
func newEstimator(runes []rune, places []int, context []string) *estimator {
	e := &estimator{runes: runes, places: places, context: context}
	text := string(runes)
	e.texts = []string{text, leetI.Replace(text), leetL.Replace(text)}
	backwards := make([]rune, len(runes))
	offset := 0
	for i, r := range runes {
		e.offsets = append(e.offsets, offset)
		offset += utf8.RuneLen(r)
		backwards[len(runes)-1-i] = r
	}
	e.offsets, e.mirror = append(e.offsets, offset), string(backwards)
	e.bits = make([]float64, len(runes)+1)
	for i := range e.bits[1:] {
		e.bits[i+1] = math.Inf(1)
	}
	return e
}

// estimate returns the bits of the whole text.
func (e *estimator) estimate() float64 {
	for from := range e.runes {
		e.part(from, from+1, characterBits(e.runes[from]))
		e.words(from)
		e.repetition(from)
		e.run(from)
		e.date(from)
	}
	return e.bits[len(e.runes)]
}

// part notes that the runes of [from, to) are a part of so many bits.
func (e *estimator) part(from, to int, bits float64) {
	e.bits[to] = min(e.bits[to], e.bits[from]+bits)
}

// slice returns the runes of [from, to) of one of the texts.
func (e *estimator) slice(text string, from, to int) string {
	return text[e.offsets[from]:e.offsets[to]]
}

// reversed returns the runes of [from, to) backwards.
func (e *estimator) reversed(from, to int) string {
	size := len(e.mirror)
	return e.mirror[size-e.offsets[to] : size-e.offsets[from]]
}

func characterBits(r rune) float64 {
	switch {
	case '0' <= r && r <= '9':
		return math.Log2(10)
	case 'a' <= r && r <= 'z':
		return math.Log2(26)
	case r == '!': // most people's only symbol
		return 3
	default:
		return math.Log2(32)
	}
}

// words notes the known words that begin at from, in every reading and
// backwards, and the sequences that they begin.
func (e *estimator) words(from int) {
	known := lexicon()
	for to := from + minKnown; to <= min(len(e.runes), from+known.longest); to++ {
		for i, text := range e.texts {
			word := e.slice(text, from, to)
			if bits, ok := known.bits[word]; ok {
				e.part(from, to, bits+min(float64(i), 1))
				e.sequence(text, from, to, word)
			}
		}
		if bits, ok := known.bits[e.reversed(from, to)]; ok && to-from >= minReversed {
			e.part(from, to, bits+1)
		}
	}
	for _, word := range e.context {
		n := utf8.RuneCountInString(word)
		if from+n <= len(e.runes) && e.slice(e.texts[1], from, from+n) == word {
			e.part(from, from+n, contextBits)
		}
	}
}

// sequence notes the sequences that the word at [from, to) begins, forwards and
// backwards.
func (e *estimator) sequence(text string, from, to int, word string) {
	known := lexicon()
	for _, p := range known.places[word] {
		for _, step := range []int{1, -1} {
			list, end := known.sequences[p.list], to
			bits := known.bits[word]
			for i := p.index + step; i >= 0 && i < len(list) && strings.HasPrefix(text[e.offsets[end]:], list[i]); i += step {
				end += utf8.RuneCountInString(list[i])
				bits += foretoldBits
				e.part(from, end, bits)
			}
		}
	}
}

// repetition notes what begins at from and occurs before, forwards or backwards.
func (e *estimator) repetition(from int) {
	text := e.texts[0]
	for to := from + 3; to <= len(e.runes) && strings.Contains(text[:e.offsets[to-1]], e.slice(text, from, to)); to++ {
		e.part(from, to, repeatBits)
	}
	before := text[:e.offsets[from]]
	for to := from + 3; to <= len(e.runes) && strings.Contains(before, e.reversed(from, to)); to++ {
		e.part(from, to, repeatBits+1)
	}
}

// run notes a character that is repeated, and a straight way through an
// alphabet or over a keyboard.
func (e *estimator) run(from int) {
	for _, same := range []func(a, b, c rune) bool{straightAlphabet, straightKeyboard} {
		for to := from + 3; to <= len(e.runes) && same(e.runes[to-3], e.runes[to-2], e.runes[to-1]); to++ {
			if e.runes[to-1] != e.runes[from] && !e.neighbours(from, to) {
				break
			}
			e.part(from, to, runBits+foretoldBits*float64(to-from))
		}
	}
}

// neighbours reports whether no separator stands between the runes of
// [from, to).
func (e *estimator) neighbours(from, to int) bool {
	return e.places == nil || e.places[to-1]-e.places[from] == to-1-from
}

func straightAlphabet(a, b, c rune) bool {
	return b-a == c-b && -1 <= b-a && b-a <= 1
}

func straightKeyboard(a, b, c rune) bool {
	p, ok := keys[a]
	q, also := keys[b]
	r, too := keys[c]
	return ok && also && too && p.board == q.board && q.board == r.board &&
		q.column-p.column == r.column-q.column && q.row-p.row == r.row-q.row &&
		max(q.column-p.column, p.column-q.column) <= 1 && max(q.row-p.row, p.row-q.row) <= 1
}

// date notes the years, days and dates that begin at from.
func (e *estimator) date(from int) {
	for to := from + 1; to <= min(len(e.runes), from+8) && '0' <= e.runes[to-1] && e.runes[to-1] <= '9'; to++ {
		if bits := numericDate(e.slice(e.texts[0], from, to)); bits > 0 {
			e.part(from, to, bits)
		}
	}
}
