-- serves: 20260307000000_start
-- The order in which keys and applications are listed, page by page.

CREATE INDEX api_keys_created_at ON api_keys (created_at, id);
CREATE INDEX applications_created_at ON applications (created_at, app_id);
