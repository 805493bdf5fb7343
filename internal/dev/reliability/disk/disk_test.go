package disk

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// hexed is how strace -xx shows bytes.
func hexed(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}

// script is a trace in which one line begins each second. In its lines, DB, WAL
// and DIR are the files, and {} encloses bytes.
func script(t *testing.T, lines ...string) ([]Op, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace")
	var text strings.Builder
	for i, line := range lines {
		for name, file := range map[string]string{"DB": "/d/x.db", "WAL": "/d/x.db-wal", "SHM": "/d/x.db-shm", "DIR": "/d"} {
			line = strings.ReplaceAll(line, name, hexed(file))
		}
		for {
			from, to := strings.Index(line, "{"), strings.Index(line, "}")
			if from < 0 {
				break
			}
			line = line[:from] + `"` + hexed(line[from+1:to]) + `"` + line[to+1:]
		}
		thread, rest, _ := strings.Cut(line, " ")
		fmt.Fprintf(&text, "%s  %d.000000 %s\n", thread, i, rest)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(path, "/d")
}

// story writes to a database and to a WAL that is made for it.
var story = []string{
	`1 openat(AT_FDCWD<DIR>, "WAL", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 9<WAL> <0.000030>`,
	`1 pwrite64(9<WAL>, {synced}, 6, 0) = 6 <0.000010>`,
	`1 fsync(9<WAL>) = 0 <0.000500>`,
	`1 fsync(18<DIR>) = 0 <0.000500>`,
	`2 pwrite64(8<SHM>, {any}, 3, 0) = 3 <0.000010>`,
	`1 pwrite64(9<WAL>, {AAAA}, 4, 6) = 4 <0.000010>`,
	`1 fsync(9<WAL> <unfinished ...>`,
	`2 pwrite64(9<WAL>, {during}, 6, 10) = 6 <0.000010>`,
	`1 <... fsync resumed>) = 0 <1.000000>`,
	`1 pwrite64(8<DB>, {no}, 2, 0) = -1 ENOSPC (No space left on device) <0.000010>`,
	`1 pwrite64(8<DB>, {new}, 3, 1) = 3 <0.000010>`,
	`1 ftruncate(9<WAL>, 3) = 0 <0.000010>`,
	`1 pwrite64(9<WAL>, {end}, 3, 0 <unfinished ...>`,
	`1 +++ killed by SIGKILL +++`,
}

func TestLossKeepsWhatWasSynced(t *testing.T) {
	ops, err := script(t, story...)
	if err != nil {
		t.Fatal(err)
	}
	base := Files{"x.db": []byte("oldold")}
	for _, test := range []struct {
		name    string
		at      float64 // seconds
		keep    float64
		db, wal string // "-": there is none
	}{
		{"nothing has happened", -1, 1, "oldold", "-"},
		{"a new file's name is lost", 2.5, 0, "oldold", "-"},
		{"a new file's name is kept", 2.5, 1, "oldold", "synced"},
		{"the folder is synced", 3.5, 0, "oldold", "synced"},
		{"a sync is under way", 7.5, 0, "oldold", "synced"},
		{"a write during a sync is not of it", 8.5, 0, "oldold", "syncedAAAA"},
		{"a write during a sync is kept", 8.5, 1, "oldold", "syncedAAAAduring"},
		{"what is not synced is lost", 20, 0, "oldold", "syncedAAAA"},
		{"what is not synced is kept", 20, 1, "onewld", "end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(20) {
				for _, sector := range []int{0, 2, 512} {
					left := Loss{At: int64(test.at * float64(time.Second)), Keep: test.keep, Sector: sector, Seed: seed}.After(base, ops)
					wal, ok := left["x.db-wal"]
					if !ok {
						wal = []byte("-")
					}
					if string(left["x.db"]) != test.db || string(wal) != test.wal || len(left) > 2 {
						t.Fatalf("sector %d: %q", sector, left)
					}
				}
			}
		})
	}
	if string(base["x.db"]) != "oldold" {
		t.Errorf("the base was changed: %q", base["x.db"])
	}
}

// TestLossWithoutASyncLosesWrites: without its sync, some losses take the write.
func TestLossWithoutASyncLosesWrites(t *testing.T) {
	forgotten := slices.Concat(story[:2], story[3:6], story[9:])
	ops, err := script(t, forgotten...)
	if err != nil {
		t.Fatal(err)
	}
	draw := rand.New(rand.NewPCG(1, 2))
	lost := 0
	for range 100 {
		if wal := Losses(4e9, draw).After(Files{"x.db": nil}, ops)["x.db-wal"]; !bytes.Equal(wal, []byte("synced")) {
			lost++
		}
	}
	if lost < 20 || lost == 100 {
		t.Errorf("the write is lost by %d of 100", lost)
	}
}

func TestLossTearsWritesAtSectors(t *testing.T) {
	ops, err := script(t, `1 pwrite64(8<DB>, {abcdefgh}, 8, 3) = 8 <0.000010>`)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for seed := range uint64(1000) {
		left := Loss{At: 1e9, Keep: 0.5, Sector: 4, Seed: seed}.After(Files{"x.db": []byte("...........")}, ops)
		seen[string(left["x.db"])] = true
	}
	if len(seen) != 8 || !seen["...abcdefgh"] || !seen["....bcde..."] || !seen["...a....fgh"] {
		t.Errorf("sectors are torn into %v", seen)
	}
}

func TestReadRefusesWhatIsNotModelled(t *testing.T) {
	for name, line := range map[string]string{
		"another call":      `1 link("DB", "WAL") = 0 <0.000010>`,
		"an unknown write":  `1 write(8<DB>, {a}, 1) = 1 <0.000010>`,
		"a shortened write": `1 pwrite64(8<DB>, {a}..., 100, 0) = 100 <0.000010>`,
		"an end of nothing": `1 <... fsync resumed>) = 0 <1.000000>`,
		"no result":         `1 fsync(8<DB>)`,
		"emptying":          `1 open("DB", O_RDWR|O_CREAT|O_TRUNC, 0600) = 8<DB> <0.000010>`,
		"something else":    `what is this`,
	} {
		if ops, err := script(t, line); err == nil {
			t.Errorf("%s is read as %v", name, ops)
		}
	}
}

// TestLossKeepsARenameWithItsFolder: a replaced file has its old content or its new
// one, and the new one once the folder is synced.
func TestLossKeepsARenameWithItsFolder(t *testing.T) {
	ops, err := script(
		t,
		`1 openat(AT_FDCWD<DIR>, "WAL", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 9<WAL> <0.000030>`,
		`1 pwrite64(9<WAL>, {new}, 3, 0) = 3 <0.000010>`,
		`1 fsync(9<WAL>) = 0 <0.000500>`,
		`1 renameat(AT_FDCWD<DIR>, "WAL", AT_FDCWD<DIR>, "DB") = 0 <0.000010>`,
		`1 fsync(18<DIR>) = 0 <0.000500>`,
	)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for seed := range uint64(200) {
		left := Loss{At: 3.5e9, Keep: 0.5, Seed: seed}.After(Files{"x.db": []byte("old")}, ops)
		seen[string(left["x.db"])]++
		if left := (Loss{At: 6e9, Seed: seed}).After(Files{"x.db": []byte("old")}, ops); string(left["x.db"]) != "new" || len(left) != 1 {
			t.Fatalf("after the sync there is %q", left)
		}
	}
	if seen["old"] < 20 || seen["new"] < 20 {
		t.Errorf("before the sync of the folder there is %v", seen)
	}
}
