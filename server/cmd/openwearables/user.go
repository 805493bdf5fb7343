package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/openwearables/openwearables/server/control"
	"github.com/openwearables/openwearables/server/operator"
)

// userSettings returns settings with the flags of a command on one user.
func (p *program) userSettings(command, summary string) (*settings, *operator.UserReference) {
	s, who := p.databaseSettings(command, summary), new(operator.UserReference)
	s.StringVar(&who.ID, "user", "", "the user's `id`")
	s.StringVar(&who.ExternalID, "external-id", "", "the user's external `id`, in place of --user")
	return s, who
}

// checkUser returns an error unless the arguments name one user.
func (s *settings) checkUser(who *operator.UserReference) error {
	if (who.ID == "") == (who.ExternalID == "") {
		return usageError(s.Name() + " needs --user or --external-id, and one of them only")
	}
	return s.config.Check()
}

func (p *program) userExport() *cobra.Command {
	s, who := p.userSettings(control.UserExport, "write everything that is stored of one user, which may be served meanwhile, as JSON lines")
	var to string
	s.StringVar(&to, "to", "", "the new `file`, which only you may read; standard output by default")
	return s.command(func(ctx context.Context) error {
		if err := s.checkUser(who); err != nil {
			return err
		}
		n, err := operator.ExportUser(ctx, p.stdout, s.config, *who, to)
		if err != nil || to == "" {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "Wrote %d rows into %s.\n", n, to)
		return err
	})
}

// whyKept says of each table that an erasure leaves rows in what they are and when
// they go.
var whyKept = map[string]string{
	"access_ledger":      "who read the data, without the addresses of the person; goes with --ledger-retention",
	"ledger_heads":       "the signatures of that",
	"audit_events":       "who changed what; with the addresses of the person's own calls; goes with --audit-retention",
	"alerts":             "alerts that name the id, and where a token was used twice; go with --alert-retention",
	"alert_mutes":        "alerts of the id that are silenced",
	"webhook_deliveries": "messages that name the id; their text goes once they are delivered",
	"imports":            "that the id was imported, so that it is not imported again",
}

func (p *program) userErase() *cobra.Command {
	s, who := p.userSettings(control.UserErase, "delete one user, wait until its data is removed, and say what is kept")
	var sure bool
	s.toggle(&sure, "yes", "do not ask")
	return s.command(func(ctx context.Context) error {
		if err := s.checkUser(who); err != nil {
			return err
		}
		erased := who.ID
		kept, err := operator.EraseUser(ctx, s.config, *who, func(id string) error {
			erased = id
			if sure {
				return nil
			}
			return p.confirm("user " + id + " and its sessions, tokens and data will be removed, which cannot be undone")
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "user %s is erased. Backups made before still have it.\n", erased)
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		for _, r := range kept {
			fmt.Fprintf(w, "kept\t%s\t%d\t%s\n", r.Table, r.Rows, whyKept[r.Table])
		}
		return w.Flush()
	})
}

// confirm says what will be done, and returns an error unless yes is typed at the
// terminal.
func (p *program) confirm(what string) error {
	f, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return usageError("standard input is not a terminal: say --yes if you are sure that " + what)
	}
	fmt.Fprintf(p.stderr, "%s. Type yes to go on: ", what)
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}
