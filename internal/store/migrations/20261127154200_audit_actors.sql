-- serves: 20260307000000_start
-- The events of an actor are listed. A transaction of its own, so that the trail can
-- be read while PostgreSQL makes the index.

CREATE INDEX audit_events_actor ON audit_events (actor, at);
