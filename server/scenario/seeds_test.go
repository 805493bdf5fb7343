package scenario_test

import (
	"regexp"
	"testing"
)

// TestSeeds follows the documented quick start on every surface.
func TestSeeds(t *testing.T) {
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, refresh := n.login(t, d)
		d.call(t, "ListUsers", nil).want(t, 401, "missing_credential")

		id, key := n.newKey(t, d, admin, args{"name": "Production Server"})
		if !regexp.MustCompile(`^ow_live_[0-9a-z]{36}$`).MatchString(key) {
			t.Errorf("key is %q", key)
		}
		d.call(t, "ListUsers", nil, bearer(key)).want(t, 200, "")
		if k := d.call(t, "GetKey", args{"id": id}, bearer(admin)).want(t, 200, ""); k.str("last_used_at") == "" {
			t.Error("a key that was used has no last_used_at")
		}
		rotated := d.call(t, "RotateKey", args{"id": id}, bearer(admin)).want(t, 201, "")
		d.call(t, "ListUsers", nil, bearer(key)).want(t, 401, "invalid_api_key")
		key = rotated.str("key")
		d.call(t, "ListUsers", nil, header("X-Open-Wearables-API-Key", key)).want(t, 200, "")

		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, key)
		access, userRefresh := n.exchange(t, d, user, app, secret)
		d.call(t, "CreateUserToken", args{"user_id": user}, bearer(admin)).want(t, 200, "")
		d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": "wrong"}).want(t, 401, "invalid_app_credentials")

		workout := args{
			"external_id": "w-1", "type": "running", "start_time": "2026-03-02T07:00:00Z", "end_time": "2026-03-02T07:30:00Z",
			"distance_meters": 5000, "source": args{"provider": "apple"},
		}
		d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": []args{workout}}, bearer(access)).want(t, 200, "")
		list := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(access)).want(t, 200, "")
		if len(list.list("data")) != 1 {
			t.Errorf("workouts: %v", list.Body)
		}

		next := d.call(t, "RefreshToken", args{"refresh_token": userRefresh}).want(t, 200, "")
		d.call(t, "RefreshToken", args{"refresh_token": userRefresh}).want(t, 401, "refresh_token_used")
		d.call(t, "RefreshToken", args{"refresh_token": next.str("refresh_token")}).want(t, 200, "")
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")

		d.call(t, "DeleteKey", args{"id": id}, bearer(admin)).want(t, 200, "")
		d.call(t, "ListUsers", nil, bearer(key)).want(t, 401, "invalid_api_key")
		d.call(t, "Logout", nil, bearer(admin)).want(t, 200, "")
		d.call(t, "GetMe", nil, bearer(admin)).want(t, 401, "invalid_token")
	})
}
