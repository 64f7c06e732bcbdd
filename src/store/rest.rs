//! Whether the file is as it was left.
//!
//! Reading every page of a store takes longer the longer its history is, so it is not done at a
//! start after a clean stop. Whoever closes the store leaves a note of what the file looks like
//! then; anything that wrote to it since, be it a crash, another program or a copy that was put
//! back, shows in it.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the time of a closed file is set back.
const BACK: Duration = Duration::from_secs(1);

/// Lays a closed file to rest and returns the note about it; the empty text if that fails.
///
/// The time of the file is set back a little: whatever is written later, even within the tick in
/// which the file was closed, gives it another time.
pub(super) fn lay(path: &Path) -> String {
    let Some((_, closed_at)) = at_rest(path) else { return String::new() };
    let set_back = || {
        let file = OpenOptions::new().write(true).open(path).ok()?;
        file.set_modified(closed_at.checked_sub(BACK)?).ok()
    };
    set_back().and_then(|()| note(path)).unwrap_or_default()
}

/// Returns whether nothing was written to the file since `note` was made.
pub(super) fn untouched(path: &Path, note_of_last_holder: &str) -> bool {
    note(path).is_some_and(|note| note == note_of_last_holder)
}

fn note(path: &Path) -> Option<String> {
    let (length, modified) = at_rest(path)?;
    let modified = modified.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("closed with {length} bytes at {}\n", modified.as_nanos()))
}

/// Returns length and time of the file if there is no write-ahead log beside it.
pub(super) fn at_rest(path: &Path) -> Option<(u64, SystemTime)> {
    if beside(path, "-wal").exists() {
        return None;
    }
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// Returns the path of a file that SQLite, or we, keep beside the store.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_later_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        assert_eq!(lay(&path), "", "there is nothing to lay to rest");
        std::fs::write(&path, "pages").unwrap();
        let note = lay(&path);
        assert!(untouched(&path, &note));
        assert!(!untouched(&path, "") && !untouched(&path, &note[..note.len() - 2]));

        // At once, and with as many bytes.
        std::fs::write(&path, "gapes").unwrap();
        assert!(!untouched(&path, &note));
        let note = lay(&path);
        std::fs::write(beside(&path, "-wal"), "more").unwrap();
        assert!(!untouched(&path, &note), "a log waits to be moved into the file");
    }
}
