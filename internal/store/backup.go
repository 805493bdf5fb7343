package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// Backup writes a snapshot of a SQLite database into a new file, readable by
// its owner alone, and checks its integrity. The database may be served
// meanwhile. Backup never overwrites a file or follows a link, and leaves no
// file behind when it fails.
func Backup(ctx context.Context, path, to string) (err error) {
	if err := errors.Join(privatefile.Tolerate(privatefile.Check(path)), checkCompanions(path), checkMark(ctx, path)); err != nil {
		return err
	}
	f, err := privatefile.Create(to)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name a new file", to)
	} else if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	if err := errors.Join(execOnFile(ctx, path, "VACUUM INTO ?", to), unreplaced(f)); err != nil {
		return err
	}
	if err := errors.Join(execOnFile(ctx, to, "PRAGMA user_version = 0"), unreplaced(f)); err != nil { // see checkMark
		return err
	}
	if err := errors.Join(execOnFile(ctx, to, "PRAGMA integrity_check"), unreplaced(f)); err != nil {
		return err
	}
	return f.Sync()
}

// unreplaced returns an error if the name of the open file became another file,
// which SQLite then wrote instead.
func unreplaced(f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Lstat(f.Name())
	if err == nil && !os.SameFile(opened, named) {
		err = fmt.Errorf("%s was replaced while it was written: name a file in a folder that only you may change", f.Name())
	}
	return err
}

// execOnFile runs one statement on a SQLite file. A result other than "ok" is
// an error.
func execOnFile(ctx context.Context, path, statement string, args ...any) (err error) {
	db, err := openFile(path, "mode=rw", pragmas("busy_timeout(5000)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var told string
	err = db.QueryRowContext(ctx, statement, args...).Scan(&told)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && told != "ok" && strings.HasSuffix(statement, "integrity_check") {
		err = fmt.Errorf("the copy is damaged: %s", told)
	}
	return err
}
