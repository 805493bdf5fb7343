package scenario_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/service"
	"github.com/openwearables/openwearables/server"
)

// TestHeldUploads holds 100 large bodies half sent. They take no more memory than uploads may, and
// while they do, small calls are served and other large ones refused alike on every surface. Their
// memory is free again when their clients have hung up.
func TestHeldUploads(t *testing.T) {
	const memory = 16 << 20
	metrics := service.Address()
	n := listen(t, func(c *server.Config) { c.MetricsAddr, c.UploadMemory = metrics, memory>>20 })
	n.addDeveloper(n.email, n.password)
	rest := restDriver{n}
	admin, _ := n.login(t, rest)
	user := n.newUser(t, rest, admin)
	stopWatching, before := n.watchHeap(t), liveHeap()

	var letGo []func()
	for range 50 {
		holder := n.newUser(t, rest, admin)
		token := rest.call(t, "CreateUserToken", args{"user_id": holder}, bearer(admin)).want(t, 200, "").str("access_token")
		letGo = append(letGo, n.holdUpload(t, holder, token), n.holdUpload(t, holder, token))
	}
	full := func(held int64) bool { return held > memory*3/4 }
	waitForUploads(t, metrics, memory, full)
	held := int64(liveHeap()) - int64(before)
	for _, d := range n.drivers() {
		d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": []args{someWorkout()}}, bearer(admin)).want(t, 200, "")
		d.call(t, "GetUser", args{"id": user}, bearer(admin)).want(t, 200, "")
		a := d.call(t, "UpsertWorkouts", longUpload(user, 7<<20), bearer(admin)).want(t, 503, "too_many_uploads")
		if a.Header.Get("Retry-After") != "1" || a.Detail != "Too many large bodies are in flight" {
			t.Errorf("%s: refused with Retry-After %q: %s", d.name(), a.Header.Get("Retry-After"), a.Detail)
		}
	}
	waitForUploads(t, metrics, memory, full)
	for _, stop := range letGo {
		stop()
	}
	waitForUploads(t, metrics, memory, func(bytes int64) bool { return bytes == 0 })
	grown, slowest := stopWatching()
	t.Logf("100 held uploads: %d KiB live, the heap grew by %d KiB at most; /livez took %v at most", held>>10, grown>>10, slowest)
	if held > memory*3/2 { // 100 connections have 2 MiB, 5 under the race detector; the rest that the heap grew by is garbage
		t.Errorf("uploads hold %d bytes, and may hold %d", held, memory)
	}
	for _, d := range n.drivers() { // read, and refused for its name alone
		d.call(t, "UpsertWorkouts", longUpload(user, 7<<20), bearer(admin)).want(t, 422, "invalid_request")
	}
}

// TestUploadsOfOneCaller checks that a caller with two large bodies in flight sends small ones, and
// that another caller sends large ones.
func TestUploadsOfOneCaller(t *testing.T) {
	metrics := service.Address()
	n := listen(t, func(c *server.Config) { c.MetricsAddr = metrics })
	n.addDeveloper(n.email, n.password)
	rest := restDriver{n}
	admin, _ := n.login(t, rest)
	user := n.newUser(t, rest, admin)
	token := rest.call(t, "CreateUserToken", args{"user_id": user}, bearer(admin)).want(t, 200, "").str("access_token")
	for range 2 {
		defer n.holdUpload(t, user, token)()
	}
	waitForUploads(t, metrics, 64<<20, func(bytes int64) bool { return bytes >= 2<<20 })
	for _, d := range n.drivers() {
		a := d.call(t, "UpsertWorkouts", longUpload(user, 128<<10), bearer(token)).want(t, 503, "too_many_uploads")
		if a.Detail != "Too many large bodies of this caller are in flight" {
			t.Errorf("%s: refused with %q", d.name(), a.Detail)
		}
		d.call(t, "UpsertWorkouts", longUpload(user, 128<<10), bearer(admin)).want(t, 422, "invalid_request")
		d.call(t, "VerifyCredentials", longBatch, bearer(token)).want(t, 503, "too_many_uploads")
		d.call(t, "VerifyCredentials", longBatch, bearer(admin)).want(t, 200, "")
		d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": []args{someWorkout()}}, bearer(token)).want(t, 200, "")
	}
}

// longBatch is a call of VerifyCredentials whose body is longer than 64 KiB.
var longBatch = args{"checks": slices.Repeat([]args{{"credential": strings.Repeat("x", 8192)}}, 12)}

// longUpload returns a call whose body has about so many bytes and whose one fault is a long name.
func longUpload(user string, bytes int) args {
	return args{"user_id": user, "workouts": []args{withMembers(someWorkout(), args{"name": strings.Repeat("x", bytes)})}}
}

// blanks is what uploads that are held send: shared, so that the clients hold no memory.
var blanks = bytes.Repeat([]byte{' '}, 1<<20)

// holdUpload sends a large body, one half at once and the rest slowly, until stop.
func (n *node) holdUpload(t *testing.T, user, token string) (stop func()) {
	t.Helper()
	conn := n.dial(t)
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		header := "POST /api/v1/users/" + user + "/events/workouts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
			"Authorization: Bearer " + token + "\r\nContent-Length: 2097152\r\n\r\n"
		_, err := io.WriteString(conn, header)
		if err == nil {
			_, err = conn.Write(blanks)
		}
		for err == nil { // until the server refuses it
			select {
			case <-ended:
				return
			case <-time.After(time.Second):
				_, err = conn.Write(blanks[:32<<10])
			}
		}
	}()
	return func() {
		close(ended)
		conn.Close()
		<-stopped
	}
}

var uploadBytes = regexp.MustCompile(`(?m)^openwearables_upload_bytes (\S+)$`)

// waitForUploads waits until the bytes of uploads are as they should be, and fails the test if they
// exceed the memory.
func waitForUploads(t *testing.T, metrics string, memory int64, done func(bytes int64) bool) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		res, err := client.Get("http://" + metrics + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		found := uploadBytes.FindSubmatch(text)
		if err != nil || found == nil {
			t.Fatalf("no openwearables_upload_bytes: %v", err)
		}
		bytes, err := strconv.ParseFloat(string(found[1]), 64)
		switch {
		case err != nil || int64(bytes) > memory:
			t.Fatalf("uploads hold %s bytes of %d: %v", found[1], memory, err)
		case done(int64(bytes)):
			return
		case time.Now().After(limit):
			t.Fatalf("uploads hold %s bytes", found[1])
		}
	}
}

// BenchmarkUpload measures an upload of as many workouts as a call may hold, in each form, through
// the handler and into SQLite.
func BenchmarkUpload(b *testing.B) {
	n := newBenchNode(b)
	const one = `{"external_id":"w-%d","type":"running","start_time":"2026-03-02T07:00:00Z","end_time":"2026-03-02T07:30:00Z",` +
		`"distance_meters":5000,"source":{"provider":"apple","device":"watch"}}`
	items := make([]string, 1000)
	for i := range items {
		items[i] = fmt.Sprintf(one, i)
	}
	body := `{"user_id":"` + n.user + `","workouts":[` + strings.Join(items, ",") + `]}`
	for name, path := range map[string]string{
		"REST": "/api/v1/users/" + n.user + "/events/workouts", "Connect JSON": procedure(method("UpsertWorkouts")),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", path, strings.NewReader(body))
				r.Header.Set("Content-Type", jsonType)
				r.Header.Set("Authorization", "Bearer "+n.admin)
				w := httptest.NewRecorder()
				n.server.Handler().ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}
