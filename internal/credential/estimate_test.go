package credential_test

import (
	_ "embed"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// What a guesser assembles: each line is refused whatever else the policy knows.
var assembled = []string{
	// Dates in any form.
	"26.11.2026 26.11.2026", "26.11.2026/27.11.2026", "26112026 27112026", "2026-11-26 11:26", "1.1.2000 - 31.12.2000", "11/26/2026 11/26/26", "26. November 2026",
	"November 26, 2026", "26 nov 2026 26 nov 2026", "Thursday 26 November", "26. listopada 2026", "Donnerstag, 26.11.2026", "14 juillet 1989 !!", "19991231 20000101", "20.04.1989 20.04.1989",
	// Words that are spelled out.
	"p a s s w o r d 1 2", "p.a.s.s.w.o.r.d.1.2", "P-A-S-S-W-O-R-T-1-2-3", "l e t m e i n 1 2 3", "h a l l o  w e l t 1", "q w e r t y 1 2 3 4", "p a s s w o r d p a s s w o r d", "4 d m 1 n 4 d m 1 n",
	// Months, days, numbers, alphabets in words.
	"January February March", "JanFebMarAprMayJun", "mondaytuesdaywednesday", "Montag Dienstag Mittwoch", "lundi mardi mercredi jeudi", "enero febrero marzo", "понедельник вторник", "one two three four five six seven",
	"einszweidreivierfünfsechs", "uno dos tres cuatro cinco", "un deux trois quatre cinq", "один два три четыре пять", "five four three two one", "alpha bravo charlie delta", "alpha beta gamma delta epsilon", "Summer Autumn Winter", "Frühling Sommer Herbst Winter",
	"ichi ni san shi go roku shichi", "Sommer2025Winter2026",
	// Famous phrases and parts of them.
	"correct horse battery staple", "CorrectHorseBatteryStaple1", "c0rr3ct h0rs3 b4tt3ry st4pl3", "to be or not to be 123", "May the Force be with you!", "all animals are equal", "Lorem ipsum dolor sit", "the lord is my shepherd",
	"Sein oder nicht sein!", "liberté égalité fraternité", "en un lugar de la mancha", "nel mezzo del cammin", "я помню чудное мгновенье", "litwo ojczyzno moja", "We wish you a merry Christmas", "Twinkle, twinkle, little star",
	"roses are red violets are blue", "in the beginning was the word", "horsebatterystaple99",
	// Top words of other languages.
	"passwortpasswort1", "Passwort123Passwort", "hallo schatz hallo", "ichliebedich2026!", "motdepasse123456", "MotDePasse Soleil", "azerty azerty 123", "jetaime mon amour", "contraseña123456", "te amo mi amor 123",
	"senha senha 123456", "haslo123haslo123", "wachtwoord welkom1", "привет пароль 123", "любовь любовь 2024", "sifre123 istanbul", "geheim geheim 2026", "Deutschland2026!!", "FC Barcelona 2026", "galatasaray 1905 !",
	// Backwards, doubled, mirrored, and in leet.
	"drowssap drowssap 1", "ppaasssswwoorrdd", "passworddrowssap", "p455w0r7 p455w0r7", "3l3ph4nt 3l3ph4nt", "kx9 vq2 kx9 vq2 kx9", "P4$$wort2026 P4$$wort",
}

// What people and their programs choose well, so that a false refusal shows.
var wellChosen = []string{
	// Passphrases of random words.
	"violet-otter-4417-canyon", "pulse otter lantern gravel", "kettle walrus fjord nectar", "trombone.zipper.cobalt.quill", "Tundra7 Mango Lantern", "unsent-hazard-plywood-crispy", "stoic moth quarry blanket", "cabbage tripod velvet ninth",
	"gargle untagged spinout maple", "RuderbootKamilleAnis", "Trommel Wolke Anis Zaun", "gurke-fenster-nebel-kupfer", "brouette citron falaise tulipe", "lavande-trottoir-ecureuil", "zanahoria puente lluvia cobre", "forchetta nuvola ginepro",
	"lantaarn-fietsbel-karnemelk", "мокрый трамвай жуёт лимон", "kaloszki w deszczu 58 gruszek", "猫は窓辺で雨を静かに眺めている夜", "snöskoter lingon fönsterbräda",
	// Strings of password managers.
	"V8$kq!Zr2@wPx9#Lm", "qpxmvkzjwhtnbcf", "h7Gd-92kX-pLm4-QzT8", "x4Tq9mBv2LrWc8Ns", "kYq&3zP!w8Hn^5vR", "tuvzik-3qembo-Nyrdas", "Jovkud-gewhi4-paczux", "9f86d081884c7d659a2f", "3kTp-Wq8z-Ln5v-b", "mR7#pL2@xV9!kQ4$",
	"dGhpc2lzbm90YXdvcmQ", "83017492650918437261",
	// Sentences of people.
	"my dog eats socks on mondays", "We painted the garage teal in 2019", "grandma's soup needs more dill", "three geese stole my sandwich", "I never liked aunt Berta's wallpaper", "the printer hates every tuesday", "Mein Fahrrad quietscht bei Regen",
	"unser Kater schnarcht lauter als Opa", "le voisin repasse ses chaussettes", "mi abuela conduce una moto verde", "il gatto dorme sul termosifone", "buty babci stoją za lodówką", "соседский кот ест огурцы", "kettle grumbles twice", "no-composition-rules-apply-here",
	"bought 7 lamps at the flea market", "purple rain boots squeak loudly", "november fog swallowed our bus", "a b c d e f g h i",
}

func TestAssembledPasswordsAreRefused(t *testing.T) {
	for _, password := range assembled {
		refusal(t, credential.PasswordPolicy{}, password)
	}
}

func TestWellChosenPasswordsPass(t *testing.T) {
	for _, password := range wellChosen {
		if err := (credential.PasswordPolicy{}).Check(password, "ada.lovelace@example.com", "Ada", "Lovelace"); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// Five words of a list, as generators of passphrases draw them.
func TestGeneratedPassphrasesPass(t *testing.T) {
	words := strings.Fields(`acorn anvil badger bamboo basil beacon bramble canyon cactus cinder clover cobalt comet copper cricket dagger
		drizzle ember falcon fennel fiddle gadget ginger glacier gravel hammock harbor hazel helmet igloo jacket jigsaw kettle lantern
		lentil magnet mallet maple marble mitten nectar nutmeg otter paddle parsnip pebble pepper pickle pigeon puddle quarry quilt
		radish raven ribbon saddle saffron scarf shovel sparrow spruce thimble thistle trombone tundra turnip velvet walnut walrus willow zipper`)
	random := rand.New(rand.NewPCG(5, 16))
	for _, separator := range []string{" ", "-", "", "."} {
		for range 50 {
			var drawn []string
			for _, i := range random.Perm(len(words))[:5] {
				drawn = append(drawn, words[i])
			}
			password := strings.Join(drawn, separator)
			if err := (credential.PasswordPolicy{}).Check(password); err != nil {
				t.Errorf("%q: %v", password, err)
			}
		}
	}
}

//go:embed phrases.txt
var phrasesText string

func TestPhrasesAreRefused(t *testing.T) {
	for line := range strings.Lines(phrasesText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		password := []rune(line)
		password = password[:min(len(password), 100)]
		if len(password) < 15 {
			t.Errorf("%q is shorter than a password", line)
		}
		for _, variant := range []string{string(password), strings.ToUpper(string(password)), strings.ReplaceAll(string(password), " ", "-") + "2026!"} {
			refusal(t, credential.PasswordPolicy{}, variant)
		}
	}
}

// The longest passwords, and those that decompose into most characters, are
// judged in bounded time.
func TestEstimateIsBounded(t *testing.T) {
	for _, password := range []string{
		strings.Repeat("ﷺ", 128), strings.Repeat("ab", 64), strings.Repeat("1.", 64), strings.Repeat("onetwo", 21), strings.Repeat("zz9 ", 32),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		_ = (credential.PasswordPolicy{}).Check(password)
		runtime.ReadMemStats(&after)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%.20q takes %v", password, took)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("%.20q takes %d MiB", password, took>>20)
		}
	}
}
