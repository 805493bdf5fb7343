-- serves: 20260307000000_start
-- The users that are there already. On PostgreSQL this is a transaction of its
-- own: nodes of the release before go on adding users and writing their data, which
-- reaches the index by the triggers. A change of a user's name, or its deletion,
-- waits until this is done.

-- on postgres
INSERT INTO user_texts (user_id, search) SELECT id, search FROM users FOR KEY SHARE ON CONFLICT DO NOTHING;
