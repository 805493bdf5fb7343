-- serves: 20260307000000_start
-- Invitations to become a developer. The token is derived from id and generation;
-- token_hash finds it. One that has expired stays pending here. email_folded is a key as
-- developers have it.

CREATE TABLE invitations (
	id             TEXT PRIMARY KEY,
	email          TEXT NOT NULL,
	email_folded   TEXT NOT NULL,
	status         TEXT NOT NULL,
	generation     BIGINT NOT NULL,
	token_hash     BYTEA NOT NULL UNIQUE,
	invited_by_id  TEXT,
	accepted_by_id TEXT,
	created_at     BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX invitations_pending ON invitations (email_folded) WHERE status = 'pending';
CREATE INDEX invitations_expires_at ON invitations (expires_at);
