package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

// received is the answer to an upload of a phone, in the shape that the SDKs of the
// existing product know.
type received struct {
	StatusCode    int    `json:"status_code"`
	Response      string `json:"response"`
	UserID        string `json:"user_id"`
	DroppedCount  int    `json:"dropped_count"`
	RecordsSaved  int    `json:"records_saved"`
	WorkoutsSaved int    `json:"workouts_saved"`
	SleepSaved    int    `json:"sleep_saved"`
}

func accept(w http.ResponseWriter, r received) {
	r.StatusCode = http.StatusAccepted
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(r) // an error means that the client has gone
}

// SyncPhone returns the handler of uploads by the mobile SDKs of the existing product.
// provider is that of a body which names none; "" refuses such a body. It reads the body
// as it arrives, of any length, and holds no more of it than the workouts that it has not
// written yet, so that whoever serves it must bound the length. The workouts are written
// with the ids that the phone gives them, so that an upload which is repeated doubles
// nothing. All else is counted, and not kept.
func (s *Server) SyncPhone(provider string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := s.Workouts.Receive(r.Context(), r.PathValue("user_id"))
		if err != nil {
			FailPhone(w, r, err)
			return
		}
		u := newUpload(r.Body, provider, s.writer(w, r, id))
		if err := u.read(); err != nil {
			FailPhone(w, r, err)
			return
		}
		accept(w, received{
			Response: fmt.Sprintf("Saved %d workouts. This server keeps no other records: %d records and %d of sleep were not saved, nor were %d workouts that it cannot read",
				u.saved, u.records, u.sleep, u.workouts-u.saved),
			UserID: id, DroppedCount: u.records + u.sleep + u.workouts - u.saved, WorkoutsSaved: u.saved,
		})
	}
}

// ReceivePhoneLogs answers the logs of the mobile SDKs, which are not kept.
func (s *Server) ReceivePhoneLogs(w http.ResponseWriter, r *http.Request) {
	id, err := s.Workouts.Receive(r.Context(), r.PathValue("user_id"))
	if err != nil {
		FailPhone(w, r, err)
		return
	}
	accept(w, received{Response: "This server keeps no logs of apps", UserID: id})
}

// RefusePhone answers what the mobile SDKs call and this server does not serve. They
// would take any other 4xx than 401 for the end of their data.
func RefusePhone(w http.ResponseWriter, r *http.Request) {
	FailPhone(w, r, &problem.Error{
		Kind: problem.Unavailable, Reason: "unavailable", RetryAfter: 3600,
		Detail: "This server does not serve this path of the mobile SDKs: upload to /api/v1/sdk/users/{user_id}/sync",
	})
}

// FailPhone is Fail for the mobile SDKs: what passes, or is no fault of theirs, is a 503,
// after which they send the same again.
func FailPhone(w http.ResponseWriter, r *http.Request, err error) {
	e := *problem.AsError(err)
	switch e.Kind {
	case problem.RateLimited, problem.TooLarge, problem.RequestTimeout, problem.Canceled, problem.DeadlineExceeded:
		e.Kind = problem.Unavailable
	}
	if e.Kind == problem.Unavailable {
		e.RetryAfter = max(e.RetryAfter, 1)
	}
	Fail(w, r, &e)
}

// writer returns what writes the workouts of an upload. The body may wait meanwhile: the
// time of its next step begins after.
func (s *Server) writer(w http.ResponseWriter, r *http.Request, userID string) writeWorkouts {
	connection := http.NewResponseController(call.From(r.Context()))
	return func(in []phoneWorkout, provider string) (int, error) {
		_ = connection.SetReadDeadline(time.Time{}) // only a connection has deadlines
		written, err := s.Workouts.Ingest(r.Context(), userID, inputs(in, provider))
		_ = connection.SetReadDeadline(time.Now().Add(phoneStepTime))
		return written, err
	}
}

// phoneStepTime is how long the next step of a body may take after a write.
const phoneStepTime = 30 * time.Second
