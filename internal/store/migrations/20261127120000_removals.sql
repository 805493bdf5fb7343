-- serves: 20260307000000_start
-- The deleted users whose workouts are still to be removed. Deleting a user does
-- not remove them any more: there may be any number, and one transaction must not
-- take that long. The database itself notes the user, so that it also holds for a
-- release that does not know of it, beside a later one.

CREATE TABLE removals (
	user_id TEXT PRIMARY KEY
);

-- on postgres

ALTER TABLE workouts DROP CONSTRAINT workouts_user_id_fkey;
CREATE RULE users_removed AS ON DELETE TO users DO ALSO
	INSERT INTO removals (user_id) VALUES (OLD.id);

-- on sqlite
-- There is no statement for it; https://www.sqlite.org/lang_altertable.html
-- section 7 describes this one for it. The next statement makes every connection
-- read the schema again.

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ' REFERENCES users (id) ON DELETE CASCADE', '')
	WHERE type = 'table' AND name = 'workouts';
PRAGMA writable_schema = RESET;
CREATE TRIGGER users_removed AFTER DELETE ON users BEGIN
	INSERT INTO removals (user_id) VALUES (OLD.id);
END;
