-- serves: 20260307000000_start
-- Entries that are older than they are kept are looked for. A transaction of its own,
-- so that ledgers can be read while PostgreSQL makes the index.

CREATE INDEX access_ledger_at ON access_ledger (at);
