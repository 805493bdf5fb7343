package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/load"
)

// transaction is the floor below what writes on PostgreSQL: a row locked, changed, and
// told of in another table.
const transaction = `\set id random(1, 1000)
BEGIN;
SELECT value FROM one WHERE id = :id FOR UPDATE;
UPDATE one SET value = value + 1 WHERE id = :id;
INSERT INTO told (id, at) VALUES (:id, now());
END;
`

// preparePgbench makes the tables and the script of the transaction, once.
func (l *lab) preparePgbench(ctx context.Context) (script string, err error) {
	if err := l.services(); err != nil {
		return "", err
	}
	script = filepath.Join(l.postgres.Folder(), "transaction.sql")
	if _, err := os.Stat(script); err == nil {
		return script, nil
	}
	if err := l.postgres.Exec(ctx, "postgres", "CREATE DATABASE pgbench TEMPLATE template0"); err != nil {
		return "", err
	}
	err = l.postgres.Exec(ctx, "pgbench",
		"CREATE TABLE one (id bigint PRIMARY KEY, value bigint NOT NULL)", "CREATE TABLE told (id bigint NOT NULL, at timestamptz NOT NULL)",
		fmt.Sprintf("INSERT INTO one SELECT id, 0 FROM generate_series(1, %d) id", users))
	if err != nil {
		return "", err
	}
	return script, os.WriteFile(script, []byte(transaction), 0o644)
}

// pgbenchSlice measures the transaction for the time, to whole seconds, of which pgbench
// takes some to connect: it has one more for that.
func pgbenchSlice(ctx context.Context, l *lab, clients int, d time.Duration) (sample, error) {
	script, err := l.preparePgbench(ctx)
	if err != nil {
		return sample{}, err
	}
	host, port, err := net.SplitHostPort(l.postgres.Addr())
	if err != nil {
		return sample{}, err
	}
	seconds := math.Ceil(d.Seconds()) + 1
	cmd, err := l.postgres.Program("pgbench", "-M", "prepared", "-n", "-f", script, "-c", fmt.Sprint(clients), "-j", fmt.Sprint(min(clients, 2)),
		"-T", fmt.Sprint(seconds), "--random-seed=1", "-l", "--log-prefix=tx", "-h", host, "-p", port, "-U", "tester", "pgbench")
	if err != nil {
		return sample{}, err
	}
	before, err := processorTimes(l.postgres.ID())
	if err != nil {
		return sample{}, err
	}
	out, err := runFor(ctx, cmd, d+patience)
	if err != nil {
		return sample{}, err
	}
	after, err := processorTimes(l.postgres.ID())
	if err != nil {
		return sample{}, err
	}
	s, err := l.readPgbench(out)
	if err != nil {
		return sample{}, err
	}
	s.DatabaseCPU = micros(after-before) / float64(s.Answered)
	s.LoadCPU = micros(cmd.ProcessState.SystemTime()+cmd.ProcessState.UserTime()) / float64(s.Answered)
	return s, nil
}

// runFor runs a command for at most the time, and returns what it printed.
func runFor(ctx context.Context, cmd *exec.Cmd, d time.Duration) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // it may have ended
	defer stop()
	if err := errors.Join(cmd.Wait(), ctx.Err()); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out.String())
	}
	return out.String(), nil
}

var (
	pgbenchRate   = regexp.MustCompile(`(?m)^tps = ([0-9.]+) \(without initial connection time\)$`)
	pgbenchFailed = regexp.MustCompile(`(?m)^number of failed transactions: ([0-9]+) `)
)

// readPgbench reads the rate that pgbench printed, and its log of each transaction,
// which it removes.
func (l *lab) readPgbench(out string) (sample, error) {
	rate := pgbenchRate.FindStringSubmatch(out)
	if failed := pgbenchFailed.FindStringSubmatch(out); rate == nil || failed != nil && failed[1] != "0" {
		return sample{}, fmt.Errorf("pgbench printed\n%s", out)
	}
	logs, err := filepath.Glob(filepath.Join(l.postgres.Folder(), "tx.*"))
	if err != nil {
		return sample{}, err
	}
	var r load.Result
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return sample{}, err
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line) // client, transaction, microseconds, ...
			if len(fields) < 3 {
				continue
			}
			took, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return sample{}, fmt.Errorf("%s: %w", filepath.Base(log), err)
			}
			r.Latency.Add(time.Duration(took) * time.Microsecond)
			r.Answered++
		}
		if err := os.Remove(log); err != nil {
			return sample{}, err
		}
	}
	perSecond, err := strconv.ParseFloat(rate[1], 64)
	if err != nil || perSecond <= 0 || r.Answered == 0 {
		return sample{}, fmt.Errorf("pgbench printed\n%s", out)
	}
	r.Took = time.Duration(float64(r.Answered) / perSecond * float64(time.Second))
	return newSample(&r), nil
}
