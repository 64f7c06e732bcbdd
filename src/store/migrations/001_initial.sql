-- The store of one job. Anchors are the 16 bytes of a GUID; times are milliseconds since 1970;
-- hashes are 16 bytes. Words are those of the JSON form of the same value.

-- What the job is about: one row.
CREATE TABLE job (
    id                INTEGER PRIMARY KEY CHECK (id = 1),
    tenant_id         TEXT,
    application_id    BLOB CHECK (length(application_id) = 16),
    account_id        TEXT,
    application       TEXT,
    watermark         TEXT,
    query_hash        TEXT,
    last_full_at      INTEGER,
    paused            INTEGER NOT NULL DEFAULT 0,
    rules_hash        BLOB CHECK (length(rules_hash) = 16),
    first_plan_done   INTEGER NOT NULL DEFAULT 0,
    target_account    TEXT,
    target_account_at INTEGER
) STRICT;
INSERT INTO job (id) VALUES (1);

-- The snapshot. Memberships name people and groups by small integers, because there are many.
CREATE TABLE person (
    key        INTEGER PRIMARY KEY,
    anchor     BLOB    NOT NULL UNIQUE CHECK (length(anchor) = 16),
    presence   INTEGER NOT NULL,
    enabled    INTEGER NOT NULL,
    guest      INTEGER NOT NULL,
    attributes BLOB    NOT NULL,
    hash       BLOB    NOT NULL CHECK (length(hash) = 16)
) STRICT;
CREATE INDEX person_unread ON person (anchor) WHERE presence = 1;

CREATE TABLE assignment (
    principal BLOB    NOT NULL CHECK (length(principal) = 16),
    kind      INTEGER NOT NULL,
    role      BLOB    NOT NULL CHECK (length(role) = 16),
    PRIMARY KEY (principal, kind, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX assignment_of_groups ON assignment (principal) WHERE kind = 1;

CREATE TABLE assigned_group (
    key    INTEGER PRIMARY KEY,
    anchor BLOB NOT NULL UNIQUE CHECK (length(anchor) = 16)
) STRICT;

CREATE TABLE membership (
    person INTEGER NOT NULL,
    grp    INTEGER NOT NULL,
    PRIMARY KEY (person, grp)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_by_group ON membership (grp);

-- Who has to be planned; `verify` asks to read the account by id first.
CREATE TABLE subject (
    anchor BLOB    PRIMARY KEY NOT NULL CHECK (length(anchor) = 16),
    verify INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Live links: one for a person, one for an account.
CREATE TABLE link (
    anchor      BLOB    PRIMARY KEY NOT NULL CHECK (length(anchor) = 16),
    target_key  TEXT    NOT NULL UNIQUE,
    target_id   TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    state       INTEGER NOT NULL,
    linked_at   INTEGER NOT NULL,
    state_since INTEGER NOT NULL,
    sent        BLOB    NOT NULL,
    read_back   BLOB    NOT NULL,
    kind        INTEGER NOT NULL,
    disabled    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_by_state ON link (state);

-- Links that ended. They stay for good.
CREATE TABLE tombstone (
    target_key TEXT    NOT NULL,
    anchor     BLOB    NOT NULL CHECK (length(anchor) = 16),
    target_id  TEXT    NOT NULL,
    ended_at   INTEGER NOT NULL,
    PRIMARY KEY (target_key, anchor)
) STRICT, WITHOUT ROWID;

-- The journal. A settled intent keeps its key columns; its body is dropped.
CREATE TABLE intent (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    cycle       INTEGER NOT NULL,
    change      INTEGER NOT NULL,
    anchor      BLOB    NOT NULL CHECK (length(anchor) = 16),
    target_key  TEXT,
    action      TEXT    NOT NULL,
    change_hash BLOB    NOT NULL CHECK (length(change_hash) = 16),
    at          INTEGER NOT NULL,
    body        TEXT,
    settled_at  INTEGER
) STRICT;
CREATE INDEX intent_open ON intent (seq) WHERE settled_at IS NULL;
CREATE INDEX intent_settled ON intent (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE cycle (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at INTEGER NOT NULL,
    report     TEXT    NOT NULL
) STRICT;

-- The provisioning log.
CREATE TABLE log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    cycle      INTEGER NOT NULL,
    action     TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    anchor     BLOB    NOT NULL CHECK (length(anchor) = 16),
    target_key TEXT,
    label_key  TEXT    NOT NULL,
    entry      TEXT    NOT NULL
) STRICT;
CREATE INDEX log_by_time ON log (at);
CREATE INDEX log_by_cycle ON log (cycle);
CREATE INDEX log_by_anchor ON log (anchor);

-- What waits for a person, and what was answered. A hold without items is closed.
CREATE TABLE hold (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           TEXT    NOT NULL,
    message        TEXT    NOT NULL,
    opened_at      INTEGER NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('open', 'approved', 'rejected')),
    approved_until INTEGER,
    answered_by    TEXT,
    answered_at    INTEGER,
    closed_at      INTEGER
) STRICT;
CREATE INDEX hold_live ON hold (id) WHERE closed_at IS NULL;

CREATE TABLE hold_item (
    hold   INTEGER NOT NULL,
    hash   BLOB    NOT NULL CHECK (length(hash) = 16),
    anchor BLOB    NOT NULL CHECK (length(anchor) = 16),
    label  TEXT    NOT NULL,
    detail TEXT    NOT NULL,
    change TEXT,
    PRIMARY KEY (hold, hash, anchor)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_item_by_hash ON hold_item (hash);

-- What commands ask of the daemon: the only table that may be written without the lease.
CREATE TABLE request (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    claimed_at  INTEGER,
    answered_at INTEGER,
    answer      TEXT
) STRICT;
CREATE INDEX request_unclaimed ON request (id) WHERE claimed_at IS NULL;
