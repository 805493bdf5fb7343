package store

import (
	"context"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
)

// A search asks an index of trigrams, which triggers keep, for users that have
// all trigrams of its text, and then looks at the text of each. The index holds
// a trigram for each character, so that one or two characters are the beginning
// of some.

// maxGrams bounds the trigrams that are looked up for one search. More would
// hardly leave out another user.
const maxGrams = 32

// gramsOf returns the distinct trigrams of the text, as many as are looked up.
// It returns none for a text of fewer than three characters.
func gramsOf(text string) (grams []string) {
	chars := []rune(text)
	for i := 0; i+3 <= len(chars) && len(grams) < maxGrams; i++ {
		if gram := string(chars[i : i+3]); !slices.Contains(grams, gram) {
			grams = append(grams, gram)
		}
	}
	return grams
}

// quoted joins terms by the operator, each in quotes and escaped.
func quoted(terms []string, quote, operator string, escape *strings.Replacer) string {
	out := make([]string, len(terms))
	for i, term := range terms {
		out[i] = quote + escape.Replace(term) + quote
	}
	return strings.Join(out, operator)
}

var (
	likeEscaper    = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")
	fts5Escaper    = strings.NewReplacer(`"`, `""`)
	tsqueryEscaper = strings.NewReplacer(`'`, `''`, `\`, `\\`)
)

// containing is a query for the ids of the users whose text contains another,
// as the column user_id.
type containing func(text string) (query string, args []any)

func containingSQLite(text string) (query string, args []any) {
	index, args := "SELECT rowid AS i FROM user_search WHERE user_search MATCH ?", []any{quoted(gramsOf(text), `"`, " AND ", fts5Escaper)}
	if args[0] == "" {
		index, args = "SELECT DISTINCT doc AS i FROM user_grams WHERE term >= ? AND term < ?", []any{text, text + "\U0010ffff"}
	}
	return "SELECT user_id FROM (" + index + ") CROSS JOIN user_texts ON n = i WHERE " + isPart, append(args, part(text))
}

func containingPostgres(text string) (query string, args []any) {
	terms := quoted(gramsOf(text), "'", " & ", tsqueryEscaper)
	if terms == "" {
		terms = quoted([]string{text}, "'", "", tsqueryEscaper) + ":*"
	}
	return "SELECT user_id FROM user_texts WHERE user_grams(search) @@ ?::tsquery AND " + isPart, []any{terms, part(text)}
}

// isPart is the condition that the column search has a part.
const isPart = "search LIKE ? ESCAPE '!'"

func part(text string) string { return "%" + likeEscaper.Replace(text) + "%" }

// isSearch reports whether the index serves the query: it names no single user.
func isSearch(q auth.UserQuery) bool {
	return q.Search != "" && q.Email == nil && q.ExternalUserID == nil
}

// found returns the ids of users whose text contains another, auth.MaxFound of
// them at most.
func (r *reader) found(ctx context.Context, text string) (ids []string, err error) {
	query, args := r.engine.containing(text)
	err = r.scan(ctx, func(ctx context.Context, on executor) error {
		ids = nil
		// The first row comes when all are found, so that it can be stopped until then.
		query := "WITH found AS MATERIALIZED (" + query + " LIMIT ?) SELECT user_id FROM found"
		return r.db.NewRaw(query, append(args, auth.MaxFound)...).Conn(on).Scan(ctx, &ids)
	})
	return ids, r.fail(ctx, err)
}
