package credential

import (
	"fmt"
	"strings"
	"testing"
)

// This file holds tokens that are rightly signed and wrong in their JSON, as a
// careless parser accepts them.

// refusesAll demands that rightly signed tokens with these headers or payloads
// are refused, and that there are at least so many of them.
func refusesAll(t *testing.T, k *SigningKey, headers, payloads []string, atLeast int) {
	t.Helper()
	ks := KeySet{k.ID: k}
	for _, header := range headers {
		refuses(t, ks, "header "+header, signJSON(t, k, header, payloadWith(nil)))
	}
	for _, payload := range payloads {
		refuses(t, ks, "payload "+payload[:min(len(payload), 200)], signJSON(t, k, headerOf(k), payload))
	}
	if n := len(headers) + len(payloads); n < atLeast {
		t.Errorf("only %d tokens", n)
	}
	accepts(t, ks, "the original", signJSON(t, k, headerOf(k), payloadWith(nil)))
}

// wrongValues are JSON values, and texts that only some parsers take for one.
var wrongValues = []string{
	"null", "true", "false", "0", "1", "-1", "1.5", `""`, "[]", `["a"]`, "{}", `{"a":"b"}`,
	"1e400", "-1e400", "9223372036854775808", "18446744073709551616", "123456789012345678901234567890",
	"NaN", "Infinity", "-Infinity", "nan", "undefined", "None", "nil", "True", "0x10", "0b1", "017", "+1", ".5", "1.", "1e", "1e+", "1_000", "1,5", "- 1",
	`'a'`, "a", `"a`, `a"`, "\"a\n\"", "\"\t\"", `"\x61"`, `"\u00"`, `"\ud800"`, `"\udc00\ud800"`, `"\`, `"\a"`, "\"\x00\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
}

func TestAClaimHasItsTypeInEveryPlace(t *testing.T) {
	k := newKey(t, HS256)
	var payloads []string
	for _, claim := range []string{"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "scope", "app_id", "act"} {
		for _, value := range wrongValues {
			if claim == "iat" && value == "1" || claim == "nbf" && value == "1" {
				continue // in the past, and right
			}
			payloads = append(payloads, payloadWith(map[string]string{claim: value}))
		}
	}
	for _, value := range []string{`"a"`, `{"sub":"a","sub":"a"}`, `{"sub":"a","\u0073ub":"b"}`, `{"sub":"a","iss":"b"}`, `{"Sub":"a"}`, `{"sub":["a"]}`, `{"sub":{"sub":"a"}}`, `[{"sub":"a"}]`, `{"sub":"a",}`, `{"sub":"a"`} {
		payloads = append(payloads, payloadWith(map[string]string{"act": value}))
	}
	refusesAll(t, k, nil, payloads, 500)
}

func TestAHeaderMemberHasItsTypeInEveryPlace(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		var headers []string
		right := map[string]string{"alg": `"` + k.Algorithm + `"`, "kid": `"` + k.ID + `"`, "typ": `"JWT"`}
		for name, value := range right {
			others := ""
			for other, value := range right {
				if other != name {
					others += fmt.Sprintf(",%q:%s", other, value)
				}
			}
			for _, wrong := range append([]string{"[" + value + "]", `{"a":` + value + "}", value + value, value + "," + value, " " + value[1:], value[:len(value)-1] + ` "`, value[:len(value)-1] + `\u0000"`, value[:len(value)-1] + `\u200b"`}, wrongValues...) {
				headers = append(headers, fmt.Sprintf("{%q:%s%s}", name, wrong, others))
			}
		}
		refusesAll(t, k, headers, nil, 150)
	})
}

// A member occurs once, however its name is written, and whichever value a
// parser would take.
func TestAMemberOccursOnce(t *testing.T) {
	k := newKey(t, HS256)
	var headers, payloads []string
	escaped := func(name string) string { return fmt.Sprintf(`"\u%04x%s"`, name[0], name[1:]) }
	header, payload := headerOf(k), payloadWith(nil)
	for name, values := range map[string][]string{
		"alg": {`"HS256"`, `"none"`, "null"}, "kid": {`"` + k.ID + `"`, `"other"`, "null"}, "typ": {`"JWT"`, `"at+jwt"`, "null"},
	} {
		for _, value := range values {
			for _, name := range []string{`"` + name + `"`, escaped(name)} {
				headers = append(headers, "{"+name+":"+value+","+header[1:], header[:len(header)-1]+","+name+":"+value+"}")
			}
		}
	}
	for name, values := range map[string][]string{
		"iss": {`"` + testIssuer + `"`, `"evil"`, "null"}, "aud": {`"` + testAudience + `"`, `["a"]`, "null"}, "sub": {`"a subject"`, `"an admin"`, "null"},
		"sid": {`"a session"`, `"b"`, "null"}, "jti": {`"an id"`, `"b"`, "null"}, "iat": {"1", "null"}, "nbf": {"1", "null"}, "exp": {"253402300799", "null"},
	} {
		for _, value := range values {
			for _, name := range []string{`"` + name + `"`, escaped(name)} {
				payloads = append(payloads, "{"+name+":"+value+","+payload[1:], payload[:len(payload)-1]+","+name+":"+value+"}")
			}
		}
	}
	refusesAll(t, k, headers, payloads, 120)
}

// Only JSON is read (RFC 8259): no comments, no other spaces, no second value.
func TestOnlyJSONIsRead(t *testing.T) {
	k := newKey(t, HS256)
	spoil := func(good string) []string {
		var spoilt []string
		for _, alien := range []string{"\v", "\f", "\x00", "\x1f", "\x7f", "\u00a0", "\u0085", "\u2028", "\u200b", "\ufeff", "/**/", "//\n", "#\n", "<!---->", ";", ",", ":", "{", "}", "[", "]", `"`, "'", "0x", "null", "{}", "\\", "\\n", "\xff"} {
			spoilt = append(spoilt, alien+good, good+alien, good[:1]+alien+good[1:], good[:len(good)-1]+alien+good[len(good)-1:])
		}
		return append(spoilt,
			strings.ReplaceAll(good, `"`, `'`), strings.ReplaceAll(good, ":", "="), strings.ReplaceAll(good, ",", ";"), strings.ReplaceAll(good, ",", ",,"),
			strings.ReplaceAll(good, `"`, ""), strings.Replace(good, ":", "", 1), strings.Replace(good, ",", "", 1), "["+good+"]", `{"a":`+good+"}",
			fmt.Sprintf("%q", good), encodePart(good), strings.ToUpper(good), strings.Repeat("[", 1000), strings.Repeat(`{"a":`, 400), strings.Repeat("[", 500)+good+strings.Repeat("]", 500),
		)
	}
	refusesAll(t, k, spoil(headerOf(k)), spoil(payloadWith(nil)), 250)
}

// What RFC 8259 permits and changes no claim is read: the refusals above are not
// those of a parser that refuses everything.
func TestTheSpaceAndTheOrderOfJSONChangeNothing(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		ks := KeySet{k.ID: k}
		good := payloadWith(nil)
		for name, payload := range map[string]string{
			"spaces":              strings.NewReplacer(`":`, "\" :\t", `,"`, "\r\n, \"").Replace(" " + good),
			"a space at the end":  good + " \n",
			"a deep claim":        payloadWith(map[string]string{"other": strings.Repeat("[", 500) + strings.Repeat("]", 500)}),
			"a huge number":       payloadWith(map[string]string{"other": "1e999999"}),
			"a long number":       payloadWith(map[string]string{"other": strings.Repeat("9", 1000)}),
			"an escaped name":     strings.Replace(good, `"sub"`, `"\u0073ub"`, 1),
			"an escaped value":    strings.Replace(good, "a subject", `a \u0073ubject`, 1),
			"another case":        good[:len(good)-1] + `,"Sub":"an admin","SUB":"an admin","Exp":1}`,
			"a proto":             good[:len(good)-1] + `,"__proto__":{"sub":"an admin"},"constructor":1}`,
			"a name that is none": good[:len(good)-1] + `,"":"an admin"}`,
			"a look-alike":        good[:len(good)-1] + `,"s\u0075b\u0000":"an admin","ѕub":"an admin"}`,
		} {
			c, err := verify(ks, signJSON(t, k, headerOf(k), payload))
			if err != nil || c.Subject != "a subject" || c.ExpiresAt.Unix() != testNow.Unix()+3600 {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
		}
	})
}

// A kid is compared byte by byte with those of the set: neither a name of a
// language nor a look-alike finds a key.
func TestAKidFindsOnlyItsKey(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		other := newKey(t, k.Algorithm)
		ks := KeySet{k.ID: k, other.ID: other}
		kids := []string{
			"__proto__", "constructor", "toString", "hasOwnProperty", "undefined", "null", "0", "-1", "NaN", "[object Object]", "%s", "%00", "${kid}", "{{kid}}", "$(id)", "`id`", "; ls", "*", "?", ".*", ".", "..", "/", "\\", "file:///dev/null", "data:,", "C:\\nul",
			"' OR '1'='1", "1; DROP TABLE signing_keys", "*)(uid=*", "<!ENTITY>", k.ID[:len(k.ID)-1], k.ID[1:], k.ID + "0", "0" + k.ID, k.ID + k.ID, k.ID + "," + other.ID, strings.ToUpper(k.ID), k.ID + "=", k.ID + "%00", k.ID + "/../" + k.ID, "./" + k.ID,
			encodePart(k.ID), fullwidth(k.ID), k.ID + "\u0301", "\u202e" + k.ID, k.ID + "\u200d",
		}
		for _, kid := range kids {
			header := fmt.Sprintf(`{"alg":%q,"kid":%s,"typ":"JWT"}`, k.Algorithm, quote(kid))
			refuses(t, ks, "kid "+kid, signJSON(t, k, header, payloadWith(nil)))
		}
		accepts(t, ks, "the kid", signJSON(t, k, headerOf(k), payloadWith(nil)))
	})
}

// fullwidth returns the compatibility forms of ASCII letters and digits, which
// normalization turns into them.
func fullwidth(s string) string {
	return strings.Map(func(r rune) rune { return r - '!' + '！' }, s)
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
