// Backend is an HTTP service that stores the workouts of its users and reads them back.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}))
	slog.SetDefault(logger)
	if err := run(logger); err != nil {
		logger.Error("the service ends", "error", err)
		os.Exit(1)
	}
}

func run(logger *slog.Logger) error {
	c, err := openwearables.New(env("OPENWEARABLES_BASE_URL", "http://localhost:8000"),
		openwearables.WithAPIKey(os.Getenv("OPENWEARABLES_API_KEY")), openwearables.WithLogger(logger))
	if err != nil {
		return err
	}
	s := &service{c}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /users/{user}/workouts", s.upload)
	mux.HandleFunc("GET /users/{user}/workouts", s.list)
	server := &http.Server{
		Addr: env("LISTEN", "127.0.0.1:9000"), Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	logger.Info("listening", "address", server.Addr)
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	logger.Info("stopping, when the requests that are running have ended")
	return server.Shutdown(grace)
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

type service struct{ client *openwearables.Client }

// workout is what this service's own clients send.
type workout struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Distance *float64  `json:"distance_meters"`
}

// upload stores the workouts of the request, and answers with how many were stored and
// which were not.
func (s *service) upload(w http.ResponseWriter, r *http.Request) {
	var sent []workout
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<20)).Decode(&sent); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": "the body must be a JSON array of workouts: " + err.Error()})
		return
	}
	inputs := make([]*owv1.WorkoutInput, len(sent))
	for i, one := range sent {
		inputs[i] = &owv1.WorkoutInput{
			ExternalId: one.ID, Type: one.Type, Source: &owv1.WorkoutSource{Provider: "example-backend"},
			StartTime: timestamppb.New(one.Start), EndTime: timestamppb.New(one.End), DistanceMeters: one.Distance,
		}
	}
	report, err := s.client.Workouts.UpsertAll(r.Context(), r.PathValue("user"), slices.Values(inputs))
	if err != nil {
		refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"stored": report.Created + report.Updated, "rejected": report.Rejected})
}

// list answers with the workouts from the day ?from to the day ?to, as JSON.
func (s *service) list(w http.ResponseWriter, r *http.Request) {
	request := &owv1.ListWorkoutsRequest{UserId: r.PathValue("user"), StartDate: r.FormValue("from"), EndDate: r.FormValue("to")}
	found := []json.RawMessage{}
	for one, err := range s.client.Workouts.List(r.Context(), request) {
		if err != nil {
			refuse(w, r, err)
			return
		}
		raw, err := protojson.Marshal(one)
		if err != nil {
			refuse(w, r, err)
			return
		}
		found = append(found, raw)
	}
	answer(w, http.StatusOK, found)
}

// refuse answers a failed call: with what the caller can mend, and else only with whether
// it is of use to try again. The log has the rest.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var e *openwearables.Error
	if !errors.As(err, &e) {
		e = &openwearables.Error{Message: err.Error()}
	}
	slog.WarnContext(r.Context(), "a call failed", "error", err, "request_id", e.RequestID)
	switch {
	case openwearables.IsCanceled(err): // the client has gone
	case openwearables.IsInvalid(err):
		answer(w, http.StatusUnprocessableEntity, map[string]any{"error": e.Message, "fields": e.Fields})
	case openwearables.IsNotFound(err):
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no such user"})
	case openwearables.IsRateLimited(err), openwearables.IsUnavailable(err), openwearables.IsOffline(err), openwearables.IsTimeout(err):
		w.Header().Set("Retry-After", "10")
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "try again later"})
	default: // such as a key that was deleted: for the people who run this service
		answer(w, http.StatusInternalServerError, map[string]string{"error": "this is our fault"})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.Warn("the answer was not sent", "error", err)
	}
}
