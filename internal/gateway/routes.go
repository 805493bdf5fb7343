package gateway

import (
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/upstream"
)

// base begins the paths of the API on both sides.
const base = "/api/v1"

// table returns every route that is forwarded without a setting.
func table() []Route {
	routes := userRoutes()
	routes = append(routes, providerRoutes()...)
	routes = append(routes, settingRoutes()...)
	return append(routes, publicRoutes()...)
}

// below puts base before the paths.
func below(routes []Route) []Route {
	for i := range routes {
		routes[i].Path = base + routes[i].Path
		if routes[i].to != "" {
			routes[i].to = base + routes[i].to
		}
	}
	return routes
}

// userRoutes are those of one user's data.
func userRoutes() []Route {
	read := func(name, path string) Route {
		return Route{Name: name, Method: "GET", Path: "/users/{user_id}/" + path, who: owners, scope: auth.DataRead, with: upstream.Key}
	}
	remove := func(name, path string, who callers, scope auth.Scope) Route {
		return Route{Name: name, Method: "DELETE", Path: "/users/{user_id}/" + path, who: who, scope: scope, with: upstream.Key}
	}
	upload := func(path, provider string) Route {
		return Route{
			Name: "SyncUserData", Method: "POST", Path: "/sdk/users/{user_id}/" + path, Class: Ingest, who: uploaders, scope: auth.DataWrite,
			with: upstream.Key, to: "/sdk/users/{user_id}/sync", provider: provider,
		}
	}
	importing := func(path string, class Class) Route {
		return Route{
			Name: "ImportAppleHealth", Method: "POST", Path: "/users/{user_id}/import/apple/xml/" + path, Class: class, who: accounts,
			scope: auth.DataWrite, with: upstream.Key,
		}
	}
	stream := read("StreamSyncs", "sync/stream")
	stream.Class = Stream
	logs := upload("logs", "")
	logs.Name, logs.to = "SendSyncLogs", ""
	return below([]Route{
		upload("sync", ""), upload("sync/apple", "apple"), upload("sync/apple/healthion", "apple"), upload("sync/samsung", "samsung"), logs,
		read("GetActivitySummary", "summaries/activity"), read("GetSleepSummary", "summaries/sleep"), read("GetBodySummary", "summaries/body"),
		read("GetRecoverySummary", "summaries/recovery"), read("GetDataSummary", "summaries/data"), read("GetTimeseries", "timeseries"),
		read("ListWorkouts", "events/workouts"), read("ListSleep", "events/sleep"), read("ListMenstrualCycles", "events/menstrual-cycles"),
		read("ListHealthScores", "health-scores"), read("ListDataSources", "data-sources"), read("ListConnections", "connections"),
		read("ListRecentSyncs", "sync/recent"), read("ListUserSyncs", "sync/runs"), stream,
		remove("DeleteWorkout", "events/workouts/{event_id}", accounts, auth.DataWrite),
		remove("DeleteSleep", "events/sleep/{event_id}", accounts, auth.DataWrite),
		remove("DeleteMenstrualCycle", "events/menstrual-cycles/{event_id}", accounts, auth.DataWrite),
		remove("Disconnect", "connections/{provider}", phones, auth.ConnectionsWrite),
		remove("PurgeConnection", "connections/{provider}/data", accounts, auth.ConnectionsWrite),
		importing("direct", Import), importing("s3", Action),
	})
}

// providerRoutes are those of the clouds from which the upstream fetches data.
func providerRoutes() []Route {
	of := func(name, method, path string, scope auth.Scope) Route {
		r := Route{Name: name, Method: method, Path: path, who: accounts, scope: scope, with: upstream.Key}
		if method == "POST" || strings.HasPrefix(path, "/providers/{provider}/users/") {
			r.Class = Action // the provider is asked meanwhile
		}
		return r
	}
	const user, backfill = "/providers/{provider}/users/{user_id}/", "/providers/garmin/users/{user_id}/backfill/"
	return below([]Route{
		of("ListSyncs", "GET", "/sync/runs", auth.DataRead),
		of("SyncProvider", "POST", user+"sync", auth.ConnectionsWrite),
		of("SyncProviderHistory", "POST", user+"sync/historical", auth.ConnectionsWrite),
		of("ListProviderWorkouts", "GET", user+"workouts", auth.DataRead),
		of("GetProviderWorkout", "GET", user+"workouts/{workout_id}", auth.DataRead),
		of("GetBackfill", "GET", backfill+"status", auth.DataRead),
		of("CancelBackfill", "POST", backfill+"cancel", auth.ConnectionsWrite),
		of("RetryBackfill", "POST", backfill+"{type}/retry", auth.ConnectionsWrite),
	})
}

// settingRoutes are those of the whole upstream, for developers alone. All developers
// act there as one, so that they share what they set.
func settingRoutes() []Route {
	var routes []Route
	add := func(name, path string, methods ...string) {
		for _, method := range methods {
			routes = append(routes, setting(name, method, path))
		}
	}
	add("UpstreamProviders", "/oauth/providers", "PUT")
	add("UpstreamProviders", "/oauth/providers/{provider}", "PUT")
	add("UpstreamPriorities", "/priorities/providers", "GET", "PUT")
	add("UpstreamPriorities", "/priorities/providers/{provider}", "GET", "PUT")
	add("UpstreamPriorities", "/priorities/device-types", "GET", "PUT")
	add("UpstreamPriorities", "/priorities/device-types/{type}", "GET", "PUT")
	add("UpstreamArchival", "/settings/archival", "GET", "PUT")
	add("UpstreamArchival", "/settings/archival/run", "POST")
	add("UpstreamSeed", "/settings/seed", "POST")
	add("UpstreamSeed", "/settings/seed/presets", "GET")
	add("UpstreamSeed", "/settings/seed/sleep-profiles", "GET")
	add("UpstreamWebhooks", "/webhooks/endpoints", "GET", "POST")
	add("UpstreamWebhooks", "/webhooks/endpoints/{endpoint_id}", "GET", "PATCH", "DELETE")
	add("UpstreamWebhooks", "/webhooks/endpoints/{endpoint_id}/secret", "GET")
	add("UpstreamWebhooks", "/webhooks/endpoints/{endpoint_id}/attempts", "GET")
	add("UpstreamWebhooks", "/webhooks/endpoints/{endpoint_id}/test", "POST")
	add("UpstreamWebhooks", "/webhooks/messages", "GET")
	add("UpstreamSubscriptions", "/providers/{provider}/webhooks/subscriptions", "GET", "POST")
	add("UpstreamSubscriptions", "/providers/{provider}/webhooks/subscriptions/renew", "POST")
	add("UpstreamSubscriptions", "/providers/{provider}/webhooks/subscriptions/{subscription_id}", "GET", "PUT", "DELETE")
	add("UpstreamSubscriptions", "/oura/webhooks/subscriptions", "GET", "POST")
	add("UpstreamSubscriptions", "/oura/webhooks/subscriptions/renew", "POST")
	add("GetStats", "/dashboard/stats", "GET")
	add("UpstreamConfig", "/config", "GET")
	return below(routes)
}

// setting returns a route for developers alone.
func setting(name, method, path string) Route {
	r := Route{Name: name, Method: method, Path: path, who: developers, with: upstream.Developer}
	if method == "POST" {
		r.Class = Action
	}
	return r
}

// publicRoutes are those that prove themselves to the upstream or need no proof. Those
// of providers keep the credentials in their headers.
func publicRoutes() []Route {
	var routes []Route
	add := func(name, path string, proof bool, methods ...string) {
		for _, method := range methods {
			routes = append(routes, Route{Name: name, Method: method, Path: path, Class: Public, proof: proof})
		}
	}
	add("ProviderWebhook", "/providers/{provider}/webhooks", true, "GET", "POST")
	add("ProviderWebhook", "/garmin/webhooks/ping", true, "POST")
	add("ProviderWebhook", "/garmin/webhooks/push", true, "POST")
	for _, path := range []string{"/oura/webhooks", "/strava/webhooks", "/strava/webhook"} {
		add("ProviderWebhook", path, true, "GET", "POST")
		add("ProviderWebhook", path+"/health", true, "GET")
	}
	add("ProviderWebhook", "/sns/notification", true, "POST")
	add(authorizeName, "/oauth/{provider}/authorize", false, "GET")
	add("FinishConnection", "/oauth/{provider}/callback", false, "GET")
	add("FinishConnection", "/oauth/success", false, "GET")
	add("FinishConnection", "/oauth/error", false, "GET")
	add("ListProviders", "/oauth/providers", false, "GET")
	add("GetCoverage", "/meta/coverage", false, "GET")
	add("ListWebhookEvents", "/webhooks/event-types", false, "GET")
	routes = below(routes)
	return append(routes, Route{Name: "UpstreamFile", Method: "GET", Path: "/static/" + rest, Class: Public})
}

// authorizeName is the route at which a page begins to connect a user to a provider. It
// alone takes the id of a user in its query without a credential.
const authorizeName = "Connect"
