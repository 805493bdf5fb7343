package openwearables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxRecord is a size in bytes that no record reaches.
const maxRecord = 64 << 10

// orphanAge is the age after which a temporary file is left over: no write takes so
// long.
const orphanAge = time.Minute

// maxEntries is how many entries of its folder a store looks at for files left over.
const maxEntries = 10_000

// The waits between two attempts to take a held lock: one that is held while a session is
// renewed, and one that is held while a record is compared and replaced.
const (
	lockPoll     = 20 * time.Millisecond
	saveLockPoll = time.Millisecond
)

type fileStore struct{ path string }

// FileStore returns a store in a file that only its owner may read (mode 0600) and
// that is replaced atomically. It implements Locker by a lock on the file path +
// ".lock", and compares and replaces the record under one on path + ".save.lock"; the
// operating system releases them when the process ends. A missing
// folder is created. The file system must support locks and renames. A file holds
// one session.
//
// The store refuses, with KindStorageUnavailable, a file that is not a regular one,
// such as a link or a pipe, and on Unix one that belongs to another user or that
// other users may read or write.
func FileStore(path string) Store {
	s := &fileStore{path: path}
	if abs, err := filepath.Abs(path); err == nil {
		s.path = abs
	}
	return s
}

func (s *fileStore) storeID() string {
	if real, err := filepath.EvalSymlinks(filepath.Dir(s.path)); err == nil {
		return "file:" + filepath.Join(real, filepath.Base(s.path))
	}
	return "file:" + s.path
}

func (s *fileStore) Load(context.Context) ([]byte, error) {
	f, err := openOwn(s.path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, s.advise(err, "make it readable for this user, or give another path")
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil {
		return nil, s.advise(err, "give the path of a file")
	}
	if len(raw) > maxRecord {
		return nil, s.advise(errors.New("it is no session file"), "give another path")
	}
	return raw, nil
}

func (s *fileStore) Save(ctx context.Context, record, expected []byte) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return false, s.advise(err, "give a path in a folder that this user may write to")
	}
	if ok, err := s.holds(ctx, expected); !ok || err != nil {
		return false, err
	}
	tmp, err := os.OpenFile(s.path+"."+randomKey()+tempSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, s.advise(err, "give a path in a folder that this user may write to")
	}
	const advice = "see that the disk has room and the folder can be written"
	_, err = tmp.Write(record)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return false, s.advise(errors.Join(err, os.Remove(tmp.Name())), advice)
	}
	ok, err := s.replace(ctx, expected, advice, func() error { return os.Rename(tmp.Name(), s.path) })
	if !ok || err != nil {
		return false, errors.Join(err, os.Remove(tmp.Name()))
	}
	syncFolder(filepath.Dir(s.path))
	s.removeOrphans()
	return true, nil
}

const tempSuffix = ".tmp"

// removeOrphans removes the temporary files of processes that died during a write:
// those of this store and this user only.
func (s *fileStore) removeOrphans() {
	folder, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(maxEntries)
	for _, name := range names {
		if !s.isTemp(name) {
			continue
		}
		path := filepath.Join(filepath.Dir(s.path), name)
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() && checkOwner(info) == nil && time.Since(info.ModTime()) > orphanAge {
			_ = os.Remove(path)
		}
	}
}

// isTemp reports whether Save gives this name to a temporary file.
func (s *fileStore) isTemp(name string) bool {
	key, ok := strings.CutPrefix(name, filepath.Base(s.path)+".")
	key, isTemp := strings.CutSuffix(key, tempSuffix)
	return ok && isTemp && len(key) == len(randomKey()) && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

func (s *fileStore) Clear(ctx context.Context, expected []byte) (bool, error) {
	if ok, err := s.holds(ctx, expected); !ok || err != nil || expected == nil {
		return ok, err
	}
	ok, err := s.replace(ctx, expected, "remove it by hand", func() error { return os.Remove(s.path) })
	if !ok || err != nil {
		return false, err
	}
	syncFolder(filepath.Dir(s.path))
	return true, nil
}

// replace calls change if the file holds the expected record, while no other process changes
// it, and reports whether it did. Without the lock, which not every file system has, only
// the instant between the two is unguarded.
func (s *fileStore) replace(ctx context.Context, expected []byte, advice string, change func() error) (bool, error) {
	unlock, err := s.lock(ctx, ".save.lock", saveLockPoll)
	if err == nil {
		defer unlock()
	} else if ctx.Err() != nil {
		return false, s.advise(err, "another process holds its lock file: see that it goes on, or end it")
	}
	if ok, err := s.holds(ctx, expected); !ok || err != nil {
		return false, err
	}
	if err := change(); err != nil {
		return false, s.advise(err, advice)
	}
	return true, nil
}

func (s *fileStore) holds(ctx context.Context, expected []byte) (bool, error) {
	current, err := s.Load(ctx)
	return err == nil && bytes.Equal(current, expected), err
}

// Lock implements Locker.
func (s *fileStore) Lock(ctx context.Context) (func(), error) { return s.lock(ctx, ".lock", lockPoll) }

// lock takes the lock on the file of this suffix.
func (s *fileStore) lock(ctx context.Context, suffix string, poll time.Duration) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, s.advise(err, "give a path in a folder that this user may write to")
	}
	f, err := openOwn(s.path+suffix, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, s.advise(err, "make its lock file writable")
	}
	for {
		held, err := tryLock(f)
		if held {
			return func() { _ = f.Close() }, nil
		}
		if err == nil {
			err = wait(ctx, poll)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}

// refusal is an error that says itself what to do.
type refusal string

func (r refusal) Error() string { return string(r) }

const notRegular = refusal("it is not a regular file; give the path of a file, without a link")

// openOwn opens a regular file that belongs to the user of this process alone. It
// neither follows a link nor waits for a pipe.
func openOwn(path string, flag int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notRegular
	}
	f, err := os.OpenFile(path, flag|openFlags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular
	}
	if err == nil {
		err = checkOwner(info)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// advise adds the path to an error, and the advice unless the error has its own.
func (s *fileStore) advise(err error, advice string) error {
	if r := refusal(""); errors.As(err, &r) {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return fmt.Errorf("%s: %w; %s", s.path, err, advice)
}

// syncFolder makes a rename survive a power failure, if the file system can sync
// folders.
func syncFolder(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
