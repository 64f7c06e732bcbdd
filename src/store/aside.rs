//! Starting over: the store is moved aside, never deleted.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::model::ids::Timestamp;

use super::error::StoreError;
use super::lease::Lease;
use super::open;
use super::rest::beside;

/// What has to outlive the store: nobody resumed the job, and what was sent lately was sent.
#[derive(Default)]
struct Kept {
    paused: bool,
    request_window: Option<String>,
}

/// Moves the store at `path` aside and puts an empty one in its place. Returns the new name of the
/// old one, which has the time in it. The holder of `lease` alone may do this.
///
/// A pause and the budget of requests outlive it; everything else is forgotten: links, snapshot,
/// journal, holds and log. A store that is damaged, or of another version, is moved as it is.
///
/// # Errors
/// [`StoreError::Missing`] if there is no store, [`StoreError::NotOurs`] if the file is another
/// program's; the file system's.
pub fn set_aside(path: &Path, lease: &Lease, at: Timestamp) -> Result<PathBuf, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let kept = match open::settled(path) {
        Ok(connection) => kept(&connection),
        Err(StoreError::Damaged { .. } | StoreError::NewerVersion { .. }) => Kept::default(),
        Err(error) => return Err(error),
    };
    // Made before anything is moved, so that there is no time without a store but that between two
    // renames.
    let next = beside(path, ".reset");
    remove(&next)?;
    put_kept(&next, &kept)?;
    let aside = free_name(path, at);
    // Nothing of the old store may lie beside the new one: its log would be taken for the new one's.
    for suffix in ["-wal", "-shm"] {
        let from = beside(path, suffix);
        if from.exists() {
            rename(&from, &beside(&aside, suffix))?;
        }
    }
    rename(path, &aside)?;
    rename(&next, path)?;
    // What the last holder wrote is about the old file.
    lease.leave_note("");
    Ok(aside)
}

/// Returns what has to outlive a store, as far as it can be read.
fn kept(connection: &Connection) -> Kept {
    let paused = connection.query_row("SELECT paused FROM job", [], |row| row.get(0));
    let window = connection.query_row("SELECT request_window FROM job", [], |row| row.get(0));
    Kept { paused: paused.unwrap_or(false), request_window: window.unwrap_or(None) }
}

fn put_kept(path: &Path, kept: &Kept) -> Result<(), StoreError> {
    let connection = open::writer(path, "")?;
    connection
        .execute(
            "UPDATE job SET paused = ?1, request_window = ?2",
            (kept.paused, &kept.request_window),
        )
        .map_err(|source| StoreError::sqlite("starting over", path, source))?;
    connection.close().map_err(|(_, source)| StoreError::sqlite("starting over", path, source))
}

/// Returns a name for the old store that nothing has: `store-20261122T042000Z.db`.
fn free_name(path: &Path, at: Timestamp) -> PathBuf {
    let stamp: String = at.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    let extension = extension.unwrap_or_default();
    let named = |more: &str| path.with_file_name(format!("{stem}-{stamp}{more}{extension}"));
    let mut name = named("");
    let mut number = 2;
    while name.exists() {
        name = named(&format!("-{number}"));
        number += 1;
    }
    name
}

fn remove(path: &Path) -> Result<(), StoreError> {
    for leftover in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match std::fs::remove_file(&leftover) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("removing", &leftover, source));
            }
            _ => {}
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::rename(from, to).map_err(|source| StoreError::io("moving aside", from, source))
}
