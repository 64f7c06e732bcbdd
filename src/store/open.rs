//! Opening the file: what is refused, what is created, what is migrated.
//!
//! Nothing is written before the file has been recognised: the header is read as plain bytes, and
//! the checks run on a connection that cannot write.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::rest::{self, at_rest, beside};

/// Marks our files in the header of SQLite: `SFPV`.
const APPLICATION_ID: i32 = 0x5346_5056;

/// All migrations in order; the position plus one is the version that it leads to.
const MIGRATIONS: [&str; 6] = [
    include_str!("migrations/001_initial.sql"),
    include_str!("migrations/002_steady.sql"),
    include_str!("migrations/003_groups.sql"),
    include_str!("migrations/004_drift.sql"),
    include_str!("migrations/005_limits.sql"),
    include_str!("migrations/006_filters.sql"),
];

/// The version of the schema that this program works with.
const VERSION: i64 = MIGRATIONS.len() as i64;

/// How long a writer waits for a request that another process is writing.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a command waits for the writer, which may be committing a large import.
const PATIENCE_OF_COMMANDS: Duration = Duration::from_secs(30);

const MEMORY: &str = ":memory:";

/// Opens the store for writing; a missing one is created. The caller holds the lease, with `note`
/// from its last holder.
pub(super) fn writer(path: &Path, note: &str) -> Result<Connection, StoreError> {
    if recognise(path)? {
        // Nobody else moves pages into the file while the caller holds the lease.
        let onlooker = match at_rest(path) {
            Some(_) => onlooker(path)?,
            None => connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        check_version(&onlooker, path)?;
        if !rest::untouched(path, note) {
            check_integrity(&onlooker, path)?;
        }
    } else {
        create(path)?;
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    configure(&connection).map_err(|source| StoreError::sqlite("opening", path, source))?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the store as it is, of whatever version up to this one, and moves all of its write-ahead
/// log into the file: closed again, it is one file. The caller holds the lease.
pub(super) fn settled(path: &Path) -> Result<Connection, StoreError> {
    if !recognise(path)? {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    check_version(&connection, path)?;
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(|source| StoreError::sqlite("settling", path, source))?;
    Ok(connection)
}

/// Opens the store for reading beside a writer.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the store for leaving requests beside a writer.
pub(super) fn side_door(path: &Path) -> Result<Connection, StoreError> {
    let connection = existing(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Moving pages from the log into the file is the business of the writer alone.
    connection
        .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .and_then(|_| connection.pragma_update(None, "wal_autocheckpoint", 0))
        .map_err(|source| StoreError::sqlite("opening", path, source))?;
    Ok(connection)
}

/// Copies the store into memory; a missing one is an empty store. No file is written.
pub(super) fn copy(path: &Path) -> Result<Connection, StoreError> {
    let memory = Path::new(MEMORY);
    let mut connection = Connection::open_in_memory()
        .map_err(|source| StoreError::sqlite("opening", memory, source))?;
    if recognise(path)? {
        load(path, &mut connection)?;
        check_version(&connection, path)?;
        check_integrity(&connection, path)?;
    }
    tune(&connection).map_err(|source| StoreError::sqlite("opening", memory, source))?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Returns whether there is a store, having read nothing but the header of the file
/// (SQLite's file format, section 1.3: magic at 0, user version at 60, application id at 68).
fn recognise(path: &Path) -> Result<bool, StoreError> {
    let damaged = |detail: &str| {
        Err(StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() })
    };
    let mut header = Vec::with_capacity(100);
    match std::fs::File::open(path) {
        Ok(file) => {
            file.take(100)
                .read_to_end(&mut header)
                .map_err(|source| StoreError::io("reading", path, source))?;
        }
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(StoreError::io("opening", path, source)),
    }
    if header.is_empty() {
        return damaged("the file is empty");
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return damaged("it is not an SQLite database");
    }
    let (Some(version), Some(application)) = (number_at(&header, 60), number_at(&header, 68))
    else {
        return damaged("the file ends within its header");
    };
    if application != APPLICATION_ID {
        return Err(StoreError::NotOurs { path: path.to_owned() });
    }
    if i64::from(version) > VERSION {
        return Err(newer(path, i64::from(version)));
    }
    Ok(true)
}

fn number_at(header: &[u8], offset: usize) -> Option<i32> {
    let bytes = header.get(offset..offset + 4)?;
    bytes.try_into().ok().map(i32::from_be_bytes)
}

fn newer(path: &Path, found: i64) -> StoreError {
    StoreError::NewerVersion { path: path.to_owned(), found, known: VERSION }
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| connection.busy_timeout(PATIENCE).map(|()| connection))
        .map_err(|source| StoreError::sqlite("opening", path, source))
}

fn existing(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    if !recognise(path)? {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let connection = connect(path, mode)?;
    connection
        .busy_timeout(PATIENCE_OF_COMMANDS)
        .map_err(|source| StoreError::sqlite("opening", path, source))?;
    let found = check_version(&connection, path)?;
    if found < VERSION {
        return Err(StoreError::OlderVersion { path: path.to_owned(), found, known: VERSION });
    }
    Ok(connection)
}

/// Creates an empty store under another name first, so that a crash leaves none or a whole one.
fn create(path: &Path) -> Result<(), StoreError> {
    let unfinished = beside(path, ".new");
    for leftover in [unfinished.clone(), beside(path, ".new-journal")] {
        match std::fs::remove_file(&leftover) {
            Ok(()) => {}
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::io("removing", &leftover, source)),
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = connect(&unfinished, flags)?;
    migrate(&mut connection, &unfinished)?;
    connection
        .close()
        .map_err(|(_, source)| StoreError::sqlite("creating the store", &unfinished, source))?;
    std::fs::rename(&unfinished, path).map_err(|source| StoreError::io("creating", path, source))
}

fn check_version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found = version(connection)
        .map_err(|source| StoreError::sqlite("reading the version", path, source))?;
    if found > VERSION { Err(newer(path, found)) } else { Ok(found) }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn check_integrity(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| StoreError::sqlite("checking", path, source))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::Damaged { path: path.to_owned(), detail: verdict })
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    tune(connection)
}

fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -(64 << 10))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Brings the schema up to date, one transaction for each version.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let mut step = || -> rusqlite::Result<()> {
        let from = usize::try_from(version(connection)?).unwrap_or(0);
        for (index, migration) in MIGRATIONS.iter().enumerate().skip(from) {
            let transaction = connection.transaction()?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", index as i64 + 1)?;
            transaction.commit()?;
        }
        Ok(())
    };
    step().map_err(|source| StoreError::sqlite("migrating", path, source))
}

/// Loads the file into memory. If a writer came while it was read as immutable, that copy does not
/// count.
fn load(path: &Path, memory: &mut Connection) -> Result<(), StoreError> {
    if let Some(before) = at_rest(path) {
        let copied = onlooker(path).and_then(|source| transfer(&source, memory, path));
        if at_rest(path) == Some(before) {
            return copied;
        }
    }
    transfer(&connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?, memory, path)
}

/// Opens a file that is at rest as immutable: SQLite then creates no files beside it, as it does
/// for a mere reader too.
fn onlooker(path: &Path) -> Result<Connection, StoreError> {
    let uri = std::path::absolute(path)
        .map_err(|source| StoreError::io("finding", path, source))
        .map(url::Url::from_file_path)?;
    let Ok(mut uri) = uri else { return connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY) };
    uri.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri.as_str(), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|source| StoreError::sqlite("opening", path, source))
}

fn transfer(source: &Connection, memory: &mut Connection, path: &Path) -> Result<(), StoreError> {
    Backup::new(source, memory)
        .and_then(|backup| backup.run_to_completion(i32::MAX, Duration::from_millis(10), None))
        .map_err(|source| StoreError::sqlite("copying", path, source))
}
