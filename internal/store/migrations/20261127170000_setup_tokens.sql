-- serves: 20260307000000_start
-- The tokens with which the first developer is created. Each node that starts without
-- a developer has one.

CREATE TABLE setup_tokens (
	node       TEXT PRIMARY KEY,
	hash       BYTEA NOT NULL UNIQUE,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
