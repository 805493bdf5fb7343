-- serves: 20260307000000_start
-- The endpoints that are told of alerts, and the messages to each. secret is sealed. A
-- delivery has a body while it is pending; while a node sends it, next_attempt_at is
-- when another node may.

CREATE TABLE webhook_endpoints (
	id                  TEXT PRIMARY KEY,
	url                 TEXT NOT NULL,
	description         TEXT,
	kinds               TEXT NOT NULL,
	enabled             BOOLEAN NOT NULL,
	disabled_reason     TEXT,
	created_by          TEXT NOT NULL,
	created_at          BIGINT NOT NULL,
	secret              BYTEA NOT NULL,
	previous_secret     BYTEA,
	previous_expires_at BIGINT
);

CREATE TABLE webhook_deliveries (
	endpoint_id      TEXT NOT NULL,
	id               TEXT NOT NULL,
	kind             TEXT NOT NULL,
	state            TEXT NOT NULL,
	attempts         BIGINT NOT NULL,
	created_at       BIGINT NOT NULL,
	started_at       BIGINT,
	last_attempt_at  BIGINT,
	last_status      BIGINT,
	last_error       TEXT,
	last_duration_ms BIGINT,
	next_attempt_at  BIGINT,
	body             BYTEA,
	PRIMARY KEY (endpoint_id, id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);
