package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// junk refreshes with what is no refresh token, and with what looks like one.
func junk(w *world) (func(context.Context, *hostile), error) {
	user, err := w.user(0)
	if err != nil {
		return nil, err
	}
	tokens, err := w.mint(0, user, "")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, h *hostile) {
		loop(ctx, 8, 20*time.Millisecond, func(worker, n int) {
			token := "x"
			if n%2 == 1 {
				token = tokens.refresh[:8] + scrambled(tokens.refresh[8:])
			}
			body, _ := json.Marshal(map[string]string{"refresh_token": token}) // it always does
			h.bytes(ctx, n+worker, "/api/v1/auth/refresh", header("Content-Type", "application/json"), body)
		})
	}, nil
}

// scrambled returns the letters of s in another order.
func scrambled(s string) string {
	letters := []byte(s)
	rand.Shuffle(len(letters), func(i, j int) { letters[i], letters[j] = letters[j], letters[i] })
	return string(letters)
}

// flood logs in as nobody, from more networks than there are places to hash at once.
func flood(*world) (func(context.Context, *hostile), error) {
	return func(ctx context.Context, h *hostile) {
		h = h.w.hostileFrom(throughProxy)
		loop(ctx, 32, 10*time.Millisecond, func(worker, n int) {
			body := fmt.Appendf(nil, `{"email":"nobody%d-%d@example.com","password":"a wrong password of %d"}`, worker, n, n)
			network := (worker*37 + n) % 260
			from := fmt.Sprintf("203.%d.%d.%d", network/256, network%256, 1+n%250)
			h.bytes(ctx, n+worker, "/api/v1/auth/login", header("Content-Type", "application/json", "X-Forwarded-For", from), body)
		})
	}, nil
}

// bulk writes new workouts with the token of one user, as many and as large as a call
// may have.
func bulk(w *world) (func(context.Context, *hostile), error) {
	write, err := w.upserts()
	return func(ctx context.Context, h *hostile) {
		loop(ctx, 4, 0, func(worker, n int) { write(ctx, h, fmt.Sprintf("%d-%d", worker, n), worker) })
	}, err
}

// perCall is how many workouts a call may have.
const perCall = 1000

// upserts returns a function that writes 1000 workouts of a new user, whose ids begin
// with a name.
func (w *world) upserts() (func(ctx context.Context, h *hostile, name string, node int), error) {
	user, err := w.user(0)
	if err != nil {
		return nil, err
	}
	tokens, err := w.mint(0, user, "")
	if err != nil {
		return nil, err
	}
	long := strings.Repeat("\u00e9", 255)
	item := map[string]any{
		"type": long, "name": long, "start_time": "2026-03-01T06:30:00Z", "end_time": "2026-03-01T07:15:00Z",
		"source": map[string]any{"provider": long, "source": long, "device": long, "device_type": long, "device_name": long},
	}
	text, err := json.Marshal(item)
	path := "/api/v1/users/" + user + "/events/workouts"
	return func(ctx context.Context, h *hostile, name string, node int) {
		body := &workouts{name: name, rest: text[1:]}
		h.post(ctx, node, path, header("Content-Type", "application/json", "Authorization", "Bearer "+tokens.access), body, body.length())
	}, err
}

// workouts is a body of 1000 workouts that is made as it is read, so that an attacker
// takes no more of the machine than what it sends.
type workouts struct {
	name string
	rest []byte // of each, after its id
	made int
	left []byte
}

func (w *workouts) Read(p []byte) (n int, _ error) {
	for n < len(p) {
		if len(w.left) == 0 && w.made > perCall {
			return n, io.EOF
		}
		if len(w.left) == 0 {
			w.left, w.made = w.part(w.made), w.made+1
		}
		some := copy(p[n:], w.left)
		n, w.left = n+some, w.left[some:]
	}
	return n, nil
}

// part returns a workout with what is before it, and at last the end of the body.
func (w *workouts) part(i int) []byte {
	before := ","
	switch i {
	case 0:
		before = `{"workouts":[`
	case perCall:
		return []byte("]}")
	}
	return append(fmt.Appendf(nil, `%s{"external_id":"%s-%04d",`, before, w.name, i), w.rest...)
}

// length returns how long the body is.
func (w *workouts) length() int64 {
	return int64(len(w.part(0)) + (perCall-1)*len(w.part(1)) + len(w.part(perCall)))
}

// search lists 100,000 users by a text that few contain a part of, over eight
// connections of one key.
func search(w *world) (func(context.Context, *hostile), error) {
	if err := w.addUsers(100_000); err != nil {
		return nil, err
	}
	_, key, err := w.createKey(0)
	queries := []string{"search=" + strings.Repeat("l", 100), "limit=100", "search=lll&sort_by=email", "search=zz&limit=100"}
	return func(ctx context.Context, h *hostile) {
		loop(ctx, 8, 0, func(worker, n int) {
			r := w.at(n+worker, "", "", "GET", "/users?"+queries[n%len(queries)], key, nil)
			h.request(ctx, r)
		})
	}, err
}

// remove deletes users with very many workouts, beside bulk writes.
func remove(w *world) (func(context.Context, *hostile), error) {
	const users = 2
	ids := make([]string, users)
	for i := range ids {
		id, err := w.user(i)
		if err == nil {
			err = w.addWorkouts(id, 300_000/users)
		}
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	write, err := w.upserts()
	return func(ctx context.Context, h *hostile) {
		loop(ctx, users+8, 0, func(worker, n int) {
			if worker >= users {
				write(ctx, h, fmt.Sprintf("%d-%d", worker, n%4), worker)
			} else if n == 0 {
				h.request(ctx, w.at(worker, "", "", "DELETE", "/users/"+ids[worker], w.admin, nil))
			} else {
				<-ctx.Done()
			}
		})
	}, err
}

// request makes a call of the API without a body.
func (h *hostile) request(ctx context.Context, c client.Request) {
	r, err := http.NewRequestWithContext(ctx, c.Method, "http://"+c.Addr+c.Path, nil)
	if err == nil {
		r.Header = header("Authorization", "Bearer "+c.Bearer)
		h.send(r, c.Node)
	}
}
