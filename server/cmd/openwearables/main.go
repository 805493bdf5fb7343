// Command openwearables serves the Open Wearables authentication API and
// manages an installation of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/openwearables/openwearables/server"
)

const usage = `openwearables serves the Open Wearables authentication API and manages an installation of it.

  openwearables serve                     serve the API
  openwearables developer create          add a developer, who may log in
  openwearables developer list            list the developers
  openwearables developer set-password    replace a password, ending all sessions and the tokens they minted
  openwearables developer disable         end a developer's sessions and the tokens it minted, and refuse its logins
  openwearables developer enable          let a disabled developer log in again
  openwearables developer delete          remove a developer and the tokens it minted
  openwearables user export               write everything that is stored of one user, as JSON lines
  openwearables user erase                delete one user, wait until its data is removed, and say what is kept
  openwearables signing-key rotate        sign access tokens with a new key; no token is refused for it,
                                          or end a leaked key at once with --revoke KID
  openwearables audit verify              check that nothing was changed in the ledgers of who read whose data
  openwearables migrate                   bring the database up to this version
  openwearables backup                    write a SQLite database into a new file while it is served
  openwearables restore                   replace a SQLite database with a backup
  openwearables copy                      copy a SQLite database into a PostgreSQL one
  openwearables doctor                    check the installation and say what to change
  openwearables health                    ask the server on this machine whether it is alive
  openwearables bench                     measure an installation, with a test key
  openwearables scan                      find credentials that were left in files or in the history of git
  openwearables completion bash           print what makes bash complete commands: source <(openwearables completion bash)
  openwearables version                   print the version

Each command explains its flags with --help. Each flag of serve may also be given
as a variable: --addr is OPENWEARABLES_ADDR. The master secret (at least 32 bytes)
is given as OPENWEARABLES_SECRET, or in the file that --secret-file names; without
one, a SQLite database gets a secret in a file beside it. The commands act on a running server at once.
`

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

// usageError is a mistake in the arguments.
type usageError string

func (e usageError) Error() string { return string(e) }

// incompleteError is what kept a scan from the whole.
type incompleteError struct{ error }

// run executes the command and returns the exit status: 0, 1 for a failure, 2
// for wrong arguments and for a scan that found nothing and is not complete.
func (p *program) run(ctx context.Context) int {
	err := p.dispatch(ctx)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(p.stderr, "openwearables:", err)
	_, misused := errors.AsType[usageError](err)
	_, incomplete := errors.AsType[incompleteError](err)
	if misused || incomplete {
		return 2
	}
	return 1
}

// commands returns the commands by their names, each of one or two words.
func (p *program) commands() map[string]func(context.Context, []string) error {
	return map[string]func(context.Context, []string) error{
		"serve": p.serve, "migrate": p.migrate, "backup": p.backup, "restore": p.restore, "copy": p.copy, "doctor": p.doctor,
		"bench": p.bench, "scan": p.scan, "health": p.health, "version": p.version,
		"completion": p.completion, "complete": p.complete,
		"developer create": p.developerCreate, "developer list": p.developerList,
		"developer set-password": p.developerSetPassword, "developer disable": p.developerDisable,
		"developer enable": p.developerEnable, "developer delete": p.developerDelete,
		"user export": p.userExport, "user erase": p.userErase,
		"signing-key rotate": p.signingKeyRotate, "audit verify": p.auditVerify,
	}
}

// command returns the command that the first one or two words name, and its name.
func (p *program) command(words []string) (command func(context.Context, []string) error, name string) {
	for n := min(2, len(words)); n > 0; n-- {
		name = strings.Join(words[:n], " ")
		if command, ok := p.commands()[name]; ok {
			return command, name
		}
	}
	return nil, ""
}

// dispatch executes the command that the first one or two arguments name.
func (p *program) dispatch(ctx context.Context) error {
	if command, name := p.command(p.args); command != nil {
		return command(ctx, p.args[len(strings.Fields(name)):])
	}
	if len(p.args) > 0 && slices.Contains([]string{"help", "--help", "-help", "-h"}, p.args[len(p.args)-1]) {
		fmt.Fprint(p.stdout, usage)
		return nil
	}
	if len(p.args) == 0 {
		fmt.Fprint(p.stderr, usage, "\n")
		return usageError("say which command")
	}
	return usageError(fmt.Sprintf("there is no command %q; see openwearables --help", strings.Join(p.args, " ")))
}

// version prints the version and, where the Go command knew them, the commit and whether
// the tree was changed.
func (p *program) version(_ context.Context, args []string) error {
	if len(args) > 0 {
		return usageError("version takes no argument")
	}
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
}
