// Command pgserve starts an empty PostgreSQL for tests in other languages, prints the URL
// of a database, and ends with its standard input.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	server, err := pgtest.Start("fsync=off", "full_page_writes=off", "synchronous_commit=off")
	if err != nil {
		return err
	}
	fmt.Println(server.DSN("postgres"))
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, server.Close())
}
