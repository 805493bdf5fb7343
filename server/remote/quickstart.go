package remote

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/internal/commandline"
)

// walk is what to do first, for a shell. The first line names the installation.
const walk = `# The address is %[1]s; the reference of its API is %[1]s/docs

# 1. Log in. serve --dev printed EMAIL and PASSWORD; elsewhere, set them to yours. Without
#    --password-file it asks for the password. The second line makes this shell call as
#    you, also where OPENWEARABLES_API_KEY is set.
openwearables login --url %[1]s --email "$EMAIL" --password-file <(printf %%s "$PASSWORD")
export OPENWEARABLES_PROFILE=default

# 2. Create an API key for your backend, which shows its secret, once.
openwearables key create "My backend" --scopes users:read,users:write,workouts:read,workouts:write,tokens:write

# 3. Create a user, and store workouts of theirs: from CSV, JSON, Apple Health or FIT.
user=$(openwearables user create --output json | sed -n 's/^ *"id": "\(.*\)",*$/\1/p')
echo 'type,start_time,end_time,distance_meters
running,2026-03-01T08:00:00Z,2026-03-01T08:30:00Z,5200' > workouts.csv
openwearables workout import workouts.csv --user "$user"
openwearables api workouts list --user-id "$user" --start-date 2026-03-01 --end-date 2026-03-31

# 4. Register your app, whose secret your backend exchanges for tokens of one user.
openwearables application create "My app"
openwearables user token "$user"

# Then: every operation is a command, and so is what happens.
openwearables api --help
openwearables api audit list-events --limit 5
`

// Quickstart returns the command that prints what to do first with an installation.
func (r *Commands) Quickstart() *cobra.Command {
	a, address := r.access(), ""
	c := plainCommand("quickstart", "print what to do first with an installation, as commands to copy", "", func(c *cobra.Command, _ []string) error {
		if address == "" {
			address = a.address()
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || strings.ContainsAny(address, " '\"`$\\") {
			return commandline.UsageError("--url must be the address of the installation, such as https://api.example.com")
		}
		address = strings.TrimSuffix(address, "/")
		if !lives(c.Context(), address) {
			fmt.Fprintf(c.OutOrStdout(), "# Nothing answers at %s yet. On your machine, start it in another terminal and paste\n"+
				"# the export lines that it prints here: openwearables serve --dev\n\n", address)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), walk, address)
		return err
	})
	c.Flags().StringVar(&address, "url", "", "`address` of the installation; that of "+urlVariable+" or of the profile in use by default, else http://localhost:8000")
	return c
}

// address returns that of the installation that commands call.
func (a *access) address() string {
	if base := a.environ[urlVariable]; base != "" && a.name() == "" {
		return base
	}
	if p, _, err := a.open(); err == nil {
		return p.BaseURL
	}
	return "http://localhost:8000"
}

// lives reports whether a server answers there within two seconds.
func lives(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/livez", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}
