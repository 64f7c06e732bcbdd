//! What was sent to the target lately, kept in the store: its budget holds over restarts.

use async_trait::async_trait;
use tracing::warn;

use crate::store::Store;
use crate::target::{GateWindow, WindowKeeper};

/// Keeps the window of the target's gate with the job.
///
/// Whoever works on a private copy of the store reads what others sent, and tells nobody what it
/// sends itself.
pub(super) struct KeptInStore {
    pub(super) store: Store,
}

#[async_trait]
impl WindowKeeper for KeptInStore {
    async fn recall(&self) -> Option<GateWindow> {
        let text = match self.store.request_window().await {
            Ok(text) => text?,
            Err(problem) => {
                warn!("what was sent before this start is not known: {problem}");
                return None;
            }
        };
        match serde_json::from_str(&text) {
            Ok(window) => Some(window),
            Err(problem) => {
                warn!("what was sent before this start cannot be read: {problem}");
                None
            }
        }
    }

    async fn keep(&self, window: GateWindow) {
        let text = serde_json::to_string(&window).unwrap_or_default();
        if let Err(problem) = self.store.keep_request_window(text).await {
            warn!("the next start will not know what was sent before it: {problem}");
        }
    }
}
