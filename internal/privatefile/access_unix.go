//go:build unix

package privatefile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	noFollow = syscall.O_NOFOLLOW
	nonBlock = syscall.O_NONBLOCK
)

const (
	othersRead  = 0o004
	othersWrite = 0o002
	groupWrite  = 0o020
)

// CheckFolder returns an error that says what to change if every user may
// replace the files in the folder, and a [Warning] if some may. In a folder with
// the sticky bit, nobody may replace files of others.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSticky == 0 && info.Mode().Perm()&othersWrite != 0 {
		return fmt.Errorf("everybody may replace files in the folder %s: run chmod o-w %s", path, path)
	}
	if owner, _, ok := identity(info); ok && !trusts(owner) && os.Geteuid() != 0 {
		return Warning(fmt.Sprintf("the folder %s belongs to user %d, who may replace files in it: run chown %d %s", path, owner, os.Geteuid(), path))
	}
	if info.Mode()&fs.ModeSticky == 0 && info.Mode().Perm()&groupWrite != 0 {
		return Warning(fmt.Sprintf("its group may replace files in the folder %s: run chmod g-w %s", path, path))
	}
	return nil
}

// checkAccess checks the owner, the links and the mode.
func checkAccess(path string, info fs.FileInfo) error {
	owner, links, ok := identity(info)
	if ok && !trusts(owner) && !ownsFolder(owner, path) {
		return fmt.Errorf("%s belongs to user %d: run as that user, or remove it if it is not yours", path, owner)
	}
	if ok && links > 1 {
		return fmt.Errorf("%s has %d names (hard links): remove the others, or put a copy in its place", path, links)
	}
	switch mode := info.Mode().Perm(); {
	case mode&othersWrite != 0:
		return fmt.Errorf("%s can be changed by others: run chmod 600 %s, and restore it from a backup if others had access", path, path)
	case mode&groupWrite != 0: // as a Kubernetes volume with fsGroup makes each file
		return Warning(fmt.Sprintf("%s can be changed by its group: run chmod 600 %s, and restore it from a backup if others had access", path, path))
	case mode&0o077 != 0:
		return Warning(fmt.Sprintf("%s can be read by others: run chmod 600 %s, and rotate what it protects if others had access", path, path))
	}
	return nil
}

// checkSharedAccess checks the mode of a file that its group may read.
func checkSharedAccess(path string, info fs.FileInfo) error {
	switch mode := info.Mode().Perm(); {
	case mode&othersWrite != 0:
		return fmt.Errorf("%s can be changed by everybody: run chmod 640 %s, and replace it if others had access", path, path)
	case mode&othersRead != 0:
		return Warning(fmt.Sprintf("%s can be read by everybody: run chmod 640 %s, and replace it if others had access", path, path))
	case mode&groupWrite != 0:
		return Warning(fmt.Sprintf("%s can be changed by its group: run chmod 640 %s", path, path))
	}
	return nil
}

// identity returns the owner of a file and the number of its names.
func identity(info fs.FileInfo) (owner int, links uint64, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(s.Uid), uint64(s.Nlink), true // the type differs by system
}

// trusts reports whether the user is this one or root.
func trusts(owner int) bool { return owner == os.Geteuid() || owner == 0 }

// ownsFolder reports whether root works in the folder of that user, as sudo does
// on the installation of a service's user.
func ownsFolder(owner int, path string) bool {
	info, err := os.Stat(filepath.Dir(path))
	if err != nil || os.Geteuid() != 0 {
		return false
	}
	folder, _, ok := identity(info)
	return ok && folder == owner
}
