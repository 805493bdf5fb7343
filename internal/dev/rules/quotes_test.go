package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestQuotes holds every figure that README quotes of the benchmark to its page.
func TestQuotes(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "server", "BENCHMARK.md"))
	if err != nil {
		t.Fatal(err)
	}
	quote, ok := quoteOf(string(readme))
	if !ok || !strings.Contains(quote, "(server/BENCHMARK.md)") {
		t.Fatalf("README quotes no page of the benchmark: %q", quote)
	}
	if missing := unfounded(quote, string(page)); len(missing) > 0 {
		t.Errorf("README quotes %q, which server/BENCHMARK.md does not have: run go run ./internal/dev/bench -rewrite", missing)
	}
}

// TestUnfoundedQuotes shows that a figure which is not in the page is found.
func TestUnfoundedQuotes(t *testing.T) {
	const page = "| read | 16 | 12,340 | 1.20 | at 3d2d54 on 2 cores"
	for quote, want := range map[string][]string{
		"12,340 a second, p99 1.20 ms, 16 clients": nil,
		"12,350 a second":                          {"12,350"},
		"2,340 a second":                           {"2,340"},
		"1.2 ms, 20 calls":                         {"1.2", "20"},
		"fast":                                     nil,
	} {
		if got := unfounded(quote, page); !slices.Equal(got, want) {
			t.Errorf("of %q, %q are not in the page, want %q", quote, got, want)
		}
	}
	for text, want := range map[string]bool{
		"a <!-- What `make bench` measured; it replaces this. --> b <!-- The end of what it measured. --> c": true,
		"a <!-- What `make bench` measured; it replaces this. --> b":                                         false,
		"a <!-- The end of what it measured. -->":                                                            false,
	} {
		if quote, ok := quoteOf(text); ok != want || ok && quote != " b " {
			t.Errorf("%q quotes %q, %v", text, quote, ok)
		}
	}
}

// quoteOf returns what a page quotes of the benchmark.
func quoteOf(text string) (quote string, ok bool) {
	_, rest, begins := strings.Cut(text, "<!-- What `make bench` measured; it replaces this. -->")
	quote, _, ends := strings.Cut(rest, "<!-- The end of what it measured. -->")
	return quote, begins && ends
}

var figures = regexp.MustCompile(`\b[0-9]+(,[0-9]{3})*(\.[0-9]+)?`)

// unfounded returns the figures of a text that a page does not have.
func unfounded(text, page string) (missing []string) {
	found := figures.FindAllString(page, -1)
	for _, f := range figures.FindAllString(text, -1) {
		if !slices.Contains(found, f) {
			missing = append(missing, f)
		}
	}
	return missing
}
