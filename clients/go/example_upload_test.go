package openwearables_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// exampleRun returns a run of half an hour.
func exampleRun(id string) *owv1.WorkoutInput {
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	return &owv1.WorkoutInput{
		ExternalId: id, Type: "running", Source: &owv1.WorkoutSource{Provider: "apple_health"},
		StartTime: timestamppb.New(start), EndTime: timestamppb.New(start.Add(30 * time.Minute)), DistanceMeters: new(5200.0),
	}
}

func ExampleWorkouts_Upsert() {
	c, user := world.dev, exampleUser("example-upsert")
	wrong := exampleRun("run-2")
	wrong.EndTime = nil
	stored, err := c.Workouts.Upsert(context.Background(), user.GetId(), exampleRun("run-1"), wrong)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stored.GetCreated(), "created")
	for _, r := range stored.GetRejected() {
		fmt.Println(r.GetField(), r.GetMessage())
	}
	// Output:
	// 1 created
	// workouts[1].end_time must be an RFC 3339 time such as 2026-03-07T10:30:00Z
}

func ExampleWorkouts_UpsertAll() {
	c, user, ctx := world.dev, exampleUser("example-upload"), context.Background()
	runs := []*owv1.WorkoutInput{exampleRun("run-1"), exampleRun("run-2"), exampleRun("run-3")}
	report, err := c.Workouts.UpsertAll(ctx, user.GetId(), slices.Values(runs),
		openwearables.BatchSize(2),
		openwearables.OnProgress(func(r openwearables.UploadReport) { fmt.Println(r.Done, "done") }))
	if err != nil {
		log.Fatal(err) // later: openwearables.ResumeAt(report.Done)
	}
	for _, r := range report.Rejected {
		fmt.Println(r.ExternalID, r.Field, r.Message)
	}
	fmt.Println(report.Created, "created")
	// Output:
	// 2 done
	// 3 done
	// 3 created
}

func ExampleWorkouts_List() {
	c, user, ctx := world.dev, exampleUser("example-workouts"), context.Background()
	if _, err := c.Workouts.Upsert(ctx, user.GetId(), exampleRun("run-1")); err != nil {
		log.Fatal(err)
	}
	march := &owv1.ListWorkoutsRequest{UserId: user.GetId(), StartDate: "2026-03-01", EndDate: "2026-03-31"}
	for w, err := range c.Workouts.List(ctx, march) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(w.GetType(), w.GetStartTime().AsTime().Format(time.DateTime), w.GetDistanceMeters())
	}
	// Output: running 2026-03-01 08:00:00 5200
}

// Values are Protobuf messages: protojson writes them as the API does, with all fields that are set.
func Example_json() {
	user := &owv1.User{Id: "1b4e28ba-2fa1-41d2-883f-0016d3cca427", ExternalUserId: new("u-7")}
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(user)
	if err != nil {
		log.Fatal(err)
	}
	back := &owv1.User{}
	fmt.Println(protojson.Unmarshal(raw, back), back.GetExternalUserId())
	// Output: <nil> u-7
}

func ExampleWithEvents() {
	base, email, password := installation()
	done := make(chan struct{})
	c, err := openwearables.Login(context.Background(), base, email, password,
		openwearables.WithEvents(func(e openwearables.Event) {
			switch e.Type {
			case openwearables.EventSignedOut:
				fmt.Println("show the login")
				close(done)
			case openwearables.EventKeyRotated:
				fmt.Println("replace the API key before", e.Sunset)
			}
		}))
	if err != nil {
		log.Fatal(err)
	}
	if err := c.SignOut(context.Background()); err != nil {
		log.Fatal(err)
	}
	<-done
	// Output: show the login
}

// The provider fetches a session from your own backend; here it makes one itself.
func ExampleWithTokenProvider() {
	base, _, _ := installation()
	user := exampleUser("example-provider")
	c, err := openwearables.New(base, openwearables.WithUserID(user.GetId()),
		openwearables.WithTokenProvider(func(ctx context.Context, r openwearables.TokenRequest) (openwearables.TokenPair, error) {
			return world.dev.Tokens.Create(ctx, r.UserID)
		}))
	if err != nil {
		log.Fatal(err)
	}
	me, err := c.Users.Get(context.Background(), user.GetId())
	fmt.Println(me.GetExternalUserId(), err)
	// Output: example-provider <nil>
}

// traced is a transport that tells of every attempt. For OpenTelemetry, use
// otelhttp.NewTransport(http.DefaultTransport) in its place.
type traced struct{ http.RoundTripper }

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		fmt.Println(r.URL.Path, res.StatusCode)
	}
	return res, err
}

func ExampleWithTransport() {
	base, _, _ := installation()
	key, _ := world.dev.Keys.Create(context.Background(), &owv1.CreateKeyRequest{})
	c, err := openwearables.New(base, openwearables.WithAPIKey(key.Secret.Reveal()), openwearables.WithTransport(traced{http.DefaultTransport}))
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Users.Page(context.Background(), &owv1.ListUsersRequest{})
	fmt.Println(err)
	// Output:
	// /openwearables.v1.UserService/ListUsers 200
	// <nil>
}
