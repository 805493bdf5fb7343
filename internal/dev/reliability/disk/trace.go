// Package disk reads from a trace of strace what a process did to its files, and
// computes what a loss of power could have left of them.
package disk

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Calls are the system calls that change files or make changes last.
const Calls = "open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,fallocate,copy_file_range,sendfile," +
	"fsync,fdatasync,sync_file_range,unlink,unlinkat,rename,renameat,renameat2,link,linkat"

// Kind is the kind of an operation.
type Kind int

// The kinds change the bytes of a file, change its size, create it, give it the
// name of another, or make earlier changes durable. The sync of the folder has no
// file.
const (
	Write Kind = iota
	Truncate
	Create
	Rename
	Sync
)

// Op is one successful operation, or one that had not returned when the trace
// ended.
type Op struct {
	Kind        Kind
	File        string // its name in the folder; "" is the folder
	To          string // its new name
	At          int64  // where the write begins, or the size
	Data        []byte
	begun, done int   // lines of the trace; never done: the last that an int can be
	Start, End  int64 // nanoseconds since 1970; never done: the last
}

// Read returns the operations on files of the folder in the order in which they
// began. It fails on any operation that this package does not model.
func Read(path, folder string) ([]Op, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &trace{folder: folder, open: make(map[string]int)}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for n := 0; lines.Scan(); n++ {
		if err := t.line(n, lines.Text()); err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w", n+1, err)
		}
	}
	ops := slices.DeleteFunc(t.ops, func(o Op) bool { return o.File == ignored })
	return ops, lines.Err()
}

// trace is the part of a trace that has been read.
type trace struct {
	folder string
	ops    []Op
	open   map[string]int // operations under way by their thread
}

const (
	ignored = "-"  // failed operations, and files that every start creates anew
	long    = 2000 // of a longer line, which shows bytes, only the ends are parsed
)

var (
	entry   = regexp.MustCompile(`^(\d+) +(\d+)\.(\d{6}) `)
	resumed = regexp.MustCompile(`^<\.\.\. (\w+) resumed>`)
	ending  = regexp.MustCompile(`\) += (-?\d+)\S*(?: \w+ \(.*\))? <(\d+)\.(\d{6})>$`)
	first   = regexp.MustCompile(`^(\w+)\((?:AT_FDCWD\S*, )?(?:\d+<([^>]*)>|"([^"]*)")(?:, )?`)
	written = regexp.MustCompile(`^, \d+, (\d+)`)
	renamed = regexp.MustCompile(`^(?:AT_FDCWD\S*, )?"([^"]*)"[,)]`)
)

func (t *trace) line(n int, text string) error {
	m := entry.FindStringSubmatch(text[:min(100, len(text))])
	if m == nil {
		return fmt.Errorf("not understood: %.200s", text)
	}
	thread, at, rest := m[1], instant(m[2], m[3]), text[len(m[0]):]
	if strings.HasPrefix(rest, "+++ ") || strings.HasPrefix(rest, "--- ") {
		return nil
	}
	if r := resumed.FindString(rest[:min(100, len(rest))]); r != "" {
		i, ok := t.open[thread]
		delete(t.open, thread)
		if !ok {
			return fmt.Errorf("the end of nothing: %.200s", text)
		}
		return t.end(&t.ops[i], n, at, rest[len(r):])
	}
	o, err := t.begin(rest)
	o.begun, o.Start, o.done, o.End = n, at, math.MaxInt, math.MaxInt64
	t.ops = append(t.ops, o)
	if err != nil {
		return err
	}
	if strings.HasSuffix(rest, "<unfinished ...>") {
		t.open[thread] = len(t.ops) - 1
		return nil
	}
	return t.end(&t.ops[len(t.ops)-1], n, at, rest)
}

func instant(seconds, micros string) int64 {
	s, _ := strconv.ParseInt(seconds, 10, 64) // digits
	u, _ := strconv.ParseInt(micros, 10, 64)
	return s*int64(time.Second) + u*int64(time.Microsecond)
}

// begin reads the call and its arguments.
func (t *trace) begin(text string) (Op, error) {
	m := first.FindStringSubmatch(text[:min(long, len(text))])
	if m == nil {
		return Op{}, fmt.Errorf("not understood: %.200s", text)
	}
	path, err := bytesOf(m[2] + m[3])
	if err != nil {
		return Op{}, err
	}
	o := Op{File: filepath.Base(string(path))}
	if string(path) == t.folder {
		o.File = ""
	}
	if strings.HasSuffix(o.File, "-shm") {
		o.File = ignored
	}
	args := text[len(m[0]):]
	switch m[1] {
	case "pwrite64":
		data, after, _ := strings.Cut(strings.TrimPrefix(args, `"`), `"`)
		w := written.FindStringSubmatch(after)
		if w == nil {
			return o, fmt.Errorf("a write is not whole in the trace: %.200s", text)
		}
		o.Data, err = bytesOf(data)
		o.At, _ = strconv.ParseInt(w[1], 10, 64) // digits
	case "ftruncate":
		size, _, _ := strings.Cut(args, ")")
		size, _, _ = strings.Cut(size, " ")
		o.Kind = Truncate
		o.At, err = strconv.ParseInt(size, 10, 64)
	case "fsync", "fdatasync":
		o.Kind = Sync
	case "rename", "renameat", "renameat2":
		to := renamed.FindStringSubmatch(args)
		if to == nil {
			return o, fmt.Errorf("not understood: %.200s", text)
		}
		var name []byte
		name, err = bytesOf(to[1])
		o.Kind, o.To = Rename, filepath.Base(string(name))
	case "open", "openat":
		o.Kind = Create
		if !strings.Contains(args, "O_CREAT") {
			o.File = ignored
		}
		if strings.Contains(args, "O_TRUNC") {
			err = errors.New("a file is emptied when it is opened, which is not modelled")
		}
	default:
		if o.File != ignored {
			err = fmt.Errorf("%s is not modelled", m[1])
		}
	}
	return o, err
}

// end reads what the call returned and how long it took.
func (t *trace) end(o *Op, n int, at int64, text string) error {
	if strings.HasSuffix(text, "= ?") {
		return nil // the process ended in it
	}
	m := ending.FindStringSubmatch(text[max(0, len(text)-long):])
	if m == nil {
		return fmt.Errorf("no result: %.80s ... %s", text, text[max(0, len(text)-80):])
	}
	result, _ := strconv.Atoi(m[1]) // digits
	if result < 0 {
		o.File = ignored
	}
	o.done, o.End = n, at
	if n == o.begun { // the time is of the beginning
		o.End += instant(m[2], m[3])
	}
	if o.Kind == Write && result >= 0 {
		o.Data = o.Data[:min(len(o.Data), result)]
	}
	return nil
}

// bytesOf reads \x00\x01.
func bytesOf(text string) ([]byte, error) {
	return hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
}
