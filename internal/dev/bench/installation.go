package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
	"github.com/openwearables/openwearables/internal/dev/service"
)

const (
	email    = "bench@example.com"
	users    = 1000 // of each installation, unless a test wants fewer, and of each floor
	sessions = 64   // that are refreshed, as many as clients at most
)

// installation is a node of the product with data, started as its users start it.
type installation struct {
	target
	process  *childproc.Process
	password string
	admin    string // access token of the developer
	key      string
	app      struct{ id, secret string }
	users    []string // ids
	tokens   []string // access tokens of the first users
	sessions []string // their refresh tokens; each refresh replaces one
	stock    *stock   // nil for a few users alone
	database string   // URL
	starting time.Duration
}

// unlimited returns flags that raise every limit and quota that the load would meet.
func unlimited() []string {
	var flags []string
	for _, name := range []string{
		"key", "developer", "user", "address", "login", "login-account", "refresh", "refresh-session",
		"exchange", "exchange-user", "exchange-refused",
	} {
		flags = append(flags, "--limit-"+name, "100000000")
	}
	for _, name := range []string{"developer-sessions", "user-sessions"} {
		flags = append(flags, "--quota-"+name, "100000")
	}
	return flags
}

// install starts an installation in the folder, which must not exist, and gives it
// data. Its databases are as the URLs say.
func (l *lab) install(ctx context.Context, name, database, redis string) (*installation, error) {
	i, err := l.start(ctx, name, database, redis, 0)
	if err != nil {
		return nil, err
	}
	return i, i.populate(ctx, l.users)
}

// start starts an installation with a developer, and with a stock of the size unless
// that is 0.
func (l *lab) start(ctx context.Context, name, database, redis string, size int) (*installation, error) {
	folder := filepath.Join(l.folder, name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	i := &installation{password: "Q" + strings.ToLower(rand.Text())}
	secret := rand.Text() + rand.Text()
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OPENWEARABLES_") })
	env = append(env, "OPENWEARABLES_SECRET="+secret, "OPENWEARABLES_DATABASE="+database)
	if redis != "" {
		env = append(env, "OPENWEARABLES_REDIS="+redis)
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, l.binary, args...)
		cmd.Dir, cmd.Env = folder, env
		return cmd
	}
	create := command("developer", "create", "--email", email, "--password-stdin")
	create.Stdin = strings.NewReader(i.password + "\n")
	if out, err := create.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("developer create: %w\n%s", err, out)
	}
	if size > 0 {
		var err error
		if i.stock, err = newStock(secret, size); err != nil {
			return nil, err
		}
		i.database = strings.Replace(database, "sqlite:", "sqlite:"+folder+"/", 1)
		if err := i.stock.fill(ctx, i.database, os.Stdout); err != nil {
			return nil, err
		}
	}
	begun := time.Now()
	addr, err := service.Listen(func(addr string) (err error) {
		i.process, err = childproc.Serve(command(append([]string{"serve", "--addr", addr}, unlimited()...)...),
			syscall.SIGKILL, filepath.Join(folder, "log"), "openwearables is ready on ")
		return err
	})
	if err != nil {
		return nil, err
	}
	l.processes = append(l.processes, i.process)
	i.target, i.starting = target{addr: addr, server: i.process.ID()}, time.Since(begun)
	return i, nil
}

// populate makes what the works use.
func (i *installation) populate(ctx context.Context, users int) error {
	p := poster{ctx: ctx, base: "http://" + i.addr}
	i.admin = p.post("/api/v1/auth/login", "", map[string]any{"email": email, "password": i.password})["access_token"]
	i.key = p.post("/api/v1/api-keys", i.admin, map[string]any{"name": "bench", "environment": "test"})["key"]
	app := p.post("/api/v1/applications", i.admin, map[string]any{"name": "bench"})
	i.app.id, i.app.secret = app["app_id"], app["app_secret"]
	for n := range users {
		i.users = append(i.users, p.post("/api/v1/users", i.key, map[string]any{
			"external_user_id": fmt.Sprintf("bench-%04d", n), "first_name": "Ada", "last_name": fmt.Sprintf("Number %04d", n),
		})["id"])
	}
	for _, user := range i.users[:sessions] {
		pair := p.post("/api/v1/users/"+user+"/token", i.key, map[string]any{})
		i.tokens, i.sessions = append(i.tokens, pair["access_token"]), append(i.sessions, pair["refresh_token"])
	}
	return p.err
}

// poster makes calls until one fails.
type poster struct {
	ctx  context.Context
	base string
	err  error
}

// post makes a call and returns the texts in its answer; none once a call has failed.
func (p *poster) post(path, bearer string, body any) map[string]string {
	if p.err != nil {
		return nil
	}
	texts, err := p.try(path, bearer, body)
	if err != nil {
		p.err = fmt.Errorf("POST %s: %w", path, err)
	}
	return texts
}

func (p *poster) try(path, bearer string, body any) (map[string]string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var members map[string]any
	if err := json.NewDecoder(res.Body).Decode(&members); err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("answered %d %v", res.StatusCode, members["detail"])
	}
	texts := make(map[string]string)
	for name, value := range members {
		if s, ok := value.(string); ok {
			texts[name] = s
		}
	}
	return texts, nil
}

var errTemporary = errors.New("the folder of temporary files is in memory, where syncing costs nothing: set TMPDIR to one on a disk")
