package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/problem"
)

var errMeta = errors.New("store: a meta value is not there after it was set")

type metaRow struct {
	bun.BaseModel `bun:"table:meta,alias:m"`
	Name          string
	Value         string
}

var metaByName = selecting[metaRow]("name = ?")

// Meta returns a value that the installation keeps about itself, or
// problem.ErrNotFound.
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	row, err := find(ctx, s.reader, metaByName, name)
	return row.Value, err
}

// PutMeta stores the value, over another one.
func (s *Store) PutMeta(ctx context.Context, name, value string) error {
	return s.do(failpoint.Background(ctx), func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.insert(&metaRow{Name: name, Value: value}).On("CONFLICT (name) DO UPDATE SET value = excluded.value"))
		return err
	})
}

// SetMeta stores the value unless the name has one, and returns the stored one.
func (s *Store) SetMeta(ctx context.Context, name, value string) (stored string, err error) {
	err = s.do(failpoint.Background(ctx), func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.insert(&metaRow{Name: name, Value: value}).
			On("CONFLICT (name) DO NOTHING"))
		if err != nil {
			return err
		}
		row, err := find(ctx, &t.reader, metaByName, name)
		stored = row.Value
		if errors.Is(err, problem.ErrNotFound) {
			err = t.fail(ctx, errMeta)
		}
		return err
	})
	return stored, err
}
