package leak

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Stdin is the path that names standard input.
const Stdin = "-"

// Options say what to scan.
type Options struct {
	Paths   []string // files and folders, or Stdin
	Stdin   io.Reader
	History bool     // also scan the history of the git repositories that the paths are in
	Ended   []string // fingerprints of secrets that are no longer valid
}

// Scan scans every file at and below the paths, as many at once as there are
// processors. It follows no symbolic link that it meets in a folder, opens no
// archive, and goes on after what it cannot read, which the report names. Its
// error is that of the context or that git is missing.
func Scan(ctx context.Context, o Options) (Report, error) {
	r := &recorder{ended: o.Ended, report: Report{Findings: []Finding{}, Problems: []Problem{}}}
	git := ""
	if o.History {
		var err error
		if git, err = findGit(); err != nil {
			return r.report, err
		}
	}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for _, path := range o.Paths {
		if path == Stdin {
			workers.Go(func() error { return r.input(ctx, o.Stdin) })
			continue
		}
		info, err := os.Stat(path) // what the caller names may be a link or a pipe
		if err != nil {
			r.problem(path, cause(err))
			continue
		}
		folder := path
		if info.IsDir() {
			r.walk(ctx, path, workers)
		} else {
			folder = filepath.Dir(path)
			workers.Go(func() error { return r.file(ctx, path) })
		}
		if o.History {
			workers.Go(func() error { return r.history(ctx, git, folder) })
		}
	}
	err := workers.Wait()
	return r.finish(), err
}

// walk starts the scan of every file below a folder.
func (r *recorder) walk(ctx context.Context, root string, workers *errgroup.Group) {
	if !os.IsPathSeparator(root[len(root)-1]) {
		root += string(filepath.Separator) // else a link to a folder would not be entered
	}
	_ = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return filepath.SkipAll
		case err != nil:
			r.problem(filepath.Clean(file), cause(err))
		case d.Type().IsRegular():
			workers.Go(func() error { return r.file(ctx, file) })
		}
		return nil
	})
}

// input scans standard input. It does not wait for it when the context ends, since
// nobody may write there.
func (r *recorder) input(ctx context.Context, from io.Reader) error {
	done := make(chan error, 1)
	go func() { done <- r.stream(ctx, Stdin, from) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) file(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		r.problem(path, cause(err))
		return nil
	}
	defer f.Close()
	return r.stream(ctx, path, f)
}

// stream scans one file. Its error is that of the context.
func (r *recorder) stream(ctx context.Context, path string, from io.Reader) error {
	var f fileFindings
	size, err := search(ctx, from, f.add)
	f.end(path)
	r.found(&f)
	if err == nil {
		r.searched(size, false)
	} else if ctx.Err() == nil {
		r.problem(path, cause(err))
	}
	return ctx.Err()
}

// cause returns err without the path that it names, which is said beside it.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
