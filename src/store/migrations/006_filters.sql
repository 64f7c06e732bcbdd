-- Who has to be planned again at a time, though nothing else may change: a filter compares a date
-- with now. People and groups.
CREATE TABLE look_again (
    anchor BLOB    NOT NULL PRIMARY KEY CHECK (length(anchor) = 16),
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX look_again_by_time ON look_again (at);
