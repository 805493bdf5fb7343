package credential_test

import (
	_ "embed"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/openwearables/openwearables/internal/credential"
)

//go:embed breached.txt
var breachedText string

// refusal demands a PolicyError that does not repeat the password.
func refusal(t *testing.T, p credential.PasswordPolicy, password string, context ...string) string {
	t.Helper()
	var refused *credential.PolicyError
	if err := p.Check(password, context...); !errors.As(err, &refused) {
		t.Errorf("%q is accepted: %v", password, err)
		return ""
	}
	if refused.Message == "" || refused.Error() != refused.Message {
		t.Errorf("%q is refused with %q", password, refused.Message)
	}
	if len(password) > 3 && strings.Contains(refused.Message, password) {
		t.Errorf("%q repeats the password", refused.Message)
	}
	return refused.Message
}

func TestGoodPasswordsPass(t *testing.T) {
	for _, password := range []string{
		"violet-otter-4417-canyon", "a b c d e f g h", "a b c d e f g h i", "kettle grumbles twice", "my voice is my passport",
		"Ruderboot Kamille 88", "TrommelWolkeAnisZaun", "猫は窓辺で雨を静かに眺めている夜", "мокрый трамвай жуёт лимон", "🚲🌧️🦊🎷🧊🌋🥝🪁🎲🦑🧵🛶🍄🔭🧲",
		"cafe\u0301 noir sans sucre", "qpxmvkzjwhtnbcf", "V8$kq!Zr2@wPx9#Lm", "pulse otter lantern gravel", "            k7 mango tundra",
		strings.Repeat("kettle otter 93 violet pumpkin ", 4), "ÅÄÖ på väg mot fjällen", "no-composition-rules-apply-here",
	} {
		if err := (credential.PasswordPolicy{}).Check(password, "ada.lovelace@example.com", "Ada", "Lovelace"); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestRandomPasswordsPass(t *testing.T) {
	for range 300 {
		password := credential.Mint(credential.AppSecret)[7:27]
		if err := (credential.PasswordPolicy{}).Check(password); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestPasswordLengthIsBounded(t *testing.T) {
	const text = "kf7 otter gravel 93 violet pumpkin tundra mango lantern"
	long := strings.Repeat(text+" ", 3)
	for _, c := range []struct {
		policy   credential.PasswordPolicy
		length   int
		accepted bool
	}{
		{credential.PasswordPolicy{}, 0, false},
		{credential.PasswordPolicy{}, 14, false},
		{credential.PasswordPolicy{}, 15, true},
		{credential.PasswordPolicy{}, 64, true},
		{credential.PasswordPolicy{}, 128, true},
		{credential.PasswordPolicy{}, 129, false},
		{credential.PasswordPolicy{Min: 1}, 7, false},
		{credential.PasswordPolicy{Min: -1}, 7, false},
		{credential.PasswordPolicy{Min: 12}, 11, false},
		{credential.PasswordPolicy{Min: 12}, 12, true},
		{credential.PasswordPolicy{Min: 20}, 19, false},
		{credential.PasswordPolicy{Min: 20}, 20, true},
		{credential.PasswordPolicy{Max: 64}, 64, true},
		{credential.PasswordPolicy{Max: 64}, 65, false},
		{credential.PasswordPolicy{Max: 1000}, 129, false},
	} {
		password := long[:c.length]
		if c.accepted {
			if err := c.policy.Check(password); err != nil {
				t.Errorf("%+v, %d characters: %v", c.policy, c.length, err)
			}
		} else if m := refusal(t, c.policy, password); !strings.Contains(m, "characters") {
			t.Errorf("%+v, %d characters: %q does not say so", c.policy, c.length, m)
		}
	}
	if err := (credential.PasswordPolicy{Min: 1}).Check("kf7 otte"); err != nil {
		t.Errorf("8 characters where the lowest minimum holds: %v", err)
	}
}

func TestCharactersAreCountedAfterNormalization(t *testing.T) {
	decomposed := "e\u0301ta\u0302t mie\u0300vre 78" // 14 characters in 17 runes
	if n := utf8.RuneCountInString(credential.NormalizePassword(decomposed)); n != 14 {
		t.Fatalf("the sample has %d characters", n)
	}
	refusal(t, credential.PasswordPolicy{}, decomposed)
	if err := (credential.PasswordPolicy{}).Check(decomposed + "x"); err != nil {
		t.Error(err)
	}
	full := strings.Repeat("gru\u0308n 7 mango o\u0300tter kf lantern ", 4) + "end"
	n, m := utf8.RuneCountInString(full), utf8.RuneCountInString(credential.NormalizePassword(full))
	if n <= 128 || m > 128 {
		t.Fatalf("the sample does not tell runes from characters: %d, %d", n, m)
	}
	if err := (credential.PasswordPolicy{}).Check(full); err != nil {
		t.Error(err)
	}
}

func TestPasswordsAreText(t *testing.T) {
	for _, password := range []string{"violet-otter-\xff-canyon", "violet-otter\x00-4417-canyon", "violet otter \xed\xa0\x80 canyon"} {
		refusal(t, credential.PasswordPolicy{}, password)
	}
}

func TestBreachedPasswordsAreRefused(t *testing.T) {
	var lines []string
	for line := range strings.Lines(breachedText) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	if len(lines) < 100 || !slices.IsSorted(lines) || len(slices.Compact(slices.Clone(lines))) != len(lines) {
		t.Fatalf("%d entries, or not in order, or twice", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) < 15 || line != strings.ToLower(line) {
			t.Errorf("%q is too short or not in lower case", line)
		}
		for _, variant := range []string{line, strings.ToUpper(line), line + "1!", line + "2026", strings.ToUpper(line[:1]) + line[1:]} {
			refusal(t, credential.PasswordPolicy{}, variant)
		}
	}
	for _, variant := range []string{
		"All Your Base Are Belong To Us", "all-your-base-are-belong-to-us", "@ll-y0ur-b4se-4re-b3l0ng-t0-us", "àll ÿour bâse are bélong to us",
		"ａｌｌｙｏｕｒｂａｓｅａｒｅｂｅｌｏｎｇｔｏｕｓ", "allyourbasearebelongtous!!!2026",
	} {
		refusal(t, credential.PasswordPolicy{}, variant)
	}
}

// The entries below are in no list of ours: repetition, sequences, keyboards and
// common words are recognized as such.
func TestGuessablePasswordsAreRefused(t *testing.T) {
	for _, password := range []string{
		"aaaaaaaaaaaaaaa", strings.Repeat("a", 128), "aaaaaaaaaaaaaab", "AaAaAaAaAaAaAaAa", "               ", "!!!!!!!!!!!!!!!!", "1111111111111111",
		"abcabcabcabcabc", "otterotterotter", "otterotterotter1", "xk2xk2xk2xk2xk2xk2", "passwordpasswordpassword", "PasswordPassword123", "日本語日本語日本語日本語日本語",
		"парольпарольпароль1", "🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊",
		"123456789012345", "0987654321098765", "012345678901234567890", "1234567890123456", "zyxwvutsrqponml", "ABCDEFGHIJKLMNOPQ", "абвгдежзийклмноп", "aabbccddeeffggh",
		"qwertyuiop[]asdf", "qwertyuiopasdfg", "poiuytrewqlkjhg", "1qaz2wsx3edc4rfv", "!QAZ2wsx#EDC4rfv", "1QAZ@WSX3edc$RFV", "2wsx3edc4rfv5tgb", "zaq12wsxcde34rfv", "1q2w3e4r5t6y7u8i9o",
		"asdfghjklasdfghjkl", "zxcvbnm,./asdfgh", "йцукенгшщзхъфыва", "qazwsxedcrfvtgb", "mnbvcxzlkjhgfdsa",
		"administrator123", "thisisaverylongpassword", "mypasswordissecret", "letmeinletmein123", "welcome123456789", "LongPassword1234!", "iloveyoubaby123", "footballbaseball1",
		"Passw0rd2024!!!", "P@ssw0rdP@ssw0rd", "Summer2024Winter2025", "January2024January", "qwerty123456qwerty", "superman12345678", "sunshineprincess", "michaeljennifer1",
	} {
		refusal(t, credential.PasswordPolicy{}, password)
	}
}

func TestContextWordsAreRefused(t *testing.T) {
	context := []string{"ada.lovelace@analytical.example", "Ada", "Lovelace"}
	for _, password := range []string{
		"openwearables2026", "OpenWearables2026!", "open wearables 1", "0p3nw34r4bl3s2026", "openwearables-key", "2026openwearables!", "open-wearables-01", "wearables1234567", "openwearablesopenwearables",
		"ada.lovelace@analytical.example", "adalovelace2026!", "Ada.Lovelace.1815", "lovelacelovelace1", "4d4.l0vel4ce2026", "analytical12345", "lovelaceopenwearables", "Àda Lövelace 1815",
	} {
		refusal(t, credential.PasswordPolicy{}, password, context...)
	}
	for _, password := range []string{"lovelace-otter-4417-canyon", "tundra gravel openwearables kf7", "ada kf7 tundra gravel"} {
		if err := (credential.PasswordPolicy{}).Check(password, context...); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	if err := (credential.PasswordPolicy{}).Check("adalovelace 7 tundras"); err != nil {
		t.Errorf("another person's name: %v", err)
	}
	if err := (credential.PasswordPolicy{}).Check("violet-otter-4417-canyon", "", "@", "@@", " ", "o", "\xff"); err != nil {
		t.Errorf("empty context: %v", err)
	}
}

// leetText uses every symbol that stands for a letter, without a pattern.
func leetText() string {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range 128 {
		b.WriteByte("4@8({[<369!1|0$5+7%2xw"[random.IntN(22)])
	}
	return b.String()
}

// The work is counted by what it allocates. zxcvbn's leet matcher would take
// gigabytes, and more than ten seconds, for the first.
func TestPolicyWorkIsBounded(t *testing.T) {
	for _, password := range []string{
		leetText(),
		strings.Repeat("p@$$w0rd!1 ", 11),
		strings.Repeat("password", 1<<17),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = (credential.PasswordPolicy{}).Check(password, strings.Repeat("a.", 128)+"@example.com")
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("%.20q takes %d MiB", password, took>>20)
		}
	}
}

func BenchmarkPolicy(b *testing.B) {
	for name, password := range map[string]string{
		"passphrase": "violet-otter-4417-canyon",
		"leet":       leetText(),
		"words":      "kettle otter 93 violet pumpkin mango gravel lantern 7 tundra canyon trombone walrus zipper cobalt fjord 42 nectar quill",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = (credential.PasswordPolicy{}).Check(password, "ada.lovelace@example.com")
			}
		})
	}
}
