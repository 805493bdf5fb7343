// Command prove starts the product as it is deployed, disturbs it while it works,
// and checks from a record of every call that it kept its promises.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/openwearables/openwearables/internal/prove/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		stop()
		os.Exit(1)
	}
}

// errBroken means that a promise was not kept.
var errBroken = errors.New("not everything is proved")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("prove", flag.ExitOnError)
	tier := flags.String("tier", "short", "short, or full, which also writes server/RELIABILITY.md")
	only := flags.String("only", "", "comma-separated `names` of proofs, all by default")
	root := flags.String("root", "../..", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *tier != "short" && *tier != "full" {
		return fmt.Errorf("-tier %q must be short or full", *tier)
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	begun := time.Now()
	lab, err := stack.NewLab(*root)
	if err != nil {
		return err
	}
	fmt.Printf("built in %.0f s\n", time.Since(begun).Seconds())
	records := filepath.Join(*root, ".cache", "prove", *tier)
	if err := os.MkdirAll(records, 0o755); err != nil {
		return errors.Join(err, lab.Close())
	}
	rows := prove(ctx, lab, chosen, *tier == "full", records)
	r := report{rows: rows, root: *root, tier: *tier, took: time.Since(begun), lab: lab}
	fmt.Printf("\n%s\n%s\n", r.machine(), r.table())
	if *tier == "full" && *only == "" && ctx.Err() == nil {
		err = r.write()
	}
	if err := errors.Join(err, lab.Close(), ctx.Err()); err != nil {
		return err
	}
	if r.broken() {
		return fmt.Errorf("%w; the records are in %s", errBroken, records)
	}
	return nil
}

func choose(only string) ([]proof, error) {
	if only == "" {
		return proofs, nil
	}
	var chosen []proof
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, p := range proofs {
			if p.name == name {
				chosen, found = append(chosen, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no proof %q", name)
		}
	}
	return chosen, nil
}

// A proof is repeated at most so often where no more than times were not kept, and
// the machine stood still for that long.
const (
	repeats    = 2
	disturbing = 250 * time.Millisecond
)

// prove runs the proofs one after the other and prints a line for each.
func prove(ctx context.Context, lab *stack.Lab, chosen []proof, full bool, records string) []row {
	var rows []row
	for _, p := range chosen {
		for _, shape := range p.shapes {
			if ctx.Err() != nil {
				return rows
			}
			attempt := func() row {
				t := &trial{ctx: ctx, lab: lab, full: full, proof: p, shape: shape}
				r := t.prove(records)
				r.show()
				return r
			}
			r := attempt()
			notes := ""
			for n := 1; n <= repeats && r.result == broken && r.late && r.stalled > disturbing; n++ {
				notes += fmt.Sprintf("; repeated, since %d promises of time were not kept while the machine stalled for %d ms", r.broken, r.stalled.Milliseconds())
				r = attempt()
			}
			r.measured += notes
			rows = append(rows, r)
		}
	}
	return rows
}
