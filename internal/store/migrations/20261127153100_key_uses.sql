-- serves: 20260307000000_start
-- From where, with what and for what a key was last used. A release that does not
-- know of it moves only last_used_at.

ALTER TABLE api_keys ADD COLUMN last_used_ip TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_client TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_operation TEXT;
