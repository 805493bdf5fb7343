-- serves: 20260307000000_start
-- The application of a secret is looked up when that was reported as leaked.

CREATE INDEX applications_hash ON applications (hash);
CREATE INDEX applications_previous_hash ON applications (previous_hash) WHERE previous_hash IS NOT NULL;
