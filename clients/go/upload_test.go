package openwearables_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// manyWorkouts yields n workouts that the server stores.
func manyWorkouts(n int) iter.Seq[*owv1.WorkoutInput] {
	return func(yield func(*owv1.WorkoutInput) bool) {
		for i := range n {
			if !yield(someWorkout("w" + strconv.Itoa(i))) {
				return
			}
		}
	}
}

func storedWorkouts(t *testing.T, user string) (n int) {
	t.Helper()
	limit := int32(100)
	all := &owv1.ListWorkoutsRequest{UserId: user, StartDate: "2026-03-01", EndDate: "2026-03-31", Limit: &limit}
	for _, err := range world.dev.Workouts.List(t.Context(), all) {
		check(t, err)
		n++
	}
	return n
}

// refuse answers uploads with a status, so often; 0 is always.
func refuse(status int, retryAfter string, times int) faultproxy.Rule {
	return faultproxy.Rule{
		Method: "UpsertWorkouts", Fault: faultproxy.Answer, Status: status, Times: times,
		Headers: map[string]string{"Retry-After": retryAfter}, Reason: "unavailable", Code: "unavailable",
	}
}

// uploader returns a client behind a proxy with faults, and a user.
func uploader(t *testing.T, rules ...faultproxy.Rule) (c *openwearables.Client, user string) {
	t.Helper()
	proxy, base := newProxy(t)
	proxy.Rules(rules...)
	_, key := newKey(t)
	return newClient(t, base, openwearables.WithAPIKey(key), openwearables.WithRetries(0)), newPerson(t).id
}

func TestUpsertAllStoresInBatches(t *testing.T) {
	t.Parallel()
	c, user := uploader(t)
	var done []int
	taken := 0
	counted := func(yield func(*owv1.WorkoutInput) bool) {
		manyWorkouts(2345)(func(w *owv1.WorkoutInput) bool {
			taken++
			return yield(w)
		})
	}
	report, err := c.Workouts.UpsertAll(t.Context(), user, counted, openwearables.OnProgress(func(r openwearables.UploadReport) {
		if done = append(done, r.Done); taken > r.Done+1 {
			t.Errorf("%d are done, and %d were taken: more than one batch is held", r.Done, taken)
		}
	}))
	check(t, err)
	if report.Done != 2345 || report.Created != 2345 || report.Updated != 0 || report.Rejections != 0 || !slices.Equal(done, []int{1000, 2000, 2345}) {
		t.Errorf("report %+v, after each batch %v", report, done)
	}
	if n := storedWorkouts(t, user); n != 2345 {
		t.Errorf("%d are stored", n)
	}
	empty, err := c.Workouts.UpsertAll(t.Context(), user, manyWorkouts(0))
	if err != nil || empty.Done != 0 {
		t.Errorf("nothing: %+v, %v", empty, err)
	}
}

// A batch whose answer is lost or refused for a while is sent again, and its workouts are
// stored once.
func TestUpsertAllRepeatsABatch(t *testing.T) {
	t.Parallel()
	c, user := uploader(t,
		faultproxy.Rule{Method: "UpsertWorkouts", Fault: faultproxy.Drop, Times: 1},
		refuse(503, "1", 1),
		refuse(429, "1", 1),
	)
	report, err := c.Workouts.UpsertAll(t.Context(), user, manyWorkouts(25), openwearables.BatchSize(10))
	check(t, err)
	if report.Done != 25 || report.Created+report.Updated != 25 || report.Updated != 10 {
		t.Errorf("report %+v", report)
	}
	if n := storedWorkouts(t, user); n != 25 {
		t.Errorf("%d are stored", n)
	}
}

// After a failure that does not pass, the report says where to go on.
func TestUpsertAllResumes(t *testing.T) {
	t.Parallel()
	proxy, base := newProxy(t)
	_, key := newKey(t)
	c, user := newClient(t, base, openwearables.WithAPIKey(key), openwearables.WithRetries(0)), newPerson(t).id
	report, err := c.Workouts.UpsertAll(t.Context(), user, manyWorkouts(25), openwearables.BatchSize(10),
		openwearables.OnProgress(func(openwearables.UploadReport) {
			proxy.Rules(refuse(503, "100", 0))
		}))
	if !openwearables.IsUnavailable(err) || report.Done != 10 || report.Created != 10 {
		t.Fatalf("report %+v, %v", report, err)
	}
	proxy.Reset()
	rest, err := c.Workouts.UpsertAll(t.Context(), user, manyWorkouts(25), openwearables.ResumeAt(report.Done), openwearables.BatchSize(10))
	if err != nil || rest.Done != 25 || rest.Created != 15 || rest.Updated != 0 {
		t.Errorf("the rest: %+v, %v", rest, err)
	}
	if _, err := c.Workouts.UpsertAll(t.Context(), user, manyWorkouts(3), openwearables.ResumeAt(4)); !openwearables.IsInvalid(err) {
		t.Errorf("a sequence that is too short: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped, err := c.Workouts.UpsertAll(ctx, user, manyWorkouts(25), openwearables.BatchSize(10),
		openwearables.OnProgress(func(openwearables.UploadReport) { cancel() }))
	if !openwearables.IsCanceled(err) || stopped.Done != 10 {
		t.Errorf("canceled: %+v, %v", stopped, err)
	}
}

// Each workout that is wrong is reported with its place, whether it is found here or there,
// alone or in a batch of nothing else.
func TestUpsertAllReportsWhatIsWrong(t *testing.T) {
	t.Parallel()
	c, user := uploader(t)
	wrong := func(id string) *owv1.WorkoutInput {
		w := someWorkout(id)
		w.EndTime, w.Type = nil, ""
		return w
	}
	list := slices.Collect(manyWorkouts(6))
	list[1], list[2] = wrong("there"), nil
	list[4].ExternalId = "\xff"
	list[5].Name = new(strings.Repeat("n", 65<<10))
	report, err := c.Workouts.UpsertAll(t.Context(), user, slices.Values(list))
	check(t, err)
	var got []string
	for _, r := range report.Rejected {
		got = append(got, strconv.Itoa(r.Index)+" "+r.Field)
	}
	if want := []string{"1 type", "2 ", "4 external_id", "5 "}; !slices.Equal(got, want) || report.Created != 2 || report.Rejections != 4 || report.Done != 6 {
		t.Errorf("rejected %q, want %q: %+v", got, want, report)
	}
	only := make([]*owv1.WorkoutInput, 1200)
	for i := range only {
		only[i] = wrong(strconv.Itoa(i))
	}
	var seen []openwearables.RejectedWorkout
	report, err = c.Workouts.UpsertAll(t.Context(), user, slices.Values(only),
		openwearables.OnProgress(func(r openwearables.UploadReport) { seen = append(seen, r.Rejected...) }))
	check(t, err)
	if report.Done != 1200 || report.Rejections != 1200 || len(report.Rejected) != 1000 || len(seen) != 1200 {
		t.Errorf("all wrong: %d done, %d rejected, %d named, %d in progress", report.Done, report.Rejections, len(report.Rejected), len(seen))
	}
	for i, r := range seen {
		if r.Index != i || r.ExternalID != strconv.Itoa(i) || r.Field != "type" || r.Message == "" {
			t.Fatalf("the %d-th is %+v", i, r)
		}
	}
	var e *openwearables.Error
	if _, err := c.Workouts.UpsertAll(t.Context(), "nobody", manyWorkouts(1)); !errors.As(err, &e) || e.Fields[0].Field != "user_id" {
		t.Errorf("a wrong user: %v", err)
	}
	for _, opt := range []openwearables.UploadOption{nil, openwearables.BatchSize(1001), openwearables.BatchSize(0), openwearables.ResumeAt(-1)} {
		if _, err := c.Workouts.UpsertAll(t.Context(), user, manyWorkouts(1), opt); !openwearables.IsInvalid(err) {
			t.Errorf("a wrong option: %v", err)
		}
	}
}

// With AllOrNone the first workout that is wrong ends the upload, whether it is found here
// or there, and nothing of its batch is stored.
func TestUpsertAllOrNone(t *testing.T) {
	t.Parallel()
	c, _ := uploader(t)
	for name, field := range map[string]string{"there": "workouts[14].type", "here": "workouts[14].external_id", "nil": "workouts[14]"} {
		user := newPerson(t).id
		list := slices.Collect(manyWorkouts(25))
		switch name {
		case "there":
			list[14].Type = ""
		case "here":
			list[14].ExternalId = "\xff"
		default:
			list[14] = nil
		}
		options := []openwearables.UploadOption{openwearables.BatchSize(10), openwearables.AllOrNone()}
		report, err := c.Workouts.UpsertAll(t.Context(), user, slices.Values(list), options...)
		var e *openwearables.Error
		if !openwearables.IsInvalid(err) || !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Field != field ||
			e.Message != field+": "+e.Fields[0].Message {
			t.Errorf("%s: %v, want it about %s", name, err, field)
		}
		if n := storedWorkouts(t, user); n != 10 || report.Done != 10 || report.Created != 10 || report.Rejections != 0 {
			t.Errorf("%s: %d are stored: %+v", name, n, report)
		}
		list[14] = someWorkout("w14")
		report, err = c.Workouts.UpsertAll(t.Context(), user, slices.Values(list), append(options, openwearables.ResumeAt(report.Done))...)
		if err != nil || report.Done != 25 || report.Created != 15 {
			t.Errorf("%s, mended: %+v, %v", name, report, err)
		}
	}
}

// The deadline of the context bounds an upload, and not the time limit of a call.
func TestUpsertAllKeepsTheDeadline(t *testing.T) {
	t.Parallel()
	c, user := uploader(t, refuse(503, "2", 0))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	begin := time.Now()
	report, err := c.Workouts.UpsertAll(ctx, user, manyWorkouts(1))
	if took := time.Since(begin); !openwearables.IsUnavailable(err) || report.Done != 0 || took < time.Second || took > 3*time.Second {
		t.Errorf("%+v, %v after %v", report, err, took)
	}
}
