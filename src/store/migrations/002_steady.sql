-- What the job has to remember about reads that may have been behind, and about requests that a
-- process before this one sent.

-- Since when something in the snapshot rests on an index that may have been behind; null once
-- everything was read again an hour later or more.
ALTER TABLE job ADD COLUMN reread_since INTEGER;

-- What was sent to the target in the last minute: JSON.
ALTER TABLE job ADD COLUMN request_window TEXT;

-- Assignment rows that the last reads no longer showed, but that were not confirmed to be gone.
CREATE TABLE missing_assignment (
    principal BLOB    NOT NULL CHECK (length(principal) = 16),
    kind      INTEGER NOT NULL,
    role      BLOB    NOT NULL CHECK (length(role) = 16),
    since     INTEGER NOT NULL,
    PRIMARY KEY (principal, kind, role)
) STRICT, WITHOUT ROWID;
