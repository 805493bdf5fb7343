package problem

import (
	"math"
	"strconv"
	"strings"
)

// ParseWhole reads a number that is written as in JSON, in any notation: 3600,
// 3600.0, 3.6e3 and 36000e-1 are one. ok reports whether it is such a number and
// whole. One that is too large for n becomes the largest n or the smallest. What
// it costs depends on the length of s, and not on the exponent.
func ParseWhole(s string) (n int64, ok bool) {
	unsigned, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, ok := cutExponent(unsigned)
	whole, fraction, dotted := strings.Cut(mantissa, ".")
	if !ok || !isDigits(whole) || len(whole) > 1 && whole[0] == '0' || dotted && !isDigits(fraction) {
		return 0, false
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	zeros := exponent - len(fraction) + len(digits) - len(significant)
	switch {
	case significant == "":
		return 0, true
	case zeros < 0:
		return 0, false
	case zeros > maxDigits:
		significant, zeros = strconv.FormatUint(math.MaxUint64, 10), 0
	}
	if negative {
		significant = "-" + significant
	}
	n, _ = strconv.ParseInt(significant+strings.Repeat("0", zeros), 10, 64) // an error is that of the range
	return n, true
}

// maxDigits is more digits than an int64 has.
const maxDigits = 20

// cutExponent splits a number at its exponent, which is 0 if there is none. An
// exponent that no number in a request can make up for is a smaller one.
func cutExponent(s string) (mantissa string, exponent int, ok bool) {
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		return s, 0, true
	}
	digits, negative := strings.CutPrefix(s[at+1:], "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	if !isDigits(digits) {
		return "", 0, false
	}
	const most = 1_000_000_000
	exponent = most
	if digits = strings.TrimLeft(digits, "0"); len(digits) < 10 {
		exponent, _ = strconv.Atoi("0" + digits)
	}
	if negative {
		exponent = -exponent
	}
	return s[:at], exponent, true
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
