-- serves: 20260307000000_start
-- What was imported from an Open Wearables backend: of each row the kind and the id here,
-- a keyed hash of what a later import may change, and the hash by which its secret is
-- known. A row stays when what it stands for is deleted, which is then not imported again.

CREATE TABLE imports (
	kind   TEXT NOT NULL,
	id     TEXT NOT NULL,
	digest BYTEA NOT NULL,
	secret TEXT,
	PRIMARY KEY (kind, id)
);
CREATE INDEX imports_secret ON imports (secret) WHERE kind = 'invitation';
