-- serves: 20260307000000_start
-- Where a key may be used from. A release that does not know of it admits a key from
-- everywhere.

ALTER TABLE api_keys ADD COLUMN allowed_networks TEXT NOT NULL DEFAULT '[]';
