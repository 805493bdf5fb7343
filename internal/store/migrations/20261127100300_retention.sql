-- serves: 20260307000000_start
-- The hash of the entry before, in an entry whose predecessors were purged.

ALTER TABLE access_ledger ADD COLUMN anchor BYTEA;
