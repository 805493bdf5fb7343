package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

const (
	madeUp = 16 // tokens of unknown keys that are shown at once
	// settled is longer than a reading of before decides, however it falls.
	settled = 600 * time.Millisecond
)

// unknownKeys shows tokens of signing keys that nobody knows, while the database is
// there, late, and away.
func unknownKeys(t *trial) (check.Verdict, error) {
	rounds := t.size(1, 3, fmt.Sprintf("times %d tokens at once, twice", madeUp))
	w, err := t.enter(unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	for range rounds {
		for _, state := range []struct {
			name  string
			begin func() error
		}{
			{"there", func() error { return nil }},
			{"late", func() error { return w.stack.DB.Slow(1100) }},
			{"away", func() error { w.stack.DB.Down(); return nil }},
		} {
			err := w.log.Event("fault", state.name, 0, state.begin)
			time.Sleep(settled)
			for range 2 {
				if err == nil {
					err = w.show(state.name)
				}
			}
			if err == nil {
				err = w.log.Event("heal", state.name, 0, w.stack.DB.Heal)
			}
			if err != nil {
				return check.Verdict{}, err
			}
			time.Sleep(3 * time.Second)
		}
	}
	calls, err := t.log.Read()
	return check.UnknownKeys(calls, rounds*2*madeUp), err
}

// show shows made-up tokens to one node at once.
func (w *world) show(state string) error {
	tokens := make([]string, madeUp)
	for i := range tokens {
		var err error
		if tokens[i], err = foreign(w.admin, i); err != nil {
			return err
		}
	}
	workers(madeUp, func(i int) {
		caller := client.New(w.log, fmt.Sprint("stranger-", i))
		defer caller.Close()
		r := w.me(tokens[i])
		r.Op, r.Of = "unknown", state
		caller.Do(w.ctx, r)
	})
	return w.ctx.Err()
}

// foreign returns the token with the id of another signing key, of the same form.
func foreign(token string, n int) (string, error) {
	head, rest, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return "", err
	}
	var fields map[string]string
	if err := json.Unmarshal(text, &fields); err != nil {
		return "", err
	}
	kid := fields["kid"]
	changed := kid[:len(kid)-3] + fmt.Sprintf("%03x", (n*251+int(time.Now().UnixMilli()))%4096)
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), kid, changed, 1))) + "." + rest, nil
}
