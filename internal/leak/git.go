package leak

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// findGit returns the path of git.
func findGit() (string, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return "", fmt.Errorf("--history needs git: %w", err)
	}
	return git, nil
}

// repository runs git on the repository that path is in.
type repository struct{ git, path string }

// command returns a git command that asks nothing, fetches nothing and reads the
// objects as they are. Where a hook calls, its repository is not taken for that
// of the path.
func (g repository) command(ctx context.Context, stderr io.Writer, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.git, append([]string{"--no-replace-objects", "-C", g.path}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE"}, name)
	})
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0")
	cmd.Stderr, cmd.WaitDelay = stderr, 5*time.Second
	return cmd
}

// run calls read with the output of git and waits for its end.
func (g repository) run(ctx context.Context, stdin io.Reader, read func(*bufio.Reader) error, args ...string) error {
	ctx, cancel := context.WithCancel(ctx) // ends git if its output is not read to the end
	defer cancel()
	said := &sayings{}
	cmd := g.command(ctx, said, args...)
	cmd.Stdin = stdin
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := read(bufio.NewReaderSize(out, 64<<10))
	if readErr != nil {
		cancel()
	}
	if err := cmd.Wait(); err != nil && readErr == nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, said)
	}
	return readErr
}

// line returns the output of a command that prints little.
func (g repository) line(ctx context.Context, args ...string) (string, error) {
	var text []byte
	err := g.run(ctx, nil, func(out *bufio.Reader) (err error) {
		text, err = io.ReadAll(io.LimitReader(out, 4<<10))
		return errors.Join(err, discard(out))
	}, args...)
	return strings.TrimSpace(string(text)), err
}

func discard(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// inspect returns the folder of the repository, and why a part of its history is
// missing, or nil.
func (g repository) inspect(ctx context.Context) (folder string, missing, err error) {
	text, err := g.line(ctx, "rev-parse", "--path-format=absolute", "--git-common-dir", "--is-shallow-repository")
	if err != nil {
		return "", nil, err
	}
	folder, shallow := strings.CutSuffix(strings.TrimSuffix(text, "\nfalse"), "\ntrue")
	if shallow {
		return folder, errors.New("this clone is shallow: its older history is not here; get it with git fetch --unshallow"), nil
	}
	promised, err := g.line(ctx, "config", "--get-regexp", `^(extensions\.partialclone|remote\..*\.promisor)$`)
	if err == nil && promised != "" {
		return folder, errors.New("this clone is partial: some of its files are not here; get them with git fetch --refetch --no-filter"), nil
	}
	return folder, nil, nil // git config fails if there is no such setting
}

// header reads the line that git writes before each object.
func header(line string) (object, kind string, size int64, err error) {
	if n, err := fmt.Sscanf(line, "%s %s %d\n", &object, &kind, &size); n != 3 || err != nil {
		return "", "", 0, fmt.Errorf("git cat-file wrote %q", strings.TrimSpace(line))
	}
	return object, kind, size, nil
}

// objects calls visit with each object once: files, and the messages of commits
// and tags, whether a branch reaches them or not.
func (g repository) objects(ctx context.Context, visit func(object, kind string, content io.Reader) error) error {
	return g.run(ctx, nil, func(out *bufio.Reader) error {
		for {
			line, err := out.ReadString('\n')
			if errors.Is(err, io.EOF) && line == "" {
				return nil
			} else if err != nil {
				return err
			}
			object, kind, size, err := header(line)
			if err != nil {
				return err
			}
			content := &io.LimitedReader{R: out, N: size}
			if kind != "tree" {
				err = visit(object, kind, content)
			}
			if err == nil {
				_, err = io.CopyN(io.Discard, out, content.N+1) // and the line feed after it
			}
			if err != nil {
				return err
			}
		}
	}, "cat-file", "--batch", "--batch-all-objects", "--unordered")
}

// changes calls visit for each version of a file that a commit brought, oldest
// commits first.
func (g repository) changes(ctx context.Context, visit func(commit, object, path string)) error {
	return g.run(ctx, nil, func(commits *bufio.Reader) error {
		return g.run(ctx, commits, func(out *bufio.Reader) error { return readChanges(out, visit) },
			"diff-tree", "--stdin", "-r", "-m", "--root", "--no-renames", "--raw", "--no-abbrev", "-z")
	}, "rev-list", "--all", "--reflog", "--date-order", "--reverse")
}

// readChanges reads what git diff-tree -z writes: the name of a commit, then for
// each file a line such as ":100644 100644 OLD NEW M" and its path.
func readChanges(out *bufio.Reader, visit func(commit, object, path string)) error {
	commit := ""
	for {
		word, err := out.ReadString(0)
		if errors.Is(err, io.EOF) && word == "" {
			return nil
		} else if err != nil {
			return err
		}
		fields := strings.Fields(strings.TrimSuffix(word, "\x00"))
		if !strings.HasPrefix(word, ":") || len(fields) != 5 {
			commit = strings.TrimSuffix(word, "\x00")
			continue
		}
		path, err := out.ReadString(0)
		if err != nil {
			return err
		}
		visit(commit, fields[3], strings.TrimSuffix(path, "\x00"))
	}
}

// maxSaid is how much is kept of what a command says of its failure, in bytes.
const maxSaid = 2 << 10

type sayings struct{ text bytes.Buffer }

func (t *sayings) Write(b []byte) (int, error) {
	t.text.Write(b[:min(len(b), maxSaid-t.text.Len())])
	return len(b), nil
}

func (t *sayings) String() string { return strings.Join(strings.Fields(t.text.String()), " ") }
