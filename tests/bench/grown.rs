//! How large a file became while a process worked on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A file is looked at this often.
const OFTEN: Duration = Duration::from_millis(20);

/// A file that is watched.
pub struct Grown {
    ended: Arc<AtomicBool>,
    largest: Arc<AtomicU64>,
    watching: JoinHandle<()>,
}

impl Grown {
    /// Begins to watch a file, which may come and go.
    pub fn watch(file: PathBuf) -> Self {
        let (ended, largest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (end, size) = (ended.clone(), largest.clone());
        let watching = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let length = std::fs::metadata(&file).map_or(0, |known| known.len());
                size.fetch_max(length, Ordering::Relaxed);
                std::thread::sleep(OFTEN);
            }
        });
        Self { ended, largest, watching }
    }

    /// Ends, and returns the largest size that was seen, in bytes.
    pub fn largest(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        // It does nothing that could fail.
        let _ = self.watching.join();
        self.largest.load(Ordering::Relaxed)
    }
}
