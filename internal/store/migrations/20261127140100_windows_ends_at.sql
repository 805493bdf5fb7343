-- serves: 20260307000000_start
-- Windows that are over are looked for each minute.

CREATE INDEX windows_ends_at ON windows (ends_at);
