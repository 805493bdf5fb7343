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
)

// result is what came of a command.
type result struct {
	Developers []Developer `json:"developers,omitempty"`
	Error      string      `json:"error,omitempty"`
}

// SocketPath is where the socket of the SQLite database at path is.
func SocketPath(path string) string { return path + ".sock" }

// maxSocketPath is what a Unix socket's address holds on the systems we run on.
const maxSocketPath = 103

// maxCommand is how long a command may be, in bytes.
const maxCommand = 64 << 10

// Listen opens the socket beside the database through which commands
// reach the process that serves it. Only its owner may use it.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the control socket %s has too long a path: start in the database's folder and name it by a shorter path", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // left behind by a kill: the lock is ours
		return nil, err
	}
	return listenPrivate(path)
}

// Handler carries out the commands that it is sent.
func Handler(services *auth.Auth) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
		_ = json.NewEncoder(w).Encode(a) // the command has gone, or it has arrived
	})
}

// ErrNoAnswer means that nothing listens at the control socket.
var ErrNoAnswer = errors.New("it does not answer")

// Send sends a command to the process that listens at the path.
func Send(ctx context.Context, path string, c Command) ([]Developer, error) {
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
		return nil, fmt.Errorf("%w at %s", ErrNoAnswer, path)
	} else if err != nil {
		return nil, fmt.Errorf("the process that serves the database did not answer: %w", err)
	}
	defer res.Body.Close()
	var a result
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Developers, nil
}
