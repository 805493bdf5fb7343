package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// A SQLite file does not name its WAL: SQLite replays whatever WAL lies beside it,
// also that of another file which was there before, and damages the file. So each
// opening gives the file a new id, the user_version in its header, and writes into
// the mark, a file beside it, which ids the file of the WAL may have. A file that
// was put in place by hand has another id: a backup has none at all.

// MarkSuffix follows the path of the database in the name of its mark.
const MarkSuffix = ".mark"

const (
	walHeader = 32   // bytes of a WAL without a transaction
	maxMark   = 1024 // bytes of a mark
)

// checkMark returns an error that says what to do if the WAL beside the file at
// path belongs to another file.
func checkMark(ctx context.Context, path string) error {
	wal, err := os.Stat(path + "-wal")
	if err != nil || wal.Size() <= walHeader {
		return nil
	}
	for range 20 { // another process may be about to give the file an id
		ids, err := readMark(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // an earlier release wrote the WAL
			return nil
		case err != nil:
			return err
		}
		id, err := fileID(ctx, path)
		if err != nil || slices.Contains(ids, id) {
			return nil // what is wrong with the file, its opening says
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%[1]s-wal belongs to another file than %[1]s, which was put in its place: "+
		"run openwearables restore --from FILE with the backup that you want, "+
		"or remove %[1]s%[2]s if you know that the two belong together", path, MarkSuffix)
}

// readMark returns the ids that the file of the WAL may have.
func readMark(path string) ([]string, error) {
	mark, err := privatefile.ReadShared(path+MarkSuffix, maxMark)
	return strings.Fields(string(mark)), err
}

// fileID returns the id in the file, without its WAL.
func fileID(ctx context.Context, path string) (id string, err error) {
	db, err := openFile(path, "mode=ro", "immutable=1")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&id)
	return id, err
}

// remark gives the file a new id. If it cannot, as on a full disk, the file keeps
// the id that it has, and a mark that is not of this file is removed.
func remark(ctx context.Context, writer *sql.DB, path string) {
	defer func() {
		ids, unread := readMark(path)
		now, unknown := fileID(ctx, path)
		if unread == nil && unknown == nil && !slices.Contains(ids, now) {
			_ = os.Remove(path + MarkSuffix)
		}
	}()
	next := strconv.Itoa(1 + int(rand.Int32N(1<<31-1)))
	err := alone(ctx, writer, func(conn *sql.Conn) error {
		before, err := fileID(ctx, path)
		if err != nil {
			return err
		}
		var current string // differs from before while the WAL holds a newer one
		if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&current); err != nil {
			return err
		}
		if err := writeMark(path, before, current, next); err != nil {
			return err
		}
		_, err = conn.ExecContext(ctx, "PRAGMA user_version = "+next)
		return err
	})
	if err != nil {
		return
	}
	var busy, pages, moved int
	err = writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err != nil || busy != 0 {
		return // the longer mark is right too
	}
	_ = alone(ctx, writer, func(conn *sql.Conn) error {
		var current string
		err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&current)
		if err != nil || current != next { // another process has given it an id meanwhile
			return err
		}
		return writeMark(path, next)
	})
}

// alone runs f in a transaction beside which no other process writes.
func alone(ctx context.Context, writer *sql.DB, f func(*sql.Conn) error) (err error) {
	conn, err := writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err = f(conn); err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil { // also a commit that failed, as on a full disk, leaves the transaction open
		_, _ = conn.ExecContext(ctx, "ROLLBACK")
	}
	return err
}

func writeMark(path string, ids ...string) error {
	return privatefile.Replace(path+MarkSuffix, []byte(strings.Join(ids, "\n")+"\n"))
}

// openFile returns the connections to a SQLite file with the parameters of a URI
// (https://sqlite.org/uri.html).
func openFile(path string, parameters ...string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+strings.Join(parameters, "&"))
}
