//! One writer at a time: an operating system's lock on a file of its own.
//!
//! The lock ends with the process, however it ends. The name of the holder is in a second file,
//! because a locked file cannot be read on Windows; it is for people, and decides nothing.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;

const LOCK_FILE: &str = "store.lock";
const HOLDER_FILE: &str = "store.holder";

/// The right to write to the store of a directory. Dropping it gives the right back.
#[derive(Debug)]
pub struct Lease {
    holder_file: PathBuf,
    /// Holds the lock for as long as it is open. What it contains is a note from holder to holder.
    lock: File,
}

impl Lease {
    /// Returns who holds the lease of the store in `dir`, or `None` if it is free.
    pub fn holder(dir: &Path) -> Option<String> {
        let lock = File::open(dir.join(LOCK_FILE)).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_holder(&dir.join(HOLDER_FILE))),
            _ => None,
        }
    }

    /// Takes the lease of the store in `dir`, which is created if it is missing. `holder` is what
    /// other processes show to people, such as `run (process 4711)`.
    ///
    /// # Errors
    /// [`StoreError::AnotherWriter`] with the name of the holder if the lease is taken.
    pub fn acquire(dir: &Path, holder: &str) -> Result<Self, StoreError> {
        create_directory(dir)?;
        let lock_file = dir.join(LOCK_FILE);
        let holder_file = dir.join(HOLDER_FILE);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&lock_file)
            .map_err(|source| StoreError::io("opening", &lock_file, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::AnotherWriter { holder: read_holder(&holder_file) });
            }
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::io("locking", &lock_file, source));
            }
        }
        std::fs::write(&holder_file, holder)
            .map_err(|source| StoreError::io("writing", &holder_file, source))?;
        Ok(Self { holder_file, lock })
    }

    /// Returns what the last holder who left a note wrote; the empty text if nobody did.
    pub(super) fn note(&self) -> String {
        let mut note = String::new();
        let read = (&self.lock).rewind().and_then(|()| (&self.lock).read_to_string(&mut note));
        if read.is_ok() { note } else { String::new() }
    }

    /// Leaves a note for the next holder. It is lost if it cannot be written.
    pub(super) fn leave_note(&self, note: &str) {
        let mut lock = &self.lock;
        let left = lock.set_len(0).and_then(|()| lock.rewind());
        // A note that is cut off says nothing that anybody would believe.
        let _ = left.and_then(|()| lock.write_all(note.as_bytes()));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Before the lock is given back, so that the name of the next holder is never removed.
        let _ = std::fs::remove_file(&self.holder_file);
        // Not left to the closing of the file: a process that this one is just starting has the
        // file open as well, until it becomes another program, and would hold on to the lock.
        let _ = self.lock.unlock();
    }
}

fn read_holder(holder_file: &Path) -> String {
    let holder = std::fs::read_to_string(holder_file).unwrap_or_default();
    match holder.trim() {
        "" => "a process that did not say its name".to_owned(),
        holder => holder.to_owned(),
    }
}

/// Creates the state directory for its owner alone: names of people are in it.
fn create_directory(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| StoreError::io("creating", dir, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_one_writer_in_and_names_it() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state");
        let lease = Lease::acquire(&dir, "the first").unwrap();
        let refused = Lease::acquire(&dir, "the second").unwrap_err();
        assert!(
            matches!(&refused, StoreError::AnotherWriter { holder } if holder == "the first"),
            "{refused}"
        );
        drop(lease);
        let lease = Lease::acquire(&dir, "the third").unwrap();
        assert_eq!(std::fs::read_to_string(dir.join(HOLDER_FILE)).unwrap(), "the third");
        drop(lease);
        assert!(!dir.join(HOLDER_FILE).exists());
    }

    #[test]
    fn is_given_back_although_a_process_being_started_has_the_file_open() {
        let home = tempfile::tempdir().unwrap();
        let lease = Lease::acquire(home.path(), "the first").unwrap();
        let inherited = lease.lock.try_clone().unwrap();
        drop(lease);
        assert_eq!(Lease::holder(home.path()), None);
        drop(Lease::acquire(home.path(), "the second").unwrap());
        drop(inherited);
    }

    #[cfg(unix)]
    #[test]
    fn makes_the_directory_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state");
        let _lease = Lease::acquire(&dir, "test").unwrap();
        let mode = std::fs::metadata(&dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
