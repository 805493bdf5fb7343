package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
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

// CheckLedgers checks the access ledgers of all users, against the heads that by has
// signed too. fingerprint is that of its secret. The database may be served meanwhile;
// what is written during the check may be left out.
func CheckLedgers(ctx context.Context, dsn string, o Options, fingerprint string, by audit.Signer) (report LedgerReport, err error) {
	db, e, err := openToRead(ctx, dsn, o)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c := newLedgerCheck(e, db, newMapper(e, db).db, by)
	var kept string
	err = c.db.NewSelect().TableExpr("meta").Column("value").Where("name = ?", "secret_fingerprint").Scan(ctx, &kept)
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

// ledgerCheck walks over entries and heads at once, both ordered by user. It reads
// heads before the entries that they speak of.
type ledgerCheck struct {
	pool      *sql.DB
	db        *bun.DB
	isolation sql.IsolationLevel
	by        audit.Signer
	report    LedgerReport

	user string // after which it begins; then whose ledger it has checked last, or "" if no other follows
	most int64  // entries, beyond which it begins with no other user; 0: any number

	heads []headRow // read ahead
	asked string    // the user of the last head that was read
	ended bool      // no heads follow
}

func newLedgerCheck(e engine, pool *sql.DB, db *bun.DB, by audit.Signer) *ledgerCheck {
	c := &ledgerCheck{pool: pool, db: db, by: by, report: LedgerReport{Broken: make(map[string]error)}}
	if e.name == postgresEngine.name { // SQLite's default is a snapshot
		c.isolation = sql.LevelRepeatableRead
	}
	return c
}

const checkBatch = 1000

func (c *ledgerCheck) run(ctx context.Context) error {
	user, seq := c.user, int64(math.MaxInt64)
	var l *ledger
	for {
		if len(c.heads) == 0 && !c.ended {
			if err := c.readHeads(ctx); err != nil {
				return err
			}
		}
		var rows []entryRow
		err := c.db.NewSelect().Model(&rows).Where("(user_id, seq) > (?, ?)", user, seq).
			Order("user_id", "seq").Limit(checkBatch).Scan(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			e := &rows[i].Entry
			if e.UserID != user {
				if err := c.finish(ctx, l, e.UserID); err != nil {
					return err
				}
				if c.most > 0 && c.report.Entries >= c.most {
					c.user = user
					return nil
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
			c.user = ""
			return c.finish(ctx, l, "")
		}
	}
}

// begin begins the check of a user's ledger.
func (c *ledgerCheck) begin(ctx context.Context, user string) (*ledger, error) {
	c.report.Users++
	h, err := c.headUpTo(ctx, user)
	if err != nil || h == nil {
		return newLedger(nil, c.by), err
	}
	c.heads = c.heads[1:]
	c.report.Heads++
	return newLedger(h, c.by), nil
}

// finish ends the check of a ledger, and looks at the heads without one up to the next
// user, all if that is "".
func (c *ledgerCheck) finish(ctx context.Context, l *ledger, next string) error {
	if l != nil && l.verdict() != nil {
		if err := c.confirm(ctx, l.user); err != nil {
			return err
		}
	}
	for {
		h, err := c.headUpTo(ctx, next)
		if err != nil || h == nil || h.UserID == next {
			return err
		}
		c.heads = c.heads[1:]
		c.report.Heads++
		if err := c.confirm(ctx, h.UserID); err != nil {
			return err
		}
	}
}

// confirm checks the ledger of one user once more, in a snapshot: a purge or a new
// signature may have come between.
func (c *ledgerCheck) confirm(ctx context.Context, user string) (err error) {
	snapshot, err := c.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: c.isolation})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Rollback()) }()
	var heads []headRow
	if err := c.db.NewSelect().Model(&heads).Where("user_id = ?", user).Conn(snapshot).Scan(ctx); err != nil {
		return err
	}
	l := newLedger(nil, c.by)
	if len(heads) > 0 {
		l = newLedger(&heads[0].Head, c.by)
	}
	for seq, more := int64(0), true; more; {
		var rows []entryRow
		err := c.db.NewSelect().Model(&rows).Where("user_id = ? AND seq > ?", user, seq).Order("seq").Limit(checkBatch).Conn(snapshot).Scan(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			l.check(&rows[i].Entry)
			seq = rows[i].Seq
		}
		more = len(rows) == checkBatch
	}
	if broken := l.verdict(); broken != nil {
		c.report.Broken[user] = broken
	}
	return nil
}

// headUpTo returns the next head if it is not beyond the user, "" being beyond all.
func (c *ledgerCheck) headUpTo(ctx context.Context, user string) (*audit.Head, error) {
	if len(c.heads) == 0 && !c.ended {
		if err := c.readHeads(ctx); err != nil {
			return nil, err
		}
	}
	if len(c.heads) == 0 || user != "" && c.heads[0].UserID > user {
		return nil, nil
	}
	return &c.heads[0].Head, nil
}

func (c *ledgerCheck) readHeads(ctx context.Context) error {
	c.heads = nil
	err := c.db.NewSelect().Model(&c.heads).Where("user_id > ?", c.asked).Order("user_id").Limit(checkBatch).Scan(ctx)
	if err != nil {
		return err
	}
	if c.ended = len(c.heads) < checkBatch; len(c.heads) > 0 {
		c.asked = c.heads[len(c.heads)-1].UserID
	}
	return nil
}

// ledger is the check of one user's ledger.
type ledger struct {
	user string
	audit.Verifier
	first int64
	head  *audit.Head // nil if none was signed
	met   bool        // what the head says of its end holds
	err   error
}

func newLedger(h *audit.Head, by audit.Signer) *ledger {
	l := &ledger{head: h}
	if h != nil && !by.Genuine(h) {
		l.err = errors.New("the signed head was changed, or was signed with another secret")
	}
	return l
}

func (l *ledger) check(e *audit.Entry) {
	if l.first == 0 {
		l.user, l.first = e.UserID, e.Seq
		if l.err == nil && l.head != nil && !l.head.BeginsAt(e) {
			l.err = fmt.Errorf("it begins at entry %d, and was signed as beginning at entry %d", e.Seq, l.head.First)
		}
		l.met = l.head != nil && l.head.Seq == e.Seq-1 // all that was signed is purged
	}
	if l.err == nil {
		l.err = l.Next(e)
	}
	l.met = l.met || l.head != nil && e.Seq == l.head.Seq && e.Hash == l.head.Hash
}

// verdict returns what is wrong with the ledger, once all of it was checked.
func (l *ledger) verdict() error {
	switch {
	case l.err != nil || l.head == nil || l.met:
		return l.err
	case l.first == 0:
		return fmt.Errorf("all entries are missing, and entry %d was signed", l.head.Seq)
	default:
		return fmt.Errorf("it ends at entry %d or was written anew, and entry %d was signed", l.Last(), l.head.Seq)
	}
}
