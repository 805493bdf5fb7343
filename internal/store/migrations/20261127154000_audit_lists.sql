-- serves: 20260307000000_start
-- An entry of a ledger has the range that was asked for, and what names the reader
-- can be erased from it: its hash covers personal, which is NULL in entries of before.

ALTER TABLE access_ledger ADD COLUMN range_start BIGINT;
ALTER TABLE access_ledger ADD COLUMN range_end BIGINT;
ALTER TABLE access_ledger ADD COLUMN salt BYTEA;
ALTER TABLE access_ledger ADD COLUMN personal BYTEA;

CREATE INDEX access_ledger_own ON access_ledger (user_id, seq) WHERE salt IS NOT NULL AND actor = 'user:' || user_id;

CREATE TABLE ledger_heads (
	user_id TEXT PRIMARY KEY,
	first   BIGINT NOT NULL,
	anchor  BYTEA NOT NULL,
	seq     BIGINT NOT NULL,
	hash    BYTEA NOT NULL,
	at      BIGINT NOT NULL,
	mac     BYTEA NOT NULL
);
