package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// guessLimit is how many refused logins an account has by default.
const guessLimit = 10

// impatient guesses passwords with deadlines that end while they are compared. The
// audit trail tells the first eight accounts apart at which one address guesses in a
// minute; those after them are one sum, which names none.
func impatient(t *trial) (check.Verdict, error) {
	accounts := t.size(2, 8, "accounts")
	w, err := t.enter(unlimited("--limit-login-account", fmt.Sprint(guessLimit))...)
	if err != nil {
		return check.Verdict{}, err
	}
	h := w.newHostile()
	for i := range accounts {
		email := fmt.Sprintf("guessed%d@example.com", i)
		if err := w.stack.Run(w.stack.Password+"\n", "developer", "create", "--email", email, "--password-stdin"); err != nil {
			return check.Verdict{}, err
		}
		ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
		for n := range 4 * guessLimit {
			deadline := header("Content-Type", "application/json", "Connect-Timeout-Ms", fmt.Sprint(15+5*(n%4)))
			body := fmt.Appendf(nil, `{"email":%q,"password":"a wrong password of %d"}`, email, n)
			h.bytes(ctx, n, "/openwearables.v1.SessionService/Login", deadline, body)
		}
		cancel()
		time.Sleep(time.Second) // for what goes on without its caller
		if err := w.countRefusals(email); err != nil {
			return check.Verdict{}, err
		}
		if err := w.guess(email, 2*guessLimit); err != nil {
			return check.Verdict{}, err
		}
	}
	calls, err := t.log.Read()
	return check.Traces(calls, accounts, guessLimit), err
}

// countRefusals records how many refused logins of the account the audit trail has.
func (w *world) countRefusals(email string) error {
	db, err := w.database()
	if err != nil {
		return err
	}
	defer db.Close()
	var rows int
	err = db.QueryRowContext(w.ctx, `SELECT count(*) FROM audit_events a JOIN developers d ON a.subject = 'developer:' || d.id
		WHERE a.action = 'session.login' AND a.outcome <> 'ok' AND d.email = '`+email+`'`).Scan(&rows)
	w.note("rows", email, 0, map[string]string{"rows": fmt.Sprint(rows)})
	return err
}

// guess logs in so many times with wrong passwords, over all nodes, one after the other.
func (w *world) guess(email string, times int) error {
	caller := client.New(w.log, "guesser")
	defer caller.Close()
	for n := range times {
		r := w.to(n, client.Request{
			Op: "guess", Of: email, Method: http.MethodPost, Path: "/api/v1/auth/login",
			Body: map[string]any{"email": email, "password": strings.Repeat("wrong ", 3) + fmt.Sprint(n)},
		})
		caller.Insist(w.ctx, r)
	}
	return w.ctx.Err()
}
