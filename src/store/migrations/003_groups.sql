-- Groups at both ends, and the dates of people who left.

-- All groups that count: assigned ones, and those nested in them. `presence` is that of people; a
-- group of which nothing was read yet is unread.
ALTER TABLE assigned_group RENAME TO source_group;
ALTER TABLE source_group ADD COLUMN assigned INTEGER NOT NULL DEFAULT 1;
ALTER TABLE source_group ADD COLUMN presence INTEGER NOT NULL DEFAULT 1;
ALTER TABLE source_group ADD COLUMN attributes BLOB NOT NULL DEFAULT x'';

-- Groups that are direct members of groups, by their keys.
CREATE TABLE group_edge (
    child  INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    PRIMARY KEY (child, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_edge_by_parent ON group_edge (parent);

-- Links between groups and parts of groups at the target.
CREATE TABLE group_link (
    key             INTEGER PRIMARY KEY,
    anchor          BLOB    NOT NULL CHECK (length(anchor) = 16),
    part            INTEGER NOT NULL,
    target_key      TEXT    NOT NULL UNIQUE,
    target_id       TEXT    NOT NULL,
    origin          TEXT    NOT NULL,
    state           INTEGER NOT NULL,
    linked_at       INTEGER NOT NULL,
    name_sent       TEXT    NOT NULL,
    name_read_back  TEXT    NOT NULL,
    members_read_at INTEGER,
    placed          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (anchor, part)
) STRICT;

-- Whose account this job put into which group: keys of `person` and of `group_link`.
CREATE TABLE placement (
    person INTEGER NOT NULL,
    grp    INTEGER NOT NULL,
    PRIMARY KEY (person, grp)
) STRICT, WITHOUT ROWID;
CREATE INDEX placement_by_group ON placement (grp);

-- How many placements a link has is asked in each cycle: counted as they come and go.
CREATE TRIGGER placement_made AFTER INSERT ON placement BEGIN
    UPDATE group_link SET placed = placed + 1 WHERE key = NEW.grp;
END;
CREATE TRIGGER placement_ended AFTER DELETE ON placement BEGIN
    UPDATE group_link SET placed = placed - 1 WHERE key = OLD.grp;
END;

-- How many members were lately removed from a group, for the limit of a day.
CREATE TABLE member_removal (
    grp     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    members INTEGER NOT NULL
) STRICT;
CREATE INDEX member_removal_by_group ON member_removal (grp, at);

-- What was taken back within a day is asked in each cycle: without this every entry of that day is
-- read, all creates of a first cycle among them.
CREATE INDEX log_of_removals ON log (at) WHERE action IN ('disable', 'delete', 'stagedDelete');

-- Of a person who left: why, since when, and what was done and is still to come, as JSON; and when
-- that is due.
ALTER TABLE link ADD COLUMN leaving TEXT;
ALTER TABLE link ADD COLUMN due_at INTEGER;
CREATE INDEX link_due ON link (due_at) WHERE due_at IS NOT NULL;

-- What the first plan began was carried out to its end: from then on creates are limited.
ALTER TABLE job ADD COLUMN caught_up INTEGER NOT NULL DEFAULT 0;
