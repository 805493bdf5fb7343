package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// Restore replaces the SQLite database at path with the backup in the file from,
// which it checks first. The database must not be open. A failure or a crash
// leaves the database as it was, or the restored one.
func Restore(ctx context.Context, from, path string) (err error) {
	if err := checkBackup(ctx, from, path); err != nil {
		return err
	}
	temporary := path + ".restore"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) { // of a restore that crashed
		return err
	}
	f, err := privatefile.Create(temporary)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(temporary))
		}
	}()
	if err := copyFile(ctx, f, from); err != nil {
		return err
	}
	if err := removeCompanions(ctx, path); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return privatefile.SyncFolder(filepath.Dir(path))
}

// checkBackup refuses a file that is no backup of this program, or that a newer
// version wrote.
func checkBackup(ctx context.Context, from, path string) error {
	source, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !source.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", from)
	}
	if target, err := os.Stat(path); err == nil && os.SameFile(source, target) {
		return fmt.Errorf("%s is the database itself: move it away, and restore it from there", from)
	}
	if wal, err := os.Stat(from + "-wal"); err == nil && wal.Size() > 0 {
		return fmt.Errorf("%[1]s is not a backup: %[1]s-wal holds a part of it. Make one with openwearables backup --database sqlite:%[1]s", from)
	}
	db, err := openFile(from, "mode=ro", "immutable=1")
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = appliedMigrations(ctx, conn, migrations)
		err = errors.Join(err, conn.Close())
	}
	if err = errors.Join(err, db.Close()); err != nil {
		err = fmt.Errorf("%s cannot be restored: %w", from, err)
	}
	return err
}

// copyFile copies the SQLite file from into the new file, checks its integrity and
// makes it durable.
func copyFile(ctx context.Context, to *os.File, from string) error {
	source, err := openFile(from, "mode=ro", "immutable=1")
	if err != nil {
		return err
	}
	_, err = source.ExecContext(ctx, "VACUUM INTO ?", to.Name())
	if err = errors.Join(err, source.Close()); err != nil {
		return fmt.Errorf("%s cannot be restored: %w", from, err)
	}
	err = errors.Join(execOnFile(ctx, to.Name(), "PRAGMA integrity_check"), unreplaced(to))
	if err != nil {
		return err
	}
	return to.Sync()
}

// removeCompanions removes what belongs to the file at path and not to the one
// that replaces it. The WAL is moved into the file first, so that the database is
// whole until it is replaced.
func removeCompanions(ctx context.Context, path string) error {
	if checkMark(ctx, path) == nil {
		_ = execOnFile(ctx, path, "PRAGMA wal_checkpoint(TRUNCATE)") // a damaged database is replaced too
	}
	for _, end := range []string{"-wal", "-shm", "-journal", MarkSuffix} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
