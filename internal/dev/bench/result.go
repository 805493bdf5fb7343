package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// Files of the repository that a run replaces.
const (
	pageFile   = "server/BENCHMARK.md"
	rawFile    = "server/BENCHMARK.jsonl"
	readmeFile = "README.md"
)

// README quotes no figures of fewer rounds, nor of a machine on which others took a
// larger share of the processors.
const (
	enoughRounds = 5
	quietShare   = 0.2
)

// about is what was measured of a run as a whole, and where.
type about struct {
	Commit     string  `json:"commit"`
	Dirty      bool    `json:"dirty"` // with changes that were not committed
	Machine    string  `json:"machine"`
	Processor  string  `json:"processor"`
	FileSystem string  `json:"file_system"`
	Load       string  `json:"load_before"` // the load average
	Stolen     float64 `json:"stolen_seconds"`
	Others     float64 `json:"others_share"` // of all processors, that other processes took while works were measured
	Took       float64 `json:"seconds"`
	Rounds     int     `json:"rounds"`
	Slice      float64 `json:"slice_seconds"`
	Whole      bool    `json:"whole"` // of all works
	Binary     int64   `json:"binary_bytes"`
	Memory     memory  `json:"memory"`
	SDKs       []sdk   `json:"sdks"`
}

// result is what a run measured. As raw figures it is JSON Lines: about, then a line for
// each sample.
type result struct {
	about
	samples []sample
	chosen  []work // nil for all
}

// doubt says why the figures are not to be quoted; "" if they are.
func (a about) doubt() string {
	switch {
	case a.Dirty || !a.Whole:
		return "A run of a part"
	case a.Rounds < enoughRounds:
		return "A short run"
	case a.Others > quietShare:
		return "A busy machine"
	default:
		return ""
	}
}

// rounds measures the works in turns, as often as the rounds, and tells w of each.
func (l *lab) rounds(ctx context.Context, chosen []work, rounds int, slice time.Duration, w io.Writer) (samples []sample, _ error) {
	for round := 1; round <= rounds; round++ {
		for _, work := range chosen {
			s, err := work.run(ctx, l, slice)
			if err != nil {
				return nil, err
			}
			s.Round = round
			samples = append(samples, s)
			fmt.Fprintf(w, "round %d of %d: %s: %.0f/s\n", round, rounds, s.Work, s.rate())
		}
	}
	return samples, nil
}

// row is the medians of a work.
type row struct {
	work
	median        sample
	rate          float64
	slowest, best float64   // rates
	ratios        []float64 // to the rate of each floor in the same round; 0 if that was not measured
}

// rows returns a row for each work that was measured.
func (r *result) rows() (rows []row) {
	chosen := r.chosen
	if chosen == nil {
		chosen = works
	}
	for _, w := range chosen {
		own := r.of(w.id())
		if len(own) == 0 {
			continue
		}
		by := func(f func(sample) float64) float64 { return median(own, f) }
		one := row{work: w, rate: by(sample.rate), median: sample{
			P50: by(func(s sample) float64 { return s.P50 }), P99: by(func(s sample) float64 { return s.P99 }),
			ServerCPU: by(func(s sample) float64 { return s.ServerCPU }), DatabaseCPU: by(func(s sample) float64 { return s.DatabaseCPU }),
			LoadCPU: by(func(s sample) float64 { return s.LoadCPU }), Resident: int64(by(func(s sample) float64 { return float64(s.Resident) })),
		}}
		slices.SortFunc(own, func(a, b sample) int { return int(a.rate() - b.rate()) })
		one.slowest, one.best = own[0].rate(), own[len(own)-1].rate()
		for _, floor := range w.floors {
			one.ratios = append(one.ratios, r.ratio(own, floor))
		}
		rows = append(rows, one)
	}
	return rows
}

// ratio returns the median of the rates, each divided by that of the floor in the same
// round; 0 if that was not measured.
func (r *result) ratio(own []sample, floor work) float64 {
	rates := make(map[int]float64)
	for _, s := range r.of(floor.id()) {
		rates[s.Round] = s.rate()
	}
	if len(rates) == 0 {
		return 0
	}
	return median(own, func(s sample) float64 { return s.rate() / rates[s.Round] })
}

// of returns the samples of a work.
func (r *result) of(id string) (found []sample) {
	for _, s := range r.samples {
		if s.Work == id {
			found = append(found, s)
		}
	}
	return found
}

func median(samples []sample, f func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// median returns the medians of the first work whose name and databases these are.
func (r *result) median(name, on string) sample {
	for _, one := range r.rows() {
		if one.name == name && one.on == on {
			return one.median
		}
	}
	return sample{}
}

// text returns the rows as a table for a terminal.
func (r *result) text() string {
	var out bytes.Buffer
	fmt.Fprintln(&out, r.where())
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, cells := range append([][]string{columns}, r.cells()...) {
		for _, c := range cells {
			fmt.Fprintf(w, "%s\t", c)
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // to memory
	return out.String()
}

// writeRaw writes the raw figures.
func (r *result) writeRaw(file string) error {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(r.about); err != nil {
		return err
	}
	for _, s := range r.samples {
		if err := lines.Encode(s); err != nil {
			return err
		}
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// readResult reads raw figures.
func readResult(file string) (*result, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r := new(result)
	lines := json.NewDecoder(bufio.NewReader(in))
	if err := lines.Decode(&r.about); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for lines.More() {
		var s sample
		if err := lines.Decode(&s); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		r.samples = append(r.samples, s)
	}
	return r, nil
}

// write writes the raw figures, the page, and the quote in README.
func (r *result) write(root string) error {
	if err := r.writeRaw(filepath.Join(root, rawFile)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, pageFile), []byte(r.page()), 0o644); err != nil {
		return err
	}
	file := filepath.Join(root, readmeFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	quoted, err := replaceQuote(string(text), r.quote())
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(quoted), 0o644)
}
