package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// PageInput selects a page of a list that is ordered newest first; nil is the
// default.
type PageInput struct {
	Limit  *int    // default 100
	Cursor *string // from an earlier page
}

// Page is one page of such a list.
type Page[T any] struct {
	Items      []T
	NextCursor *string // nil on the last page
}

// Place is the place of a row in such a list.
type Place struct {
	At time.Time `json:"t"`
	ID string    `json:"i"`
}

// fullPage is the number of rows on a page, by default and at most.
const fullPage = 100

// readPage returns a page of the list of that name. fetch returns as many rows
// as the limit says, those after the place if it is not nil.
func readPage[T any](
	ctx context.Context, vault *credential.Vault, list string, in PageInput,
	fetch func(ctx context.Context, after *Place, limit int) ([]T, error), place func(*T) Place,
) (page Page[T], err error) {
	var v problem.Check
	limit, filters := fullPage, []byte(list+":")
	if in.Limit != nil {
		limit = *in.Limit
	}
	v.Between("limit", limit, 1, fullPage)
	var after *Place
	if in.Cursor != nil && !vault.OpenCursor(filters, *in.Cursor, &after) {
		v.Fail("cursor", "must be the cursor of the next page of the same list")
	}
	if err := v.Err(); err != nil {
		return page, err
	}
	if page.Items, err = fetch(ctx, after, limit+1); err != nil || len(page.Items) <= limit {
		return page, err
	}
	page.Items = page.Items[:limit]
	cursor, err := vault.SealCursor(filters, place(&page.Items[limit-1]))
	page.NextCursor = &cursor
	return page, err
}
