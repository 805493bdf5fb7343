// Command openwearables serves the Open Wearables authentication API and
// manages an installation of it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // a second signal ends the process at once
		<-ctx.Done()
		stop()
	}()
	p := program{args: os.Args[1:], environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.run(ctx))
}

// program is one run of the command, with its surroundings.
type program struct {
	args           []string
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// incompleteError is what kept a scan from the whole.
type incompleteError struct{ error }

// ExitStatus tells it from a scan that found something.
func (incompleteError) ExitStatus() int { return 2 }

// run executes the command and returns the exit status: 0, 1 for a failure, 2
// for wrong arguments and for a scan that found nothing and is not complete.
func (p *program) run(ctx context.Context) int {
	err := p.execute(ctx)
	if err != nil {
		fmt.Fprintln(p.stderr, "openwearables:", commandline.PrintableLines(err.Error()))
	}
	return commandline.Status(err)
}

// version prints the version and, where the Go command knew them, the commit and whether
// the tree was changed.
func (p *program) version() *cobra.Command {
	return p.apartSettings("version", "print the version", "").command(func(context.Context) error {
		b := server.ReadBuild()
		text := "openwearables " + b.Version
		if b.Revision != "" {
			text += " of " + b.Revision
		}
		if b.Modified {
			text += ", changed"
		}
		_, err := fmt.Fprintln(p.stdout, text)
		return err
	})
}
