-- serves: 20260307000000_start
-- What used the older secret of a key or an application. The numbers hold while
-- previous_counted is previous_expires_at: a release that does not know of them
-- rotates secrets too.

ALTER TABLE api_keys ADD COLUMN previous_used_at BIGINT;
ALTER TABLE api_keys ADD COLUMN previous_used_ip TEXT;
ALTER TABLE api_keys ADD COLUMN previous_used_client TEXT;
ALTER TABLE api_keys ADD COLUMN previous_used_operation TEXT;
ALTER TABLE api_keys ADD COLUMN previous_requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN previous_counted BIGINT;

ALTER TABLE applications ADD COLUMN previous_used_at BIGINT;
ALTER TABLE applications ADD COLUMN previous_used_ip TEXT;
ALTER TABLE applications ADD COLUMN previous_used_client TEXT;
ALTER TABLE applications ADD COLUMN previous_used_operation TEXT;
ALTER TABLE applications ADD COLUMN previous_requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN previous_counted BIGINT;
