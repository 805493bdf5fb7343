package openwearables_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// leave writes a file of the given mode and age.
func leave(t *testing.T, path string, mode os.FileMode, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, mode), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

const tempKey = "abcdefghijklmnopqrstuvwxyz"

// Only the temporary files of a process that died during a write are removed.
func TestFileStoreRemovesItsOrphansOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s[e]ssion.json")
	orphan := path + "." + tempKey + ".tmp"
	leave(t, orphan, 0o600, time.Hour)
	kept := []string{
		path + ".1.tmp", path + ".20261126.tmp", path + ".backup.tmp", path + "." + tempKey, path + ".x." + tempKey + ".tmp",
		path + "." + strings.ToUpper(tempKey) + ".tmp", path + "." + tempKey + tempKey + ".tmp",
		filepath.Join(filepath.Dir(path), "session.json."+tempKey+".tmp"),
	}
	for _, name := range kept {
		leave(t, name, 0o600, time.Hour)
	}
	written := path + ".bbcdefghijklmnopqrstuvwxyz.tmp"
	leave(t, written, 0o600, 0) // by another process, at this moment
	folder := path + ".cbcdefghijklmnopqrstuvwxyz.tmp"
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if ok, err := openwearables.FileStore(path).Save(t.Context(), []byte("record"), nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := os.Stat(orphan); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the orphan is still there: %v", err)
	}
	for _, name := range append(kept, written, folder) {
		if _, err := os.Lstat(name); err != nil {
			t.Errorf("removed: %v", err)
		}
	}
}

// refuses fails the test unless the store refuses its file soon, says what to do, and
// leaves the file as it is.
func refuses(t *testing.T, path, advice string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	s := openwearables.FileStore(path)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, load := s.Load(ctx)
		_, save := s.Save(ctx, []byte("record"), nil)
		_, drop := s.Clear(ctx, nil)
		for call, err := range map[string]error{"Load": load, "Save": save, "Clear": drop} {
			if err == nil || !strings.Contains(err.Error(), advice) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want advice about %q", call, err, advice)
			}
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("the store hangs")
	}
	if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
		t.Errorf("the file was changed: %v", err)
	}
	if _, err := openwearables.New(world.url, openwearables.WithStore(s)); err != nil {
		t.Errorf("New reads the store: %v", err)
	}
	c := newClient(t, world.url, openwearables.WithStore(s))
	if _, _, err := c.Token(ctx); !openwearables.IsStorageUnavailable(err) {
		t.Errorf("Token: %v", err)
	}
}

func TestFileStoreRefusesLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.json")
	leave(t, path+".target", 0o600, 0)
	if err := os.Symlink(path+".target", path); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "without a link")
}
