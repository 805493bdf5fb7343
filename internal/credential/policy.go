package credential

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	defaultMinPassword = 15
	lowestMinPassword  = 8
)

// PasswordPolicy decides which new passwords are accepted (NIST SP 800-63B-4,
// 3.1.1): long enough and hard to guess. Any character but NUL is allowed and
// none is required.
type PasswordPolicy struct {
	// Min and Max are characters after normalization. 0 means 15 and 128; Min
	// is never under 8 and Max never above 128.
	Min, Max int
}

// PolicyError is the reason why a password was refused.
type PolicyError struct {
	// Message is one sentence for the person who chose the password. It says
	// what to change and repeats nothing of the password.
	Message string
}

func (e *PolicyError) Error() string { return e.Message }

// Check returns nil or a [*PolicyError]. context is what an attacker knows of
// the person, such as email address and name. The work is bounded for any
// input.
func (p PasswordPolicy) Check(password string, context ...string) error {
	shortest, longest := p.bounds()
	switch {
	case !utf8.ValidString(password):
		return refuse("Use text only: the password is not valid UTF-8.")
	case strings.ContainsRune(password, 0):
		return refuse("Leave out the NUL character.")
	}
	normal, ok := hashable(password)
	switch n := utf8.RuneCountInString(normal); {
	case !ok || n > longest:
		return refuse("Use at most %d characters.", longest)
	case n < shortest:
		return refuse("Use at least %d characters; several unrelated words make a good password.", shortest)
	}
	words := contextWords(context)
	switch {
	case isMostly(normal, breached()):
		return refuse("Choose another password: this one is known from data breaches.")
	case isMostly(normal, words):
		return refuse("Do not build the password on your name, your email address or the name of this product.")
	case isPhrase(normal):
		return refuse("Choose another password: this one is a well-known phrase.")
	case isPattern(normal):
		return refuse("Avoid repetition, sequences and neighbouring keys; use several unrelated words.")
	case isGuessable(normal, words), isAssembled(normal, words):
		return refuse("This password is easy to guess; use several unrelated words.")
	}
	return nil
}

func (p PasswordPolicy) bounds() (shortest, longest int) {
	shortest, longest = p.Min, p.Max
	if shortest == 0 {
		shortest = defaultMinPassword
	}
	if longest == 0 {
		longest = maxPasswordChars
	}
	shortest = min(max(shortest, lowestMinPassword), maxPasswordChars)
	longest = min(max(longest, shortest), maxPasswordChars)
	return shortest, longest
}

func refuse(format string, args ...any) error {
	return &PolicyError{Message: fmt.Sprintf(format, args...)}
}
