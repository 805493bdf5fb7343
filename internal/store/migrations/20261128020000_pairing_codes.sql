-- serves: 20260307000000_start
-- Unused codes by which apps get the tokens of users, one for each user. app_id is that of
-- the tokens: who made the code.

CREATE TABLE pairing_codes (
	user_id    TEXT PRIMARY KEY,
	id         TEXT NOT NULL,
	hash       BYTEA NOT NULL UNIQUE,
	app_id     TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX pairing_codes_app_id ON pairing_codes (app_id);
CREATE INDEX pairing_codes_expires_at ON pairing_codes (expires_at);
