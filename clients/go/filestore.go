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
	"time"
)

// maxRecord is a size in bytes that no record reaches.
const maxRecord = 64 << 10

// orphanAge is the age after which a temporary file is left over: no write takes so
// long.
const orphanAge = time.Minute

// lockPoll is the wait between two attempts to take a held lock.
const lockPoll = 20 * time.Millisecond

type fileStore struct{ path string }

// FileStore returns a store in a file that only its owner may read (mode 0600) and
// that is replaced atomically. It implements Locker by a lock on the file path +
// ".lock", which the operating system releases when the process ends. A missing
// folder is created. The file system must support locks and renames. Use one file
// for each user and base URL.
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
	f, err := os.Open(s.path)
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
	tmp, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*.tmp") // mode 0600
	if err != nil {
		return false, s.advise(err, "give a path in a folder that this user may write to")
	}
	_, err = tmp.Write(record)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		if ok, changed := s.holds(ctx, expected); changed != nil || !ok {
			return false, errors.Join(changed, os.Remove(tmp.Name()))
		}
		err = os.Rename(tmp.Name(), s.path)
	}
	if err != nil {
		return false, s.advise(errors.Join(err, os.Remove(tmp.Name())), "see that the disk has room and the folder can be written")
	}
	syncFolder(filepath.Dir(s.path))
	s.removeOrphans()
	return true, nil
}

// removeOrphans removes the temporary files of processes that died during a write.
func (s *fileStore) removeOrphans() {
	left, _ := filepath.Glob(s.path + ".*.tmp")
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > orphanAge {
			_ = os.Remove(name)
		}
	}
}

func (s *fileStore) Clear(ctx context.Context, expected []byte) (bool, error) {
	if ok, err := s.holds(ctx, expected); !ok || err != nil {
		return false, err
	}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, s.advise(err, "remove it by hand")
	}
	syncFolder(filepath.Dir(s.path))
	return true, nil
}

func (s *fileStore) holds(ctx context.Context, expected []byte) (bool, error) {
	current, err := s.Load(ctx)
	return err == nil && bytes.Equal(current, expected), err
}

// Lock implements Locker.
func (s *fileStore) Lock(ctx context.Context) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, s.advise(err, "give a path in a folder that this user may write to")
	}
	f, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, s.advise(err, "make its lock file writable")
	}
	for {
		held, err := tryLock(f)
		if held {
			return func() { _ = f.Close() }, nil
		}
		if err == nil {
			err = wait(ctx, lockPoll)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}

func (s *fileStore) advise(err error, advice string) error {
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
