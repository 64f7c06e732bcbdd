//! Reads the sources and holds them to the shape of the house: which room may import which, what
//! a pure room may not know, who may seal a plan, where one operating system may be meant.
//!
//! The tables below are the documentation. A row that goes beyond the plan of the house says why.

mod reading;

use std::collections::BTreeSet;
use std::fmt::Write;

use reading::{Source, condition, imports, paths_after, root, sources, words};

/// A room and what it may import besides itself: rooms, or paths inside them. The text says why,
/// where the plan of the house does not.
type Row = (&'static str, &'static [(&'static str, &'static str)]);

const TIME: &str = "`Clock` says the time in it";
const ATTRIBUTES: &str = "names in expressions are checked against what the source can read";
const NAMES: &str = "what a schema names is looked up in what a configuration can name";

/// Who may import whom, in the order of the flow.
const ROOMS: &[Row] = &[
    ("model", &[]),
    ("clock", &[("model::ids::Timestamp", TIME)]),
    ("logging", &[]),
    ("http", &[("clock", "")]),
    ("sandbox", &[("clock", ""), ("model::ids::Timestamp", TIME)]),
    ("source", &[("clock", ""), ("model", ""), ("http", "")]),
    ("target", &[("clock", ""), ("model", ""), ("http", "")]),
    ("plan", &[("model", "")]),
    ("store", &[("clock", ""), ("model", "")]),
    (
        "views",
        &[("model", ""), ("plan::map", "`eval` shows what an expression gave and where it fails")],
    ),
    ("apply", &[("clock", ""), ("model", ""), ("target", ""), ("store", "")]),
    (
        "cycle",
        &[
            ("clock", ""),
            ("model", ""),
            ("source", ""),
            ("plan", ""),
            ("target", ""),
            ("apply", ""),
            ("store", ""),
        ],
    ),
    (
        "config",
        &[
            ("logging::LogSettings", ""),
            ("logging::LogFormat", ""),
            ("http::NetworkSettings", ""),
            ("http::ProxySettings", ""),
            ("http::certificates", "what is no certificate is a problem of the configuration"),
            ("source::graph::settings", ""),
            ("target::sharefile::settings", ""),
            ("plan::rules", ""),
            ("plan::map", "the rules hold compiled expressions"),
            ("model::account", "the rules are about attributes and kinds of accounts"),
            ("model::leaving", "and about the stages of those who left"),
            ("source::graph::AttributeSource", ATTRIBUTES),
            ("source::graph::KNOWN_ATTRIBUTES", ATTRIBUTES),
            ("source::graph::KNOWN_GROUP_ATTRIBUTES", ATTRIBUTES),
            ("source::graph::attribute_kind", ATTRIBUTES),
            ("source::graph::group_attribute_kind", ATTRIBUTES),
        ],
    ),
    (
        "schema",
        &[
            ("plan::map", "sources become expressions, whose language it is"),
            ("model::account::TargetAttribute", NAMES),
            ("source::graph::KNOWN_ATTRIBUTES", NAMES),
            ("source::graph::KNOWN_GROUP_ATTRIBUTES", NAMES),
        ],
    ),
    ("service", &[]),
    (
        "cli",
        &[
            ("clock", ""),
            ("config", ""),
            ("cycle", ""),
            ("http::Connection", "`test` tells how the way to both ends is"),
            ("logging", ""),
            ("model", ""),
            ("plan::map", "`eval` is the language at the command line"),
            ("sandbox", ""),
            ("schema", ""),
            ("service", ""),
            ("source", ""),
            ("store", ""),
            ("target", ""),
            ("views", ""),
        ],
    ),
    ("main", &[("cli", "")]),
];

/// Rooms and files that decide or describe without asking anything: what they need is an argument.
const PURE: &[&str] = &[
    "src/model/",
    "src/plan/",
    "src/schema/",
    "src/views/",
    "src/cycle/schedule.rs",
    "src/apply/failure.rs",
];

/// What a pure file may not mention, and what kind of thing it is.
const IMPURE: &[(&str, &str)] = &[
    ("async", "waits"),
    ("await", "waits"),
    ("Clock", "reads a clock"),
    ("SystemTime", "reads a clock"),
    ("Instant", "reads a clock"),
    ("Timestamp::now", "reads a clock"),
    ("Zoned::now", "reads a clock"),
    ("rand", "is random"),
    ("new_v4", "is random"),
    ("now_v7", "is random"),
    ("RandomState", "is random"),
    ("println", "does I/O"),
    ("eprintln", "does I/O"),
    ("dbg", "does I/O"),
    ("tokio", "does I/O"),
    ("reqwest", "does I/O"),
    ("rusqlite", "does I/O"),
    ("hyper", "does I/O"),
    ("axum", "does I/O"),
    ("tracing", "does I/O"),
];

/// Where code for one operating system may stand.
const ONE_SYSTEM: &[&str] = &["src/service/", "src/logging.rs", "src/store/lease.rs"];

/// What ends the process instead of reporting, and has no place outside tests.
const ABRUPT: &[&str] = &[
    ".unwrap()",
    ".unwrap_err()",
    ".expect(",
    ".expect_err(",
    "panic!",
    "todo!",
    "unimplemented!",
    "unreachable!",
    "assert!",
    "assert_eq!",
    "assert_ne!",
    "process::exit",
    "process::abort",
];

/// A file is split by this many lines before its tests.
const MOST_LINES: usize = 600;

/// Broken rules, each with its place.
#[derive(Default)]
struct Broken(BTreeSet<(String, usize, String)>);

impl Broken {
    fn at(&mut self, source: &Source, at: usize, rule: String) {
        self.0.insert((source.path.clone(), source.line(at), rule));
    }

    fn none_may_be(self) {
        let mut list = String::new();
        for (path, line, rule) in &self.0 {
            let _ = writeln!(list, "  {path}:{line}: {rule}");
        }
        assert!(self.0.is_empty(), "{} places break the rules:\n{list}", self.0.len());
    }
}

#[test]
fn rooms_import_what_the_table_allows() {
    let mut broken = Broken::default();
    let mut used = BTreeSet::new();
    let sources = sources();
    for source in sources.iter().filter(|source| source.room() != "lib") {
        let room = source.room();
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            broken.at(source, 0, format!("`{room}` is no room of the table in {}", file!()));
            continue;
        };
        for (at, path) in imports(source) {
            let within = |prefix: &str| {
                path.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            if within(room) {
                continue;
            }
            match allowed.iter().find(|(prefix, _)| within(prefix)) {
                Some((prefix, _)) => {
                    used.insert((room, *prefix));
                }
                None => broken.at(source, at, format!("`{room}` may not import `{path}`")),
            }
        }
    }
    broken.none_may_be();
    for (room, allowed) in ROOMS {
        for (prefix, why) in allowed.iter().filter(|(_, why)| !why.is_empty()) {
            assert!(
                used.contains(&(*room, *prefix)),
                "`{room}` no longer imports `{prefix}` ({why}): take it out of the table"
            );
        }
    }
}

#[test]
fn the_map_names_every_room() {
    let map = std::fs::read_to_string(root().join("src/lib.rs")).expect("the map");
    for (room, _) in ROOMS.iter().filter(|(room, _)| *room != "main") {
        assert!(map.contains(&format!("pub mod {room};")), "src/lib.rs has no room `{room}`");
        let row = format!("//! | [`{room}`] | ");
        assert!(map.contains(&row), "src/lib.rs: the docs do not say what `{room}` does");
    }
    for line in map.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")) {
        let room = line.trim_end_matches(';');
        assert!(ROOMS.iter().any(|(known, _)| *known == room), "`{room}` is not in the table");
    }
}

#[test]
fn what_decides_does_not_ask() {
    let mut broken = Broken::default();
    for source in sources().iter().filter(|source| source.is_at(PURE)) {
        for (word, why) in IMPURE {
            for at in words(&source.code, word) {
                broken.at(source, at, format!("`{word}` {why}, and this file is pure"));
            }
        }
        for (at, path) in paths_after(&source.code, "std::") {
            let (first, _) = path.split_once("::").unwrap_or((&path, ""));
            if ["fs", "net", "io", "env", "process", "thread"].contains(&first) {
                broken.at(source, at, format!("`std::{path}` does I/O, and this file is pure"));
            }
        }
    }
    broken.none_may_be();
}

#[test]
fn plans_are_sealed_by_their_check_alone() {
    let mut broken = Broken::default();
    for source in &sources() {
        let may_seal = source.path == "src/plan/check.rs";
        let may_build = source.path == "src/model/plan.rs";
        for at in words(&source.code, "CheckedPlan") {
            let rest = source.code[at + "CheckedPlan".len()..].trim_start();
            let before = source.code[..at].trim_end();
            // A function that returns one is followed by its body; a type, by its fields.
            let returned = before.ends_with("->");
            if rest.starts_with("::seal") && !may_seal {
                broken.at(source, at, "only plan/check.rs seals a plan".to_owned());
            }
            if rest.starts_with("as ") {
                broken.at(source, at, "`CheckedPlan` goes by its own name".to_owned());
            }
            if rest.starts_with('{') && !returned && !may_build {
                broken.at(source, at, "a `CheckedPlan` comes from its check alone".to_owned());
            }
        }
        for at in words(&source.code, "Deserialize").into_iter().filter(|_| may_build) {
            let item = &source.code[at..];
            let name = item.find("struct ").map(|found| item[found + 7..].trim_start());
            if name.is_some_and(|name| name.starts_with("CheckedPlan")) {
                broken.at(source, at, "a `CheckedPlan` is never read from text".to_owned());
            }
        }
    }
    broken.none_may_be();
}

#[test]
fn one_operating_system_is_meant_in_few_places() {
    let systems = ["target_os", "target_family", "target_env", "unix", "windows"];
    let mut broken = Broken::default();
    for source in sources().iter().filter(|source| !source.is_at(ONE_SYSTEM)) {
        for name in ["cfg", "cfg_attr"] {
            for at in words(&source.code, name) {
                let condition = condition(&source.code[at + name.len()..]);
                if systems.iter().any(|system| !words(condition, system).is_empty()) {
                    broken.at(source, at, format!("`{name}({condition})` is not for this file"));
                }
            }
        }
        for word in ["std::os", "consts::OS", "consts::FAMILY"] {
            for at in words(&source.code, word) {
                broken.at(source, at, format!("`{word}` is not for this file"));
            }
        }
    }
    broken.none_may_be();
}

#[test]
fn files_stay_short() {
    let mut broken = Broken::default();
    for source in &sources() {
        let lines = source.lines_before_tests;
        if lines > MOST_LINES {
            let rule = format!("{lines} lines before the tests: split it, {MOST_LINES} is the end");
            broken.at(source, source.code.len(), rule);
        }
    }
    broken.none_may_be();
}

#[test]
fn nothing_ends_the_process_abruptly() {
    let mut broken = Broken::default();
    for source in &sources() {
        for word in ABRUPT {
            for at in words(&source.code, word) {
                broken.at(source, at, format!("`{word}` outside tests"));
            }
        }
    }
    broken.none_may_be();
}
