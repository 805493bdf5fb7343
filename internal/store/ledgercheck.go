package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/audit"
)

// LedgerReport is what CheckLedgers found.
type LedgerReport struct {
	Users, Entries, Heads int64
	// Broken says of each user whose ledger is not intact what is wrong with it.
	Broken map[string]error
}

// CheckLedgers checks the access ledgers of all users, against the heads that were
// signed too. genuine reports whether a head was signed with the secret that has the
// fingerprint. The database may be served meanwhile; the check sees it as it was when
// it began.
func CheckLedgers(
	ctx context.Context, dsn string, o Options, fingerprint string, genuine func(*audit.Head) bool,
) (report LedgerReport, err error) {
	db, e, err := openToRead(ctx, dsn, o)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	isolation := sql.LevelDefault // SQLite's is a snapshot
	if e.name == postgresEngine.name {
		isolation = sql.LevelRepeatableRead
	}
	snapshot, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: isolation})
	if err != nil {
		return report, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, snapshot.Rollback()) }()
	c := ledgerCheck{db: newMapper(e, db).db, on: snapshot, genuine: genuine, report: LedgerReport{Broken: make(map[string]error)}}
	var kept string
	err = c.db.NewSelect().TableExpr("meta").Column("value").Where("name = ?", "secret_fingerprint").Conn(snapshot).Scan(ctx, &kept)
	if err == nil && kept != fingerprint {
		return report, errors.New("OPENWEARABLES_SECRET is not the secret that this database was made with")
	}
	if err == nil {
		err = c.run(ctx)
	}
	if err != nil {
		err = fmt.Errorf("store: %w", err)
	}
	return c.report, err
}

// openToRead opens a database that may be served meanwhile and changes nothing.
func openToRead(ctx context.Context, dsn string, o Options) (*sql.DB, engine, error) {
	e, rest, err := engineOf(dsn)
	if err != nil {
		return nil, e, err
	}
	e.log = o.logger()
	if e.name == sqliteEngine.name {
		path := filepath.Clean(strings.TrimPrefix(rest, "//"))
		if err := checkFiles(ctx, path); err != nil {
			return nil, e, err
		}
		db, err := openFile(path, "mode=ro", pragmas("busy_timeout(5000)", "query_only(ON)", "trusted_schema(OFF)"))
		return db, e, err
	}
	p, err := e.open(ctx, rest)
	if err != nil {
		return nil, e, err
	}
	return p.readers, e, nil
}

// ledgerCheck walks over entries and heads at once, both ordered by user.
type ledgerCheck struct {
	db      *bun.DB
	on      *sql.Tx
	genuine func(*audit.Head) bool
	report  LedgerReport

	heads []headRow // read ahead
	asked string    // the user of the last head that was read
	ended bool      // no heads follow
}

const checkBatch = 1000

func (c *ledgerCheck) run(ctx context.Context) error {
	var user string
	var seq int64
	l := &ledger{}
	for {
		var rows []entryRow
		err := c.db.NewSelect().Model(&rows).Where("(user_id, seq) > (?, ?)", user, seq).
			Order("user_id", "seq").Limit(checkBatch).Conn(c.on).Scan(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			e := &rows[i].Entry
			if e.UserID != user {
				if err := c.end(ctx, l, e.UserID); err != nil {
					return err
				}
				user = e.UserID
				if l, err = c.begin(ctx, user); err != nil {
					return err
				}
			}
			seq = e.Seq
			c.report.Entries++
			l.check(e)
		}
		if len(rows) < checkBatch {
			return c.end(ctx, l, "")
		}
	}
}

// ledger is the check of one user's ledger.
type ledger struct {
	user string
	audit.Verifier
	first int64
	head  *audit.Head // nil if none was signed
	met   bool        // the entry of the head was met, and is the one that was signed
	err   error
}

func (l *ledger) check(e *audit.Entry) {
	if l.first == 0 {
		l.first = e.Seq
	}
	if l.err == nil {
		l.err = l.Next(e)
	}
	l.met = l.met || l.head != nil && e.Seq == l.head.Seq && e.Hash == l.head.Hash
}

// begin begins the check of a user's ledger. Heads of users in between have no
// ledger.
func (c *ledgerCheck) begin(ctx context.Context, user string) (*ledger, error) {
	c.report.Users++
	l := &ledger{user: user}
	h, err := c.headUpTo(ctx, user)
	if err != nil || h == nil || h.UserID != user {
		return l, err
	}
	c.heads = c.heads[1:]
	l.head = h
	if c.report.Heads++; !c.genuine(h) {
		l.err = errors.New("the signed head was changed, or was signed with another secret")
	}
	return l, nil
}

// end ends the check of a ledger, and reports the heads without a ledger up to the
// next user, all if that is "".
func (c *ledgerCheck) end(ctx context.Context, l *ledger, next string) error {
	if l.err == nil && l.head != nil && !l.met && l.head.Seq >= l.first {
		l.err = fmt.Errorf("it ends at entry %d or was written anew, and entry %d was signed", l.Last(), l.head.Seq)
	}
	if l.err != nil {
		c.report.Broken[l.user] = l.err
	}
	for {
		h, err := c.headUpTo(ctx, next)
		if err != nil || h == nil || h.UserID == next {
			return err
		}
		c.heads = c.heads[1:]
		c.report.Heads++
		c.report.Broken[h.UserID] = fmt.Errorf("all entries are missing, and entry %d was signed", h.Seq)
	}
}

// headUpTo returns the next head if it is not beyond the user, "" being beyond all.
func (c *ledgerCheck) headUpTo(ctx context.Context, user string) (*audit.Head, error) {
	if len(c.heads) == 0 && !c.ended {
		err := c.db.NewSelect().Model(&c.heads).Where("user_id > ?", c.asked).Order("user_id").Limit(checkBatch).Conn(c.on).Scan(ctx)
		if err != nil {
			return nil, err
		}
		if c.ended = len(c.heads) < checkBatch; len(c.heads) > 0 {
			c.asked = c.heads[len(c.heads)-1].UserID
		}
	}
	if len(c.heads) == 0 || user != "" && c.heads[0].UserID > user {
		return nil, nil
	}
	return &c.heads[0].Head, nil
}
