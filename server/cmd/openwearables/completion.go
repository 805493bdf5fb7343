package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/internal/commandline"
)

// completion prints what makes a shell complete commands and flags: it asks the program
// itself, so that it fits whichever is installed.
func (p *program) completion() *cobra.Command {
	shell := func(name, summary string, generate func(root *cobra.Command) error) *cobra.Command {
		var c *cobra.Command
		c = p.apartSettings("completion "+name, summary, "").command(func(context.Context) error { return generate(c.Root()) })
		return c
	}
	return commandline.Group("completion", "print what makes a shell complete commands",
		shell("bash", "print what makes bash complete commands: source <(openwearables completion bash); it needs the package bash-completion",
			func(root *cobra.Command) error { return root.GenBashCompletionV2(p.stdout, true) }),
		shell("zsh", "print what makes zsh complete commands: source <(openwearables completion zsh)",
			func(root *cobra.Command) error { return root.GenZshCompletion(p.stdout) }),
		shell("fish", "print what makes fish complete commands: openwearables completion fish | source",
			func(root *cobra.Command) error { return root.GenFishCompletion(p.stdout, true) }))
}
