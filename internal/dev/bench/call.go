package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// expect returns an error unless a call was answered with the status and a body that
// holds the text.
func expect(want int, text []byte, status int, body []byte, err error) error {
	switch {
	case err != nil:
		return err
	case status != want && status >= 400:
		return fmt.Errorf("answered %d, want %d: %.300s", status, want, body)
	case status != want: // its body may hold a secret
		return fmt.Errorf("answered %d, want %d", status, want)
	case !bytes.Contains(body, text):
		return fmt.Errorf("an answer of %d bytes does not hold %q", len(body), text)
	}
	return nil
}

// question is a request that may be repeated, and what its answer holds.
type question struct{ request, holds []byte }

// inTurns returns callers that ask the questions in turns, each beginning with another.
func inTurns(questions []question, clients int) []caller {
	callers := make([]caller, clients)
	for i := range callers {
		next := i
		callers[i] = func(c *conn) error {
			q := questions[next%len(questions)]
			next += clients
			status, body, err := c.do(q.request)
			return expect(200, q.holds, status, body, err)
		}
	}
	return callers
}

// refreshing returns callers that each refresh a session of their own, over and over.
// They keep the tokens for the next slice.
func (i *installation) refreshing(clients int) []caller {
	callers := make([]caller, clients)
	for n := range callers {
		callers[n] = func(c *conn) error {
			status, body, err := c.do(request(i.addr, "POST", "/api/v1/auth/refresh", "", `{"refresh_token":"`+i.sessions[n]+`"}`))
			if err := expect(200, []byte("refresh_token"), status, body, err); err != nil {
				return err
			}
			var pair struct {
				Refresh string `json:"refresh_token"`
			}
			if err := json.Unmarshal(body, &pair); err != nil {
				return err
			}
			i.sessions[n] = pair.Refresh
			return nil
		}
	}
	return callers
}

// exchanging returns callers that exchange the secret of one application for tokens
// of all users in turns.
func (i *installation) exchanging(clients int) []caller {
	body := `{"app_id":"` + i.app.id + `","app_secret":"` + i.app.secret + `"}`
	requests := make([][]byte, len(i.users))
	for n, user := range i.users {
		requests[n] = request(i.addr, "POST", "/api/v1/users/"+user+"/token", "", body)
	}
	var next atomic.Int64
	callers := make([]caller, clients)
	for n := range callers {
		callers[n] = func(c *conn) error {
			status, body, err := c.do(requests[next.Add(1)%int64(len(requests))])
			return expect(200, []byte("refresh_token"), status, body, err)
		}
	}
	return callers
}

// loggingIn asks for a login of the developer.
func (i *installation) loggingIn() []question {
	body := `{"email":"` + email + `","password":"` + i.password + `"}`
	return []question{{request(i.addr, "POST", "/api/v1/auth/login", "", body), []byte("refresh_token")}}
}

// listing asks for a page of users.
func (i *installation) listing() []question {
	return []question{{request(i.addr, "GET", "/api/v1/users?limit=20", i.key, ""), []byte(`"total":` + fmt.Sprint(len(i.users)))}}
}

// reading asks for each user with the key.
func (i *installation) reading() []question {
	questions := make([]question, len(i.users))
	for n, user := range i.users {
		questions[n] = question{request(i.addr, "GET", "/api/v1/users/"+user, i.key, ""), []byte(user)}
	}
	return questions
}

// getUser is the path of a read over Connect.
const getUser = "/openwearables.v1.UserService/GetUser"

// readingConnect asks for each user with the key over Connect.
func (i *installation) readingConnect() []question {
	questions := make([]question, len(i.users))
	for n, user := range i.users {
		questions[n] = question{request(i.addr, "POST", getUser, i.key, `{"id":"`+user+`"}`), []byte(user)}
	}
	return questions
}

// readingOwn asks for users with tokens of their own.
func (i *installation) readingOwn() []question {
	questions := make([]question, len(i.tokens))
	for n, token := range i.tokens {
		questions[n] = question{request(i.addr, "GET", "/api/v1/users/"+i.users[n], token, ""), []byte(i.users[n])}
	}
	return questions
}
