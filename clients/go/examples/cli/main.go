// Cli is a command-line tool for developers. It stays signed in between its runs.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

const usage = "usage: cli login EMAIL | cli keys | cli logout"

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	base := os.Getenv("OPENWEARABLES_BASE_URL")
	if base == "" {
		base = "http://localhost:8000"
	}
	path := os.Getenv("SESSION_FILE")
	if path == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return fmt.Errorf("there is no place for the session, set SESSION_FILE: %w", err)
		}
		path = filepath.Join(config, "openwearables-example", "session.json")
	}
	// Several runs at the same time share the file: one of them renews the session.
	store := openwearables.WithStore(openwearables.FileStore(path))
	if args[0] == "login" {
		return login(ctx, base, store, args[1:])
	}
	c, err := openwearables.New(base, store)
	if err != nil {
		return err
	}
	switch strings.Join(args, " ") {
	case "keys":
		return listKeys(ctx, c)
	case "logout":
		return c.SignOut(ctx)
	default:
		return errors.New(usage)
	}
}

func login(ctx context.Context, base string, store openwearables.Option, args []string) error {
	if len(args) != 1 {
		return errors.New(usage)
	}
	password := os.Getenv("PASSWORD")
	if password == "" {
		fmt.Fprint(os.Stderr, "Password: ") // a tool of yours reads it by golang.org/x/term, which does not show it
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && err != io.EOF {
			return err
		}
		password = strings.TrimRight(line, "\r\n")
	}
	c, err := openwearables.Login(ctx, base, args[0], password, store)
	if err != nil {
		return err
	}
	me, err := c.Sessions.Me(ctx)
	if err != nil {
		return err
	}
	fmt.Println("signed in as", me.GetEmail())
	return nil
}

func listKeys(ctx context.Context, c *openwearables.Client) error {
	for key, err := range c.Keys.List(ctx, nil) {
		if err != nil {
			return err
		}
		fmt.Printf("%s  %s  %s\n", key.GetId(), key.GetCreatedAt().AsTime().Format("2006-01-02"), key.GetName())
	}
	return nil
}

// explain returns what a person can do about an error.
func explain(err error) string {
	var e *openwearables.Error
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case e.Reason == openwearables.ReasonSignedOut, openwearables.IsSessionExpired(err):
		return "nobody is signed in: cli login EMAIL"
	case openwearables.IsOffline(err):
		return "the server cannot be reached; you are still signed in: " + e.Message
	default:
		return e.Message
	}
}
