package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/server/remote"
)

// usageError is a mistake in the arguments.
type usageError = commandline.UsageError

const aboutCommands = `
Each command explains its flags with --help. Each flag of serve may also be given
as a variable: --addr is OPENWEARABLES_ADDR. The master secret (at least 32 bytes)
is given as OPENWEARABLES_SECRET, or in the file that --secret-file names; without
one, a SQLite database gets a secret in a file beside it. The commands act on a running server at once.
`

// root returns the program with all of its commands. Each is declared by a method of its
// own, with its flags and what it does.
func (p *program) root() *cobra.Command {
	group, remote := commandline.Group, &remote.Commands{Environ: p.environ, Stdin: p.stdin}
	root := group("openwearables", "serves the Open Wearables authentication API and manages an installation of it",
		p.serve(), remote.Quickstart(),
		group("developer", "manage the developers, who may log in", p.developerCreate(), p.developerList(),
			p.developerSetPassword(), p.developerDisable(), p.developerEnable(), p.developerDelete()),
		group("user", "users, and what is stored of one", append(remote.Shortcuts("user"), p.userExport(), p.userErase())...),
		group("key", "API keys of an installation", remote.Shortcuts("key")...),
		group("application", "applications of an installation", remote.Shortcuts("application")...),
		group("workout", "workouts of a user", remote.WorkoutImport()),
		group("signing-key", "manage the keys that sign access tokens", p.signingKeyRotate()),
		group("audit", "check the records of who did what", p.auditVerify()),
		group("import", "bring over what another product has", p.importOpenWearables()),
		p.migrate(), p.backup(), p.restore(), p.copy(), p.doctor(), p.health(), p.bench(), p.scan(),
		remote.Login(), remote.Logout(), remote.Profile(), remote.API(p.args), p.completion(), p.version())
	root.Long = aboutCommands
	commandline.Configure(root)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return root
}

// execute executes the command that the arguments name.
func (p *program) execute(ctx context.Context) error {
	root := p.root()
	root.SetArgs(commandline.Dashes(root, p.args))
	return root.ExecuteContext(ctx)
}

// command returns the command with these settings, which takes no arguments.
func (s *settings) command(run func(context.Context) error) *cobra.Command {
	c := s.commandOn("", func(ctx context.Context, _ []string) error { return run(ctx) })
	c.Args, c.ValidArgsFunction = commandline.NoArguments, cobra.NoFileCompletions
	return c
}

// commandOn returns the command with these settings, which takes arguments of that form.
func (s *settings) commandOn(form string, run func(context.Context, []string) error) *cobra.Command {
	words := strings.Fields(s.Name())
	short, _, _ := strings.Cut(s.summary, ";")
	c := &cobra.Command{
		Use: strings.TrimSpace(words[len(words)-1] + " " + form), Short: short, DisableFlagsInUseLine: true,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if !s.apart {
				if err := s.readEnvironment(); err != nil {
					return err
				}
			}
			return run(c.Context(), args)
		},
	}
	c.Flags().AddFlagSet(s.FlagSet)
	c.SetHelpFunc(func(*cobra.Command, []string) { s.help() })
	return c
}
