package scenario_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/server"
)

// leaver logs in, and is gone while the password is being compared.
type leaver struct {
	path, media string
	deadline    string // the header that declares one; "" to hang up
	unit        time.Duration
	after       time.Duration // how long until the caller is gone, found by trying
	tries       int
	early       int // of which left before anything was compared
}

func leavers() map[string]*leaver {
	login := procedure(method("Login"))
	return map[string]*leaver{
		"REST":          {path: "/api/v1/auth/login", media: jsonType},
		"Connect JSON":  {path: login, media: jsonType, deadline: "Connect-Timeout-Ms", unit: time.Millisecond},
		"Connect proto": {path: login, media: protoType, deadline: "Connect-Timeout-Ms", unit: time.Millisecond},
		"gRPC":          {path: login, media: "application/grpc", deadline: "Grpc-Timeout", unit: time.Microsecond},
		"gRPC-Web":      {path: login, media: "application/grpc-web", deadline: "Grpc-Timeout", unit: time.Microsecond},
	}
}

// body returns a login as the leaver's protocol carries it.
func (l *leaver) body(t *testing.T, email, password string) string {
	t.Helper()
	if l.media == jsonType {
		return string(encode(t, args{"email": email, "password": password}))
	}
	message, err := proto.Marshal(&owv1.LoginRequest{Email: email, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if l.media == protoType {
		return string(message)
	}
	return grpcFrame(string(message))
}

// login logs in once, and returns the outcomes that the audit trail has of that, and whether the
// caller saw the answer in time.
func (l *leaver) login(t *testing.T, n *node, password string) (rows []string, seen bool) {
	t.Helper()
	l.tries++
	id := fmt.Sprintf("leaver-%d", l.tries)
	r := newRequest(t, "POST", n.url+l.path, strings.NewReader(l.body(t, n.email, password)))
	r.Header.Set("Content-Type", l.media)
	r.Header.Set("X-Request-Id", id)
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.1.%d.1", l.tries))
	if l.deadline == "" {
		seen = l.hangUp(t, r)
	} else {
		units := map[time.Duration]string{time.Millisecond: "%d", time.Microsecond: "%du"}
		deadline, sent := max(1, l.after/l.unit), time.Now()
		res, raw := n.send(t, r, header(l.deadline, fmt.Sprintf(units[l.unit], deadline)))
		code := grpcStatus(res, raw).Get("Grpc-Status")
		// The server may still send an answer that it has when the deadline passes.
		inTime := time.Since(sent) < deadline*l.unit
		seen = res.StatusCode != http.StatusGatewayTimeout && code != "4" && inTime
	}
	for waited := time.Now(); !strings.Contains(n.log.String(), `"request_id":"`+id+`"`); time.Sleep(time.Millisecond) {
		if time.Since(waited) > 20*time.Second {
			t.Fatal("the request was never finished")
		}
	}
	for _, row := range n.auditRows(t) {
		if row.requestID == id {
			rows = append(rows, row.outcome)
		}
	}
	return rows, seen
}

// hangUp sends the request and closes the connection after a time. It reports whether an answer came
// before that.
func (l *leaver) hangUp(t *testing.T, r *http.Request) bool {
	t.Helper()
	conn, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(l.after))
	_, err = conn.Read(make([]byte, 1))
	return err == nil
}

// leave logs in until times comparisons were made whose answer nobody saw, and returns how many
// guesses were compared, and not answered with a pair, and how many made a pair that nobody saw: the
// caller left before or after it was made.
func (l *leaver) leave(t *testing.T, n *node, password string, times int) (compared, late int) {
	t.Helper()
	for unseen := 0; unseen < times; {
		if l.tries > 300 {
			t.Fatalf("of 300 logins only %d were compared unseen", unseen)
		}
		rows, seen := l.login(t, n, password)
		switch {
		case len(rows) > 1:
			t.Fatalf("one login left the rows %v", rows)
		case len(rows) == 1 && rows[0] != "ok":
			compared++
		case len(rows) == 1 && !seen:
			late++
		}
		switch {
		case seen:
			l.after = l.after * 3 / 4
		case len(rows) == 0:
			l.early++
			l.after = l.after*9/8 + 500*time.Microsecond
		default:
			unseen++
		}
	}
	return compared, late
}

// TestCallersWhoLeaveGuessNoMoreThanOthers guesses passwords, and leaves before the answer. Each guess
// that was compared leaves a row and counts, and so does the right password: the account's limit tells
// no difference.
func TestCallersWhoLeaveGuessNoMoreThanOthers(t *testing.T) {
	t.Parallel()
	const allowed = 30
	for name, l := range leavers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, unlimited, behindLoopbackProxy, func(c *server.Config) { c.Auth.Limits.LoginAccount.Limit = allowed })
			l.after = 15 * time.Millisecond
			compared, _ := l.leave(t, n, "wrong", 2)
			refused, late := l.leave(t, n, n.password, 2)
			compared += refused
			left := 0
			for ; left <= allowed; left++ {
				a := n.drivers()[0].call(t, "Login", args{"email": n.email, "password": "wrong"}, forwardedFor("10.2.0.1"))
				if a.Reason == "rate_limited" {
					break
				}
				a.want(t, 401, "invalid_credentials")
			}
			least := allowed - compared - late
			if onPostgres() { // nobody knows whether a charge that was cut short was made: it stays
				least -= l.early
			}
			if left > allowed-compared || left < least {
				t.Errorf("%d guesses of callers who left were compared and %d were right, %d left earlier, and %d of %d remain",
					compared, late, l.early, left, allowed)
			}
		})
	}
}
