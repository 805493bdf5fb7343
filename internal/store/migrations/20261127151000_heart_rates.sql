-- serves: 20261127151000_heart_rates
-- Heart rates have a decimal, which a release before this cannot read. What is
-- stored stays as it is.

-- on postgres
-- One statement, so that the table is written anew once.

ALTER TABLE workouts
	ALTER COLUMN avg_heart_rate_bpm TYPE DOUBLE PRECISION,
	ALTER COLUMN max_heart_rate_bpm TYPE DOUBLE PRECISION;

-- on sqlite
-- There is no statement for it. The rows need no change: in a column of floating
-- point a whole number is stored as the integer that it is, and read as a float.

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
		'avg_heart_rate_bpm    BIGINT', 'avg_heart_rate_bpm    DOUBLE PRECISION'),
		'max_heart_rate_bpm    BIGINT', 'max_heart_rate_bpm    DOUBLE PRECISION')
	WHERE type = 'table' AND name = 'workouts';
PRAGMA writable_schema = RESET;
