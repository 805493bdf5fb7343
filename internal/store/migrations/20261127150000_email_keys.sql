-- serves: 20260307000000_start
-- The column email_folded holds the key of an address: it is folded letter by letter,
-- with the domain as DNS has it. Those that are not ASCII are computed anew in Go.

-- on postgres
LOCK TABLE developers, users IN SHARE ROW EXCLUSIVE MODE;
