package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
)

// shownLedgers is how many broken ledgers are named.
const shownLedgers = 20

// VerifyLedgers checks the access ledgers of all users, and writes to w what is wrong
// with each that is not intact, and how much was checked. It changes nothing, and the
// database may be served meanwhile. It returns an error if a ledger is not intact.
func VerifyLedgers(ctx context.Context, w io.Writer, config server.Config) error {
	vault, err := server.Vault(config)
	if err != nil {
		return err
	}
	report, err := store.CheckLedgers(ctx, config.Database, store.Options{Log: config.Log}, vault.Fingerprint(), auth.HeadSigner{Vault: vault})
	if err != nil {
		return err
	}
	users := slices.Sorted(maps.Keys(report.Broken))
	for _, user := range users[:min(len(users), shownLedgers)] {
		fmt.Fprintf(w, "broken  user %s: %v\n", user, report.Broken[user])
	}
	if more := len(users) - shownLedgers; more > 0 {
		fmt.Fprintf(w, "broken  and those of %d users more\n", more)
	}
	_, err = fmt.Fprintf(w, "checked %d entries of %d users, and %d signed heads\n", report.Entries, report.Users, report.Heads)
	if len(users) > 0 {
		return errors.New("the access ledger was changed by something other than the server: compare it with a backup, and find out who can write to the database")
	}
	return err
}
