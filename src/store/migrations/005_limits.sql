-- What the limits of a day count.

-- Groups that were deleted or emptied by the rules.
CREATE TABLE group_removal (
    anchor BLOB    NOT NULL CHECK (length(anchor) = 16),
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX group_removal_by_time ON group_removal (at);
