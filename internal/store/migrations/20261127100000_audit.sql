-- serves: 20260307000000_start
-- How many refusals share the row.

ALTER TABLE audit_events ADD COLUMN occurrences BIGINT NOT NULL DEFAULT 1;
