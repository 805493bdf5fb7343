//go:build unix

package privatefile_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/privatefile"
)

const stranger = 65534

// plant puts something in the place of a private file.
type plant struct {
	name string
	put  func(t *testing.T, path string)
	says string // part of the refusal; "" if it is accepted
	warn bool
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, []byte("planted"), 0o600))
	must(t, os.Chmod(path, mode))
}

var plants = []plant{
	{"a private file", func(t *testing.T, p string) { write(t, p, 0o600) }, "", false},
	{"a read-only file", func(t *testing.T, p string) { write(t, p, 0o400) }, "", false},
	{"readable by its group", func(t *testing.T, p string) { write(t, p, 0o640) }, "can be read by others: run chmod 600", true},
	{"readable by all", func(t *testing.T, p string) { write(t, p, 0o604) }, "can be read by others: run chmod 600", true},
	{"writable by its group", func(t *testing.T, p string) { write(t, p, 0o620) }, "can be changed by its group: run chmod 600", true},
	{"writable by all", func(t *testing.T, p string) { write(t, p, 0o666) }, "can be changed by others: run chmod 600", false},
	{"a link", func(t *testing.T, p string) { write(t, p+".target", 0o600); must(t, os.Symlink(p+".target", p)) }, "is a symbolic link", false},
	{"a dangling link", func(t *testing.T, p string) { must(t, os.Symlink(p+".nowhere", p)) }, "is a symbolic link", false},
	{"a link to itself", func(t *testing.T, p string) { must(t, os.Symlink(p, p)) }, "is a symbolic link", false},
	{"a second name", func(t *testing.T, p string) { write(t, p+".target", 0o600); must(t, os.Link(p+".target", p)) }, "has 2 names (hard links)", false},
	{"a pipe", func(t *testing.T, p string) { must(t, syscall.Mkfifo(p, 0o600)) }, "is not a regular file", false},
	{"a folder", func(t *testing.T, p string) { must(t, os.Mkdir(p, 0o700)) }, "is not a regular file", false},
	{"a device", func(t *testing.T, p string) { must(t, os.Symlink("/dev/zero", p)) }, "is a symbolic link", false},
	{"a file of a stranger", func(t *testing.T, p string) {
		if os.Geteuid() != 0 {
			t.Skip("only root makes files of others")
		}
		write(t, p, 0o600)
		must(t, os.Chown(p, stranger, stranger))
	}, "belongs to user 65534", false},
}

// within fails the test if f takes long, as the opening of a pipe does.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("it waits")
	}
}

func TestPlantedFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			p.put(t, path)
			demand := func(call string, err error, tolerated bool) {
				t.Helper()
				switch {
				case (p.says == "" || tolerated) && err != nil:
					t.Errorf("%s: %v", call, err)
				case p.says != "" && !tolerated && (err == nil || !strings.Contains(err.Error(), p.says)):
					t.Errorf("%s: %v, want %q", call, err, p.says)
				}
			}
			within(t, func() {
				err := privatefile.Check(path)
				demand("Check", err, false)
				if _, warned := errors.AsType[privatefile.Warning](err); warned != p.warn {
					t.Errorf("a warning: %v", warned)
				}
				_, err = privatefile.Ensure(path)
				demand("Ensure", err, p.warn)
				secret, err := privatefile.ReadSecret(path, 100)
				demand("ReadSecret", err, false)
				if err == nil && string(secret) != "planted" {
					t.Errorf("ReadSecret = %q", secret)
				}
				if f, err := privatefile.Create(path); !errors.Is(err, fs.ErrExist) || f != nil {
					t.Errorf("Create: %v", err)
				}
			})
			if target, err := os.ReadFile(path + ".target"); err == nil && string(target) != "planted" {
				t.Errorf("the target is now %q", target)
			}
			if _, err := os.Lstat(path + ".nowhere"); err == nil {
				t.Error("the target of a dangling link was made")
			}
		})
	}
}

func TestAFolderThatEverybodyChangesIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode fs.FileMode
		says string
		warn bool
	}{
		{0o700, "", false},
		{0o755, "", false},
		{0o777 | fs.ModeSticky, "", false},
		{0o775 | fs.ModeSticky, "", false},
		{0o775, "run chmod g-w", true},
		{0o777, "run chmod o-w", false},
		{0o703, "run chmod o-w", false},
	} {
		t.Run(c.mode.String(), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			must(t, os.Chmod(folder, c.mode))
			err := privatefile.CheckFolder(folder)
			if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("CheckFolder: %v, want %q", err, c.says)
			}
			if refused := c.says != "" && !c.warn; (privatefile.Tolerate(err) != nil) != refused {
				t.Errorf("tolerated: %v", !refused)
			}
			f, err := privatefile.Create(filepath.Join(folder, "file"))
			if (err == nil) != (c.says == "" || c.warn) {
				t.Errorf("Create: %v", err)
			}
			if err == nil {
				f.Close()
			}
		})
	}
	if _, err := privatefile.Ensure(filepath.Join(t.TempDir(), "none", "file")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing folder: %v", err)
	}
}

// The umask of the process is changed, so nothing may run beside this test.
func TestAPrivateFileHasItsModeUnderAnyUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o277, 0o777} {
		path := filepath.Join(t.TempDir(), "file")
		old := syscall.Umask(umask)
		info, err := privatefile.Ensure(path)
		syscall.Umask(old)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("umask %o: %v, %v", umask, info, err)
		}
	}
}

// Root runs commands on the installation of a service's user, as sudo does.
func TestRootMayUseTheFilesOfTheOwnerOfTheFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root makes files of others")
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	write(t, path, 0o600)
	must(t, os.Chown(path, stranger, stranger))
	if err := privatefile.Check(path); err == nil {
		t.Error("a stranger's file in a folder of root is accepted")
	}
	must(t, os.Chown(folder, stranger, stranger))
	if err := errors.Join(privatefile.Check(path), privatefile.CheckFolder(folder)); err != nil {
		t.Errorf("root is refused the installation of another user: %v", err)
	}
}

func TestASocketIsCheckedAndNeverRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	must(t, err)
	defer l.Close()
	must(t, os.Chmod(path, 0o600))
	if err := privatefile.Check(path); err != nil {
		t.Errorf("Check: %v", err)
	}
	if _, err := privatefile.Ensure(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("Ensure: %v", err)
	}
	if _, err := privatefile.ReadSecret(path, 100); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("ReadSecret: %v", err)
	}
}

// Another program keeps the files of TLS, often as links.
func TestSharedFilesMayBeLinksAndNeverMakeItWait(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, link, pipe := filepath.Join(folder, "file"), filepath.Join(folder, "link"), filepath.Join(folder, "pipe")
	write(t, file, 0o640)
	must(t, os.Symlink(file, link))
	must(t, syscall.Mkfifo(pipe, 0o600))
	if b, err := privatefile.ReadShared(link, 7); err != nil || string(b) != "planted" {
		t.Errorf("a link: %q, %v", b, err)
	}
	if _, err := privatefile.ReadShared(link, 6); err == nil || !strings.Contains(err.Error(), "larger than 6 bytes") {
		t.Errorf("a large file: %v", err)
	}
	within(t, func() {
		if _, err := privatefile.ReadShared(pipe, 7); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("a pipe: %v", err)
		}
	})
	if b, err := privatefile.ReadShared("/dev/zero", 7); err == nil {
		t.Errorf("a device: %q", b)
	}
	for mode, says := range map[fs.FileMode]string{0o600: "", 0o640: "", 0o644: "read by everybody", 0o660: "by its group", 0o646: "changed by everybody"} {
		must(t, os.Chmod(file, mode))
		err := privatefile.CheckShared(link)
		if (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", mode, err, says)
		}
		if refused := privatefile.Tolerate(err) != nil; refused != (mode == 0o646) {
			t.Errorf("%v: refused is %v", mode, refused)
		}
	}
}

func TestReplaceLeavesOnlyTheNewContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mark")
	for _, content := range []string{"first and longest", "second", ""} {
		must(t, privatefile.Replace(path, []byte(content)))
		data, err := os.ReadFile(path)
		must(t, err)
		info, err := os.Stat(path)
		must(t, err)
		if string(data) != content || info.Mode().Perm() != 0o600 {
			t.Errorf("the file holds %q with mode %o", data, info.Mode().Perm())
		}
	}
	write(t, path+".new", 0o600) // of a process that crashed
	must(t, privatefile.Replace(path, []byte("third")))
	if data, err := os.ReadFile(path); err != nil || string(data) != "third" {
		t.Errorf("the file holds %q, %v", data, err)
	}
	if _, err := os.Lstat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
	target := path + ".target"
	write(t, target, 0o600)
	must(t, os.Symlink(target, path+".new"))
	must(t, privatefile.Replace(path, []byte("fourth")))
	if data, err := os.ReadFile(target); err != nil || string(data) != "planted" {
		t.Errorf("the target of a link holds %q, %v", data, err)
	}
}
