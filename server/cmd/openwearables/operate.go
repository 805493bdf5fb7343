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
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/server/control"
	"github.com/openwearables/openwearables/server/operator"
)

// onDeveloper returns a command on one developer, which prints that it is done.
func (p *program) onDeveloper(command, summary, done string, password bool) *cobra.Command {
	s := p.databaseSettings(command, summary)
	c := control.Command{Name: command}
	s.StringVar(&c.Email, "email", "", "the developer's `address`")
	fromStdin := false
	if password {
		s.toggle(&fromStdin, "password-stdin", "read the password from standard input")
		s.number(&s.config.Auth.Passwords.Min, "password-min", "shortest password, in characters, where no server runs")
	}
	return s.command(func(ctx context.Context) (err error) {
		if c.Email == "" {
			return usageError(command + " needs --email")
		}
		if password {
			if c.Password, err = p.password(fromStdin); err != nil {
				return err
			}
		}
		if _, err := operator.Execute(ctx, s.config, c); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s %s\n", c.Email, done)
		return err
	})
}

// byteOrderMark begins the text that some editors and shells write.
const byteOrderMark = "\uFEFF"

// password reads a password from standard input, or prompts for it twice at a
// terminal without echo.
func (p *program) password(fromStdin bool) (string, error) {
	if fromStdin {
		line, err := bufio.NewReader(io.LimitReader(p.stdin, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if strings.ContainsRune(line, 0) || strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff") {
			return "", errors.New("the password on standard input is UTF-16: give it as UTF-8 text")
		}
		return strings.TrimPrefix(strings.TrimRight(line, "\r\n"), byteOrderMark), nil
	}
	f, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", usageError("standard input is not a terminal: give the password there and say --password-stdin")
	}
	typed, err := p.ask(f, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := p.ask(f, "Once more: ")
	if err == nil && again != typed {
		err = errors.New("the two passwords differ; nothing was changed")
	}
	return typed, err
}

// ask prompts at the terminal and reads a line without echo.
func (p *program) ask(terminal *os.File, prompt string) (string, error) {
	fmt.Fprint(p.stderr, prompt)
	typed, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(p.stderr)
	return string(typed), err
}

func (p *program) developerCreate() *cobra.Command {
	return p.onDeveloper(control.DeveloperCreate, "add a developer, who may log in", "may log in", true)
}

func (p *program) developerSetPassword() *cobra.Command {
	return p.onDeveloper(control.DeveloperSetPassword, "replace a password, ending all sessions and the tokens they minted",
		"has a new password; its sessions and the tokens that it minted have ended", true)
}

func (p *program) developerDisable() *cobra.Command {
	return p.onDeveloper(control.DeveloperDisable, "end a developer's sessions and the tokens it minted, and refuse its logins",
		"is disabled; its sessions and the tokens that it minted have ended", false)
}

func (p *program) developerEnable() *cobra.Command {
	return p.onDeveloper(control.DeveloperEnable, "let a disabled developer log in again", "may log in again", false)
}

func (p *program) developerDelete() *cobra.Command {
	return p.onDeveloper(control.DeveloperDelete, "remove a developer and the tokens it minted",
		"is gone; its sessions and the tokens that it minted have ended", false)
}

func (p *program) developerList() *cobra.Command {
	s := p.databaseSettings(control.DeveloperList, "list the developers")
	return s.command(func(ctx context.Context) error {
		list, err := operator.Execute(ctx, s.config, control.Command{Name: control.DeveloperList})
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tEMAIL\tCREATED\tSTATE")
		for _, d := range list {
			state := "enabled"
			if d.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.ID, d.Email, d.CreatedAt.Format(time.RFC3339), state)
		}
		return w.Flush()
	})
}

func (p *program) signingKeyRotate() *cobra.Command {
	s := p.databaseSettings(control.SigningKeyRotate, "sign access tokens with a new key; tokens signed before stay valid")
	c, done := control.Command{Name: control.SigningKeyRotate}, "access tokens are signed with a new key"
	s.Func("revoke", "end the signing key with this `kid` at once: every access token that it signed is refused, and holders of a "+
		"refresh token get another. The kid is in the header of a token; an unknown one lists those that there are", func(id string) error {
		if id == "" {
			return errors.New("it is empty")
		}
		c.Name, c.KeyID = control.SigningKeyRevoke, id
		done = "signing key " + id + " has ended: the access tokens that it signed are refused"
		return nil
	})
	s.StringVar(&s.config.Auth.SigningAlgorithm, "jwt-alg", "", "`algorithm` of the new key and of later ones, HS256, ES256 or EdDSA; that of the key in use "+
		"by default. Others that verify tokens must read /.well-known/jwks.json again, up to five minutes later")
	return s.command(func(ctx context.Context) error {
		c.Algorithm = s.config.Auth.SigningAlgorithm
		if err := s.config.Check(); err != nil {
			return err
		}
		if _, err := operator.Execute(ctx, s.config, c); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.stdout, done)
		return err
	})
}

func (p *program) auditVerify() *cobra.Command {
	s := p.databaseSettings("audit verify", "check that nothing was changed in the ledgers of who read whose data, also while they are served")
	return s.command(func(ctx context.Context) error {
		if err := s.config.Check(); err != nil {
			return err
		}
		return operator.VerifyLedgers(ctx, p.stdout, s.config)
	})
}

func (p *program) migrate() *cobra.Command {
	s := p.databaseSettings("migrate", "bring the database up to this version")
	return s.command(func(ctx context.Context) error {
		applied, err := operator.Migrate(ctx, s.config)
		if err != nil {
			return err
		}
		if len(applied) == 0 {
			_, err = fmt.Fprintln(p.stdout, "the database is up to date")
			return err
		}
		_, err = fmt.Fprintln(p.stdout, "applied: "+strings.Join(applied, ", "))
		return err
	})
}

func (p *program) backup() *cobra.Command {
	s := p.databaseSettings("backup", "write a SQLite database, which may be served meanwhile, into a new file")
	var to string
	s.StringVar(&to, "to", "", "the new `file`")
	return s.command(func(ctx context.Context) error {
		if to == "" {
			return usageError("backup needs --to")
		}
		if err := operator.Backup(ctx, s.config, to); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "Wrote %s. The master secret is not in it: keep that too, and apart from it.\n", to)
		return err
	})
}

func (p *program) restore() *cobra.Command {
	s := p.databaseSettings("restore", "replace a SQLite database, which nothing serves, with a backup that is checked first")
	var from string
	s.StringVar(&from, "from", "", "the `file` that openwearables backup wrote")
	return s.command(func(ctx context.Context) error {
		if from == "" {
			return usageError("restore needs --from")
		}
		if err := operator.Restore(ctx, s.config, from); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "%s is the database of %s now. It needs the master secret of that time.\n", s.config.SQLitePath(), from)
		return err
	})
}

func (p *program) copy() *cobra.Command {
	s := p.newSettings("copy", "copy a SQLite database, which nothing serves, into an empty PostgreSQL database")
	s.StringVar(&s.config.Database, "from", s.config.Database, "the `database` to copy: sqlite:PATH")
	s.fromFile("secret")
	var to string
	s.StringVar(&to, "to", "", "the empty `database` to fill: postgres://USER@HOST/NAME; a password is better given as PGPASSWORD or in ~/.pgpass")
	return s.command(func(ctx context.Context) error {
		if to == "" {
			return usageError("copy needs --to")
		}
		copied, err := operator.Copy(ctx, s.config, to)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		for _, t := range copied.Tables {
			fmt.Fprintf(w, "%s\t%d\n", t.Table, t.Rows)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		secret := "the master secret of now"
		if copied.SecretFile != "" {
			secret = "OPENWEARABLES_SECRET set to what is in " + copied.SecretFile
		}
		_, err = fmt.Fprintf(p.stdout, "\nAll of it arrived. Serve it with --database and %s; do not serve %s again.\n", secret, s.config.Database)
		return err
	})
}

func (p *program) doctor() *cobra.Command {
	s := p.serveSettings("doctor", "check the installation and say what to change")
	var backend string
	s.StringVar(&backend, "backend-url", "", "the public `address` that an imported backend had: warns while it answers past this server")
	return s.command(func(ctx context.Context) error {
		if _, err := s.level(); err != nil {
			return err
		}
		if backend != "" {
			if err := operator.CheckBackend(ctx, commandline.PrintableWriter(p.stdout), backend); err != nil {
				return err
			}
		}
		return operator.Diagnose(ctx, p.stdout, s.config)
	})
}
