//go:build unix

package openwearables_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func TestFileStoreRefusesFilesThatOthersReach(t *testing.T) {
	for _, mode := range []os.FileMode{0o666, 0o640, 0o604, 0o620} {
		path := filepath.Join(t.TempDir(), "session.json")
		leave(t, path, mode, 0)
		refuses(t, path, "0600")
	}
}

func TestFileStoreRefusesFilesOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.json")
	leave(t, path, 0o600, 0)
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	if err := os.Chown(path, 65534, -1); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "another path")
}

func TestFileStoreRefusesPipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.json")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "regular file")
	if _, err := openwearables.FileStore(os.DevNull).Load(t.Context()); err == nil {
		t.Error("a device is taken for a file")
	}
}

// A lock file that is a pipe, a link or of others is not opened: the store works
// without the lock.
func TestFileStoreRefusesForeignLocks(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":   func(path string) error { return os.Symlink(path+".target", path) },
		"others": func(path string) error { leave(t, path, 0o666, 0); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "session.json")
			if err := make(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			s := openwearables.FileStore(path)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := s.(openwearables.Locker).Lock(ctx); err == nil || ctx.Err() != nil {
				t.Errorf("locked: %v", err)
			}
			if _, err := os.Stat(path + ".lock.target"); err == nil {
				t.Error("the link was followed")
			}
			c := newClient(t, world.url, openwearables.WithStore(s))
			check(t, c.SignIn(ctx, newPerson(t).pair))
			if _, _, err := c.Token(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing is replaced while another process holds the lock for that, such as one that is
// stopped, and the error says what to do.
func TestFileStoreWaitsForTheLockToReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.json")
	s := openwearables.FileStore(path)
	if ok, err := s.Save(t.Context(), []byte("record"), nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	held, err := os.OpenFile(path+".save.lock", os.O_RDWR, 0)
	check(t, err)
	defer held.Close()
	check(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, save := s.Save(ctx, []byte("next"), []byte("record"))
	_, drop := s.Clear(ctx, []byte("record"))
	for call, err := range map[string]error{"Save": save, "Clear": drop} {
		if err == nil || !strings.Contains(err.Error(), "another process holds its lock file") {
			t.Errorf("%s: %v", call, err)
		}
	}
	if raw, err := s.Load(t.Context()); err != nil || string(raw) != "record" {
		t.Errorf("it holds %q, %v", raw, err)
	}
	if left, err := filepath.Glob(path + ".*.tmp"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The temporary file of another user stays.
func TestFileStoreLeavesTheOrphansOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.json")
	foreign := path + "." + tempKey + ".tmp"
	leave(t, foreign, 0o600, time.Hour)
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	if err := os.Chown(foreign, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if ok, err := openwearables.FileStore(path).Save(t.Context(), []byte("record"), nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := os.Lstat(foreign); err != nil {
		t.Error(err)
	}
}
