-- What others changed at the target.

-- When everything was last read at the target to find out, and since when the members of groups are
-- being read for it, a part of them in each cycle; null once all were.
ALTER TABLE job ADD COLUMN last_drift_at INTEGER;
ALTER TABLE job ADD COLUMN members_since INTEGER;

-- Differences that were reported: each is told once, for as long as it is there.
CREATE TABLE drift (
    target_key TEXT    NOT NULL,
    attribute  TEXT    NOT NULL,
    hash       BLOB    NOT NULL CHECK (length(hash) = 16),
    since      INTEGER NOT NULL,
    entry      TEXT    NOT NULL,
    PRIMARY KEY (target_key, attribute, hash)
) STRICT, WITHOUT ROWID;
