package openwearables_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// What an app prints is on one line and readable, and what it marshals as the page says is the
// JSON of the REST API.
func TestValuesPrintAndMarshal(t *testing.T) {
	ctx, p := t.Context(), newPerson(t)
	user, err := world.dev.Users.Get(ctx, p.id)
	check(t, err)
	stored, err := world.dev.Workouts.Upsert(ctx, p.id, someWorkout("printed"))
	check(t, err)
	key, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{Name: new("printed")})
	check(t, err)
	readme, err := os.ReadFile("README.md")
	check(t, err)
	if !strings.Contains(string(readme), "`protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(user)`") {
		t.Error("README.md does not say how to marshal a value")
	}
	as := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}
	for says, m := range map[string]proto.Message{
		`"external_user_id":"` + user.GetExternalUserId() + `"`: user,
		`"created":1`:      stored,
		`"enabled":true`:   key.Key,
		`"created_at":"20`: user,
	} {
		raw, err := as.Marshal(m)
		check(t, err)
		var members map[string]any
		check(t, json.Unmarshal(raw, &members))
		back := m.ProtoReflect().New().Interface()
		check(t, protojson.Unmarshal(raw, back))
		if compact := strings.ReplaceAll(string(raw), `": `, `":`); !strings.Contains(compact, says) || !proto.Equal(m, back) {
			t.Errorf("%T marshals as %s, want %s", m, raw, says)
		}
	}
	_, failed := world.dev.Users.Get(ctx, "nobody")
	rejected := openwearables.UploadReport{Done: 1, Rejections: 1, Rejected: []openwearables.RejectedWorkout{{ExternalID: "w", Field: "type", Message: "is empty"}}}
	for says, v := range map[string]any{
		`id:"` + p.id + `"`:                 user,
		"must be a UUID":                    failed,
		"w type is empty":                   rejected,
		"refresh_failed":                    openwearables.Event{Type: openwearables.EventRefreshFailed, Err: failed},
		"ow_live_…":                         key,
		"rt_…":                              p.pair,
		"openwearables.Client(" + world.url: world.dev,
	} {
		printed := fmt.Sprint(v)
		if !strings.Contains(printed, says) || strings.Contains(printed, "\n") || strings.Contains(printed, "0xc0") || secrets.MatchString(printed) {
			t.Errorf("%T prints as %q, want %q", v, printed, says)
		}
	}
	for says, v := range map[string]any{
		`"Kind":"invalid"`:    failed,
		`"ExternalID":"w"`:    rejected,
		`"Secret":"ow_live_…`: key,
		`"Refresh":"rt_…`:     p.pair,
	} {
		raw, err := json.Marshal(v)
		if err != nil || !strings.Contains(string(raw), says) || secrets.Match(raw) {
			t.Errorf("%T marshals as %s, %v, want %s", v, raw, err, says)
		}
	}
}
