package openwearables

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// The bounds of UpsertAll. A batch stays well below the 8 MiB of the server.
const (
	maxBatch        = 1000 // workouts
	maxBatchBytes   = 4 << 20
	maxWorkoutBytes = 64 << 10 // the texts of one have at most 255 characters each
	maxBatchTries   = 8
	maxRejected     = 1000 // that a report names
)

// UploadReport is what UpsertAll did.
type UploadReport struct {
	// Done is how many workouts of the sequence are stored or rejected. After an error,
	// ResumeAt(Done) goes on from there.
	Done int
	// Created and Updated are how many were stored. A batch that was stored, and sent again
	// because its response was lost, counts as updated.
	Created, Updated int
	// Rejections is how many are wrong, and Rejected the first 1000 of them.
	Rejections int
	Rejected   []RejectedWorkout
}

// RejectedWorkout is a workout that was not stored and the first thing that is wrong with
// it. To send it again without a change is of no use.
type RejectedWorkout struct {
	Index      int // in the sequence, from 0
	ExternalID string
	Field      string // such as end_time
	Message    string
}

// UploadOption configures UpsertAll.
type UploadOption func(*upload) error

// BatchSize sets how many workouts UpsertAll sends at once: 1 to 1000, by default 1000. The
// rate limit counts every hundred that a batch begins.
func BatchSize(n int) UploadOption {
	return func(u *upload) error {
		if n < 1 || n > maxBatch {
			return invalid("a batch must be 1 to 1000 workouts").in("BatchSize")
		}
		u.most = n
		return nil
	}
}

// ResumeAt makes UpsertAll skip the first n workouts of the sequence, which an earlier call
// has dealt with. They count in Done and in no other field.
func ResumeAt(n int) UploadOption {
	return func(u *upload) error {
		if n < 0 {
			return invalid("the number of workouts to skip is negative").in("ResumeAt")
		}
		u.skip = n
		return nil
	}
}

// AllOrNone makes UpsertAll store a batch only if all of its workouts are right: the first
// that is wrong ends the upload with an error of KindInvalid, whose Fields name it by its
// place in the sequence. The batches before stay stored, as Done says.
func AllOrNone() UploadOption {
	return func(u *upload) error {
		u.whole = true
		return nil
	}
}

// OnProgress makes UpsertAll call f after every batch, with the report so far. Its Rejected
// holds those of the batch alone, without a bound, so that f sees all of them.
func OnProgress(f func(UploadReport)) UploadOption {
	return func(u *upload) error {
		u.progress = f
		return nil
	}
}

// upload is one call of UpsertAll. It holds one batch.
type upload struct {
	workouts *Workouts
	userID   string
	most     int
	skip     int
	whole    bool // store a batch as a whole or not at all
	progress func(UploadReport)

	batch    []*owv1.WorkoutInput
	places   []int // of the workouts of the batch, in the sequence
	bytes    int
	next     int // place of the next workout of the sequence
	rejected []RejectedWorkout
	report   UploadReport
}

// UpsertAll stores any number of workouts, such as slices.Values of a list, in batches of
// which it holds one: each must be a message of its own, that the sequence does not change
// after it has yielded it. A workout that is wrong is left out and reported, and the others
// are stored.
//
// A batch that fails for a passing reason is sent again, up to 7 times, after as long as
// the server asks: also beyond the time limit of one call, but never beyond the deadline of
// ctx. That is safe, since a workout with the same provider and external id is replaced.
// Any other failure ends the upload. The report says in every case how far it came.
func (s *Workouts) UpsertAll(ctx context.Context, userID string, workouts iter.Seq[*owv1.WorkoutInput], opts ...UploadOption) (UploadReport, error) {
	u := &upload{workouts: s, userID: userID, most: maxBatch}
	for _, opt := range opts {
		if opt == nil {
			return UploadReport{}, invalid("an option is nil")
		}
		if err := opt(u); err != nil {
			return UploadReport{}, err
		}
	}
	u.report.Done = u.skip
	for w := range workouts {
		if ctx.Err() != nil { // also while nothing is sent
			return u.report, contextError(ctx)
		}
		if u.next++; u.next <= u.skip {
			continue
		}
		if err := u.add(ctx, w); err != nil {
			return u.report, err
		}
	}
	if u.next < u.skip {
		u.report.Done = u.next
		return u.report, invalid("the sequence has " + strconv.Itoa(u.next) + " workouts, fewer than to skip").in("ResumeAt")
	}
	return u.report, u.flush(ctx, u.next)
}

// add puts a workout into the batch, and sends that first if it is full.
func (u *upload) add(ctx context.Context, w *owv1.WorkoutInput) error {
	place, size := u.next-1, proto.Size(w)
	if len(u.batch) == u.most || len(u.rejected) == maxBatch || u.bytes+size > maxBatchBytes {
		if err := u.flush(ctx, place); err != nil {
			return err
		}
	}
	if fault := faultOf(w, size); fault != nil {
		if u.whole {
			return invalidField(inPlace(fault.Field, place), fault.Message)
		}
		u.reject(place, w, *fault)
		return nil
	}
	u.batch, u.places, u.bytes = append(u.batch, w), append(u.places, place), u.bytes+size
	return nil
}

// faultOf returns why a workout cannot be sent, nil if it can.
func faultOf(w *owv1.WorkoutInput, size int) *FieldViolation {
	switch {
	case w == nil:
		return &FieldViolation{"", "is nil"}
	case size > maxWorkoutBytes:
		return &FieldViolation{"", "is larger than 64 KiB"}
	}
	if e := (*Error)(nil); errors.As(checkRequest(w), &e) && len(e.Fields) > 0 {
		return &FieldViolation{e.Fields[0].Field, e.Fields[0].Message}
	}
	return nil
}

func (u *upload) reject(place int, w *owv1.WorkoutInput, fault FieldViolation) {
	u.rejected = append(u.rejected, RejectedWorkout{place, clean(w.GetExternalId(), maxText), fault.Field, fault.Message})
}

// flush sends the batch and reports what came of it: all before the place done is dealt with.
func (u *upload) flush(ctx context.Context, done int) error {
	if err := u.send(ctx, u.batch, u.places); err != nil {
		return err
	}
	slices.SortFunc(u.rejected, func(a, b RejectedWorkout) int { return cmp.Compare(a.Index, b.Index) })
	r := &u.report
	if done <= r.Done {
		return nil
	}
	r.Done = done
	r.Rejections += len(u.rejected)
	if free := maxRejected - len(r.Rejected); free > 0 {
		r.Rejected = append(r.Rejected, u.rejected[:min(free, len(u.rejected))]...)
	}
	if u.progress != nil {
		soFar := *r
		soFar.Rejected = u.rejected
		u.progress(soFar)
	}
	clear(u.batch)
	u.batch, u.places, u.bytes, u.rejected = u.batch[:0], u.places[:0], 0, nil
	return nil
}

// send stores a batch. If all of it is wrong, the server refuses it with an error that
// names the faults; if that has no room for all of them, send asks for one half after the other.
func (u *upload) send(ctx context.Context, batch []*owv1.WorkoutInput, places []int) error {
	if len(batch) == 0 {
		return nil
	}
	res, err := u.persist(ctx, batch)
	e := (*Error)(nil)
	switch {
	case err == nil:
		u.report.Created += int(res.GetCreated())
		u.report.Updated += int(res.GetUpdated())
		for _, r := range res.GetRejected() {
			i := int(r.GetIndex())
			if i < 0 || i >= len(batch) {
				return invalidResponse("the response rejects a workout that was not sent")
			}
			u.reject(places[i], batch[i], FieldViolation{within(r.GetField(), i), clean(r.GetMessage(), maxText)})
		}
		return nil
	case !errors.As(err, &e) || !e.isAboutWorkouts() && !e.isInvalidResponse():
		return err
	case u.whole:
		return placed(e, places)
	case e.isInvalidResponse() || len(e.Fields) == maxFields:
		if len(batch) == 1 && e.isInvalidResponse() {
			return err
		}
		if half := len(batch) / 2; half > 0 {
			if err := u.send(ctx, batch[:half], places[:half]); err != nil {
				return err
			}
			return u.send(ctx, batch[half:], places[half:])
		}
	}
	for i, w := range batch {
		fault := FieldViolation{"", e.Message}
		if at := slices.IndexFunc(e.Fields, func(f FieldViolation) bool { return within(f.Field, i) != f.Field }); at >= 0 {
			fault = FieldViolation{within(e.Fields[at].Field, i), e.Fields[at].Message}
		}
		u.reject(places[i], w, fault)
	}
	return nil
}

// placed returns the refusal of a batch with the places of its workouts in the sequence.
func placed(e *Error, places []int) *Error {
	next := *e
	next.Fields = slices.Clone(e.Fields)
	for n, f := range e.Fields {
		for i, place := range places {
			if field := within(f.Field, i); field != f.Field {
				next.Fields[n].Field = inPlace(field, place)
				break
			}
		}
	}
	if len(next.Fields) > 0 {
		next.Message = next.Fields[0].Field + ": " + next.Fields[0].Message
	}
	return &next
}

// inPlace returns the path of a field of the workout in a place of the sequence.
func inPlace(field string, place int) string {
	path := "workouts[" + strconv.Itoa(place) + "]"
	if field == "" {
		return path
	}
	return path + "." + field
}

// isAboutWorkouts reports whether the server refused workouts, and not the call.
func (e *Error) isAboutWorkouts() bool {
	return e.Kind == KindInvalid && len(e.Fields) > 0 && strings.HasPrefix(e.Fields[0].Field, "workouts[")
}

// within returns the field of the i-th workout without the path that leads to it.
func within(field string, i int) string {
	path := "workouts[" + strconv.Itoa(i) + "]"
	if rest, ok := strings.CutPrefix(field, path); ok {
		return clean(strings.TrimPrefix(rest, "."), maxText)
	}
	return field
}

// persist sends a batch until it is stored or there is no sense in sending it.
func (u *upload) persist(ctx context.Context, batch []*owv1.WorkoutInput) (*owv1.UpsertWorkoutsResponse, error) {
	for n := 1; ; n++ {
		res, err := u.workouts.upsert(ctx, &owv1.UpsertWorkoutsRequest{UserId: u.userID, Workouts: batch, AllOrNone: u.whole})
		e := (*Error)(nil)
		if err == nil || n == maxBatchTries || !errors.As(err, &e) || !retryable(e) && e.Kind != KindTimeout {
			return res, err
		}
		again := *e
		again.RetryAfter = max(e.RetryAfter, time.Second<<(n-1)/2+backoff(1))
		if ctx.Err() != nil || waitBefore(ctx, n, &again) != nil {
			return nil, err
		}
	}
}
