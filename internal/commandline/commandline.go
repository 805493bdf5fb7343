// Package commandline is what the commands of a program have in common: groups of them,
// their help, and the exit status of what went wrong.
package commandline

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// UsageError is a mistake in the arguments.
type UsageError string

func (e UsageError) Error() string { return string(e) }

// ExitStatus is that of wrong arguments.
func (UsageError) ExitStatus() int { return 2 }

// Status returns the exit status for an error: 0 for nil, that of its method ExitStatus,
// else 1.
func Status(err error) int {
	if err == nil {
		return 0
	}
	if own, ok := errors.AsType[interface {
		error
		ExitStatus() int
	}](err); ok {
		return own.ExitStatus()
	}
	return 1
}

// helpWords ask for help.
var helpWords = []string{"help", "--help", "-help", "-h"}

// Configure makes the command the root of a program: help and mistakes are answered as
// this package does, flags may have one dash, and commands stay in their order.
func Configure(root *cobra.Command) {
	cobra.EnableCommandSorting = false
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(help())
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { PrintCommands(c.OutOrStdout(), c) })
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
			err = fmt.Errorf("flag provided but not defined: -%s", unknown.GetSpecifiedName())
		}
		return UsageError(fmt.Sprintf("%v; see %s --help", err, c.CommandPath()))
	})
}

// Dashes returns the arguments, with a second dash before the names of flags that came
// with one.
func Dashes(root *cobra.Command, args []string) []string {
	command, _, err := root.Find(args)
	if err != nil {
		return args
	}
	command.InitDefaultHelpFlag()
	args = slices.Clone(args)
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

// Group returns a command that only names others.
func Group(name, summary string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use: name, Short: summary, DisableFlagsInUseLine: true, Args: cobra.ArbitraryArgs,
		DisableFlagParsing: true, // of a misspelled command the flags are unknown too
		RunE:               unknown,
	}
	g.AddCommand(commands...)
	return g
}

// unknown answers words that follow a group and are none of its commands.
func unknown(group *cobra.Command, words []string) error {
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(helpWords, w) }) {
		return group.Help()
	}
	if len(words) == 0 {
		PrintCommands(group.ErrOrStderr(), group)
		fmt.Fprintln(group.ErrOrStderr())
		return UsageError("say which command")
	}
	if strings.HasPrefix(words[0], "-") {
		return UsageError(fmt.Sprintf("flag provided but not defined: %s; see %s --help", words[0], group.CommandPath()))
	}
	named := strings.TrimPrefix(group.CommandPath()+" "+words[0], group.Root().Name()+" ")
	text := fmt.Sprintf("there is no command %q", named)
	group.SuggestionsMinimumDistance = 2
	if like := group.SuggestionsFor(words[0]); len(like) > 0 {
		text += " (did you mean " + strings.Join(like, " or ") + "?)"
	}
	return UsageError(text + "; see " + group.CommandPath() + " --help")
}

// NoArguments refuses arguments.
func NoArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	name := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
	return UsageError(fmt.Sprintf("%s takes no argument %q; see %s --help", name, args[0], c.CommandPath()))
}

// help returns the command that prints what --help of another one does.
func help() *cobra.Command {
	return &cobra.Command{
		Use: "help", Short: "explain a command", Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			asked, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && asked.HasSubCommands() {
				return unknown(asked, rest)
			}
			return asked.Help()
		},
	}
}

// PrintCommands prints the commands of the group, each with what it does, and what the
// group's Long adds.
func PrintCommands(to io.Writer, group *cobra.Command) {
	if !group.HasParent() {
		fmt.Fprintf(to, "%s %s.\n\n", group.Name(), group.Short)
	} else {
		fmt.Fprintf(to, "%s: %s\n\n", group.CommandPath(), group.Short)
	}
	all, width := leaves(group), 0
	for _, c := range all {
		width = max(width, len(c.CommandPath()))
	}
	for _, c := range all {
		fmt.Fprintf(to, "  %-*s  %s\n", width, c.CommandPath(), c.Short)
	}
	fmt.Fprint(to, group.Long)
}

// Whole marks, as an annotation, a group that is listed in a line of its own, without its
// commands.
const Whole = "whole"

// leaves returns the commands below a group that do something.
func leaves(group *cobra.Command) (all []*cobra.Command) {
	for _, c := range group.Commands() {
		switch {
		case !c.IsAvailableCommand():
		case c.HasSubCommands() && c.Annotations[Whole] == "":
			all = append(all, leaves(c)...)
		default:
			all = append(all, c)
		}
	}
	return all
}

// PrintFlags prints what each flag takes. note returns what else there is to say of one.
func PrintFlags(to io.Writer, flags *pflag.FlagSet, note func(*pflag.Flag) string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		argument, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(to, "  %s\n        %s", strings.TrimSpace(name+" "+argument), usage)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			fmt.Fprintf(to, " (default %s)", f.DefValue)
		}
		if text := note(f); text != "" {
			fmt.Fprintf(to, "\n        %s", text)
		}
		fmt.Fprintln(to)
	})
}
