//! SERVE: how a process is asked to end, and what the service manager is told.

/// Returns when the process is asked to end: Ctrl-C, or the service manager's signal.
pub async fn shutdown_requested() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => {
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// What the service manager is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The daemon works.
    Ready,
    /// The daemon ends.
    Stopping,
    /// One line about what it does.
    Status(String),
}

/// Tells the service manager, if there is one.
pub fn notify(notice: &Notice) {
    #[cfg(target_os = "linux")]
    {
        let state = match notice {
            Notice::Ready => sd_notify::NotifyState::Ready,
            Notice::Stopping => sd_notify::NotifyState::Stopping,
            Notice::Status(line) => sd_notify::NotifyState::Status(line),
        };
        // Without a service manager there is nobody to tell.
        let _ = sd_notify::notify(&[state]);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = notice;
}
