package server

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/openwearables/openwearables/internal/privatefile"
	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server/control"
)

// FileCheck is the result of one check of a file or folder.
type FileCheck struct {
	Rule string // that was checked
	Err  error  // says what to change; nil if nothing is wrong
}

// CheckFiles checks the folder of the SQLite database at path and the files of
// the database that exist: their types, owners, links and modes. It opens none.
func CheckFiles(path string) []FileCheck {
	folder := filepath.Dir(path)
	checks := []FileCheck{{"only its owner changes the folder " + folder, privatefile.CheckFolder(folder)}}
	for _, name := range []string{
		path, path + "-wal", path + "-shm", path + "-journal", path + store.MarkSuffix,
		path + lockSuffix, path + secretSuffix, control.SocketPath(path),
	} {
		if err := privatefile.Check(name); !errors.Is(err, fs.ErrNotExist) {
			checks = append(checks, FileCheck{"only its owner reaches " + name, err})
		}
	}
	return checks
}

// Refuses reports whether a start refuses what the check found. The secret must be
// its owner's alone.
func Refuses(c FileCheck) bool {
	return privatefile.Tolerate(c.Err) != nil || c.Err != nil && strings.HasSuffix(c.Rule, secretSuffix)
}

// checkFiles returns what [CheckFiles] finds and a start refuses. It logs what a
// start tolerates: that others may read a file other than the secret, or may
// replace files in the folder without being just anybody.
func (s *Server) checkFiles() error {
	path := s.config.SQLitePath()
	if path == "" {
		return nil
	}
	var refused []error
	for _, f := range CheckFiles(path) {
		if err := privatefile.Tolerate(f.Err); err != nil {
			refused = append(refused, err)
		} else if f.Err != nil {
			s.config.Log.Warn(f.Err.Error())
		}
	}
	return errors.Join(refused...)
}
