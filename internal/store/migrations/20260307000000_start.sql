-- serves: 20260307000000_start
-- Times are microseconds since 1970-01-01 UTC. Hashes are 32 bytes.

CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

CREATE TABLE developers (
	id            TEXT PRIMARY KEY,
	email         TEXT NOT NULL,
	email_folded  TEXT NOT NULL UNIQUE,
	first_name    TEXT,
	last_name     TEXT,
	created_at    BIGINT NOT NULL,
	updated_at    BIGINT NOT NULL,
	password_hash TEXT NOT NULL,
	disabled      BOOLEAN NOT NULL
);

CREATE TABLE developer_addresses (
	developer_id TEXT NOT NULL REFERENCES developers (id) ON DELETE CASCADE,
	address      TEXT NOT NULL,
	seen_at      BIGINT NOT NULL,
	PRIMARY KEY (developer_id, address)
);
CREATE INDEX developer_addresses_seen_at ON developer_addresses (seen_at);

CREATE TABLE users (
	id                    TEXT PRIMARY KEY,
	created_at            BIGINT NOT NULL,
	first_name            TEXT,
	last_name             TEXT,
	email                 TEXT,
	email_folded          TEXT UNIQUE,
	external_user_id      TEXT UNIQUE,
	last_synced_at        BIGINT,
	last_synced_provider  TEXT,
	has_active_connection BOOLEAN NOT NULL,
	search                TEXT NOT NULL
);
CREATE INDEX users_created_at ON users (created_at, id);

CREATE TABLE sessions (
	id           TEXT PRIMARY KEY,
	developer_id TEXT REFERENCES developers (id) ON DELETE CASCADE,
	user_id      TEXT REFERENCES users (id) ON DELETE CASCADE,
	app_id       TEXT,
	actor        TEXT,
	ip           TEXT,
	client       TEXT,
	seed         BYTEA NOT NULL,
	generation   BIGINT NOT NULL,
	rotated_at   BIGINT NOT NULL,
	rotated_by   BYTEA,
	created_at   BIGINT NOT NULL,
	last_used_at BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	ends_at      BIGINT NOT NULL,
	revoked_at   BIGINT,
	CHECK ((developer_id IS NULL) <> (user_id IS NULL))
);
CREATE INDEX sessions_developer_id ON sessions (developer_id, created_at) WHERE developer_id IS NOT NULL;
CREATE INDEX sessions_user_id ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_app_id ON sessions (app_id) WHERE app_id IS NOT NULL;
CREATE INDEX sessions_ends_at ON sessions (ends_at);

CREATE TABLE api_keys (
	id                  TEXT PRIMARY KEY,
	name                TEXT NOT NULL,
	key_prefix          TEXT NOT NULL,
	environment         TEXT NOT NULL,
	scopes              TEXT NOT NULL,
	enabled             BOOLEAN NOT NULL,
	created_by          TEXT,
	created_at          BIGINT NOT NULL,
	last_used_at        BIGINT,
	expires_at          BIGINT,
	previous_expires_at BIGINT,
	hash                BYTEA NOT NULL UNIQUE,
	previous_hash       BYTEA UNIQUE,
	rotated_at          BIGINT
);

CREATE TABLE applications (
	app_id              TEXT PRIMARY KEY,
	id                  TEXT NOT NULL UNIQUE,
	name                TEXT NOT NULL,
	created_at          BIGINT NOT NULL,
	hash                BYTEA NOT NULL,
	previous_hash       BYTEA,
	previous_expires_at BIGINT
);

CREATE TABLE replays (
	id         BYTEA PRIMARY KEY,
	request    BYTEA NOT NULL,
	sealed     BYTEA NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX replays_expires_at ON replays (expires_at);

CREATE TABLE signing_keys (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	algorithm  TEXT NOT NULL,
	sealed     BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	retired_at BIGINT
);

CREATE TABLE workouts (
	id                    TEXT PRIMARY KEY,
	user_id               TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	provider              TEXT NOT NULL,
	external_id           TEXT NOT NULL,
	type                  TEXT NOT NULL,
	name                  TEXT,
	start_time            BIGINT NOT NULL,
	end_time              BIGINT NOT NULL,
	zone_offset           TEXT,
	duration_seconds      BIGINT NOT NULL,
	source                TEXT,
	device                TEXT,
	device_type           TEXT,
	device_name           TEXT,
	calories_kcal         DOUBLE PRECISION,
	distance_meters       DOUBLE PRECISION,
	avg_heart_rate_bpm    BIGINT,
	max_heart_rate_bpm    BIGINT,
	avg_pace_sec_per_km   DOUBLE PRECISION,
	elevation_gain_meters DOUBLE PRECISION,
	UNIQUE (user_id, provider, external_id)
);
CREATE INDEX workouts_start_time ON workouts (user_id, start_time, id);

-- What follows is the record of what was done and outlives whom it names.

CREATE TABLE audit_events (
	id         TEXT PRIMARY KEY,
	at         BIGINT NOT NULL,
	action     TEXT NOT NULL,
	outcome    TEXT NOT NULL,
	actor      TEXT,
	subject    TEXT,
	ip         TEXT,
	client     TEXT,
	request_id TEXT
);
CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_subject ON audit_events (subject, at);

CREATE TABLE access_ledger (
	user_id    TEXT NOT NULL,
	seq        BIGINT NOT NULL,
	at         BIGINT NOT NULL,
	actor      TEXT,
	operation  TEXT NOT NULL,
	items      BIGINT NOT NULL,
	ip         TEXT,
	client     TEXT,
	request_id TEXT,
	hash       BYTEA NOT NULL,
	PRIMARY KEY (user_id, seq)
);
