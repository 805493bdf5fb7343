package main

import (
	"regexp"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// requestNames and responseNames are the plain names of messages that callers write and
// see. All others keep their name in the proto.
var (
	requestNames = map[string]string{
		"CreateUserRequest":            "NewUser",
		"UpdateUserRequest":            "UserPatch",
		"ListUsersRequest":             "UserFilter",
		"WorkoutInput":                 "NewWorkout",
		"WorkoutSource":                "NewWorkoutSource",
		"CreateKeyRequest":             "NewKey",
		"UpdateKeyRequest":             "KeyPatch",
		"UpdateMeRequest":              "DeveloperPatch",
		"ListAuditEventsRequest":       "AuditFilter",
		"GetUsageRequest":              "UsageRange",
		"ListKeysRequest":              "KeyFilter",
		"ListApplicationsRequest":      "ApplicationFilter",
		"ListUserAccessesRequest":      "AccessFilter",
		"ListAlertsRequest":            "AlertFilter",
		"UpdateAlertRuleRequest":       "AlertRulePatch",
		"AlertThresholdInput":          "AlertThresholdPatch",
		"CreateWebhookEndpointRequest": "NewWebhookEndpoint",
		"UpdateWebhookEndpointRequest": "WebhookEndpointPatch",
		"ListWebhookDeliveriesRequest": "WebhookDeliveryFilter",
		"UpdateDeveloperRequest":       "DeveloperNames",
		"AcceptInvitationRequest":      "InvitationAcceptance",
		"CreateFirstDeveloperRequest":  "FirstDeveloper",
		"VerifyCredentialRequest":      "VerificationConditions",
		"ExplainAccessRequest":         "AccessConditions",
	}
	responseNames = map[string]string{
		"ListUsersResponse":             "UserPage",
		"ListWorkoutsResponse":          "WorkoutPage",
		"UpsertWorkoutsResponse":        "Upserted",
		"ListKeysResponse":              "KeyPage",
		"ListApplicationsResponse":      "ApplicationPage",
		"ListAuditEventsResponse":       "AuditPage",
		"ListUserAccessesResponse":      "AccessPage",
		"ListAlertsResponse":            "AlertPage",
		"ListAlertRulesResponse":        "AlertRules",
		"ListWebhookDeliveriesResponse": "WebhookDeliveryPage",
		"DeleteWorkoutsResponse":        "DeletedWorkouts",
		"ExplainAccessResponse":         "AccessExplanation",
	}
	// arguments are members that a method takes as an argument of its own.
	arguments = map[string]string{
		"UpdateUserRequest":            "id",
		"UpdateKeyRequest":             "id",
		"ListUserAccessesRequest":      "userId",
		"UpdateAlertRuleRequest":       "rule",
		"UpdateWebhookEndpointRequest": "id",
		"ListWebhookDeliveriesRequest": "id",
		"UpdateDeveloperRequest":       "id",
		"VerifyCredentialRequest":      "credential",
		"ExplainAccessRequest":         "credential",
	}
)

// interfaceName returns the name of the interface of a message.
func (g *generator) interfaceName(message *protogen.Message, request bool) string {
	name := string(message.Desc.Name())
	plain := responseNames[name]
	if request {
		plain = requestNames[name]
	}
	switch {
	case plain != "":
		return plain
	case request && g.responses[message]:
		return "New" + name
	}
	return name
}

var (
	backquoted = regexp.MustCompile("`[a-z]+(_[a-z]+)+`")
	unset      = regexp.MustCompile(`\b([Uu])nset\b`)
)

// documentation returns the lines of a comment, in the words of JavaScript: names of
// members are written as they are there, and what is unset is null or absent.
func documentation(comments protogen.CommentSet, members map[string]string, request bool) []string {
	text := strings.TrimRight(string(comments.Leading), " \n")
	if text == "" {
		return nil
	}
	text = backquoted.ReplaceAllStringFunc(text, func(name string) string {
		if member := members[strings.Trim(name, "`")]; member != "" {
			return "`" + member + "`"
		}
		return name
	})
	word := "ull"
	first := map[string]string{"U": "N", "u": "n"}
	if request {
		word, first = "bsent", map[string]string{"U": "A", "u": "a"}
	}
	text = unset.ReplaceAllStringFunc(text, func(found string) string { return first[found[:1]] + word })
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.ReplaceAll(strings.TrimRight(strings.TrimPrefix(line, " "), " \t\n"), "*/", "* /"))
	}
	return lines
}
