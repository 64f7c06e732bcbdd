//! Logging: to the journal under systemd, else to standard error.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A level, or levels by module as tracing-subscriber's `EnvFilter` reads them.
    pub level: String,
    /// The form of the lines.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

/// The form of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// To the journal if the process runs under systemd, else text.
    #[default]
    Auto,
    /// Text on standard error.
    Text,
    /// One JSON object a line on standard error.
    Json,
    /// To the journal, else text.
    Journald,
}

/// Libraries that report every frame and header below `info`, and the most that each may say. They stay quiet unless a directive
/// names them: headers and frames may hold what must not be logged.
const CHATTY: [(&str, &str); 6] = [
    ("h2", "info"),
    ("hyper", "info"),
    ("hyper_util", "info"),
    ("reqwest", "info"),
    ("rustls", "info"),
    // At `info` it says of itself that it is "Uninited", which is no news for anybody.
    ("tokio_cron_scheduler", "warn"),
];

type Output = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging for the rest of the process. A second call changes nothing; what cannot be set
/// up falls back to text on standard error, and a filter that cannot be read to `info`.
pub fn init(settings: &LogSettings) {
    let journal = match settings.format {
        LogFormat::Auto if journal_is_stderr() => journal(),
        LogFormat::Journald => journal(),
        _ => None,
    };
    let output = match settings.format {
        LogFormat::Json => json(),
        _ => journal.unwrap_or_else(text),
    };
    let started = tracing_subscriber::registry().with(output.with_filter(filter(settings)));
    // Somebody else's subscriber stays: tests start several daemons in one process.
    let _already = started.try_init();
}

/// Returns the filter of the settings, with the chatty libraries kept quiet.
fn filter(settings: &LogSettings) -> EnvFilter {
    let mut directives = settings.level.clone();
    for (library, most) in CHATTY {
        let named = settings.level.split(',').any(|directive| {
            directive
                .trim()
                .strip_prefix(library)
                .is_some_and(|rest| rest.starts_with(['=', ':', '[']))
        });
        // A limit of `info` must not make a quieter configuration louder.
        let quiet = ["off", "error", "warn"].contains(&base_level(&settings.level).as_str());
        if !named && !quiet {
            directives.push_str(&format!(",{library}={most}"));
        }
    }
    EnvFilter::builder().parse(&directives).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Returns the level that holds where no directive names a module.
fn base_level(directives: &str) -> String {
    let bare =
        directives.split(',').map(str::trim).rfind(|directive| !directive.contains(['=', '[']));
    bare.unwrap_or("error").to_ascii_lowercase()
}

fn text() -> Output {
    let colour = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    fmt::layer().with_writer(std::io::stderr).with_ansi(colour).boxed()
}

fn json() -> Output {
    fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed()
}

/// Returns whether standard error goes to the journal: systemd says so by `JOURNAL_STREAM`, which
/// holds device and inode of the stream, as children with another standard error inherit it too.
#[cfg(target_os = "linux")]
fn journal_is_stderr() -> bool {
    use std::os::unix::fs::MetadataExt;
    let Some(stream) = std::env::var("JOURNAL_STREAM").ok() else {
        return false;
    };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else {
        return false;
    };
    stream == format!("{}:{}", stderr.dev(), stderr.ino())
}

#[cfg(target_os = "linux")]
fn journal() -> Option<Output> {
    let layer = tracing_journald::layer().ok()?;
    Some(layer.with_syslog_identifier("sharefile-provisioner".to_owned()).boxed())
}

#[cfg(not(target_os = "linux"))]
fn journal_is_stderr() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn journal() -> Option<Output> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directives(level: &str) -> String {
        filter(&LogSettings { level: level.to_owned(), format: LogFormat::Text }).to_string()
    }

    #[test]
    fn chatty_libraries_stay_quiet() {
        assert!(directives("debug").contains("h2=info"));
        assert!(directives("debug,h2=trace").contains("h2=trace"));
        assert!(directives("debug,h2=trace").contains("hyper=info"));
        assert!(directives("info").contains("tokio_cron_scheduler=warn"));
        assert_eq!(directives("warn"), "warn");
        assert_eq!(directives("error,hyper=debug"), "hyper=debug,error");
    }

    #[test]
    fn starting_twice_changes_nothing() {
        let settings = LogSettings { level: "off".to_owned(), ..Default::default() };
        init(&settings);
        init(&LogSettings { format: LogFormat::Journald, ..Default::default() });
        init(&LogSettings { format: LogFormat::Json, ..Default::default() });
    }
}
