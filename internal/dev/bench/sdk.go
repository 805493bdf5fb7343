package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sdk is what a call costs through an SDK and through the bare client of its language,
// in microseconds, and what an expired token costs callers who meet it at once.
type sdk struct {
	Name            string  `json:"name"`
	Bare            float64 `json:"bare_us"`
	Ours            float64 `json:"ours_us"`
	BareAllocations string  `json:"bare_allocations"` // of a call; "–" where they are not counted
	OurAllocations  string  `json:"our_allocations"`
	Callers         int     `json:"callers"`
	Refreshes       int     `json:"refreshes"`
	Expiry          float64 `json:"expiry_ms"` // until all callers have the new token
}

// sdks measures the SDKs of the repository by their own benchmarks.
func sdks(ctx context.Context, root string) ([]sdk, error) {
	inGo, err := goSDK(ctx, root)
	if err != nil {
		return nil, err
	}
	inTypeScript, err := typeScriptSDK(ctx, root)
	return []sdk{inGo, inTypeScript}, err
}

// once is how long the benchmarks of an SDK may take, with what is compiled for them.
const once = 10 * time.Minute

func goSDK(ctx context.Context, root string) (sdk, error) {
	values := make(map[string]float64)
	for _, run := range [][]string{{"-bench=^BenchmarkOverNetHTTP$", "-benchtime=1s"}, {"-bench=^BenchmarkExpiry$", "-benchtime=20x"}} {
		cmd := exec.Command("go", append(append([]string{"test", "-run=^$"}, run...), "./clients/go")...)
		cmd.Dir = root
		out, err := runFor(ctx, cmd, once)
		if err != nil {
			return sdk{}, err
		}
		readBenchmark(out, values)
	}
	s := sdk{
		Name: "Go, beside net/http", Bare: values["bare-ns/call"] / 1000, Ours: values["ours-ns/call"] / 1000,
		BareAllocations: fmt.Sprint(values["bare-allocs/call"]), OurAllocations: fmt.Sprint(values["ours-allocs/call"]),
		Callers: int(values["callers/op"]), Refreshes: int(values["refreshes/op"]), Expiry: values["ns/op"] / 1e6,
	}
	return s, s.check()
}

// readBenchmark adds what go test printed of benchmarks to the values, by their units.
func readBenchmark(out string, values map[string]float64) {
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "Benchmark") || len(fields) < 4 {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 { // after the name and the number of iterations
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				values[fields[i+1]] = v
			}
		}
	}
}

func typeScriptSDK(ctx context.Context, root string) (sdk, error) {
	folder := filepath.Join(root, "clients", "typescript")
	if _, err := os.Stat(filepath.Join(folder, "dist", "esm", "index.js")); errors.Is(err, fs.ErrNotExist) {
		return sdk{}, errors.New("the TypeScript SDK is not built: run npm ci and npm run build in clients/typescript, as make bench does")
	}
	cmd := exec.Command("node", "scripts/bench.mjs", "--json")
	cmd.Dir = folder
	out, err := runFor(ctx, cmd, once)
	if err != nil {
		return sdk{}, err
	}
	var printed struct {
		Fetch     float64 `json:"fetch"`
		Ours      float64 `json:"ours"`
		Callers   int     `json:"callers"`
		Refreshes int     `json:"refreshes"`
		Expiry    float64 `json:"expiry"`
	}
	if err := json.NewDecoder(bytes.NewBufferString(out)).Decode(&printed); err != nil {
		return sdk{}, fmt.Errorf("bench.mjs printed %q: %w", out, err)
	}
	s := sdk{
		Name: "TypeScript in Node, beside fetch", Bare: printed.Fetch, Ours: printed.Ours, BareAllocations: none, OurAllocations: none,
		Callers: printed.Callers, Refreshes: printed.Refreshes, Expiry: printed.Expiry,
	}
	return s, s.check()
}

// check returns an error if something was not measured, or callers did not share one
// refresh.
func (s sdk) check() error {
	if s.Bare <= 0 || s.Ours <= 0 || s.Callers == 0 || s.Expiry <= 0 {
		return fmt.Errorf("%s: the benchmark printed too little: %+v", s.Name, s)
	}
	if s.Refreshes != 1 {
		return fmt.Errorf("%s: %d callers at an expiry made %d refreshes, want 1", s.Name, s.Callers, s.Refreshes)
	}
	return nil
}
