package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// planted puts something in the place of a file of the installation, which would
// make it write victim, wait, or share what it writes.
type planted struct {
	name string
	put  func(path, victim string) error
	says string
}

var plants = []planted{
	{"a link", func(path, victim string) error { return os.Symlink(victim, path) }, "is a symbolic link"},
	{"a dangling link", func(path, victim string) error { return os.Symlink(victim+".new", path) }, "is a symbolic link"},
	{"a hard link", func(path, victim string) error { return os.Link(victim, path) }, "has 2 names"},
	{"a pipe", func(path, _ string) error { return syscall.Mkfifo(path, 0o666) }, "is not a regular file"},
	{"an open file", func(path, _ string) error {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		return os.Chmod(path, 0o666)
	}, "can be changed by others"},
}

// create is a command that makes a database and a secret.
func (i *installation) create() outcome {
	i.t.Helper()
	return i.run(passphrase()+"\n", "developer", "create", "--email", email, "--password-stdin")
}

// No file that somebody else put into the folder is written, waited for or
// trusted, and doctor says the same as a start.
func TestPlantedFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock", ".secret", ".sock"} {
		for _, p := range plants {
			t.Run(p.name+" as db"+suffix, func(t *testing.T) {
				t.Parallel()
				i := install(t)
				name := "openwearables.db" + suffix
				i.plant(p, name)
				o := i.create()
				if o.status != 1 || !strings.Contains(o.stderr, name+" "+p.says) {
					t.Errorf("ended with %d: %s", o.status, o.stderr)
				}
				i.unharmed()
				if suffix != "" {
					return
				}
				o = i.run("", "doctor")
				if o.status != 1 || !strings.Contains(o.stdout, "wrong  only its owner reaches "+name+": "+name+" "+p.says) {
					t.Errorf("doctor ended with %d: %s", o.status, o.stdout)
				}
				i.unharmed()
			})
		}
	}
}

// plant makes a victim beside the file that is planted.
func (i *installation) plant(p planted, name string) {
	i.t.Helper()
	if err := os.WriteFile(i.path("victim"), []byte("kept"), 0o600); err != nil {
		i.t.Fatal(err)
	}
	if err := p.put(i.path(name), i.path("victim")); err != nil {
		i.t.Fatal(err)
	}
}

func (i *installation) unharmed() {
	i.t.Helper()
	if kept, err := os.ReadFile(i.path("victim")); err != nil || string(kept) != "kept" {
		i.t.Errorf("the victim holds %q, %v", kept, err)
	}
	if _, err := os.Lstat(i.path("victim.new")); err == nil {
		i.t.Error("the target of a dangling link was made")
	}
}

// What a crash left of writing the secret, or somebody put there, is replaced and
// not written.
func TestASecretIsNeverWrittenIntoAPlantedFile(t *testing.T) {
	t.Parallel()
	for _, p := range plants {
		i := install(t)
		i.plant(p, "openwearables.db.secret.new")
		if o := i.create(); o.status != 0 {
			t.Errorf("%s: ended with %d: %s", p.name, o.status, o.stderr)
		}
		i.unharmed()
		info, err := os.Lstat(i.path("openwearables.db.secret"))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: the secret is %v, %v", p.name, info, err)
		}
	}
}

func TestABackupFollowsAndOverwritesNothing(t *testing.T) {
	t.Parallel()
	for _, p := range plants {
		i := install(t)
		i.ok("", "migrate")
		i.plant(p, "backup.db")
		o := i.run("", "backup", "--to", "backup.db")
		if o.status != 1 || !strings.Contains(o.stderr, "backup.db is there already: name a new file") {
			t.Errorf("%s: ended with %d: %s", p.name, o.status, o.stderr)
		}
		i.unharmed()
		if _, err := os.Lstat(i.path("backup.db")); err != nil {
			t.Errorf("%s: it was removed: %v", p.name, err)
		}
	}
	i := install(t)
	i.ok("", "migrate")
	open := i.path("open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	o := i.run("", "backup", "--to", filepath.Join("open", "backup.db"))
	if o.status != 1 || !strings.Contains(o.stderr, "everybody may replace files in the folder open: run chmod o-w open") {
		t.Errorf("into an open folder: %d %s", o.status, o.stderr)
	}
}

// Every file is private, whatever the umask of who starts the server.
func TestFilesArePrivateUnderAnyUmask(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "022", "077", "277", "777"} {
		i := install(t)
		cmd := exec.Command("sh", "-c", "umask "+umask+` && exec "$@"`, "sh", binary, "developer", "create", "--email", email, "--password-stdin")
		cmd.Dir, cmd.Env, cmd.WaitDelay = i.folder, i.env, pipeTimeout
		cmd.Stdin = strings.NewReader(passphrase() + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("umask %s: %v\n%s", umask, err, out)
		}
		p := i.serve()
		i.eachIsPrivate(umask)
		p.stop()
	}
}

func (i *installation) eachIsPrivate(umask string) {
	i.t.Helper()
	entries, err := os.ReadDir(i.folder)
	if err != nil || len(entries) < 6 {
		i.t.Errorf("umask %s: the folder holds %v, %v", umask, entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			i.t.Errorf("umask %s: %s is %v, %v", umask, e.Name(), info.Mode(), err)
		}
	}
}

// A start says what doctor says of files that others may read or its group may
// change, and goes on.
func TestReadableFilesAreWarnedOf(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	if err := os.Chmod(i.path("openwearables.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(i.path("openwearables.db.lock"), 0o660); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(i.folder, 0o775); err != nil {
		t.Fatal(err)
	}
	p := i.serve()
	for _, said := range []string{
		"openwearables.db.lock can be changed by its group: run chmod 600 openwearables.db.lock",
		"openwearables.db can be read by others: run chmod 600 openwearables.db",
		"its group may replace files in the folder .: run chmod g-w .",
	} {
		if !p.logs(said) {
			t.Errorf("a start does not say %q:\n%s", said, &p.stderr)
		}
		if o := i.run("", "doctor"); o.status != 1 || !strings.Contains(o.stdout, said) {
			t.Errorf("doctor does not say %q: %d\n%s", said, o.status, o.stdout)
		}
	}
}

// A command hands no password to a socket that somebody else put there.
func TestACommandRefusesAForeignSocket(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	i.serve()
	path := i.path("openwearables.db.sock")
	refused := func(says string) {
		t.Helper()
		if o := i.create(); o.status != 1 || !strings.Contains(o.stderr, "openwearables.db.sock "+says) {
			t.Errorf("ended with %d: %s", o.status, o.stderr)
		}
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	refused("can be changed by others")
	if err := errors.Join(os.Chmod(path, 0o600), os.Rename(path, path+".moved"), os.Symlink(path+".moved", path)); err != nil {
		t.Fatal(err)
	}
	refused("is a symbolic link")
}

// A pipe in the place of a key or certificate makes no start and no handshake
// wait.
func TestFilesOfTLSNeverMakeAStartWait(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cert.pem", "key.pem"} {
		i := install(t)
		i.certify()
		if err := os.Remove(i.path(name)); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(i.path(name), 0o600); err != nil {
			t.Fatal(err)
		}
		o := i.run("", "serve", "--addr", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
		if o.status != 1 || !strings.Contains(o.stderr, name+" is not a regular file") {
			t.Errorf("%s: ended with %d: %s", name, o.status, o.stderr)
		}
	}
}
