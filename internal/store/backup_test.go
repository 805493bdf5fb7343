package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// Who may change the folder may replace the new file between its creation and
// its use. The result is then not called a backup.
func TestABackupNoticesThatItsFileWasReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup.db")
	f, err := privatefile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unreplaced(f); err != nil {
		t.Errorf("the file itself: %v", err)
	}
	for what, replace := range map[string]func() error{
		"another file": func() error { return os.WriteFile(path, nil, 0o600) },
		"a link":       func() error { return os.Symlink(path+".moved", path) },
		"nothing":      func() error { return nil },
	} {
		if err := os.Rename(path, path+".moved"); err != nil {
			t.Fatal(err)
		}
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		err := unreplaced(f)
		if err == nil || !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), "was replaced while it was written") {
			t.Errorf("%s: %v", what, err)
		}
		if err := os.Rename(path+".moved", path); err != nil {
			t.Fatal(err)
		}
	}
}

// The source of a backup is as private as a database that is served.
func TestABackupRefusesAPlantedSource(t *testing.T) {
	_, path := openSQLiteStore(t)
	folder := t.TempDir()
	if err := os.Symlink(path, filepath.Join(folder, "link.db")); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(folder, "backup.db")
	err := Backup(t.Context(), filepath.Join(folder, "link.db"), to)
	if err == nil || !strings.Contains(err.Error(), "is a symbolic link") {
		t.Errorf("a link: %v", err)
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused backup left a file: %v", err)
	}
	if err := Backup(t.Context(), path, to); err != nil {
		t.Errorf("the database itself: %v", err)
	}
}
