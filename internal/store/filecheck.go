package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// Limits of checks of a file.
const (
	quickCheckTime = 2 * time.Second
	wholeCheckTime = time.Minute
)

// CheckFile returns an error that says what to do if the SQLite file at path is
// damaged. It may be served meanwhile. finished is false if it could not look at all
// of it in time.
func CheckFile(ctx context.Context, path string) (finished bool, err error) {
	if err := checkFiles(ctx, path); err != nil {
		return true, err
	}
	db, err := openFile(path, "mode=ro", pragmas("busy_timeout(5000)", "query_only(ON)"))
	if err != nil {
		return true, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return checkPages(ctx, db, "PRAGMA integrity_check(1)", path, wholeCheckTime)
}

// checkFiles refuses a file that another user could have put there, or beside which
// a WAL of another file lies.
func checkFiles(ctx context.Context, path string) error {
	err := errors.Join(privatefile.Tolerate(privatefile.Check(path)), checkCompanions(path)) // opening a pipe would wait
	if err != nil {
		return err
	}
	return checkMark(ctx, path)
}

// checkPages runs an integrity check of the file at path, for at most the given
// time.
func checkPages(ctx context.Context, db *sql.DB, pragma, path string, most time.Duration) (finished bool, err error) {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	var told string
	err = db.QueryRowContext(limited, pragma).Scan(&told)
	switch {
	case limited.Err() != nil:
		return false, ctx.Err()
	case err != nil && !isDamage(err): // as when the file is in use
		return false, nil
	case err != nil:
		told = err.Error()
	case told == "ok":
		return true, nil
	}
	return true, damaged(path, told)
}

func damaged(path, how string) error {
	return fmt.Errorf("%s is damaged (%s): run openwearables restore --from FILE with a backup", path, how)
}

// isDamage reports whether SQLite found that the file is no database any more.
func isDamage(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}
