package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/openwearables/openwearables/internal/dev/service"
)

// Lab holds what the stacks of one run share: the binaries and one PostgreSQL.
type Lab struct {
	root, folder string
	binary       string // of a release
	breakable    string // with failpoints
	shifted      string // with a clock that is shifted; "" until BuildShifted
	postgres     *service.Postgres
	databases    int
	stacks       int
}

// NewLab builds the product of the repository at root. The caller must Close it.
func NewLab(root string) (*Lab, error) {
	folder, err := os.MkdirTemp("", "reliability")
	if err != nil {
		return nil, err
	}
	l := &Lab{root: root, folder: folder}
	built, err := filepath.Abs(filepath.Join(root, ".cache", "reliability", "bin")) // kept, so that what did not change is not linked again
	l.binary, l.breakable = filepath.Join(built, "openwearables"), filepath.Join(built, "breakable")
	if err == nil {
		err = os.Chmod(folder, 0o755) // PostgreSQL is another user
	}
	if err == nil {
		err = l.build(l.binary, "-trimpath")
	}
	if err == nil {
		err = l.build(l.breakable, "-trimpath", "-tags", "failpoint")
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) build(to string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-buildvcs=false", "-o", to}, flags...), "./server/cmd/openwearables")...)
	cmd.Dir = l.root
	cmd.Env = append(os.Environ(), "GOWORK=") // that of the root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// database makes an empty database on the lab's server, which is started at the
// first use with the settings that it comes with: fsync is on.
func (l *Lab) database() (p *service.Postgres, name string, err error) {
	if l.postgres == nil {
		p, err := service.NewPostgresTCP(l.folder, "max_connections=200")
		if err != nil {
			return nil, "", err
		}
		l.postgres = p
	}
	l.databases++
	name = fmt.Sprint("trial", l.databases)
	return l.postgres, name, l.postgres.Exec(context.Background(), "postgres", "CREATE DATABASE "+name+" TEMPLATE template0")
}

// Folder returns the folder of the run's files.
func (l *Lab) Folder() string { return l.folder }

// Close stops PostgreSQL and removes the folder.
func (l *Lab) Close() error {
	if l.postgres != nil {
		l.postgres.Kill()
	}
	return os.RemoveAll(l.folder)
}
