package openwearables_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// Every store keeps the contract of Store.
func TestStoresCompareBeforeTheyChange(t *testing.T) {
	for name, store := range map[string]openwearables.Store{
		"memory": openwearables.MemoryStore(),
		"file":   openwearables.FileStore(filepath.Join(t.TempDir(), "made", "by", "the store", "session.json")),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			want := func(what string, ok, wantOK bool, err error) {
				t.Helper()
				if ok != wantOK || err != nil {
					t.Fatalf("%s: %v %v, want %v", what, ok, err, wantOK)
				}
			}
			holds := func(record string) {
				t.Helper()
				if raw, err := store.Load(ctx); err != nil || string(raw) != record {
					t.Fatalf("holds %q (%v), want %q", raw, err, record)
				}
			}
			holds("")
			ok, err := store.Save(ctx, []byte("one"), []byte("other"))
			want("save over what is not there", ok, false, err)
			holds("")
			ok, err = store.Save(ctx, []byte("one"), nil)
			want("first save", ok, true, err)
			ok, err = store.Save(ctx, []byte("two"), nil)
			want("save as if empty", ok, false, err)
			holds("one")
			ok, err = store.Save(ctx, []byte("two"), []byte("one"))
			want("replace", ok, true, err)
			ok, err = store.Clear(ctx, []byte("one"))
			want("clear what is not there", ok, false, err)
			holds("two")
			ok, err = store.Clear(ctx, []byte("two"))
			want("clear", ok, true, err)
			holds("")
		})
	}
}

func TestFileStoreIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "session.json")
	s := openwearables.FileStore(path)
	if ok, err := s.Save(t.Context(), []byte("record"), nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	unlock, err := s.(openwearables.Locker).Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for name, mode := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, path + ".save.lock": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v (%v), want %v", name, info.Mode().Perm(), err, mode)
		}
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 3 {
		t.Errorf("left behind: %v", entries)
	}
}

// Readers see only complete records while several writers replace them.
func TestFileStoreIsAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.json")
	var wg sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for w := range 3 {
		wg.Go(func() {
			s := openwearables.FileStore(path)
			for i := 0; ctx.Err() == nil; i++ {
				unlock, err := s.(openwearables.Locker).Lock(ctx)
				if err != nil {
					return
				}
				before, err := s.Load(ctx)
				if err == nil {
					_, err = s.Save(ctx, bytes.Repeat([]byte(strconv.Itoa(w)), 4000), before)
				}
				if err != nil {
					t.Error(err)
				}
				unlock()
			}
		})
	}
	s := openwearables.FileStore(path)
	for ctx.Err() == nil {
		raw, err := s.Load(ctx)
		if err != nil || len(raw) != 0 && (len(raw) != 4000 || strings.Trim(string(raw), string(raw[:1])) != "") {
			t.Fatalf("read %d bytes, %v", len(raw), err)
		}
	}
	wg.Wait()
}

// The wait for a held lock ends with its context.
func TestFileLockWaitEndsWithItsContext(t *testing.T) {
	s := openwearables.FileStore(filepath.Join(t.TempDir(), "session.json")).(openwearables.Locker)
	unlock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a second lock: %v", err)
	}
	unlock()
	again, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// A file that cannot hold a session causes a typed error that says what to change,
// and is not modified.
func TestUnusableFilesAreReportedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.json")
	if err := os.WriteFile(foreign, []byte(`{"someone": "else's"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, advice string }{
		{foreign, "remove it"},
		{huge, "another path"},
		{dir, "path of a file"},
		{filepath.Join(foreign, "below"), "path"},
	} {
		before, _ := os.ReadFile(c.path)
		seen := new(events)
		client := newClient(t, world.url, openwearables.WithStore(openwearables.FileStore(c.path)), seen.option())
		_, _, err := client.Token(t.Context())
		if !openwearables.IsStorageUnavailable(err) || !strings.Contains(err.Error(), c.advice) {
			t.Errorf("%s: %v", c.path, err)
		}
		showsNoSecret(t, err)
		if _, err := openwearables.Login(t.Context(), world.url, world.email, "not sent", openwearables.WithStore(openwearables.FileStore(c.path))); !openwearables.IsStorageUnavailable(err) {
			t.Errorf("%s: Login before the store was checked: %v", c.path, err)
		}
		if after, _ := os.ReadFile(c.path); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", c.path)
		}
	}
}
