package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/load"
)

// Benchmark says what to measure.
type Benchmark struct {
	URL      string        // of the installation: http or https
	KeyFile  string        // holds an API key of the test environment
	For      time.Duration // of each kind of call
	Clients  int           // at once
	Requests int           // of each kind of call, at most
	Users    int           // test users to make, and to delete again; 0: only read
}

// Bounds of a benchmark.
const (
	MaxBenchSeconds  = 60
	MaxBenchClients  = 64
	MaxBenchRequests = 1_000_000
	MaxBenchUsers    = 1000
)

// tidyFor is how long the deletion of the users may take in all, also once ctx ended.
const tidyFor = 3 * time.Minute

// Bench measures an installation and writes a table to w. Once the installation turns
// calls away for a while, no more are made before it asks for them again, and what was
// not measured by then is left out. Users that were made are deleted also after an
// error and when ctx ends. Errors are messages for the operator, without the key.
func Bench(ctx context.Context, w io.Writer, b Benchmark) (err error) {
	c, err := newBenchClient(b)
	if err != nil {
		return err
	}
	defer c.http.CloseIdleConnections()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "CALL\tCLIENTS\tANSWERED\tA SECOND\tP50 MS\tP99 MS\tLIMITED\tPAUSED S\t")
	r := &benchRun{Benchmark: b, benchClient: c, mark: "openwearables-bench-" + strings.ToLower(rand.Text()[:10]), table: table}
	if b.Users > 0 {
		defer func() {
			tidying, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyFor)
			defer cancel()
			err = errors.Join(err, r.tidy(tidying), table.Flush(), r.remark(w))
		}()
		if err := r.makeUsers(ctx); err != nil {
			return err
		}
		return r.read(ctx)
	}
	return errors.Join(r.read(ctx), table.Flush(), r.remark(w))
}

// newBenchClient checks what was given and returns a client of the installation.
func newBenchClient(b Benchmark) (*benchClient, error) {
	base, err := url.Parse(b.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("--url %q must be the address of an installation, such as https://api.example.com", withoutUser(b.URL, base))
	}
	in, err := os.Open(b.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("--key-file: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, 1<<10))
	if err != nil {
		return nil, fmt.Errorf("--key-file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	switch {
	case credential.Valid(credential.LiveKey, key):
		return nil, fmt.Errorf("--key-file %s has a live key: make one with the environment test, which begins with %s", b.KeyFile, credential.TestKey)
	case !credential.Valid(credential.TestKey, key):
		return nil, fmt.Errorf("--key-file %s must hold one API key that begins with %s, and nothing else", b.KeyFile, credential.TestKey)
	}
	return dialBench(strings.TrimSuffix(base.String(), "/"), key, b.Clients), nil
}

// withoutUser returns the URL as it was given, but not with a password.
func withoutUser(given string, parsed *url.URL) string {
	if parsed == nil || parsed.User != nil || strings.Contains(given, "@") {
		return "..."
	}
	return given
}

// benchRun is a benchmark under way.
type benchRun struct {
	Benchmark
	*benchClient
	mark    string // begins the external_user_id of the users that it makes
	table   *tabwriter.Writer
	users   []string  // ids: to read, and to delete if they were made
	resume  time.Time // no call before it
	left    []string  // what was not measured, since the calls were limited
	limited int
}

// read measures what changes nothing.
func (r *benchRun) read(ctx context.Context) error {
	page := r.list("")
	if len(r.users) == 0 {
		if err := r.findUsers(ctx, page); err != nil {
			return err
		}
	}
	if err := r.measure(ctx, "list of 20 users", r.Requests, func(int) benchCall { return page }, nil); err != nil {
		return err
	}
	if len(r.users) == 0 {
		r.left = append(r.left, "reads of a user, for there is none: --make-users makes some, and deletes them again")
		return nil
	}
	err := r.measure(ctx, "read of a user", r.Requests, func(n int) benchCall { return r.user("GET", r.users[n%len(r.users)]) }, nil)
	if err != nil {
		return err
	}
	return r.measure(ctx, "read over Connect", r.Requests, func(n int) benchCall { return r.userByConnect(r.users[n%len(r.users)]) }, nil)
}

// findUsers takes the users of the page to read, unless it is turned away.
func (r *benchRun) findUsers(ctx context.Context, page benchCall) error {
	body, pause, err := r.do(ctx, page)
	if err != nil {
		return err
	}
	if pause > 0 {
		r.wait(pause)
		r.limited++
		return nil
	}
	r.users, err = idsOf(body)
	return err
}

// measure makes the n-th of at most so many calls, with n from 0, and adds a row. The
// bodies of the answers go to keep, if there is one, one at a time.
func (r *benchRun) measure(ctx context.Context, name string, most int, call func(n int) benchCall, keep func(body []byte) error) error {
	if time.Now().Before(r.resume) {
		r.left = append(r.left, name)
		return nil
	}
	var made atomic.Int64
	one := func(ctx context.Context) (time.Duration, error) {
		body, pause, err := r.do(ctx, call(int(made.Add(1)-1)))
		r.wait(pause)
		if err == nil && pause == 0 && keep != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			err = keep(body)
		}
		return pause, err
	}
	result, err := load.Run(ctx, load.Plan{For: r.For, Most: most, Calls: slices.Repeat([]load.Call{one}, r.Clients)})
	ms := func(q float64) float64 { return float64(result.Latency.Quantile(q)) / float64(time.Millisecond) }
	fmt.Fprintf(r.table, "%s\t%d\t%d\t%.1f\t%.2f\t%.2f\t%d\t%.1f\t\n", name, r.Clients, result.Answered, result.Rate(), ms(0.5), ms(0.99),
		result.Limited, result.Paused.Seconds())
	r.limited += result.Limited
	return err
}

// wait lets no call begin before the pause is over.
func (r *benchRun) wait(pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until := time.Now().Add(pause); pause > 0 && until.After(r.resume) {
		r.resume = until
	}
}

// remark writes what a reader of the table must know.
func (r *benchRun) remark(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\nFrom this machine to %s, with the network between them; each client waits for its answer.\n", r.base)
	if r.limited > 0 {
		fmt.Fprintf(&out, "%d requests were limited: no more were made before the installation asked for them again. Fewer --requests, "+
			"or a higher --limit-key of its serve, avoid that.\n", r.limited)
	}
	for _, name := range r.left {
		fmt.Fprintf(&out, "Not measured: %s.\n", name)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
