//! The sections `[schedule]`, `[store]` and `[log]`, and the job as a whole.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::logging::{LogFormat, LogSettings};
use crate::plan::rules::Rules;
use crate::source::graph::settings::GraphSettings;
use crate::target::sharefile::settings::SharefileSettings;

use super::connectors::is_sandbox;
use super::duration;
use super::environment::Environment;
use super::layers::Node;
use super::problem::suggest;
use super::reader::{Choice, Reader, Section};

/// The sections.
const SECTIONS: &[&str] = &[
    "schedule",
    "entra",
    "sharefile",
    "network",
    "scope",
    "users",
    "groups",
    "drift",
    "guard",
    "store",
    "log",
];

const MINUTE: Duration = Duration::from_secs(60);

const DAY: Duration = Duration::from_secs(86_400);

const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// The longest duration that a schedule takes: longer ones are slips.
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// A job as configured: one source, one target, and the rules between them. Secrets are in it, and
/// never in its `Debug`.
#[derive(Clone, Debug)]
pub struct Job {
    /// The compiled rules.
    pub rules: Rules,
    /// The source.
    pub graph: GraphSettings,
    /// The target.
    pub sharefile: SharefileSettings,
    /// When cycles are due.
    pub schedule: ScheduleSettings,
    /// How long an approval is valid.
    pub approval_valid: Duration,
    /// The file of the store.
    pub store: PathBuf,
    /// What is logged, and how.
    pub log: LogSettings,
}

/// When cycles are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// When a cycle is due.
    pub every: Every,
    /// How old the last full read may become before the next one is due; `None` means never.
    pub full: Option<Duration>,
    /// How old the last read of everything at the target may become before the next one is due;
    /// `None` means never.
    pub drift: Option<Duration>,
    /// How long a clean stop may take.
    pub grace: Duration,
}

/// When a cycle is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Every {
    /// This long after the start of the last one.
    Interval(Duration),
    /// At the times of a cron expression of six fields, in UTC.
    Cron(String),
}

impl Reader<'_> {
    /// Reads everything. `None` means that there is at least one problem, but there may be some
    /// with `Some` as well.
    pub(super) fn job(&mut self, tree: Node) -> Option<Job> {
        let mut root = self.table(tree, SECTIONS);
        let graph = self.entra(&mut root);
        let sharefile = self.sharefile(&mut root);
        let network = self.network(&mut root);
        let sandbox = sharefile.as_ref().is_some_and(|target| is_sandbox(&target.domain));
        let schedule = self.schedule(&mut root, sandbox);
        let rules = self.rules(&mut root);
        let store = self.store(&mut root);
        let log = self.log(&mut root);
        let (rules, approval_valid) = rules?;
        let (mut graph, mut sharefile) = (graph?, sharefile?);
        graph.attributes.clone_from(&rules.source_attributes);
        graph.group_attributes.clone_from(&rules.group_attributes);
        graph.nested_groups = rules.nested_groups;
        graph.network = network?;
        sharefile.network = graph.network.clone();
        sharefile.attributes = rules.further_targets();
        Some(Job {
            rules,
            graph,
            sharefile,
            schedule: schedule?,
            approval_valid,
            store: store?,
            log: log?,
        })
    }

    /// Reads what is needed to read from the source; other sections are not looked at.
    pub(super) fn source(&mut self, tree: Node) -> Option<GraphSettings> {
        let mut root = self.table(tree, SECTIONS);
        let graph = self.entra(&mut root);
        let network = self.network(&mut root);
        Some(GraphSettings { network: network?, ..graph? })
    }

    fn schedule(&mut self, root: &mut Section, sandbox: bool) -> Option<ScheduleSettings> {
        let mut section =
            self.section(root, "schedule", &["every", "cron", "full", "drift", "grace"]);
        let every = match self.choose(&mut section, &["every", "cron"]) {
            Choice::One("cron", node) => self.cron(&node, sandbox),
            Choice::One(_, node) => self.interval(&node, sandbox),
            Choice::None => {
                self.missing(&section, "every", "Give a duration, as \"20m\".");
                None
            }
            Choice::Refused => None,
        };
        let full = self.regular(&mut section, "full", WEEK);
        let drift = self.regular(&mut section, "drift", DAY);
        let grace = self.limited(&mut section, "grace", Duration::from_secs(1)..=MINUTE * 60);
        Some(ScheduleSettings { every: every?, full: full?, drift: drift?, grace: grace? })
    }

    fn interval(&mut self, node: &Node, sandbox: bool) -> Option<Every> {
        let every = self.duration(node)?;
        if sandbox && !every.is_zero() && every <= YEAR {
            return Some(Every::Interval(every));
        }
        if every < MINUTE || every > YEAR {
            let message = "expected a duration from 1 minute to a year";
            let hint = "Shorter ones are for the sandbox only.";
            self.wrong(node, message, (every < MINUTE).then(|| hint.to_owned()));
            return None;
        }
        Some(Every::Interval(every))
    }

    fn cron(&mut self, node: &Node, sandbox: bool) -> Option<Every> {
        let text = self.text(node)?;
        let fields: Vec<&str> = text.split_whitespace().collect();
        let hint = "Write second, minute, hour, day, month and weekday, in UTC: `0 */20 * * * *`.";
        if fields.len() != 6 {
            let message = format!("expected six fields, found {}", fields.len());
            self.wrong(node, &message, Some(hint.to_owned()));
            return None;
        }
        let text = fields.join(" ");
        // The scheduler itself is asked, so that what passes here is what it takes.
        if tokio_cron_scheduler::Job::new(text.as_str(), |_, _| {}).is_err() {
            self.wrong(node, "this is no cron expression", Some(hint.to_owned()));
            return None;
        }
        let second = fields.first().copied().unwrap_or_default();
        if !sandbox && second.parse::<u8>().is_err() {
            let message = "cycles would start more often than once a minute";
            let hint = "Give one number in the first field, which is the second.";
            self.wrong(node, message, Some(hint.to_owned()));
            return None;
        }
        Some(Every::Cron(text))
    }

    /// Reads how old the last read of everything may become.
    fn regular(
        &mut self,
        section: &mut Section,
        key: &str,
        absent: Duration,
    ) -> Option<Option<Duration>> {
        let Some(node) = section.take(key) else {
            return Some(Some(absent));
        };
        match self.text(&node)?.as_str() {
            "weekly" => Some(Some(WEEK)),
            "daily" => Some(Some(DAY)),
            "never" => Some(None),
            text if text.starts_with(|c: char| c.is_ascii_digit()) => {
                let age = self.duration(&node)?;
                if age < MINUTE || age > YEAR {
                    self.wrong(&node, "expected a duration from 1 minute to a year", None);
                    return None;
                }
                Some(Some(age))
            }
            text => {
                let message = "expected `weekly`, `daily`, `never` or a duration";
                let hint = suggest(text, &["weekly", "daily", "never"]);
                self.wrong(&node, message, hint.starts_with("Did").then_some(hint));
                None
            }
        }
    }

    /// Reads a duration within limits. The built-in defaults have the key.
    pub(super) fn limited(
        &mut self,
        section: &mut Section,
        key: &str,
        limits: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let (low, high) = (duration::text(*limits.start()), duration::text(*limits.end()));
        let Some(node) = section.take(key) else {
            self.missing(section, key, &format!("Give a duration from {low} to {high}."));
            return None;
        };
        let value = self.duration(&node)?;
        if !limits.contains(&value) {
            self.wrong(&node, &format!("expected a duration from {low} to {high}"), None);
            return None;
        }
        Some(value)
    }

    fn store(&mut self, root: &mut Section) -> Option<PathBuf> {
        let mut section = self.section(root, "store", &["path"]);
        match section.take("path") {
            Some(node) => {
                let text = self.text(&node)?;
                if text.ends_with(['/', '\\']) {
                    let hint = "Name the file, as `store.db`.";
                    self.wrong(&node, "this names a folder", Some(hint.to_owned()));
                    return None;
                }
                Some(self.folder.join(text))
            }
            None => Some(default_store(self.environment)),
        }
    }

    fn log(&mut self, root: &mut Section) -> Option<LogSettings> {
        let mut section = self.section(root, "log", &["level", "format"]);
        let level = match section.take("level") {
            Some(node) => self.level(&node),
            None => Some("info".to_owned()),
        };
        let words = [
            ("auto", LogFormat::Auto),
            ("text", LogFormat::Text),
            ("json", LogFormat::Json),
            ("journald", LogFormat::Journald),
        ];
        let format = section.take("format");
        let format = self.word(format, LogFormat::Auto, &words);
        Some(LogSettings { level: level?, format: format? })
    }

    fn level(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let levels = ["off", "error", "warn", "info", "debug", "trace"];
        for directive in text.split(',').map(str::trim) {
            // A bare word would be taken for the name of a module, with everything it has to say.
            let bare = !directive.contains(['=', '[']);
            if bare && !levels.contains(&directive.to_ascii_lowercase().as_str()) {
                let message = "expected a level, or levels by module as `info,module=debug`";
                self.wrong(node, message, Some(suggest(directive, &levels)));
                return None;
            }
        }
        if EnvFilter::builder().parse(&text).is_err() {
            let message = "expected a level, or levels by module as `info,module=debug`";
            self.wrong(node, message, None);
            return None;
        }
        Some(text)
    }
}

/// Returns where the store is unless the configuration says otherwise: in the state folder that
/// systemd made, or else where the operating system keeps such data.
fn default_store(environment: &Environment) -> PathBuf {
    let states = environment.get("STATE_DIRECTORY").unwrap_or_default();
    let folder = match states.split(':').next().filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => super::system_folder(environment, "/var/lib"),
    };
    folder.join("store.db")
}
