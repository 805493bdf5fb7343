package scenario_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// appleUpload is an upload of an iPhone as its SDK writes it, with a workout that cannot be read and
// one without an id.
const appleUpload = `{"data":{
	"workouts":[
		{"id":"A1B2C3D4-E5F6-7890-ABCD-EF1234567890","parentId":null,"type":"HKWorkoutActivityTypeCrossTraining",
		 "startDate":"2026-02-18T07:00:00Z","endDate":"2026-02-18T07:42:00Z","zoneOffset":null,"title":"Morning",
		 "source":{"appId":"com.apple.health.81A3FE2B","deviceName":"Apple Watch","deviceModel":"Watch7,3","deviceType":"watch","operatingSystemVersion":{"majorVersion":11}},
		 "values":[{"type":"duration","value":2520.0,"unit":"s"},{"type":"activeEnergyBurned","value":385.5,"unit":"kcal"},{"type":"basalEnergyBurned","value":62.5,"unit":"kcal"},
			{"type":"distance","value":5.84,"unit":"km"},{"type":"averageHeartRate","value":158.0,"unit":"bpm"},{"type":"maxHeartRate","value":182,"unit":"bpm"},
			{"type":"elevationAscended","value":45.0,"unit":"m"},{"type":"stepCount","value":5120,"unit":"count"},{"type":"minHeartRate","value":null,"unit":null}],
		 "segments":null,"route":[{"lat":1,"lon":[2,3]}],"metadata":[{"k":"v"}]},
		{"id":"ends before it starts","type":"running","startDate":"2026-02-18T07:00:00Z","endDate":"2026-02-18T06:00:00Z"},
		{"id":17,"type":"running","startDate":"2026-02-18T07:00:00Z","endDate":"2026-02-18T08:00:00Z"},
		"no object",
		{"id":null,"type":null,"startDate":"2026-02-19T07:00:00Z","endDate":"2026-02-19T08:00:00Z","values":null,"source":null}],
	"records":[{"id":"r","type":"HKQuantityTypeIdentifierStepCount","value":12,"unit":"count","source":{"name":"Phone"}},{"value":null,"unit":null},17],
	"sleep":[{"id":"s","stage":"rem","startDate":"2026-02-17T23:12:00Z","endDate":"2026-02-18T00:45:00Z"}]},
	"provider":"apple","sdkVersion":"0.6.0","syncTimestamp":"2026-02-18T12:00:00Z","syncSessionId":"x"}`

// phone sends a request of a mobile SDK. token stands in Authorization as it is.
func (n *node) phone(t *testing.T, path, token string, body io.Reader, o ...option) answer {
	t.Helper()
	r := newRequest(t, http.MethodPost, n.url+"/api/v1/sdk/"+path, body)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	res, raw := n.send(t, r, o...)
	return restAnswer(t, res, raw)
}

// newPhone returns a user and an access token of it.
func (n *node) newPhone(t *testing.T, access string) (user, token string) {
	t.Helper()
	d := n.drivers()[0]
	user = n.newUser(t, d, access)
	return user, d.call(t, "CreateUserToken", args{"user_id": user}, bearer(access)).want(t, 200, "").str("access_token")
}

// stored returns the workouts of the user by their external ids.
func (n *node) stored(t *testing.T, access, user string) map[string]map[string]any {
	t.Helper()
	a := n.drivers()[0].call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-02-01", "end_date": "2026-03-01", "limit": 100}, bearer(access)).want(t, 200, "")
	all := map[string]map[string]any{}
	for _, item := range a.list("data") {
		w := item.(map[string]any)
		all[w["external_id"].(string)] = w
	}
	return all
}

// TestPhoneUploads stores the workouts of uploads, once, and says what it does not store.
func TestPhoneUploads(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	access, _ := n.login(t, n.drivers()[0])
	user, token := n.newPhone(t, access)
	for range 2 { // the second repeats the first
		a := n.phone(t, "users/"+user+"/sync", "Bearer "+token, strings.NewReader(appleUpload)).want(t, 202, "")
		got := fmt.Sprint(a.Body)
		for _, want := range []string{
			"workouts_saved:2", "records_saved:0", "sleep_saved:0", "dropped_count:7", "status_code:202", "user_id:" + user,
			"Saved 2 workouts. This server keeps no other records: 3 records and 1 of sleep were not saved, nor were 3 workouts",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in %s", want, got)
			}
		}
	}
	all := n.stored(t, access, user)
	if len(all) != 2 {
		t.Fatalf("stored are %v", all)
	}
	w := all["A1B2C3D4-E5F6-7890-ABCD-EF1234567890"]
	for member, want := range map[string]any{
		"type": "cross_training", "name": "Morning", "duration_seconds": 2520.0, "calories_kcal": 448.0, "distance_meters": 5840.0,
		"avg_heart_rate_bpm": 158.0, "max_heart_rate_bpm": 182.0, "elevation_gain_meters": 45.0,
		"source": map[string]any{"provider": "apple", "source": "com.apple.health.81A3FE2B", "device": "Watch7,3", "device_type": "watch", "device_name": "Apple Watch"},
	} {
		if fmt.Sprint(w[member]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", member, w[member], want)
		}
	}
}

// TestPhonePaths checks the paths, the tokens and the ids that apps in the stores send.
func TestPhonePaths(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	access, _ := n.login(t, n.drivers()[0])
	_, key := n.newKey(t, n.drivers()[0], access, nil)
	workout := `"data":{"workouts":[{"id":"w","type":"RUNNING","startDate":"2026-02-18T07:00:00Z","endDate":"2026-02-18T08:00:00Z"}]}}`
	for path, provider := range map[string]string{
		"sync": "", "sync/": "", "sync/apple": "apple", "sync/apple/healthion": "apple", "sync/samsung": "samsung",
	} {
		user, token := n.newPhone(t, access)
		for _, as := range []string{token, "Bearer " + token, "Bearer " + key, key} {
			for _, id := range []string{user, strings.ToUpper(user)} {
				n.phone(t, "users/"+id+"/"+path, as, strings.NewReader(`{"provider":"google",`+workout)).want(t, 202, "")
			}
		}
		a := n.phone(t, "users/"+user+"/"+path, token, strings.NewReader("{"+workout))
		if provider == "" {
			a.want(t, 400, "invalid_request")
			continue
		}
		a.want(t, 202, "")
		if got := fmt.Sprint(n.stored(t, access, user)["w"]["source"]); !strings.Contains(got, "provider:"+provider) && !strings.Contains(got, "provider:google") {
			t.Errorf("%s stores %s", path, got)
		}
	}
	user, token := n.newPhone(t, access)
	if a := n.phone(t, "users/"+user+"/logs", token, strings.NewReader(`{"events":[]}`)).want(t, 202, ""); a.str("user_id") != user {
		t.Errorf("logs are answered %v", a.Body)
	}
}

// TestPhoneRefusals checks that what passes is a 503, after which an app sends the same again, and that
// a token that is over is a 401 before all else, also where nothing is served.
func TestPhoneRefusals(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	access, _ := n.login(t, n.drivers()[0])
	user, token := n.newPhone(t, access)
	other, _ := n.newPhone(t, access)
	_, less := n.newKey(t, n.drivers()[0], access, args{"scopes": []string{"workouts:write"}})
	sync := "users/" + user + "/sync"
	for _, path := range []string{sync, "users/" + user + "/sync/apple", "users/" + user + "/logs", "users/" + user + "/steps", "anything"} {
		n.phone(t, path, "", strings.NewReader("{}")).want(t, 401, "missing_credential")
		n.phone(t, path, "Bearer garbage", strings.NewReader("{}")).want(t, 401, "invalid_token")
	}
	for _, path := range []string{"users/" + user + "/steps", "anything", "users/" + user + "/sync/garmin"} {
		a := n.phone(t, path, token, strings.NewReader("{}")).want(t, 503, "unavailable")
		if a.Header.Get("Retry-After") == "" || !strings.Contains(a.Detail, "/sync") {
			t.Errorf("%s is answered %q, %v", path, a.Detail, a.Header)
		}
	}
	upload := func() io.Reader { return strings.NewReader(appleUpload) }
	n.phone(t, "users/"+other+"/sync", token, upload()).want(t, 403, "other_user")
	n.phone(t, "users/no-uuid/sync", token, upload()).want(t, 422, "invalid_request")
	if a := n.phone(t, sync, "Bearer "+less, upload()).want(t, 403, "insufficient_scope"); a.Scope != "data:write" {
		t.Errorf("the scope is %q", a.Scope)
	}
	n.phone(t, "users/00000000-0000-4000-8000-000000000000/sync", "Bearer "+access, upload()).want(t, 404, "not_found")
	n.phone(t, sync, token, upload(), header("Content-Encoding", "gzip")).want(t, 415, "unsupported_media_type")
	for _, bad := range []string{"", "[]", "17", "{", `{"provider":"apple","data":{"workouts":[{"id":"w"`} {
		if a := n.phone(t, sync, token, strings.NewReader(bad)); a.Status != 400 && a.Status != 503 || a.Status == 503 && a.Reason != "request_timeout" {
			t.Errorf("%q is answered %d %s", bad, a.Status, a.Reason)
		}
	}
	n.phone(t, sync, token, strings.NewReader(`{"provider":"garmin","data":{}}`)).want(t, 400, "invalid_request")
	n.phone(t, sync, token, strings.NewReader(`{"provider":"apple" "data":{}}`)).want(t, 400, "invalid_request")
	n.phone(t, sync, token, strings.NewReader(`{"provider":"apple","junk":"`+strings.Repeat("x", 2<<20)+`"}`)).want(t, 400, "invalid_request")
	if len(n.stored(t, access, user)) != 0 {
		t.Error("a refused upload stored something")
	}
	n.clock.advance(2 * 3600e9)
	n.phone(t, sync, token, upload()).want(t, 401, "token_expired")
	n.phone(t, "anything", token, upload()).want(t, 401, "token_expired")
}

// TestPhoneLimits checks that a first export passes with the documented limits, and that more than
// uploads may be is a 503.
func TestPhoneLimits(t *testing.T) {
	t.Parallel()
	n := start(t)
	access, _ := n.login(t, n.drivers()[0])
	user, token := n.newPhone(t, access)
	for range 130 {
		n.phone(t, "users/"+user+"/sync", token, strings.NewReader(`{"provider":"apple","data":{"records":[{}]}}`)).want(t, 202, "")
	}
	n.drivers()[0].call(t, "GetUser", args{"id": user}, bearer(token)).want(t, 200, "")

	few := start(t, unlimited, func(c *server.Config) { c.Auth.Limits.Ingest.Limit, c.Auth.Limits.Address.Limit = 2, 2 })
	access, _ = few.login(t, few.drivers()[0])
	user, token = few.newPhone(t, access)
	for range 2 {
		few.phone(t, "users/"+user+"/sync", token, strings.NewReader(appleUpload)).want(t, 202, "")
		few.phone(t, "users/"+user+"/sync", credential.Mint(credential.LiveKey), strings.NewReader(appleUpload)).want(t, 401, "invalid_api_key")
	}
	for _, as := range []string{token, "garbage"} {
		if a := few.phone(t, "users/"+user+"/sync", as, strings.NewReader(appleUpload)).want(t, 503, "rate_limited"); a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

// TestPhoneUploadIsStreamed uploads bodies that are larger than what may be held of one, whole and in
// chunks, with many workouts.
func TestPhoneUploadIsStreamed(t *testing.T) {
	n := start(t, unlimited, func(c *server.Config) { c.UploadMemory = 8 })
	access, _ := n.login(t, n.drivers()[0])
	user, token := n.newPhone(t, access)
	var body bytes.Buffer
	body.WriteString(`{"provider":"samsung","data":{"workouts":[`)
	const workouts = 2300
	for i := range workouts {
		fmt.Fprintf(&body, `{"id":"w%d","type":"RUNNING","startDate":"2026-02-18T07:00:00Z","endDate":"2026-02-18T07:42:00Z"},`, i)
	}
	body.Truncate(body.Len() - 1)
	body.WriteString(`],"records":[{"metadata":"` + strings.Repeat("x", 1<<19) + `"}`)
	records := 1
	for ; body.Len() < 32<<20; records++ {
		body.WriteString(`,{"id":"11111111-2222-3333-4444-555555555555","type":"HKQuantityTypeIdentifierHeartRate","value":72.0,"unit":"count/min","metadata":{"a":[1,2]}}`)
	}
	body.WriteString(`]}}`)
	stop := n.watchHeap(t)
	for _, chunked := range []bool{false, true} {
		var from io.Reader = bytes.NewReader(body.Bytes())
		if chunked {
			from = struct{ io.Reader }{from}
		}
		a := n.phone(t, "users/"+user+"/sync", token, from).want(t, 202, "")
		want := fmt.Sprintf("dropped_count:%d ", records)
		if got := fmt.Sprint(a.Body); !strings.Contains(got, want) || !strings.Contains(got, fmt.Sprintf("workouts_saved:%d", workouts)) {
			t.Errorf("answered %s, want %s", got, want)
		}
	}
	grown, slowest := stop()
	t.Logf("two uploads of %d MiB each: the heap grew by %d KiB at most; /livez took %v at most", body.Len()>>20, grown>>10, slowest)
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

// TestPhoneUploadHoldsLittle uploads workouts that are long, or are short and become long once they are
// read, with the provider before and after them.
func TestPhoneUploadHoldsLittle(t *testing.T) {
	n := start(t, unlimited, func(c *server.Config) { c.UploadMemory = 8 })
	access, _ := n.login(t, n.drivers()[0])
	user, token := n.newPhone(t, access)
	values, title := `"values":[{}`+strings.Repeat(",{}", 300_000)+`]`, `"title":"`+strings.Repeat("x", 1_000_000)+`"`
	for _, upload := range []struct {
		name, long, before, after string
		workouts, status          int
	}{
		{"values", values, `{"provider":"apple","data":{"workouts":[`, `]}}`, 15, 202},
		{"titles", title, `{"provider":"apple","data":{"workouts":[`, `]}}`, 60, 202},
		{"titles before the provider", title, `{"data":{"workouts":[`, `]},"provider":"apple"}`, 60, 400},
	} {
		var a answer
		least := int64(math.MaxInt64)
		for try := 0; try < 3 && least > 60<<20; try++ { // the collector may be late
			parts := []io.Reader{strings.NewReader(upload.before)}
			for i := range upload.workouts {
				parts = append(parts, strings.NewReader(strings.Repeat(",", min(i, 1))+`{"startDate":"2026-02-18T07:00:00Z","endDate":"2026-02-18T07:42:00Z",`),
					strings.NewReader(upload.long), strings.NewReader("}"))
			}
			stop := n.watchHeap(t)
			a = n.phone(t, "users/"+user+"/sync", token, io.MultiReader(append(parts, strings.NewReader(upload.after))...))
			grown, _ := stop()
			least = min(least, grown)
		}
		t.Logf("%s: %d %s; the heap grew by %d KiB at least", upload.name, a.Status, a.Detail, least>>10)
		if a.Status != upload.status || least > 60<<20 {
			t.Errorf("%s: %d %s; the heap grew by %d MiB", upload.name, a.Status, a.Detail, least>>20)
		}
	}
}

// TestExistingClients checks the small calls that clients of the existing product make.
func TestExistingClients(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	access, _ := n.login(t, n.drivers()[0])
	_, key := n.newKey(t, n.drivers()[0], access, nil)
	user, token := n.newPhone(t, access)
	other, _ := n.newPhone(t, access)
	send := func(method, path, token string) answer {
		t.Helper()
		res, raw := n.send(t, newRequest(t, method, n.url+"/api/v1/"+path, nil), bearer(token))
		return restAnswer(t, res, raw)
	}
	if a := send("GET", "config", access).want(t, 200, ""); fmt.Sprint(a.Body) != "map[outgoing_webhooks_enabled:false]" {
		t.Errorf("the configuration is %v", a.Body)
	}
	send("GET", "config", key).want(t, 403, "credential_not_allowed")
	send("POST", "mcp-clients/touch", key).want(t, 204, "")
	send("POST", "mcp-clients/touch", access).want(t, 403, "credential_not_allowed")
	send("POST", "mcp-clients/touch", "garbage").want(t, 401, "invalid_token")
	for _, provider := range []string{"apple", "samsung", "google"} {
		for _, as := range []string{access, key, token, token} {
			send("DELETE", "users/"+strings.ToUpper(user)+"/connections/"+provider, as).want(t, 204, "")
		}
		send("DELETE", "users/"+other+"/connections/"+provider, token).want(t, 403, "other_user")
	}
	send("DELETE", "users/"+user+"/connections/garmin", access).want(t, 404, "not_found")
	send("DELETE", "users/"+user+"/connections/garmin", token).want(t, 403, "credential_not_allowed")
	send("DELETE", "users/"+user+"/connections/nobody", access).want(t, 400, "invalid_request")
	send("DELETE", "users/00000000-0000-4000-8000-000000000000/connections/apple", access).want(t, 404, "not_found")
	_, less := n.newKey(t, n.drivers()[0], access, args{"scopes": []string{"users:read"}})
	send("DELETE", "users/"+user+"/connections/apple", less).want(t, 403, "insufficient_scope")
}
