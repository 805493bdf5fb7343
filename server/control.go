package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/problem"
)

// Command is what an operator asks of an installation at the command line.
type Command struct {
	Name     string `json:"name"` // one of the Command constants
	Email    string `json:"email,omitempty"`
	Password string `json:"password,omitempty"`
}

// The operator's commands.
const (
	DeveloperCreate      = "developer create"
	DeveloperList        = "developer list"
	DeveloperSetPassword = "developer set-password"
	DeveloperDisable     = "developer disable"
	DeveloperEnable      = "developer enable"
	DeveloperDelete      = "developer delete"
	SigningKeyRotate     = "signing-key rotate"
)

// Listed is one developer in the answer to DeveloperList.
type Listed struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"created_at"`
	Disabled  bool      `json:"disabled"`
}

// answer is what came of a command.
type answer struct {
	Developers []Listed `json:"developers,omitempty"`
	Error      string   `json:"error,omitempty"`
}

// patience is how long a command waits for a process that has the database
// and does not answer yet, since it starts or is another command.
const patience = 5 * time.Second

// Execute carries a command out on the database that config names: of a SQLite
// database in the process that serves it, if there is one, and else in this
// process, so that what the command ends is refused when Execute returns. Only
// DeveloperCreate makes a database where there is none. An error is as an
// operator should read it.
func Execute(ctx context.Context, config Config, c Command) ([]Listed, error) {
	config.Auth.SigningAlgorithm = "" // a command leaves it as it is
	if err := exists(config, c); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); ; {
		list, err := attempt(ctx, config, c)
		if !errors.Is(err, errNoAnswer) || time.Now().After(deadline) {
			return list, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// exists refuses a command on a database that is not there, which is more
// likely misspelt than meant.
func exists(config Config, c Command) error {
	path := config.file()
	if path == "" || c.Name == DeveloperCreate {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s: name it with --database, or make it with developer create or serve", path)
	}
	return nil
}

func attempt(ctx context.Context, config Config, c Command) ([]Listed, error) {
	s, err := New(ctx, config)
	if errors.Is(err, ErrInUse) {
		return ask(ctx, config, c)
	} else if err != nil {
		return nil, err
	}
	list, err := s.execute(ctx, c)
	if err != nil {
		err = errors.New(explained(err))
	} else if c.ends() && config.file() == "" && config.Redis == "" {
		time.Sleep(cluster.Lease) // nodes that share Redis were not told, and believe for so long what they proved
	}
	return list, errors.Join(err, s.Close())
}

// ends says whether the command ends credentials.
func (c Command) ends() bool {
	return c.Name == DeveloperSetPassword || c.Name == DeveloperDisable || c.Name == DeveloperDelete
}

func (s *Server) execute(ctx context.Context, c Command) ([]Listed, error) {
	d := s.auth.Developers
	switch c.Name {
	case DeveloperCreate:
		_, err := d.Create(ctx, c.Email, c.Password)
		return nil, err
	case DeveloperList:
		return s.listed(ctx)
	case DeveloperSetPassword:
		return nil, d.SetPassword(ctx, c.Email, c.Password)
	case DeveloperDisable:
		return nil, d.Disable(ctx, c.Email)
	case DeveloperEnable:
		return nil, d.Enable(ctx, c.Email)
	case DeveloperDelete:
		return nil, d.Delete(ctx, c.Email)
	case SigningKeyRotate:
		return nil, s.auth.Signing.Rotate(ctx)
	default:
		return nil, fmt.Errorf("unknown command %q", c.Name)
	}
}

func (s *Server) listed(ctx context.Context) ([]Listed, error) {
	all, err := s.auth.Developers.All(ctx)
	list := make([]Listed, len(all))
	for i, d := range all {
		list[i] = Listed{d.ID, d.Email, d.CreatedAt, d.Disabled}
	}
	return list, err
}

func controlPath(config *Config) string { return config.file() + ".sock" }

// maxSocketPath is what a Unix socket's address holds on the systems we run on.
const maxSocketPath = 103

// maxCommand is how long a command may be, in bytes.
const maxCommand = 64 << 10

// listenControl opens the socket beside the database through which commands
// reach the process that serves it. Only its owner may use it.
func (s *Server) listenControl() (net.Listener, error) {
	path := controlPath(&s.config)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the control socket %s has too long a path: start in the database's folder and name it by a shorter path", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // left behind by a kill: the lock is ours
		return nil, err
	}
	return listenPrivate(path)
}

func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	var c Command
	var a answer
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCommand)).Decode(&c)
	if err == nil {
		a.Developers, err = s.execute(r.Context(), c)
	}
	if err != nil {
		a.Error = explained(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a) // the command has gone, or it has arrived
}

// explained is an error as an operator should read it.
func explained(err error) string {
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Cause == nil {
		return e.Detail
	}
	return err.Error()
}

// errNoAnswer means that nothing listens at the control socket.
var errNoAnswer = errors.New("it does not answer")

// ask sends a command to the process that serves the database.
func ask(ctx context.Context, config Config, c Command) ([]Listed, error) {
	path := controlPath(&config)
	body, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := client.Do(r)
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" {
		return nil, fmt.Errorf("%w: %w at %s", ErrInUse, errNoAnswer, path)
	} else if err != nil {
		return nil, fmt.Errorf("the process that serves the database did not answer: %w", err)
	}
	defer res.Body.Close()
	var a answer
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Developers, nil
}
