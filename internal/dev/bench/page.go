package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// columns are the columns of the table.
var columns = []string{
	"work", "databases", "clients", "a second", "slowest–fastest", "p50 ms", "p99 ms",
	"CPU µs: server", "databases", "load", "MiB", "beside its floors",
}

// cells returns the rows of the table.
func (r *result) cells() (table [][]string) {
	for _, one := range r.rows() {
		memory := ""
		if one.median.Resident > 0 {
			memory = mebibytes(one.median.Resident)
		}
		table = append(table, []string{
			one.name, one.on, fmt.Sprint(one.clients), figure(one.rate), figure(one.slowest) + "–" + figure(one.best),
			figure(one.median.P50 / 1000), figure(one.median.P99 / 1000),
			cpu(one.median.ServerCPU), cpu(one.median.DatabaseCPU), cpu(one.median.LoadCPU), memory, one.beside(),
		})
	}
	return table
}

// beside tells of the ratios to the floors.
func (r row) beside() string {
	var told []string
	for i, ratio := range r.ratios {
		if ratio > 0 {
			told = append(told, figure(ratio)+" × "+r.floors[i].name)
		}
	}
	return strings.Join(told, ", ")
}

// figure returns a number of three digits or, from a thousand on, rounded to ten.
func figure(v float64) string {
	switch {
	case v >= 1000:
		text := strconv.Itoa(int(math.Round(v/10) * 10))
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
		return text
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// cpu returns the processor time of a request, "" for none.
func cpu(us float64) string {
	if us <= 0 {
		return ""
	}
	return figure(us)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f", float64(n)/(1<<20)) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }

// where tells of which commit and on which machine it was measured.
func (r *result) where() string {
	text := fmt.Sprintf("commit %s, %s, %s, files on %s", r.Commit, r.Processor, r.Machine, r.FileSystem)
	if r.Dirty {
		text += ", with changes that are not committed"
	}
	return text
}

// page returns the page.
func (r *result) page() string {
	var out strings.Builder
	fmt.Fprintf(&out, preface, r.Commit, r.Processor, r.Machine, r.FileSystem, r.Rounds, figure(r.Slice), r.Took/60, r.Load, 100*r.Others, r.Stolen)
	if doubt := r.doubt(); doubt != "" {
		fmt.Fprintf(&out, doubtful, doubt)
	}
	fmt.Fprintf(&out, "| %s |\n|%s\n", strings.Join(columns, " | "), "---|---|"+strings.Repeat("--:|", len(columns)-3)+"---|")
	for _, cells := range r.cells() {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
	}
	fmt.Fprint(&out, "\n", meaning)
	m := r.Memory
	fmt.Fprintf(&out, memoryText, megabytes(r.Binary), figure(float64(m.Requests)), m.Logins, mebibytes(m.Ready), mebibytes(m.After), mebibytes(m.Second), mebibytes(m.Rested))
	fmt.Fprint(&out, sdkText)
	for _, s := range r.SDKs {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s | %d of %s callers, %s ms |\n", s.Name, figure(s.Bare), figure(s.Ours), figure(s.Ours-s.Bare),
			s.BareAllocations, s.OurAllocations, s.Refreshes, figure(float64(s.Callers)), figure(s.Expiry))
	}
	fmt.Fprint(&out, "\n", method)
	return out.String()
}

const preface = `# Benchmark

What one machine answers, beside what the least that does the same work answers on it in the same minutes. ` + "`make bench`" + `
measures everything here and writes this page, [the figures of each slice](BENCHMARK.jsonl), and what README quotes.

- Commit: %s
- Machine: %s; %s; files on %s
- Measured in %d rounds of slices of %s s, %.0f minutes in all; load average before it %s
- Meanwhile other processes took %.0f %% of the processors, and other machines on the same host %.1f s of them

`

const doubtful = `**%s**: it shows that everything is measured, and its figures are not to be quoted.

`

const meaning = `- A row is the medians of its slices; *slowest–fastest* are their rates. The client of each connection sends its next request once
  the last is answered, over HTTP/1.1 that is kept. The load, the server and the databases share the processors of one machine.
- *CPU* is processor time of a request in microseconds, from /proc: of the server, of PostgreSQL and Redis together, and of
  what makes the load, which is not part of the product. *MiB* is the resident memory of the server after a slice.
- *Beside its floors* is the rate divided by that of a floor with as many clients in the same round: the median over the rounds.

| floor | what it is |
|---|---|
| bare REST, bare Connect | a handler of net/http in a process of its own that reads the request and answers constant bytes: no credential, limit, log or database |
| connect-go | the same with the handler that connect-go generates, and a constant message |
| bare read | a handler of net/http with a prepared statement of SQLite that finds one of 1,000 users by id |
| bare EVALSHA, read | the same on PostgreSQL by pgxpool, after one EVALSHA of go-redis |
| bare page | the same as *bare read* with the 20 newest users and their number |
| bare argon2id | a handler of net/http that hashes at the cost of a login |
| bare group commit | a handler of net/http with the statements of a refresh on SQLite, one durable commit for all that wait |
| tx of pgbench | ` + "`pgbench -M prepared`" + `, without HTTP: BEGIN; SELECT ... FOR UPDATE; UPDATE; INSERT; END on 1,000 rows |
`

const memoryText = `
## Memory and size

The binary, as ` + "`make build`" + ` makes it, has %s MB. A node on SQLite, after %s requests of which %d are logins:

| MiB of resident memory | ready, with 1,000 users | right after them | after 1 s of rest | after 5 s |
|---|--:|--:|--:|--:|
| node | %s | %s | %s | %s |
`

const sdkText = `
## SDKs

What a call costs through an SDK, with a session whose token is fresh, and the same request through the bare client of the
language. Both are answered from memory; the time is that of the fastest rounds. Then callers who meet an expired token all at
once, how many refreshes they make, and how long that takes: in Go until each has the new token, in TypeScript also a call.

| SDK | bare µs | SDK µs | added µs | bare allocations | SDK allocations | refreshes at an expiry |
|---|--:|--:|--:|--:|--:|---|
`

const method = `## To repeat it

On Debian, in a clone without changes: ` + "`make tools bench`" + `, which takes about ten minutes and replaces this page. With
` + "`go run ./internal/dev/bench -only refresh -rounds 3`" + ` after ` + "`make build`" + `, some works are measured and only printed. The server is
started as ` + "`serve --database ... --redis ...`" + ` with every limit raised, so that nothing is refused: any other answer than the
expected one ends the run, by the name of the work. Data is the same in each run: 1,000 users, one key, one application, 64
sessions. fsync is on, as PostgreSQL and the server have it. The log of the server goes to a file, and its floors have none.

To measure an installation of yours: [` + "`openwearables bench`" + `](README.md#benchmark).

## What this does not show

- Other machines, and networks: everything shares the processors and the loopback of one machine, the load too.
- Many nodes, TLS, HTTP/2, proxies, and databases with more than some thousand rows.
- Latency under a load that does not wait for answers: each client here waits, so that a slow answer delays its next request.
- The first seconds after a start, backups, migrations, and anything that runs once an hour or more seldom.
- What pgbench costs PostgreSQL: its connections end with the slice, and most of their processor time is missed.
- Other products, which are not measured here, and the SDK for Swift.
`

// The quote in README stands between these lines.
const (
	quoteBegins = "<!-- What `make bench` measured; it replaces this. -->\n"
	quoteEnds   = "<!-- The end of what it measured. -->\n"
)

// quoted are the works that README quotes, and how it calls them.
var quoted = []struct{ name, on, says string }{
	{"read", sqlite, "read of a user with an API key, SQLite"},
	{"read over Connect", sqlite, "the same over Connect"},
	{"read", both, "the same on PostgreSQL and Redis"},
	{"refresh", sqlite, "refresh, durable, SQLite"},
	{"refresh", both, "refresh, durable, PostgreSQL and Redis"},
	{"exchange of one application", both, "exchange of an application's secret for a token"},
}

// quote returns what README quotes: of a run that was not long enough no figures.
func (r *result) quote() string {
	const page = "[server/BENCHMARK.md](server/BENCHMARK.md)"
	if r.doubt() != "" {
		return "How fast it is, beside what the same machine can do at most, is measured by `make bench` and told in\n" + page + ".\n"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "On %s (%s), of which the load takes a part:\n\n| | clients | a second | p99 | beside its floors |\n|---|--:|--:|--:|---|\n",
		r.Processor, firstOf(r.Machine))
	rows := r.rows()
	for _, q := range quoted {
		for i := len(rows) - 1; i >= 0; i-- { // the one with the most clients
			if one := rows[i]; one.name == q.name && one.on == q.on {
				fmt.Fprintf(&out, "| %s | %d | %s | %s ms | %s |\n", q.says, one.clients, figure(one.rate), figure(one.median.P99/1000), one.beside())
				break
			}
		}
	}
	fmt.Fprintf(&out, "\nThe binary has %s MB; after %s requests with logins a node holds %s MiB. What the floors are, and what this does not\nshow, is in %s, at commit %s.\n",
		megabytes(r.Binary), figure(float64(r.Memory.Requests)), mebibytes(r.Memory.Rested), page, r.Commit)
	return out.String()
}

// firstOf returns the text before the first comma.
func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return first
}

// replaceQuote replaces the quote in the text of README.
func replaceQuote(text, quote string) (string, error) {
	return replaceBetween(text, readmeFile, quoteBegins, quoteEnds, quote)
}

// replaceBetween replaces what stands between two lines in the text of a file.
func replaceBetween(text, file, begins, ends, with string) (string, error) {
	before, rest, begun := strings.Cut(text, begins)
	_, after, ended := strings.Cut(rest, ends)
	if !begun || !ended {
		return "", fmt.Errorf("%s has no place for what is measured: the lines %s and %s are missing", file, strings.TrimSpace(begins), strings.TrimSpace(ends))
	}
	return before + begins + "\n" + with + "\n" + ends + after, nil
}
