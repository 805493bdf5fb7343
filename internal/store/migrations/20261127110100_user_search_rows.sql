-- serves: 20260307000000_start
-- The users that are there already. On PostgreSQL this is a transaction of its
-- own, which leaves the table of users unlocked: nodes of the release before go
-- on writing it, and what they write meanwhile reaches the index by the triggers.

-- on postgres
INSERT INTO user_texts (user_id, search) SELECT id, search FROM users ON CONFLICT DO NOTHING;
