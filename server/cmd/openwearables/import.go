package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/server/operator"
)

// sourceVariable holds the database to import from, which may have a password in it.
const sourceVariable = prefix + "IMPORT_FROM"

func (p *program) importOpenWearables() *cobra.Command {
	s := p.databaseSettings("import open-wearables", "bring over the developers, users, applications, keys, refresh tokens, invitations and pairing codes of an Open Wearables backend, "+
		"which all go on working, also into an installation that is served; first without --apply, which only says what would be done")
	var from, file string
	apply := false
	s.StringVar(&from, "from", "", "the backend's `database`: postgres://USER@HOST/NAME, read in one transaction. A password is better given in ~/.pgpass, "+
		"as PGPASSWORD, with the whole in "+sourceVariable+", or with --from-file")
	s.StringVar(&file, "from-file", "", "`file` with --from, which nobody else may read or change")
	s.toggle(&apply, "apply", "write it, and end here what was ended there since an earlier import")
	return s.command(func(ctx context.Context) error {
		if err := s.config.Check(); err != nil {
			return err
		}
		from, err := p.source(s, from, file)
		if err != nil {
			return err
		}
		return operator.Import(ctx, commandline.PrintableWriter(p.stdout), s.config, from, apply)
	})
}

// source returns the database to import from, of which one place must tell.
func (p *program) source(s *settings, from, file string) (string, error) {
	for _, entry := range p.environ {
		if value, ok := strings.CutPrefix(entry, sourceVariable+"="); ok && from == "" && file == "" {
			from = value
		}
	}
	switch {
	case from != "" && file != "":
		return "", usageError("the database to import from is given twice: leave out --from or --from-file")
	case file != "":
		return s.config.ReadSecretFile("from-file", file)
	case from == "":
		return "", usageError(s.Name() + " needs --from, --from-file or " + sourceVariable)
	}
	if u, err := url.Parse(from); err == nil && s.sources["from"] == fromFlag {
		if _, secret := u.User.Password(); secret {
			fmt.Fprintln(p.stderr, "openwearables: the password in --from stands in the list of processes: give it another way the next time")
		}
	}
	return from, nil
}
