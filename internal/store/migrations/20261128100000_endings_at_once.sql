-- serves: 20260307000000_start
-- A session that an ending is of counts as revoked from the commit of that on, before its
-- own row says so. Endings are found by what minted the session, and the sessions that
-- are still to be revoked by an index that those leave which are.

CREATE INDEX endings_app_id ON endings (app_id);
CREATE INDEX endings_minted_by ON endings (minted_by);
CREATE INDEX sessions_of_app ON sessions (app_id) WHERE app_id IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX sessions_of_minter ON sessions (minted_by) WHERE minted_by IS NOT NULL AND revoked_at IS NULL;
