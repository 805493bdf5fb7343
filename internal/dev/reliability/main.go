// Command reliability starts the product as it is deployed, disturbs it under load,
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

	"github.com/openwearables/openwearables/internal/dev/provenance"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reliability:", err)
		stop()
		os.Exit(1)
	}
}

// errBroken means that a promise was not kept.
var errBroken = errors.New("not everything is proved")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("reliability", flag.ExitOnError)
	tier := flags.String("tier", "short", "short, or full, which also replaces the rows of what it ran in server/RELIABILITY.md")
	only := flags.String("only", "", "comma-separated `names` of proofs, all by default")
	rewrite := flags.Bool("page", false, "write server/RELIABILITY.md again with the rows that it has, and run nothing")
	root := flags.String("root", "../../..", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *tier != "short" && *tier != "full" {
		return fmt.Errorf("-tier %q must be short or full", *tier)
	}
	file := filepath.Join(*root, filepath.FromSlash(pageFile))
	if *rewrite {
		p, err := readPage(file)
		if err != nil {
			return err
		}
		return p.write(file)
	}
	chosen, err := choose(*only, *tier)
	if err != nil {
		return err
	}
	begun, commit := time.Now(), provenance.CommitOf(*root, pageFile)
	if *tier == "full" && commit.Dirty {
		return errDirty
	}
	lab, err := stack.NewLab(*root)
	if err != nil {
		return err
	}
	fmt.Printf("built in %.0f s\n", time.Since(begun).Seconds())
	records := filepath.Join(*root, ".cache", "reliability", *tier)
	if err := os.MkdirAll(records, 0o755); err != nil {
		return errors.Join(err, lab.Close())
	}
	r := &report{page: file, commit: commit, tier: *tier}
	err = runAll(ctx, chosen, r, lab, records)
	fmt.Printf("\n%s\n%s\n", r.about(), r.table())
	if err := errors.Join(err, lab.Close(), ctx.Err()); err != nil {
		return err
	}
	if r.broken() {
		return fmt.Errorf("%w; the records are in %s", errBroken, records)
	}
	return nil
}

// choose returns the named proofs, or all of the tier.
func choose(only, tier string) (chosen []proof, _ error) {
	if only == "" {
		for _, p := range proofs {
			if tier == "full" || !p.thorough {
				chosen = append(chosen, p)
			}
		}
		return chosen, nil
	}
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

// A proof is repeated at most so often if only promises of time were broken, and the
// machine stood still for that long at a time, or for a twentieth of the time.
const (
	repeats    = 2
	disturbing = 250 * time.Millisecond
)

// runAll runs the proofs one after the other, prints a line for each, and reports
// it.
func runAll(ctx context.Context, chosen []proof, r *report, lab *stack.Lab, records string) error {
	for _, p := range chosen {
		for _, shape := range p.shapes {
			for n, again := 0, true; again && n <= repeats; n++ {
				if n > 0 {
					awaitCalm(ctx)
				}
				t := &trial{ctx: ctx, lab: lab, full: r.tier == "full", proof: p, shape: shape}
				one := t.carryOut(records)
				one.show()
				if ctx.Err() != nil {
					return nil // the caller looks at it
				}
				if err := r.add(one); err != nil {
					return err
				}
				again = one.Result == broken && one.late && one.disturbed()
			}
		}
	}
	return nil
}
