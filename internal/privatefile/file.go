// Package privatefile opens and checks files that hold secrets. Another user of
// the machine can neither choose them, by a link or a file put in their place,
// nor make an opening wait, by a named pipe.
//
// Its rules need the owners, modes and links of Unix. Elsewhere only the type of
// a file is checked: the access list of the folder protects it.
package privatefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Warning is a risk that a start reports and tolerates.
type Warning string

func (w Warning) Error() string { return string(w) }

// Tolerate returns nil for a [Warning] and err otherwise.
func Tolerate(err error) error {
	if _, ok := errors.AsType[Warning](err); ok {
		return nil
	}
	return err
}

// Create creates a file with mode 0600, whatever the umask, and opens it for
// reading and writing. It returns an error that is [fs.ErrExist] if anything has
// that name, a dangling link too. It refuses a folder in which others may
// replace the file.
func Create(path string) (*os.File, error) {
	if err := Tolerate(CheckFolder(filepath.Dir(path))); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// Ensure creates the file as [Create] does if it is missing, and otherwise
// refuses what [Check] refuses, except that it tolerates a [Warning]. It opens no
// file that exists: closing it would end the locks that this process has on it.
func Ensure(path string) (fs.FileInfo, error) {
	f, err := Create(path)
	switch {
	case err == nil:
		info, err := f.Stat()
		return info, errors.Join(err, f.Close())
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() == fs.ModeSocket {
		err = notRegular(path)
	}
	if err == nil {
		err = Tolerate(check(path, info))
	}
	return info, err
}

// Replace gives the file at path, which it creates with mode 0600, a new content.
// After a crash or a loss of power it has the old content or the new one. Only one
// process may replace it at a time.
func Replace(path string, content []byte) (err error) {
	temporary := path + ".new"
	f, err := Create(temporary)
	if errors.Is(err, fs.ErrExist) { // of a process that crashed
		if err = os.Remove(temporary); err == nil {
			f, err = Create(temporary)
		}
	}
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(content, 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return SyncFolder(filepath.Dir(path))
}

// SyncFolder makes the names in the folder durable, where the system can.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// ReadSecret returns the content of a file that nobody else may read. Its size is
// at most limit bytes. It refuses everything that [Check] refuses.
func ReadSecret(path string, limit int64) ([]byte, error) {
	if err := Tolerate(CheckFolder(filepath.Dir(path))); err != nil {
		return nil, err
	}
	if err := Check(path); err != nil { // says more than the opening would
		return nil, err
	}
	f, err := openRegular(path, noFollow)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		return nil, err
	}
	return readAll(f, path, limit)
}

// ReadShared returns the content of a file, of at most limit bytes, that another
// program maintains: links are followed, and its mode is not checked. It refuses
// what is not a regular file.
func ReadShared(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// ReadMounted returns the content of a secret, of at most limit bytes, that something
// else put there, such as a credential of systemd or a Secret of Kubernetes: links are
// followed, and the file may belong to any user. It refuses a file that everybody may
// change or replace; [CheckShared] warns of more.
func ReadMounted(path string, limit int64) ([]byte, error) {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{path, file} {
		if err := Tolerate(CheckFolder(filepath.Dir(name))); err != nil {
			return nil, err
		}
	}
	f, err := openRegular(file, noFollow)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = Tolerate(checkSharedAccess(path, info))
	}
	if err != nil {
		return nil, err
	}
	return readAll(f, path, limit)
}

func readAll(r io.Reader, path string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes: give the path of the right file", path, limit)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// openRegular opens a regular file for reading. It refuses anything else, a named
// pipe too, without waiting.
func openRegular(path string, flag int) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, notRegular(path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|flag|nonBlock, 0)
	if err != nil {
		return nil, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Check returns an error that says what to change if the file or socket at path
// is not a private one: a link, a pipe, a file of another user, with a second
// name, or that others may change. It returns a [Warning] if others may only
// read it. The owner is this user, root, or for root also the owner of the
// folder.
func Check(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return check(path, info)
}

func check(path string, info fs.FileInfo) error {
	if err := checkType(path, info); err != nil {
		return err
	}
	return checkAccess(path, info)
}

// checkType refuses what is neither a regular file nor a socket.
func checkType(path string, info fs.FileInfo) error {
	switch info.Mode().Type() {
	case 0, fs.ModeSocket:
		return nil
	case fs.ModeSymlink:
		return fmt.Errorf("%s is a symbolic link: give the path of the file itself, or put the file in its place", path)
	default:
		return notRegular(path)
	}
}

// CheckShared is [Check] for a file that another program maintains: it may be a
// link, belong to any user, and be read by its group.
func CheckShared(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(path)
	}
	if err != nil {
		return err
	}
	return checkSharedAccess(path, info)
}

func notRegular(path string) error {
	return fmt.Errorf("%s is not a regular file: remove it, or give the path of a file", path)
}
