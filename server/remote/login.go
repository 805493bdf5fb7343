package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/internal/privatefile"
)

const aboutProfiles = `
A profile is the address of an installation with a credential: an API key, or the session
of a developer, which renews itself. Only you may read it. Each is a folder in
openwearables/profiles of your folder of settings. In CI, set OPENWEARABLES_BASE_URL and
OPENWEARABLES_API_KEY instead.
`

// plainCommand returns a command without an operation.
func plainCommand(use, summary, details string, run func(c *cobra.Command, args []string) error) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: summary, DisableFlagsInUseLine: true, Args: commandline.NoArguments, RunE: run,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) {
		w := c.OutOrStdout()
		fmt.Fprintf(w, "%s: %s\n\n", c.CommandPath(), summary)
		commandline.PrintFlags(w, c.Flags(), noNote)
		fmt.Fprint(w, details)
	})
	return c
}

// login is what the flags of the command say.
type login struct {
	access                *access
	stdin                 *input
	terminal              *os.File // nil if there is none
	profile, url, email   string
	passwordFile, keyFile string
	privateHTTP           bool
}

// Login returns the command that makes a profile.
func (r *Commands) Login() *cobra.Command {
	l := &login{access: r.access(), stdin: &input{stdin: r.Stdin}}
	if f, ok := r.Stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.terminal = f
	}
	c := plainCommand("login", "keep the address of an installation and a credential for it, which api and the like use", aboutProfiles,
		func(c *cobra.Command, _ []string) error { return l.run(c) })
	flags := c.Flags()
	flags.StringVar(&l.profile, "profile", "", "`name` of the profile, which is in use from then on (default default)")
	flags.StringVar(&l.url, "url", "http://localhost:8000", "`address` of the installation, without /api/v1")
	flags.StringVar(&l.email, "email", "", "`address` of the developer who logs in")
	flags.StringVar(&l.passwordFile, "password-file", "", "`file` with the password, - for standard input; without it a terminal asks")
	flags.StringVar(&l.keyFile, "api-key-file", "", "`file` with an API key, - for standard input, in place of --email")
	flags.BoolVar(&l.privateHTTP, "insecure-private-http", false, "send the credential in plain text to an address of a private network")
	return c
}

func (l *login) run(c *cobra.Command) error {
	if (l.email == "") == (l.keyFile == "") {
		return commandline.UsageError("login needs --email or --api-key-file, and one of them only")
	}
	all, err := openProfiles()
	if err != nil {
		return err
	}
	if l.profile == "" {
		l.profile = defaultProfile
	}
	p, err := all.create(l.profile, l.url, l.privateHTTP)
	if err != nil {
		return err
	}
	who := "an API key"
	if l.email != "" {
		who = l.email
		err = l.developer(c, p)
	} else {
		err = l.key(c.Context(), p)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(p.save(), all.use(l.profile)); err != nil {
		return err
	}
	if l.access.environ[urlVariable] != "" || l.access.environ[keyVariable] != "" {
		fmt.Fprintf(c.ErrOrStderr(), "openwearables: %s and %s are set, which go before the profile in use: unset them, or export %s=%s\n",
			urlVariable, keyVariable, profileVariable, l.profile)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "Profile %s calls %s as %s.\n", l.profile, p.BaseURL, who)
	return err
}

// developer opens a session. It replaces what the profile had.
func (l *login) developer(c *cobra.Command, p *profile) error {
	password, err := l.password(c)
	if err != nil {
		return err
	}
	if _, err := openwearables.Login(c.Context(), p.BaseURL, l.email, password, append(p.options(), p.session())...); err != nil {
		f := &failure{}
		if err = callError(err); errors.As(err, &f) && f.status == statusSignedOut {
			f.status = 1 // the server refused the password
		}
		return err
	}
	p.Email = l.email
	return p.forget(keyFile)
}

func (l *login) password(c *cobra.Command) (string, error) {
	if l.passwordFile != "" {
		return l.stdin.secret(l.passwordFile)
	}
	if l.terminal == nil {
		return "", commandline.UsageError("standard input is not a terminal: give --password-file, - for standard input")
	}
	fmt.Fprint(c.ErrOrStderr(), "Password: ")
	typed, err := term.ReadPassword(int(l.terminal.Fd()))
	fmt.Fprintln(c.ErrOrStderr())
	return string(typed), err
}

// key keeps a key, once the server has not refused it.
func (l *login) key(ctx context.Context, p *profile) error {
	key, err := l.stdin.secret(l.keyFile)
	if err != nil {
		return err
	}
	client, err := openwearables.New(p.BaseURL, append(p.options(), openwearables.WithAPIKey(key))...)
	if err == nil {
		_, err = named("ListUsers").call(ctx, client, &owv1.ListUsersRequest{Limit: new(int32(1))}, "")
	}
	if err != nil && !openwearables.IsForbidden(err) { // without that scope it is good for something else
		return callError(err)
	}
	return errors.Join(privatefile.Replace(p.path(keyFile), []byte(key+"\n")), p.forget(sessionFile))
}

// Logout returns the command that ends what Login began.
func (r *Commands) Logout() *cobra.Command {
	a := r.access()
	c := plainCommand("logout", "end the session of a profile and forget the profile; an API key stays valid", aboutProfiles,
		func(c *cobra.Command, _ []string) error {
			p, name, err := a.open()
			if err != nil {
				return err
			}
			if err := p.signOut(c.Context()); err != nil {
				return err
			}
			if err := p.remove(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "Profile %s is forgotten.\n", name)
			return err
		})
	c.Flags().StringVar(&a.profile, "profile", "", "`name` of the profile, else "+profileVariable+", else the one in use")
	_ = c.RegisterFlagCompletionFunc("profile", completeProfiles)
	return c
}

// Profile returns the commands about profiles.
func (r *Commands) Profile() *cobra.Command {
	list := plainCommand("list", "list the profiles; the one in use has a star", aboutProfiles, func(c *cobra.Command, _ []string) error {
		all, err := openProfiles()
		if err != nil {
			return err
		}
		names, err := all.names()
		if err != nil {
			return err
		}
		current, err := all.current()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tURL\tAS\t")
		for _, name := range names {
			p, err := all.open(name)
			if err != nil || p == nil {
				continue // half made, or of another version
			}
			as, star := p.Email, ""
			if as == "" {
				as = "an API key"
			}
			if name == current {
				star = "*"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, p.BaseURL, as, star)
		}
		return w.Flush()
	})
	use := plainCommand("use NAME", "use a profile from now on", aboutProfiles, func(_ *cobra.Command, args []string) error {
		all, err := openProfiles()
		if err != nil {
			return err
		}
		p, err := all.open(args[0])
		if err == nil && p == nil {
			err = commandline.UsageError("there is no profile " + args[0] + "; see openwearables profile list")
		}
		if err != nil {
			return err
		}
		return all.use(args[0])
	})
	use.ValidArgsFunction = completeProfiles
	use.Args = func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return commandline.UsageError("profile use needs the name of one profile; see openwearables profile list")
		}
		return nil
	}
	return commandline.Group("profile", "the installations that can be called, and as who", list, use)
}
