package tracing

import (
	"strings"
	"testing"
)

func TestStatementsHaveNoArguments(t *testing.T) {
	for text, want := range map[string]string{
		`SELECT "u"."id" FROM "users" AS "u" WHERE (email = 'grace@example.com') LIMIT 20`: `SELECT "u"."id" FROM "users" AS "u" WHERE (email = ?) LIMIT ?`,
		`INSERT INTO t1 VALUES ('it''s', -1.5e3, X'00ff', NULL), ('', 7, '\xff', TRUE)`:    `INSERT INTO t1 VALUES (?, -?, ?, NULL), (?, ?, ?, TRUE)`,
		`SELECT E'a\'b' , 'c\', d`:           `SELECT ? , ?, d`,
		`SELECT * FROM x WHERE id = $1`:      `SELECT * FROM x WHERE id = $1`,
		`SELECT 'no end grace@example.com`:   `SELECT ?`,
		`UPDATE keys SET a = 'é''ü' WHERE b`: `UPDATE keys SET a = ? WHERE b`,
		``:                                   ``,
	} {
		if got := withoutArguments(text); got != want {
			t.Errorf("%s\nis  %s\nnot %s", text, got, want)
		}
	}
	long := withoutArguments("SELECT " + strings.Repeat("('grace'), ", 10_000))
	if len(long) > maxStatement+20 || strings.Contains(long, "grace") {
		t.Errorf("%d bytes: %s", len(long), long)
	}
}

func TestSummary(t *testing.T) {
	for text, want := range map[string]string{
		`SELECT a FROM users WHERE b = ?`: "SELECT users", `INSERT INTO "keys" (a) VALUES (?)`: "INSERT keys", `UPDATE sessions SET x = ?`: "UPDATE sessions",
		`WITH found AS MATERIALIZED (SELECT 1) SELECT`: "WITH", ``: "SQL", `DELETE FROM windows`: "DELETE windows",
		`SELECT (SELECT min(a) FROM endings e WHERE b = (?)) AS c FROM sessions AS s`: "SELECT sessions", `WITH a AS (SELECT b FROM keys)`: "WITH keys", `SELECT x FROM (SELECT`: "SELECT",
	} {
		if got := summary(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// FuzzStatement holds that nothing between quotes survives.
func FuzzStatement(f *testing.F) {
	f.Add("grace@example.com", `SELECT `, ` FROM x`)
	f.Fuzz(func(t *testing.T, argument, before, after string) {
		argument += "-planted-" // which no other text becomes
		if strings.ContainsAny(before, `'"`) || strings.Contains(before+after, argument) {
			t.Skip() // the text does not stand between quotes alone
		}
		got := withoutArguments(before + " '" + strings.ReplaceAll(argument, "'", "''") + "' " + after)
		if strings.Contains(got, argument) {
			t.Errorf("%q", got)
		}
	})
}
