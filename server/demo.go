package server

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
)

// Demo is what CreateDemo has created. Key and AppSecret are shown this once.
type Demo struct{ Key, AppID, AppSecret, UserID string }

// CreateDemo creates, in the name of a developer, an API key, an application, and a user
// who has trained for the last four weeks.
func (s *Server) CreateDemo(ctx context.Context, developerID string) (d Demo, err error) {
	ctx = auth.WithCaller(ctx, &auth.Caller{Principal: &auth.Principal{Kind: auth.DeveloperToken, ID: developerID}})
	key, err := s.auth.Keys.Create(ctx, auth.KeyInput{Name: new("Demo backend")})
	if err != nil {
		return d, err
	}
	app, err := s.auth.Applications.Create(ctx, "Demo app")
	if err != nil {
		return d, err
	}
	user, err := s.auth.Users.Create(ctx, auth.UserPatch{
		FirstName: auth.ChangeTo(new("Demo")), LastName: auth.ChangeTo(new("Runner")), ExternalUserID: auth.ChangeTo(new("demo")),
	})
	if err != nil {
		return d, err
	}
	if _, err = s.workouts.Upsert(ctx, user.ID, demoWorkouts(s.now()), true); err != nil {
		return d, err
	}
	return Demo{key.Secret, app.Application.AppID, app.Secret, user.ID}, nil
}

// training is one workout of a week. A pace is in seconds a kilometre.
type training struct {
	day           time.Weekday
	kind, name    string
	hour, minute  int // in UTC, when it starts
	minutes       float64
	pace          float64 // 0: it has no distance
	heart, most   float64 // beats a minute
	kcal          float64 // a minute
	climb         float64 // metres a kilometre
	provider, via string
}

var demoWeek = []training{
	{time.Monday, "yoga", "Morning yoga", 6, 15, 30, 0, 88, 109, 3.2, 0, "apple_health", "Apple Watch"},
	{time.Tuesday, "running", "Easy run", 6, 40, 42, 342, 139, 156, 11.4, 6, "garmin", "Forerunner 265"},
	{time.Wednesday, "strength_training", "Legs and core", 17, 30, 50, 0, 112, 148, 6.1, 0, "apple_health", "Apple Watch"},
	{time.Thursday, "running", "Intervals", 17, 45, 48, 312, 158, 181, 13.2, 4, "garmin", "Forerunner 265"},
	{time.Friday, "swimming", "Lanes", 6, 30, 40, 1320, 131, 150, 9.5, 0, "garmin", "Forerunner 265"},
	{time.Saturday, "cycling", "Hills", 8, 10, 105, 142, 134, 169, 9.8, 13, "garmin", "Edge 540"},
	{time.Sunday, "running", "Long run", 8, 0, 78, 351, 144, 163, 11.6, 9, "garmin", "Forerunner 265"},
	{time.Sunday, "walking", "Evening walk", 18, 0, 45, 690, 96, 112, 4.4, 5, "apple_health", "Apple Watch"},
}

// demoDays is how many days before today have workouts.
const demoDays = 28

// demoWorkouts returns the workouts of the days before now, the same for every moment
// of a day. Each week is a little longer than the one before, but for the last, which
// is easy; single days differ.
func demoWorkouts(now time.Time) []event.Input {
	var all []event.Input
	today := now.UTC().Truncate(day)
	for ago := demoDays; ago > 0; ago-- {
		date := today.AddDate(0, 0, -ago)
		load := []float64{0.94, 1, 1.07, 0.85}[(demoDays-ago)/7] * (1 + 0.02*float64(date.YearDay()%5-2))
		for _, t := range demoWeek {
			if t.day == date.Weekday() {
				all = append(all, t.on(date, load))
			}
		}
	}
	return all
}

// on returns the training of a date, longer and a little harder by load.
func (t *training) on(date time.Time, load float64) event.Input {
	start := date.Add(time.Duration(t.hour)*time.Hour + time.Duration(t.minute)*time.Minute)
	seconds := math.Round(t.minutes * 60 * load)
	in := event.Input{
		ExternalID: fmt.Sprintf("demo-%s-%s", date.Format(time.DateOnly), t.kind),
		Type:       t.kind, Name: &t.name,
		StartTime: start.Format(time.RFC3339), EndTime: start.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339),
		ZoneOffset: new("+00:00"),
		Source:     event.Source{Provider: t.provider, Device: &t.via},
		Measures: event.Measures{
			CaloriesKcal:    new(math.Round(t.kcal * seconds / 60)),
			AvgHeartRateBPM: new(math.Round(t.heart * (0.9 + 0.1*load))), MaxHeartRateBPM: new(math.Round(t.most * (0.9 + 0.1*load))),
		},
	}
	if t.pace > 0 {
		meters := math.Round(seconds / t.pace * 1000)
		in.DistanceMeters, in.AvgPaceSecPerKm = &meters, new(t.pace)
		if t.climb > 0 {
			in.ElevationGainMeters = new(math.Round(t.climb * meters / 1000))
		}
	}
	return in
}
