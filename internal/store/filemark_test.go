package store

import (
	"database/sql"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// idsOf returns the ids in the mark of a file, and the id in the file.
func idsOf(t *testing.T, path string) (marked []string, id string) {
	t.Helper()
	mark := must(os.ReadFile(path + MarkSuffix))(t)
	return strings.Fields(string(mark)), must(fileID(t.Context(), path))(t)
}

// writerOf returns another connection that writes the file, until the test ends.
func writerOf(t *testing.T, path string) *sql.DB {
	db := must(openFile(path, "mode=rw", pragmas("busy_timeout(150)")))(t)
	t.Cleanup(func() { wantEqual(t, db.Close(), nil) })
	return db
}

func TestEachOpeningGivesTheFileAnID(t *testing.T) {
	s, path := openSQLiteStore(t)
	marked, first := idsOf(t, path)
	if !slices.Equal(marked, []string{first}) || first == "0" {
		t.Errorf("the file is %s, marked are %q", first, marked)
	}
	wantEqual(t, s.Close(), nil)
	s = openStore(t, "sqlite:"+path, Options{})
	marked, second := idsOf(t, path)
	if !slices.Equal(marked, []string{second}) || second == first {
		t.Errorf("the file is %s after %s, marked are %q", second, first, marked)
	}
	to := path + ".backup"
	wantEqual(t, Backup(t.Context(), path, to), nil)
	wantEqual(t, must(fileID(t.Context(), to))(t), "0")
	wantEqual(t, s.Close(), nil)
}

// While somebody reads, the WAL cannot be moved into the file, which keeps its id
// there and has the next one in the WAL: both are right.
func TestAnOpeningBesideAReaderMarksBothIDs(t *testing.T) {
	s, path := openSQLiteStore(t)
	_, before := idsOf(t, path)
	reader := must(openFile(path, "mode=ro"))(t)
	reading := must(reader.BeginTx(t.Context(), nil))(t)
	var n int
	wantEqual(t, reading.QueryRowContext(t.Context(), "SELECT count(*) FROM migrations").Scan(&n), nil)
	if _, err := s.SetMeta(t.Context(), "after the reader", "x"); err != nil {
		t.Fatal(err)
	}
	remark(t.Context(), writerOf(t, path), path)
	marked, id := idsOf(t, path)
	if id != before || !slices.Contains(marked, id) || len(marked) != 3 {
		t.Errorf("the file is %s, marked are %q", id, marked)
	}
	wantEqual(t, checkMark(t.Context(), path), nil)
	wantEqual(t, errors.Join(reading.Rollback(), reader.Close()), nil)
}

// On a full disk, or where the mark cannot be written, a start goes on with the id
// that the file has.
func TestAMarkThatCannotBeWrittenStaysRight(t *testing.T) {
	_, path := openSQLiteStore(t)
	wantEqual(t, os.MkdirAll(path+MarkSuffix+".new/x", 0o700), nil)
	was, id := idsOf(t, path)
	remark(t.Context(), writerOf(t, path), path)
	marked, now := idsOf(t, path)
	if now != id || !slices.Equal(marked, was) {
		t.Errorf("the file is %s after %s, marked are %q after %q", now, id, marked, was)
	}
}
