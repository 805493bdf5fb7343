package rpc

import (
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

func optionalStamp(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

// instant returns a timestamp in the text form of the domain. If it is out of
// range, the text is invalid, and the domain refuses it.
func instant(t *timestamppb.Timestamp) string {
	switch {
	case t == nil:
		return ""
	case !t.IsValid():
		return "out of range"
	default:
		return t.AsTime().Format(time.RFC3339Nano)
	}
}

func optionalInstant(t *timestamppb.Timestamp) *string {
	if t == nil {
		return nil
	}
	s := instant(t)
	return &s
}

func optionalInt(n *int32) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

// mask is an update_mask: for each field that may change, whether it does.
type mask map[string]bool

// newMask reads an update_mask, which may name the given fields only. Without an
// update_mask it returns nil.
func newMask(m *fieldmaskpb.FieldMask, fields ...string) (mask, error) {
	if m == nil {
		return nil, nil
	}
	known := make(mask, len(fields))
	for _, f := range fields {
		known[f] = false
	}
	for _, path := range m.GetPaths() {
		if _, ok := known[path]; !ok {
			return nil, problem.InvalidError(problem.FieldError{Field: "update_mask", Message: "must name fields that can be updated"})
		}
		known[path] = true
	}
	return known, nil
}

// change is one member of an update in the domain's form. Without a mask the
// members that are set change.
func change[T any](m mask, field string, v *T) auth.Change[T] {
	if m[field] || m == nil && v != nil {
		return auth.ChangeTo(v)
	}
	return auth.Change[T]{}
}

// changeList is change for a list. One that the mask names is empty if it is not
// set, since the binary form of protobuf has no empty list.
func changeList(m mask, field string, list []string) auth.Change[[]string] {
	if list == nil && m[field] {
		list = []string{}
	}
	return change(m, field, optionalList(list))
}

func developerOf(d auth.Developer) *owv1.Developer {
	return &owv1.Developer{
		Id: d.ID, Email: d.Email, FirstName: d.FirstName, LastName: d.LastName,
		CreatedAt: stamp(d.CreatedAt), UpdatedAt: stamp(d.UpdatedAt),
	}
}

func sessionOf(s auth.Session) *owv1.Session {
	return &owv1.Session{
		Id: s.ID, CreatedAt: stamp(s.CreatedAt), LastUsedAt: stamp(s.LastUsedAt), ExpiresAt: stamp(s.ExpiresAt),
		Ip: s.IP, Client: s.Client, Current: s.Current,
	}
}

func keyOf(k auth.Key) *owv1.Key {
	return &owv1.Key{
		Id: k.ID, Name: k.Name, KeyPrefix: k.KeyPrefix, Environment: k.Environment, Scopes: k.Scopes,
		Enabled: k.Enabled, CreatedBy: k.CreatedBy, CreatedAt: stamp(k.CreatedAt), LastUsedAt: optionalStamp(k.LastUsedAt),
		LastUsedIp: k.LastUsedIP, LastUsedClient: k.LastUsedClient, LastUsedOperation: k.LastUsedOperation,
		ExpiresAt: optionalStamp(k.ExpiresAt), PreviousExpiresAt: optionalStamp(k.PreviousExpiresAt), AllowedNetworks: k.AllowedNetworks,
		Overlap: overlapOf(k.Overlap()),
	}
}

func overlapOf(p *auth.Overlap) *owv1.Overlap {
	if p == nil {
		return nil
	}
	return &owv1.Overlap{
		ExpiresAt: stamp(p.ExpiresAt), LastUsedAt: optionalStamp(p.LastUsedAt), LastUsedIp: p.LastUsedIP,
		LastUsedClient: p.LastUsedClient, LastUsedOperation: p.LastUsedOperation, Requests: p.Requests,
	}
}

func applicationOf(a auth.Application) *owv1.Application {
	return &owv1.Application{
		Id: a.ID, AppId: a.AppID, Name: a.Name, CreatedAt: stamp(a.CreatedAt), Overlap: overlapOf(a.Overlap()),
	}
}

func userOf(u auth.User) *owv1.User {
	return &owv1.User{
		Id: u.ID, CreatedAt: stamp(u.CreatedAt), FirstName: u.FirstName, LastName: u.LastName, Email: u.Email,
		ExternalUserId: u.ExternalUserID, LastSyncedAt: optionalStamp(u.LastSyncedAt),
		LastSyncedProvider: u.LastSyncedProvider, HasActiveConnection: u.HasActiveConnection,
	}
}

func workoutOf(w event.Workout) *owv1.Workout {
	return &owv1.Workout{
		Id: w.ID, ExternalId: w.ExternalID, Type: w.Type, Name: w.Name,
		StartTime: stamp(w.StartTime), EndTime: stamp(w.EndTime), ZoneOffset: w.ZoneOffset, DurationSeconds: w.DurationSeconds,
		Source: &owv1.WorkoutSource{
			Provider: w.Source.Provider, Source: w.Source.Source, Device: w.Source.Device,
			DeviceType: w.Source.DeviceType, DeviceName: w.Source.DeviceName,
		},
		CaloriesKcal: w.CaloriesKcal, DistanceMeters: w.DistanceMeters,
		AvgHeartRateBpm: w.AvgHeartRateBPM, MaxHeartRateBpm: w.MaxHeartRateBPM,
		AvgPaceSecPerKm: w.AvgPaceSecPerKm, ElevationGainMeters: w.ElevationGainMeters,
	}
}

func workoutInput(w *owv1.WorkoutInput) event.Input {
	in := event.Input{
		Fault:      unreadable(w),
		ExternalID: w.GetExternalId(), Type: w.GetType(), Name: w.Name,
		StartTime: instant(w.GetStartTime()), EndTime: instant(w.GetEndTime()),
		ZoneOffset: w.ZoneOffset, DurationSeconds: w.DurationSeconds,
		Measures: event.Measures{
			CaloriesKcal: w.CaloriesKcal, DistanceMeters: w.DistanceMeters,
			AvgHeartRateBPM: w.AvgHeartRateBpm, MaxHeartRateBPM: w.MaxHeartRateBpm,
			AvgPaceSecPerKm: w.AvgPaceSecPerKm, ElevationGainMeters: w.ElevationGainMeters,
		},
	}
	if s := w.GetSource(); s != nil {
		in.Source = event.Source{
			Provider: s.GetProvider(), Source: s.Source, Device: s.Device,
			DeviceType: s.DeviceType, DeviceName: s.DeviceName,
		}
	}
	return in
}
