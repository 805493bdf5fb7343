package openwearables

import (
	"hash/maphash"
	"iter"
)

// The bounds of a list that is read page by page, so that it ends even if the server
// never ends it.
const (
	maxPages      = 1 << 20
	maxEmptyPages = 1000    // in a row: a search for rare events has some
	maxCursor     = 4 << 10 // bytes
)

// pages yields the items of page after page, from the page of the cursor first on.
func pages[T any](first *string, fetch func(cursor *string) (items []T, next *string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		t := newTrail(first)
		for cursor := first; ; {
			items, next, err := fetch(cursor)
			if err == nil && next != nil {
				err = t.follow(*next, len(items))
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == nil {
				return
			}
			cursor = next
		}
	}
}

// singlePage yields the items of a list without pages.
func singlePage[T any](fetch func() ([]T, error)) iter.Seq2[T, error] {
	return pages(nil, func(*string) ([]T, *string, error) {
		items, err := fetch()
		return items, nil, err
	})
}

// trail records the cursors of one list by a hash of 64 bits each.
type trail struct {
	seed  maphash.Seed
	seen  map[uint64]struct{}
	empty int // pages without items, in a row
}

func newTrail(first *string) *trail {
	t := &trail{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
	if first != nil {
		t.seen[maphash.String(t.seed, *first)] = struct{}{}
	}
	return t
}

// follow records the cursor that came with a page of so many items. It returns an
// error if following it could go on for ever.
func (t *trail) follow(cursor string, items int) error {
	if t.empty++; items > 0 {
		t.empty = 0
	}
	hash := maphash.String(t.seed, cursor)
	_, repeated := t.seen[hash]
	switch {
	case cursor == "" || len(cursor) > maxCursor:
		return invalidResponse("the response has a cursor that cannot be followed")
	case repeated:
		return invalidResponse("the list comes back to a page that it had before")
	case t.empty > maxEmptyPages || len(t.seen) >= maxPages:
		return invalidResponse("the list does not end")
	}
	t.seen[hash] = struct{}{}
	return nil
}
