package disk

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Files are the files of a folder.
type Files map[string][]byte

// Load reads the database at the path and the files beside it.
func Load(path string) (Files, error) {
	found, err := filepath.Glob(path + "*") // the pattern is good
	all := make(Files)
	for _, name := range found {
		data, failed := os.ReadFile(name)
		err = errors.Join(err, failed)
		all[filepath.Base(name)] = data
	}
	return all, err
}

// WriteTo writes the files into a folder.
func (f Files) WriteTo(folder string) (err error) {
	for name, data := range f {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), data, 0o600))
	}
	return err
}

// Loss is a loss of power at a time.
type Loss struct {
	At     int64   // nanoseconds since 1970
	Keep   float64 // the share of unsynced operations that are there nevertheless
	Sector int     // bytes that are written as a whole or not; 0: a write is
	Seed   uint64
}

// Losses returns a loss at the time whose other properties are drawn.
func Losses(at int64, r *rand.Rand) Loss {
	keeps := []float64{0, 0.5, 0.9, 1, r.Float64()}
	return Loss{At: at, Keep: keeps[r.IntN(len(keeps))], Sector: []int{0, 512, 4096}[r.IntN(3)], Seed: r.Uint64()}
}

// After returns what a loss could leave of the files after the operations. The
// first contents of the files are there. An operation is there if its file was
// synced after it and before the loss. Of the others, each sector of each write,
// each change of a size and each new name may be there or not, in any order. A sync
// of the folder makes its names durable.
func (l Loss) After(base Files, ops []Op) Files {
	draw := rand.New(rand.NewPCG(l.Seed, 0))
	synced := l.synced(ops)
	left, named := make(Files), make(map[string]bool)
	for name, data := range base {
		left[name], named[name] = bytes.Clone(data), true
	}
	for i := range ops {
		o := &ops[i]
		if o.Start > l.At || o.Kind == Sync {
			continue
		}
		switch data := left[o.File]; {
		case o.Kind == Create && !named[o.File]:
			if named[o.File] = o.done < synced[""] || draw.Float64() < l.Keep; left[o.File] == nil {
				left[o.File] = []byte{}
			}
		case o.Kind == Create:
		case o.Kind == Rename:
			if o.done < synced[""] || draw.Float64() < l.Keep {
				left[o.To], named[o.To] = data, named[o.File]
				delete(left, o.File)
				delete(named, o.File)
			}
		case o.done < synced[o.File]:
			left[o.File] = o.on(data, 0, len(o.Data))
		case o.Kind == Truncate || l.Sector == 0:
			if draw.Float64() < l.Keep {
				left[o.File] = o.on(data, 0, len(o.Data))
			}
		default:
			for from := 0; from < len(o.Data); {
				to := min(len(o.Data), from+l.Sector-int(o.At+int64(from))%l.Sector)
				if draw.Float64() < l.Keep {
					left[o.File] = o.on(left[o.File], from, to)
				}
				from = to
			}
		}
	}
	for name := range left {
		if !named[name] {
			delete(left, name)
		}
	}
	return left
}

// synced returns for each file the line at which its last sync began, of those that
// ended before the loss. Operations that ended before that line are durable.
func (l Loss) synced(ops []Op) map[string]int {
	last := make(map[string]int)
	for i := range ops {
		if s := &ops[i]; s.Kind == Sync && s.End <= l.At {
			last[s.File] = max(last[s.File], s.begun)
		}
	}
	return last
}

// on applies the bytes between from and to of the operation.
func (o *Op) on(data []byte, from, to int) []byte {
	size := int(o.At) + to
	if o.Kind == Truncate {
		size = int(o.At)
	}
	if o.Kind == Truncate && size < len(data) {
		return data[:size]
	}
	if size > len(data) {
		data = append(data, make([]byte, size-len(data))...)
	}
	if o.Kind == Write {
		copy(data[int(o.At)+from:], o.Data[from:to])
	}
	return data
}
