package remote

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/openwearables/openwearables/internal/commandline"
)

func noNote(*pflag.Flag) string { return "" }

// API returns the commands of every operation. They are made only if the arguments of the
// program ask for them, so that other commands start as fast without.
func (r *Commands) API(args []string) *cobra.Command {
	api := commandline.Group("api", "call any operation of the API: openwearables api GROUP OPERATION")
	api.Annotations = map[string]string{commandline.Whole: "yes"}
	if !slices.Contains(args, "api") {
		return api
	}
	groups := map[string]*cobra.Command{}
	for _, o := range operations() {
		g := groups[o.group]
		if g == nil {
			g = commandline.Group(o.group, "operations on "+o.group)
			g.SetHelpFunc(func(c *cobra.Command, _ []string) { printOperations(c) })
			groups[o.group] = g
			api.AddCommand(g)
		}
		c := r.operationCommand(o, o.name, "")
		c.Annotations = map[string]string{"operation": o.id()}
		g.AddCommand(c)
	}
	api.SetHelpFunc(func(c *cobra.Command, _ []string) { printOperations(c) })
	return api
}

// printOperations prints what the operations below a group do.
func printOperations(group *cobra.Command) {
	describe(group)
	commandline.PrintCommands(group.OutOrStdout(), group)
}

// describe gives each operation below the group the summary of the contract.
func describe(group *cobra.Command) {
	for _, c := range group.Commands() {
		describe(c)
		if id := c.Annotations["operation"]; id != "" {
			c.Short = fmt.Sprintf("%s (%s)", documentOf(id).summary, id)
		}
	}
}
