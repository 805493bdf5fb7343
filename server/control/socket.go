package control

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

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/privatefile"
)

// result is the outcome of a command on the wire.
type result struct {
	Developers []Developer `json:"developers,omitempty"`
	Error      string      `json:"error,omitempty"`
}

// SocketPath returns the path of the socket of the SQLite database at path.
func SocketPath(path string) string { return path + ".sock" }

// maxSocketPath is the length in bytes of the longest Unix socket address on the
// supported systems.
const maxSocketPath = 103

// maxCommand is the size of the largest command, in bytes.
const maxCommand = 64 << 10

// Listen opens the socket at path for this user only. The caller holds the lock
// of the database, so that a socket already there is the remains of a killed
// process.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the control socket %s has too long a path: start in the database's folder and name it by a shorter path", path)
	}
	if err := removeSocket(path); err != nil {
		return nil, err
	}
	l, err := listenPrivate(path)
	if err != nil {
		return nil, err
	}
	if err := privatefile.Check(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeSocket removes the remains of a killed process, and nothing else.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket: remove it", path)
	}
	return os.Remove(path)
}

// Handler executes the commands that it receives on the services.
func Handler(services *auth.Auth) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == importPath {
			handleImport(w, r, services)
			return
		}
		var c Command
		var a result
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCommand)).Decode(&c)
		if err == nil {
			a.Developers, err = c.Execute(r.Context(), services)
		}
		if err != nil {
			a.Error = err.Error()
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a) // an error means that the client has gone
	})
}

// ErrNoAnswer means that nothing listens at the socket.
var ErrNoAnswer = errors.New("it does not answer")

// Send sends a command, which may hold a password, to the process that listens at
// path and returns its result. It waits at most 30 seconds. It refuses a socket
// that another user made or may use.
func Send(ctx context.Context, path string, c Command) ([]Developer, error) {
	var a result
	if err := post(ctx, path, "/", c, &a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Developers, nil
}

// post sends what is asked to the process that listens at path, and reads the answer.
func post(ctx context.Context, path, name string, asked, answer any) error {
	if err := privatefile.Check(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w at %s", ErrNoAnswer, path)
	} else if err != nil {
		return err
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" {
		return fmt.Errorf("%w at %s", ErrNoAnswer, path)
	} else if err != nil {
		return fmt.Errorf("the process that serves the database did not answer: %w", err)
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(answer)
}
