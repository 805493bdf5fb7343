package remote

import "github.com/spf13/cobra"

// shortcut is a command for an operation by a name that reads well.
type shortcut struct {
	group, name, operation, summary string
	arguments                       []string // members that are given without a flag
}

var shortcuts = []shortcut{
	{"key", "create", "CreateKey", "create an API key and show it, once", []string{"name"}},
	{"key", "list", "ListKeys", "list the API keys", nil},
	{"key", "rotate", "RotateKey", "give a key a new secret, and the old one --overlap-seconds to live", []string{"id"}},
	{"key", "revoke", "DeleteKey", "end a key and the tokens that it minted, at once", []string{"id"}},
	{"application", "create", "CreateApplication", "create an application and show its secret, once", []string{"name"}},
	{"application", "list", "ListApplications", "list the applications", nil},
	{"application", "rotate", "RotateApplicationSecret", "give an application a new secret, and the old one --overlap-seconds to live", []string{"app_id"}},
	{"application", "delete", "DeleteApplication", "end an application and the tokens that it minted, at once", []string{"app_id"}},
	{"user", "create", "CreateUser", "create a user", nil},
	{"user", "list", "ListUsers", "list the users", nil},
	{"user", "token", "CreateUserToken", "mint tokens of a user and show them, once", []string{"user_id"}},
}

// Shortcuts returns the commands of the group that are named for people.
func (r *Commands) Shortcuts(group string) (all []*cobra.Command) {
	for _, s := range shortcuts {
		if s.group != group {
			continue
		}
		all = append(all, r.operationCommand(named(s.operation), s.name, s.summary, s.arguments...))
	}
	return all
}
