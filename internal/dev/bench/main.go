// Command bench measures the product as it is deployed, beside floors: the least that
// the same machine needs for the same work. It writes server/BENCHMARK.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/openwearables/openwearables/internal/dev/provenance"
)

func main() {
	if addr := os.Getenv(floorVariable); addr != "" {
		fmt.Fprintln(os.Stderr, "bench:", serveFloor(addr, os.Args[1:]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

var errDirty = errors.New("the page tells what a commit does: commit your changes first, or run without -page")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	rounds := flags.Int("rounds", enoughRounds, "how often each work is measured, in turns; 1 to 100")
	slice := flags.Duration("slice", 2*time.Second, "how long each time, 100ms to 1m")
	only := flags.String("only", "", "comma-separated parts of the `names` of works, all by default")
	page := flags.Bool("page", false, "replace server/BENCHMARK.md, its raw figures, and what README.md quotes of it")
	rewrite := flags.Bool("rewrite", false, "write the page and the quote again from the raw figures, and measure nothing")
	size := flags.Int("scale", 0, "compare a `number` of keys and users, and ten times as many sessions, with 1,000: 4000 to 1000000")
	day := flags.Duration("day", 10*time.Minute, "with -scale, in what time a day is replayed, 10s to 24h")
	root := flags.String("root", ".", "the repository, in which make build was run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	commit := provenance.CommitOf(*root, pageFile, rawFile, readmeFile, scaleFile)
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("there is no argument %q", flags.Arg(0))
	case *rounds < 1 || *rounds > 100:
		return fmt.Errorf("-rounds %d must be 1 to 100", *rounds)
	case *slice < 100*time.Millisecond || *slice > time.Minute:
		return fmt.Errorf("-slice %v must be 100ms to 1m", *slice)
	case *size != 0 && (*size < 4*fewRows || *size > 1_000_000):
		return fmt.Errorf("-scale %d must be 4000 to 1000000", *size)
	case *day < 10*time.Second || *day > 24*time.Hour:
		return fmt.Errorf("-day %v must be 10s to 24h", *day)
	case *page && *only != "":
		return errors.New("the page has all works: -page goes without -only")
	case *page && commit.Dirty:
		return errDirty
	case *rewrite:
		r, err := readResult(filepath.Join(*root, rawFile))
		if err != nil {
			return err
		}
		return r.write(*root)
	}
	a := about{
		Commit: commit.Name, Dirty: commit.Dirty, Rounds: *rounds, Slice: slice.Seconds(), Whole: *only == "",
		Machine: provenance.Machine(), Processor: provenance.Processor(), Load: loadAverage(),
	}
	if *size > 0 {
		return scale(ctx, *root, *size, *day, *only, a, *page)
	}
	chosen, err := choose(works, *only)
	if err != nil {
		return err
	}
	r, err := bench(ctx, *root, chosen, a)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n", r.text())
	if !*page {
		return nil
	}
	if doubt := r.doubt(); doubt != "" {
		fmt.Printf("%s (%.0f %% of the processors taken by others): README quotes no figures of it\n", doubt, 100*r.Others)
	}
	return r.write(*root)
}

// bench measures the works, and with all of them also what is beside them.
func bench(ctx context.Context, root string, chosen []work, a about) (_ *result, err error) {
	begun := time.Now()
	taken1, stolen1 := machineTimes()
	l, err := newLab(filepath.Join(root, "bin", "openwearables"))
	if err != nil {
		return nil, fmt.Errorf("%w: run make build first", err)
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.onDisk(); err != nil {
		return nil, err
	}
	r := &result{about: a}
	r.FileSystem = fileSystem(l.folder)
	if r.samples, err = l.rounds(ctx, chosen, a.Rounds, time.Duration(a.Slice*float64(time.Second)), os.Stdout); err != nil {
		return nil, err
	}
	taken2, stolen2 := machineTimes()
	ours, err := l.processorTime()
	if err != nil {
		return nil, err
	}
	r.Stolen = (stolen2 - stolen1).Seconds()
	r.Others = max(0, (taken2-taken1-ours).Seconds()) / (time.Since(begun).Seconds() * float64(runtime.NumCPU()))
	if a.Whole {
		if err := l.beside(ctx, root, &r.about); err != nil {
			return nil, err
		}
	}
	r.Took = time.Since(begun).Seconds()
	return r, nil
}

// beside measures what is not a work: memory, the size of the binary, and the SDKs.
func (l *lab) beside(ctx context.Context, root string, a *about) (err error) {
	info, err := os.Stat(l.binary)
	if err != nil {
		return err
	}
	a.Binary = info.Size()
	fmt.Println("memory")
	if a.Memory, err = l.memory(ctx, crowd); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	fmt.Println("SDKs")
	if a.SDKs, err = sdks(ctx, root); err != nil {
		return fmt.Errorf("SDKs: %w", err)
	}
	return nil
}
