package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Backup writes a snapshot of a SQLite database into a new file, readable by
// its owner alone, and checks its integrity. The database may be served
// meanwhile. Backup never overwrites a file, and leaves none behind when it
// fails.
func Backup(ctx context.Context, path, to string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
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
	if err := execOnFile(ctx, path, "VACUUM INTO ?", to); err != nil {
		return err
	}
	if err := execOnFile(ctx, to, "PRAGMA integrity_check"); err != nil {
		return err
	}
	return f.Sync()
}

// execOnFile runs one statement on a SQLite file. A result other than "ok" is
// an error.
func execOnFile(ctx context.Context, path, statement string, args ...any) (err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.Clean(path)}).EscapedPath()+"?mode=rw&"+pragmas("busy_timeout(5000)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var told string
	err = db.QueryRowContext(ctx, statement, args...).Scan(&told)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && told != "ok" {
		err = fmt.Errorf("the copy is damaged: %s", told)
	}
	return err
}
