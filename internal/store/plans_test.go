package store

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/event"
)

// readWhole lists what statements read whole by intent: a table, a part of the statement
// ("" for any), and why that is right.
var readWhole = []struct{ table, statement, why string }{
	{"developers", "", "a team, whose members are counted and listed"},
	{"invitations", "", "of a team: those that are pending are counted, and the oldest removed"},
	{"webhook_endpoints", "", "at most a few, which are listed"},
	{"signing_keys", "", "at most a few, which are listed"},
	{"setup_tokens", "", "one of each node"},
	{"nodes", "", "a few, of which those that are gone are removed"},
	{"usage_writers", "", "one of each start of a node, for a month"},
	{"migrations", "", "one of each migration"},
	{"alert_rules", "", "a setting of each rule"},
	{"alert_mutes", "", "at most a thousand, which are listed"},
	{"api_keys", "count(*)", "counts all, which a quota bounds, before one is made and for GetStats"},
	{"applications", "count(*)", "the same"},
	{"alerts", "resolved_at IS NULL", "those that are open, all that a partial index has"},
	{"mirror_tasks", "count(*)", "counts what is not done upstream yet"},
	{"windows", "LIMIT $1) AS kept", "stops at the limit"},
	{"endings", "EXISTS", "stops at the first"},
	{"removals", "EXISTS", "stops at the first"},
	{"users", "ORDER BY email", "a developer sorts the list, which an index would make dearer for each write"},
	{"users", "ORDER BY first_name", "the same"},
	{"users", "ORDER BY last_name", "the same"},
	{"users", "ORDER BY last_synced_at", "the same; an index would make each upload dearer"},
	{"users", "count(*)", "counts all, in a turn of a scan, or since the number that is kept may be wrong"},
	{"webhook_deliveries", "SELECT count(*)", "counts those that are pending, in a turn of a scan"},
}

// PostgreSQL finds what each statement of the store reads by an index, unless the statement
// is listed. It is set to read a table whole only where no index serves, so that a
// statement which would be slow on a million rows shows on one.
func TestPostgresFindsByIndex(t *testing.T) {
	t.Parallel()
	server := must(pgtest.Start("fsync=off", "enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off",
		"session_preload_libraries=auto_explain",
		"auto_explain.log_min_duration=0", "auto_explain.log_format=json"))(t)
	t.Cleanup(func() { wantError(t, server.Close(), nil) })
	s := openStore(t, server.New(t)+"&statement_timeout=60000&connect_timeout=60", Options{}).unhurried()
	callAll(t, s)
	told := readPlans(t, server.Log())
	for _, hot := range []string{"UPDATE sessions s SET generation", "INSERT INTO sessions", "FROM sessions AS s WHERE id", "FROM api_keys AS k WHERE hash"} {
		if !slices.ContainsFunc(told, func(p plan) bool { return strings.Contains(p.Statement, hot) }) {
			t.Errorf("no plan of %s", hot)
		}
	}
	used := make([]bool, len(readWhole))
	shown := make(map[string]bool)
	for _, p := range told {
		for _, table := range p.Plan.whole(false) {
			if strings.HasPrefix(table, "pg_") {
				continue
			}
			listed := false
			for i, by := range readWhole {
				if by.table == table && strings.Contains(p.Statement, by.statement) {
					used[i], listed = true, true
				}
			}
			if text := table + " is read whole by: " + p.Statement; !listed && !shown[text] {
				shown[text] = true
				t.Error(text)
			}
		}
	}
	for i, by := range readWhole {
		if !used[i] {
			t.Errorf("no statement with %q reads %s whole any more: strike it off", by.statement, by.table)
		}
	}
	t.Logf("%d plans", len(told))
}

// plan is what auto_explain tells of a statement.
type plan struct {
	Statement string `json:"Query Text"`
	Plan      step   `json:"Plan"`
}

// step is one of a plan, as EXPLAIN (FORMAT JSON) tells of it.
type step struct {
	Type      string `json:"Node Type"`
	Table     string `json:"Relation Name"`
	Condition string `json:"Index Cond"`
	Plans     []step `json:"Plans"`
}

// whole returns the tables that the step and those below it read whole. Below a LIMIT, an
// index is read in its order until there is enough.
func (s *step) whole(limited bool) (tables []string) {
	limited = limited || s.Type == "Limit"
	switch s.Type {
	case "Seq Scan", "Sample Scan":
		tables = append(tables, s.Table)
	case "Index Scan", "Index Only Scan":
		if s.Condition == "" && !limited {
			tables = append(tables, s.Table)
		}
	case "Bitmap Heap Scan":
		if s.Plans[0].unconditional() {
			tables = append(tables, s.Table)
		}
	}
	for i := range s.Plans {
		tables = append(tables, s.Plans[i].whole(limited)...)
	}
	return tables
}

// unconditional reports whether a step below a bitmap scan reads an index whole.
func (s *step) unconditional() bool {
	if s.Type == "Bitmap Index Scan" {
		return s.Condition == ""
	}
	return slices.ContainsFunc(s.Plans, func(s step) bool { return s.unconditional() })
}

// readPlans returns the plans in the log of a server, but for those of migrations.
func readPlans(t *testing.T, log string) (told []plan) {
	t.Helper()
	text := string(must(os.ReadFile(log))(t))
	for _, entry := range strings.Split(text, "  plan:\n")[1:] {
		end := strings.Index(entry, "\n\t}\n")
		if end < 0 {
			t.Fatalf("a plan without an end: %s", entry)
		}
		var p plan
		if err := json.Unmarshal([]byte(entry[:end]+"\n}"), &p); err != nil {
			t.Fatalf("%v in the plan: %s", err, entry[:end])
		}
		if !strings.HasPrefix(p.Statement, servesLine) {
			told = append(told, p)
		}
	}
	return told
}

// callAll calls each method of the store, and of its transactions, with arguments that
// select what there is.
func callAll(t *testing.T, s *Store) {
	t.Helper()
	at, place, user := s.Now(), auth.Place{At: epoch.AddDate(100, 0, 0), ID: oneID}, sampleOf[auth.StoredSession]()
	user.DeveloperID, user.RevokedAt = "", nil
	m := methods{variants: map[reflect.Type][]any{
		reflect.TypeFor[context.Context]():    {t.Context()},
		reflect.TypeFor[audit.Signer]():       {testSigner{}},
		reflect.TypeFor[event.Quota]():        {event.DefaultQuota()},
		reflect.TypeFor[*auth.Place]():        {&place, (*auth.Place)(nil)},
		reflect.TypeFor[auth.StoredSession](): {user},
		reflect.TypeFor[auth.SessionFilter](): {
			auth.SessionFilter{ID: oneID},
			auth.SessionFilter{UserID: oneID},
			auth.SessionFilter{DeveloperID: oneID},
			auth.SessionFilter{AppID: oneID},
			auth.SessionFilter{MintedBy: oneID, Except: oneID},
		},
		reflect.TypeFor[auth.UserQuery](): {
			auth.UserQuery{SortBy: "created_at", Limit: 20},
			auth.UserQuery{
				SortBy: "created_at", Descending: true, Limit: 20, Total: ptr(1),
				After: &auth.UserPosition{Value: ptr("2026-01-01T00:00:00Z"), ID: oneID},
			},
			auth.UserQuery{SortBy: "created_at", Search: "018f", Limit: 20},
			auth.UserQuery{SortBy: "created_at", Email: []string{oneID}, Limit: 20},
			auth.UserQuery{SortBy: "created_at", ExternalUserID: ptr(oneID), Limit: 20},
			auth.UserQuery{SortBy: "email", Limit: 20},
			auth.UserQuery{SortBy: "first_name", Limit: 20},
			auth.UserQuery{SortBy: "last_name", Limit: 20},
			auth.UserQuery{SortBy: "last_synced_at", Limit: 20},
		},
		reflect.TypeFor[auth.KeyQuery](): {
			auth.KeyQuery{Limit: 20},
			auth.KeyQuery{After: &place, Limit: 20},
			auth.KeyQuery{State: auth.KeyDisabled, Limit: 20},
			auth.KeyQuery{State: auth.KeyExpired, Now: at, Limit: 20},
			auth.KeyQuery{State: auth.KeyRotating, Now: at, Limit: 20},
			auth.KeyQuery{State: auth.KeyUnused, Now: at, Limit: 20},
			auth.KeyQuery{State: auth.KeyExpiring, Now: at, Limit: 20},
		},
		reflect.TypeFor[auth.EventQuery](): {
			auth.EventQuery{Limit: 20},
			auth.EventQuery{After: &place, Start: &epoch, Limit: 20},
			auth.EventQuery{Actor: oneID, Limit: 20},
			auth.EventQuery{Subject: oneID, Limit: 20},
			auth.EventQuery{Action: oneID, Limit: 20},
			auth.EventQuery{Outcome: oneID, End: &at, Limit: 20},
		},
		reflect.TypeFor[alert.Query](): {
			alert.Query{Limit: 20},
			alert.Query{State: "open", Limit: 20},
			alert.Query{State: "resolved", Limit: 20},
			alert.Query{Rule: oneID, After: &place, Limit: 20},
			alert.Query{Subject: oneID, Limit: 20},
		},
		reflect.TypeFor[EventFilter](): {
			EventFilter{Limit: 20}, EventFilter{Action: oneID, Limit: 20}, EventFilter{Actor: oneID, Limit: 20}, EventFilter{Subject: oneID},
		},
		reflect.TypeFor[event.Query](): {
			event.Query{UserID: oneID, Start: epoch, End: at, Limit: 20},
			event.Query{UserID: oneID, Start: epoch, End: at, Type: ptr("running"), Backward: true, After: &event.Position{Start: epoch, ID: oneID}, Limit: 20},
		},
	}}
	m.fill(t, s)
	m.callTx(t, s)
	m.callStore(t, s)
}

// oneID is the id, name and secret of the one row of each table.
const oneID = "018f3f3e-0000-7000-8000-000000000001"

type methods struct {
	variants map[reflect.Type][]any
}

// samples returns the arguments of a type with which a method is called.
func (m *methods) samples(of reflect.Type) []reflect.Value {
	var all []reflect.Value
	for _, v := range m.variants[of] {
		all = append(all, reflect.ValueOf(v))
	}
	if of.Kind() == reflect.Slice {
		for _, v := range m.variants[of.Elem()] { // of a slice with one
			all = append(all, reflect.Append(reflect.MakeSlice(of, 0, 1), reflect.ValueOf(v)))
		}
	}
	if all == nil {
		v := reflect.New(of).Elem()
		fillIn(v)
		all = append(all, v)
	}
	return all
}

// fillIn sets what the value has: no text of it is empty and no pointer nil.
func fillIn(v reflect.Value) {
	switch t := v.Type(); {
	case !v.CanSet():
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(epoch.AddDate(100, 0, 0)))
	case v.Kind() == reflect.String:
		v.SetString(oneID)
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.CanFloat():
		v.SetFloat(1)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fillIn(v.Elem())
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		fillIn(v.Index(0))
	case v.Kind() == reflect.Map:
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		fillIn(key)
		fillIn(value)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(key, value)
	case v.Kind() == reflect.Func:
		v.Set(reflect.MakeFunc(t, func([]reflect.Value) (none []reflect.Value) {
			for i := range t.NumOut() {
				none = append(none, reflect.Zero(t.Out(i)))
			}
			return none
		}))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fillIn(v.Field(i))
		}
	}
}

// each calls a method once for each variant of its arguments, and reports whether it has
// failed in none.
func (m *methods) each(t *testing.T, name string, method reflect.Value) bool {
	t.Helper()
	kinds := method.Type()
	options, most := make([][]reflect.Value, kinds.NumIn()), 1
	for i := range options {
		options[i] = m.samples(kinds.In(i))
		most = max(most, len(options[i]))
	}
	call, well := method.Call, true
	if kinds.IsVariadic() {
		call = method.CallSlice
	}
	for round := range most {
		args := make([]reflect.Value, len(options))
		for i := range options {
			args[i] = options[i][min(round, len(options[i])-1)]
		}
		results := call(args)
		if len(results) == 0 {
			continue
		}
		if err, failed := results[len(results)-1].Interface().(error); failed {
			t.Logf("%s: %v", name, err)
			well = false
		}
	}
	return well
}

// sampleOf returns a value of the type as fillIn makes it.
func sampleOf[T any]() (v T) {
	fillIn(reflect.ValueOf(&v).Elem())
	return v
}

var errUndo = errors.New("undo")

// fill puts a row into each table.
func (m *methods) fill(t *testing.T, s *Store) {
	t.Helper()
	session := m.variants[reflect.TypeFor[auth.StoredSession]()][0].(auth.StoredSession)
	s.write(t, func(ctx context.Context, tx auth.Tx) error {
		return errors.Join(
			tx.InsertDeveloper(ctx, sampleOf[auth.StoredDeveloper]()), tx.InsertUser(ctx, sampleOf[auth.User]()),
			tx.InsertKey(ctx, sampleOf[auth.StoredKey]()), tx.InsertApplication(ctx, sampleOf[auth.StoredApplication]()),
			tx.InsertSession(ctx, session), tx.PutSigningKey(ctx, sampleOf[auth.StoredSigningKey]()),
			tx.PutPairingCode(ctx, sampleOf[auth.StoredPairingCode]()), tx.PutReplay(ctx, sampleOf[auth.ReplayRecord]()),
			tx.InsertWebhookEndpoint(ctx, sampleOf[auth.StoredWebhookEndpoint]()), tx.InsertInvitation(ctx, sampleOf[auth.StoredInvitation]()),
			tx.PutSetupToken(ctx, sampleOf[auth.StoredSetupToken](), 10), tx.PutMirrorTask(ctx, sampleOf[auth.MirrorTask]()),
		)
	})
}

// callTx calls each method of a transaction in one of its own, which is undone.
func (m *methods) callTx(t *testing.T, s *Store) {
	t.Helper()
	of := reflect.TypeFor[auth.Tx]()
	for i := range of.NumMethod() {
		name := of.Method(i).Name
		err := s.try(func(_ context.Context, tx auth.Tx) error {
			m.each(t, name, reflect.ValueOf(tx).MethodByName(name))
			return errUndo
		})
		if err != nil && !errors.Is(err, errUndo) {
			t.Logf("%s: %v", name, err)
		}
	}
}

// callStore calls each method of the store but those that say nothing to the database. One
// that has found nothing is called again, with what the others have left.
func (m *methods) callStore(t *testing.T, s *Store) {
	t.Helper()
	var again []func()
	called := []string{"Close", "OnEnd", "Turn", "Write", "WriteLong", "Windows"}
	for _, on := range []reflect.Value{reflect.ValueOf(s), reflect.ValueOf(s.Windows())} {
		for i := range on.NumMethod() {
			name := on.Type().Method(i).Name
			if slices.Contains(called, name) {
				continue
			}
			called = append(called, name)
			if !m.each(t, name, on.Method(i)) {
				again = append(again, func() { m.each(t, name, on.Method(i)) })
			}
		}
	}
	for _, call := range again {
		call()
	}
}
