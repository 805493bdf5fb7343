package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/openwearables/openwearables/internal/load"
)

// moment is what happens once to an installation, and is measured once.
type moment struct {
	name, on string
	size     int // of the stock
	value    string
}

// moments measures what is to be measured once of the installation with a stock of the
// size. The last of them ends a tenth of all sessions.
func (l *lab) moments(ctx context.Context, on string, size int) ([]moment, error) {
	i, err := l.withStock(ctx, on, size)
	if err != nil {
		return nil, err
	}
	db, err := i.open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	bytes, err := i.bytes(ctx, db)
	if err != nil {
		return nil, err
	}
	memory, err := resident(i.server)
	if err != nil {
		return nil, err
	}
	told := func(name, format string, a ...any) moment { return moment{name, on, size, fmt.Sprintf(format, a...)} }
	all := []moment{
		told("database", "%s MiB", mebibytes(bytes)),
		told("memory of the node after all works", "%s MiB", mebibytes(memory)),
		told("start until ready", "%.2f s", i.starting.Seconds()),
	}
	if on == both {
		for _, t := range i.stock.tables()[1:] {
			bytes, err := rowBytes(ctx, db, t.name)
			if err != nil {
				return nil, err
			}
			all = append(all, told("a row of "+t.name+", with its indexes", "%d bytes", bytes))
		}
	}
	ended, err := i.endApplication(ctx, db)
	if err != nil {
		return nil, err
	}
	return append(all, told(fmt.Sprintf("deletion of an application with %s sessions", figure(float64(size))), "%s", ended)), nil
}

// open opens the database beside the node.
func (i *installation) open() (*sql.DB, error) {
	if path, isFile := strings.CutPrefix(i.database, "sqlite:"); isFile {
		return sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	}
	return sql.Open("pgx", i.database)
}

// bytes returns how much the database holds, with free pages.
func (i *installation) bytes(ctx context.Context, db *sql.DB) (n int64, err error) {
	query := "SELECT pg_database_size(current_database())"
	if strings.HasPrefix(i.database, "sqlite:") {
		query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
	}
	err = db.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// rowBytes returns how much a row of a table of PostgreSQL takes, with its indexes.
func rowBytes(ctx context.Context, db *sql.DB, table string) (n int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT pg_total_relation_size('"+table+"') / greatest(count(*), 1) FROM "+table).Scan(&n)
	return n, err
}

// endsWithin is how long the sessions of an application may take to end.
const endsWithin = 30 * time.Minute

// endApplication deletes the application of the stock while others refresh, and tells
// how long its sessions took to end.
func (i *installation) endApplication(ctx context.Context, db *sql.DB) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	others, stop := context.WithCancel(ctx)
	defer stop()
	plan, err := i.others(4)
	if err != nil {
		return "", err
	}
	refreshed := make(chan *load.Result, 1)
	go func() {
		r, _ := load.Run(others, plan) // ends as it is told to
		refreshed <- r
	}()
	begun := time.Now()
	status, err := i.delete(ctx, "/api/v1/applications/"+i.stock.app.id)
	answered := time.Since(begun)
	for left := 1; err == nil && left > 0; {
		time.Sleep(100 * time.Millisecond)
		err = db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM sessions WHERE app_id = '"+i.stock.app.id+"' AND revoked_at IS NULL LIMIT 1) one").Scan(&left)
	}
	over := time.Since(begun)
	stop()
	r := <-refreshed
	if err != nil {
		return "", err
	}
	if r.Answered == 0 {
		return "", errors.New("nobody refreshed while the sessions of an application ended")
	}
	return fmt.Sprintf("answered %d after %.1f s, all ended after %.1f s; others refreshed in %s ms meanwhile, p99 %s",
		status, answered.Seconds(), over.Seconds(), figure(micros(r.Latency.Quantile(0.5))/1000), figure(micros(r.Latency.Quantile(0.99))/1000)), nil
}

// others plans refreshes of sessions that no application has, until they are stopped.
func (i *installation) others(clients int) (load.Plan, error) {
	s, plan := i.stock, load.Plan{For: endsWithin}
	for n := range clients {
		c, err := dial(i.addr, endsWithin)
		if err != nil {
			return plan, err
		}
		pick := picker(n)
		plan.Calls = append(plan.Calls, func(ctx context.Context) (time.Duration, error) {
			session := sessionsEach*(n+clients*pick(s.size/clients)) + 1
			return 0, i.refresh(c, session)
		})
	}
	return plan, nil
}

func (i *installation) delete(ctx context.Context, path string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, "http://"+i.addr+path, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+i.admin)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}
