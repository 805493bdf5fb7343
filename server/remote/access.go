package remote

import (
	"strings"

	"github.com/spf13/cobra"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/internal/commandline"
)

// Variables that say which installation to call, and as who.
const (
	profileVariable = "OPENWEARABLES_PROFILE"
	urlVariable     = "OPENWEARABLES_BASE_URL"
	keyVariable     = "OPENWEARABLES_API_KEY"
)

// access is how a command reaches an installation.
type access struct {
	environ map[string]string
	profile string
}

func (r *Commands) access() *access {
	a := &access{environ: map[string]string{}}
	for _, entry := range r.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if name == profileVariable || name == urlVariable || name == keyVariable {
			a.environ[name] = value
		}
	}
	return a
}

func (a *access) declare(c *cobra.Command) {
	c.Flags().StringVar(&a.profile, "profile", "", "`name` of the profile, else "+profileVariable+", else "+urlVariable+
		" with "+keyVariable+", else the one in use")
	_ = c.RegisterFlagCompletionFunc("profile", completeProfiles)
}

func completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	all, err := openProfiles()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := all.names() // none can be offered
	return names, cobra.ShellCompDirectiveNoFileComp
}

// name returns the name of the profile that was asked for, "" for the one in use.
func (a *access) name() string {
	if a.profile != "" {
		return a.profile
	}
	return a.environ[profileVariable]
}

// open returns the profile that is to be used, with its name.
func (a *access) open() (*profile, string, error) {
	all, err := openProfiles()
	if err != nil {
		return nil, "", err
	}
	name := a.name()
	if name == "" {
		if name, err = all.current(); err != nil {
			return nil, "", err
		}
	}
	p, err := all.open(name)
	if err == nil && p == nil {
		err = &failure{text: "there is no profile " + name + ": openwearables login makes it", status: statusSignedOut}
	}
	return p, name, err
}

// client returns a client of the installation. A key goes with its own address alone.
func (a *access) client() (*openwearables.Client, error) {
	base, key := a.environ[urlVariable], a.environ[keyVariable]
	if a.name() != "" || base == "" && key == "" {
		p, _, err := a.open()
		if err != nil {
			return nil, err
		}
		c, err := p.client()
		return c, callError(err)
	}
	if base == "" {
		return nil, commandline.UsageError(keyVariable + " is set without " + urlVariable + ": set both, or neither to use a profile")
	}
	options := (&profile{}).options()
	if key != "" {
		options = append(options, openwearables.WithAPIKey(key))
	}
	c, err := openwearables.New(base, options...)
	return c, callError(err)
}
