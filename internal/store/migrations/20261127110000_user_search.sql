-- serves: 20260307000000_start
-- user_texts holds users.search a second time, with an index of its trigrams: every
-- three characters in a row. Two separators stand for what would follow the last
-- character, so that each character begins a trigram. Triggers keep it, whichever
-- release writes.

-- on sqlite
-- user_search keeps no text, and removes from the file what was deleted.
-- user_grams lists its trigrams, each with its rows.

CREATE TABLE user_texts (
	n       INTEGER PRIMARY KEY,
	user_id TEXT NOT NULL UNIQUE,
	search  TEXT NOT NULL
);
CREATE VIRTUAL TABLE user_search USING fts5(search, content='', detail='none', tokenize='trigram case_sensitive 1');
INSERT INTO user_search (user_search, rank) VALUES ('secure-delete', 1);
CREATE VIRTUAL TABLE user_grams USING fts5vocab(user_search, instance);

CREATE TRIGGER users_search_insert AFTER INSERT ON users BEGIN
	INSERT INTO user_texts (user_id, search) VALUES (new.id, new.search);
	INSERT INTO user_search (rowid, search)
		SELECT n, search || char(31, 31) FROM user_texts WHERE user_id = new.id;
END;
CREATE TRIGGER users_search_update AFTER UPDATE OF search ON users WHEN old.search <> new.search BEGIN
	INSERT INTO user_search (user_search, rowid, search)
		SELECT 'delete', n, search || char(31, 31) FROM user_texts WHERE user_id = new.id;
	UPDATE user_texts SET search = new.search WHERE user_id = new.id;
	INSERT INTO user_search (rowid, search)
		SELECT n, search || char(31, 31) FROM user_texts WHERE user_id = new.id;
END;
CREATE TRIGGER users_search_delete AFTER DELETE ON users BEGIN
	INSERT INTO user_search (user_search, rowid, search)
		SELECT 'delete', n, search || char(31, 31) FROM user_texts WHERE user_id = old.id;
	DELETE FROM user_texts WHERE user_id = old.id;
END;

-- More memory for the users that are there already.
INSERT INTO user_search (user_search, rank) VALUES ('hashsize', 33554432);
INSERT INTO user_texts (user_id, search) SELECT id, search FROM users ORDER BY created_at, id;
INSERT INTO user_search (rowid, search) SELECT n, search || char(31, 31) FROM user_texts ORDER BY n;
INSERT INTO user_search (user_search, rank) VALUES ('hashsize', 1048576);

-- on postgres
-- A write of a user's other columns costs nothing here. Unlike pg_trgm this needs
-- no extension, and finds every character.

CREATE FUNCTION user_grams(t text) RETURNS tsvector
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
	SELECT array_to_tsvector(array_agg(substr(t || E'\x1f\x1f', i, 3))) FROM generate_series(1, length(t)) i
$$;
CREATE TABLE user_texts (
	user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
	search  TEXT NOT NULL
);
CREATE INDEX user_texts_grams ON user_texts USING gin (user_grams(search));

CREATE FUNCTION put_user_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO user_texts (user_id, search) VALUES (new.id, new.search)
		ON CONFLICT (user_id) DO UPDATE SET search = excluded.search;
	RETURN NULL;
END
$$;
CREATE TRIGGER users_search_insert AFTER INSERT ON users
	FOR EACH ROW EXECUTE FUNCTION put_user_text();
CREATE TRIGGER users_search_update AFTER UPDATE OF search ON users
	FOR EACH ROW WHEN (old.search <> new.search) EXECUTE FUNCTION put_user_text();
