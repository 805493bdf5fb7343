package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// root returns the program with all of its commands. Each is declared by a method of its
// own, with its flags and what it does.
func (p *program) root() *cobra.Command {
	root := p.group("openwearables", "serves the Open Wearables authentication API and manages an installation of it",
		p.serve(),
		p.group("developer", "manage the developers, who may log in", p.developerCreate(), p.developerList(),
			p.developerSetPassword(), p.developerDisable(), p.developerEnable(), p.developerDelete()),
		p.group("user", "what is stored of one user", p.userExport(), p.userErase()),
		p.group("signing-key", "manage the keys that sign access tokens", p.signingKeyRotate()),
		p.group("audit", "check the records of who did what", p.auditVerify()),
		p.migrate(), p.backup(), p.restore(), p.copy(), p.doctor(), p.health(), p.bench(), p.scan(),
		p.completion(), p.version())
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(p.help())
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { p.printUsage(p.stdout, c) })
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
			err = fmt.Errorf("flag provided but not defined: -%s", unknown.GetSpecifiedName())
		}
		return usageError(fmt.Sprintf("%v; see %s --help", err, c.CommandPath()))
	})
	return root
}

// helpWords ask for help.
var helpWords = []string{"help", "--help", "-help", "-h"}

func init() { cobra.EnableCommandSorting = false } // the order of root is that of their use

// execute executes the command that the arguments name.
func (p *program) execute(ctx context.Context) error {
	root := p.root()
	root.SetArgs(p.twoDashes(root))
	return root.ExecuteContext(ctx)
}

// twoDashes returns the arguments, with a second dash before the names of flags that
// came with one, as they may.
func (p *program) twoDashes(root *cobra.Command) []string {
	command, _, err := root.Find(p.args)
	if err != nil {
		return p.args
	}
	command.InitDefaultHelpFlag()
	args := slices.Clone(p.args)
	for i, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		switch {
		case arg == "--":
			return args
		case len(name) > 1 && strings.HasPrefix(arg, "-") && command.Flags().Lookup(name) != nil:
			args[i] = "-" + arg
		}
	}
	return args
}

// command returns the command with these settings, which takes no arguments.
func (s *settings) command(run func(context.Context) error) *cobra.Command {
	c := s.commandOn("", func(ctx context.Context, _ []string) error { return run(ctx) })
	c.ValidArgsFunction = cobra.NoFileCompletions
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError(fmt.Sprintf("%s takes no argument %q; see openwearables %s --help", s.Name(), args[0], s.Name()))
		}
		return nil
	}
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

// group returns a command that only names others.
func (p *program) group(name, summary string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use: name, Short: summary, DisableFlagsInUseLine: true, Args: cobra.ArbitraryArgs,
		DisableFlagParsing: true, // of a misspelled command the flags are unknown too
		RunE:               p.unknown,
	}
	g.AddCommand(commands...)
	return g
}

// unknown answers words that follow a group and are none of its commands.
func (p *program) unknown(group *cobra.Command, words []string) error {
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(helpWords, w) }) {
		return group.Help()
	}
	if len(words) == 0 {
		p.printUsage(p.stderr, group)
		fmt.Fprintln(p.stderr)
		return usageError("say which command")
	}
	if strings.HasPrefix(words[0], "-") {
		return usageError(fmt.Sprintf("flag provided but not defined: %s; see %s --help", words[0], group.CommandPath()))
	}
	named := strings.TrimPrefix(group.CommandPath()+" "+words[0], "openwearables ")
	text := fmt.Sprintf("there is no command %q", named)
	group.SuggestionsMinimumDistance = 2
	if like := group.SuggestionsFor(words[0]); len(like) > 0 {
		text += " (did you mean " + strings.Join(like, " or ") + "?)"
	}
	return usageError(text + "; see " + group.CommandPath() + " --help")
}

// help returns the command that prints what --help of another one does.
func (p *program) help() *cobra.Command {
	return &cobra.Command{
		Use: "help", Short: "explain a command", Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			asked, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && asked.HasSubCommands() {
				return p.unknown(asked, rest)
			}
			return asked.Help()
		},
	}
}

const aboutCommands = `
Each command explains its flags with --help. Each flag of serve may also be given
as a variable: --addr is OPENWEARABLES_ADDR. The master secret (at least 32 bytes)
is given as OPENWEARABLES_SECRET, or in the file that --secret-file names; without
one, a SQLite database gets a secret in a file beside it. The commands act on a running server at once.
`

// printUsage prints the commands of the group, each with what it does.
func (p *program) printUsage(to io.Writer, group *cobra.Command) {
	if !group.HasParent() {
		fmt.Fprintf(to, "%s %s.\n\n", group.Name(), group.Short)
	} else {
		fmt.Fprintf(to, "%s: %s\n\n", group.CommandPath(), group.Short)
	}
	for _, c := range leaves(group) {
		fmt.Fprintf(to, "  %-37s  %s\n", c.CommandPath(), c.Short)
	}
	if !group.HasParent() {
		fmt.Fprint(to, aboutCommands)
	}
}

// leaves returns the commands below a group that do something.
func leaves(group *cobra.Command) (all []*cobra.Command) {
	for _, c := range group.Commands() {
		switch {
		case !c.IsAvailableCommand():
		case c.HasSubCommands():
			all = append(all, leaves(c)...)
		default:
			all = append(all, c)
		}
	}
	return all
}
