package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// made returns a result of so many rounds, in which each work takes as many ms as its
// place in the list and a round is slower than the one before.
func made(rounds int) *result {
	r := &result{about: about{
		Commit: "2026-01-01 10:00 aaa", Processor: "A & B <c>", Machine: "2 cores, go1", Rounds: rounds, Slice: 2, Whole: true, Binary: 38_700_000,
		Memory: memory{10_000, 100, 50 << 20, 90 << 20, 80 << 20, 41 << 20},
		SDKs:   []sdk{{"Go", 1.5, 2.5, "28", "41", 1000, 1, 7}},
	}}
	for round := 1; round <= rounds; round++ {
		for i, w := range works {
			r.samples = append(r.samples, sample{
				Work: w.id(), Round: round, Answered: 120_000 / (i + 1), Seconds: float64(round), P50: 1000, P99: 2000, ServerCPU: 70, LoadCPU: 5, Resident: 64 << 20,
			})
		}
	}
	return r
}

// A row has the medians, and the ratios to its floors in the same round.
func TestRowsAreMedians(t *testing.T) {
	rows := made(3).rows()
	if len(rows) != len(works) {
		t.Fatalf("%d rows of %d works", len(rows), len(works))
	}
	read := rows[2] // the third work
	if read.name != "read" || read.rate != 20_000 || read.slowest != 40_000./3 || read.best != 40_000 || read.median.P99 != 2000 {
		t.Errorf("the row is %+v", read)
	}
	if got := read.beside(); got != "0.33 × bare REST, 0.67 × bare read" {
		t.Errorf("beside its floors it is %s", got)
	}
	if got := median([]sample{{P50: 4}, {P50: 1}, {P50: 3}, {P50: 2}}, func(s sample) float64 { return s.P50 }); got != 2.5 {
		t.Errorf("the median of four is %v", got)
	}
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{0.5: "0.50", 9.994: "9.99", 12.34: "12.3", 999.4: "999", 1234: "1,230", 9996: "10,000", 123456: "123,460", 2_000_000: "2,000,000", 1e9: "1,000,000,000"} {
		if got := figure(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}

// What is written can be read, and the quote is replaced each time, with figures only if
// the run was long enough, whole, of a commit, and on a quiet machine.
func TestPageAndQuoteAreWritten(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "server"), 0o700); err != nil {
		t.Fatal(err)
	}
	readme := filepath.Join(root, readmeFile)
	if err := os.WriteFile(readme, []byte("before\n\n"+quoteBegins+"PREVIOUS\n"+quoteEnds+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	whole, dirty, part, busy := made(5), made(5), made(5), made(5)
	dirty.Dirty, part.Whole, busy.Others = true, false, 0.21
	for _, c := range []struct {
		r       *result
		figures bool
	}{{made(1), false}, {whole, true}, {dirty, false}, {part, false}, {busy, false}, {whole, true}} {
		if err := c.r.write(root); err != nil {
			t.Fatal(err)
		}
		again, err := readResult(filepath.Join(root, rawFile))
		if err != nil || again.page() != c.r.page() || !slices.Equal(again.samples, c.r.samples) {
			t.Errorf("the raw figures are read as another result: %v", err)
		}
		page, text := read(pageFile), read(readmeFile)
		if !strings.Contains(page, "A & B <c>; 2 cores") || strings.Contains(page, "%!") {
			t.Errorf("the page is\n%s", page)
		}
		if strings.Contains(page, "its figures are not to be quoted") == c.figures {
			t.Errorf("the page does not say what it is worth:\n%s", page)
		}
		if !strings.HasPrefix(text, "before\n\n"+quoteBegins) || !strings.HasSuffix(text, quoteEnds+"\nafter\n") || strings.Contains(text, "PREVIOUS") || strings.Contains(text, "%!") {
			t.Errorf("README is\n%s", text)
		}
		if got := strings.Contains(text, "| read of a user with an API key, SQLite | 16 | 13,330 | 2.00 ms | 0.33 × bare REST, 0.67 × bare read |"); got != c.figures {
			t.Errorf("figures are quoted: %v, want %v:\n%s", got, c.figures, text)
		}
	}
	if err := os.WriteFile(readme, []byte("before\n"+quoteBegins), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := whole.write(root); err == nil || !strings.Contains(err.Error(), "README.md has no place for what is measured") {
		t.Errorf("a README without a place for it: %v", err)
	}
}

// The page and the quote of the repository are what the raw figures beside them say, and
// these have all works.
func TestCommittedPage(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	r, err := readResult(filepath.Join(root, rawFile))
	if err != nil {
		t.Fatal(err)
	}
	if rows := r.rows(); len(rows) != len(works) || len(r.SDKs) == 0 {
		t.Errorf("%d of %d works were measured, and %d SDKs: run make bench", len(rows), len(works), len(r.SDKs))
	}
	page, err1 := os.ReadFile(filepath.Join(root, pageFile))
	readme, err2 := os.ReadFile(filepath.Join(root, readmeFile))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	quoted, err := replaceQuote(string(readme), r.quote())
	if string(page) != r.page() || err != nil || quoted != string(readme) {
		t.Errorf("the page or the quote is not what %s says: run go run ./internal/dev/bench -rewrite (%v)", rawFile, err)
	}
}
