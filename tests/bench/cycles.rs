//! An initial cycle, cycles that find nothing to do, and one after a few changes.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::changes;
use crate::process::Used;
use crate::world::{Cycle, World};
use crate::{median, verdict};

/// Milliseconds of CPU, and megabytes, for a cycle without changes at 10,000 people.
const CPU_BAR: f64 = 100.0;
const MEMORY_BAR: f64 = 40.0;

/// Requests a minute that ShareFile's tenants are asked at most, unless configured otherwise.
const BUDGET: u64 = 420;

/// Prints what the columns are.
pub fn header() {
    println!(
        "{:>9} {:<6} {:<12} {:>9} {:>9} {:>9} {:>7} {:>10} {:>9} {:>9} {:>9}  what",
        "people",
        "groups",
        "cycle",
        "wall",
        "CPU",
        "memory",
        "Graph",
        "ShareFile",
        "at 420/m",
        "store",
        "log"
    );
}

/// Shows the first cycle of a company, the median of some without changes, and one with some.
pub fn show(world: &World<'_>) -> Result<()> {
    changes::prepare(world)?;
    let first = world.sync()?;
    ensure!(first.count("created") > 0, "nobody was created: {:#}", first.report);
    row(world, "initial", &first, &done(&first));
    if world.size.people <= 10_000 {
        initial_bars(world, &first)?;
    }
    // After the first cycle some people are looked at once more.
    let mut again = Vec::new();
    let repeated = if world.size.people > 10_000 { 3 } else { 7 };
    for _ in 0..repeated {
        let cycle = world.sync()?;
        ensure!(cycle.report["kind"] == "incremental", "{:#}", cycle.report);
        again.push(cycle);
    }
    no_change(world, again)?;

    changes::make(world)?;
    let small = world.sync()?;
    row(world, "small change", &small, &done(&small));
    let counted = ["created", "updated", "disabled"].map(|name| small.count(name));
    let expected = [changes::NEW, changes::RENAMED, changes::DISABLED].map(u64::from);
    ensure!(counted == expected, "{counted:?} instead of {expected:?}: {:#}", small.report);
    Ok(())
}

/// What a cycle did, in short.
fn done(cycle: &Cycle) -> String {
    let names = [
        "created",
        "adopted",
        "updated",
        "disabled",
        "groups_created",
        "groups_changed",
        "members_added",
        "members_removed",
        "held",
        "failed",
    ];
    let counted = names.map(|name| (name, cycle.count(name)));
    let words = counted.iter().filter(|(_, count)| *count > 0);
    let words: Vec<String> =
        words.map(|(name, count)| format!("{count} {}", name.replace('_', " "))).collect();
    words.join(", ")
}

/// The bars of the first cycle: they are for ten thousand people.
fn initial_bars(world: &World<'_>, first: &Cycle) -> Result<()> {
    let rows = world.assignments()?;
    let (graph, _) = requests(first);
    let lists = first.asked("GET /sf/v3/Accounts/Employees")
        + first.asked("GET /sf/v3/Accounts/Clients")
        + u64::from(first.asked("GET /sf/v3/Groups") > first.asked("GET /sf/v3/Groups("));
    // One for three hundred people who are assigned on their own, one for 999 rows.
    let bar = 40 + rows.div_ceil(300) + rows.div_ceil(999);
    println!(
        "{:>27}Graph {graph}, bar <= {bar} {}; {lists} lists of ShareFile, bar <= 3 {}",
        "",
        verdict(graph as f64, bar as f64 + 1.0),
        verdict(lists as f64, 4.0)
    );
    Ok(())
}

fn no_change(world: &World<'_>, again: Vec<Cycle>) -> Result<()> {
    let seconds =
        |figure: fn(&Used) -> f64| median(again.iter().map(|c| figure(&c.used)).collect());
    let wall = seconds(|used| used.wall.as_secs_f64());
    let cpu = seconds(|used| used.cpu.as_secs_f64());
    let peak = again.iter().map(|cycle| cycle.used.peak).max().unwrap_or_default();
    let pages = world.assignments()?.div_ceil(999).max(1);
    let most = again.iter().map(requests).max().unwrap_or_default();
    let Some(mut shown) = again.into_iter().next_back() else { return Ok(()) };
    shown.used =
        Used { wall: Duration::from_secs_f64(wall), cpu: Duration::from_secs_f64(cpu), peak };
    let mut bars = format!(
        "{} and 0 requests {}",
        2 + pages,
        if most == (2 + pages, 0) { "ok" } else { "OVER" },
    );
    if world.size.people <= 10_000 {
        bars.push_str(&format!(
            ", CPU < {CPU_BAR} ms {}, memory < {MEMORY_BAR} MB {}",
            verdict(cpu * 1e3, CPU_BAR),
            verdict(peak as f64 / 1e6, MEMORY_BAR)
        ));
    }
    row(world, "no change", &shown, &bars);
    Ok(())
}

/// Requests to Graph without tokens, and to ShareFile with tokens.
fn requests(cycle: &Cycle) -> (u64, u64) {
    (cycle.asked("/v1.0/"), cycle.asked("/sf/v3/") + cycle.asked("POST /oauth/token"))
}

fn row(world: &World<'_>, name: &str, cycle: &Cycle, what: &str) {
    let (graph, sharefile) = requests(cycle);
    let groups = if world.size.groups { "on" } else { "off" };
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    println!(
        "{:>9} {groups:<6} {name:<12} {:>9} {:>9} {:>9} {graph:>7} {sharefile:>10} {:>9} {:>9} {:>9}  {what}",
        world.size.people,
        time(cycle.used.wall.as_secs_f64()),
        time(cycle.used.cpu.as_secs_f64()),
        megabytes(cycle.used.peak),
        long(sharefile.saturating_sub(1) / BUDGET * 60),
        megabytes(cycle.store),
        megabytes(cycle.log),
    );
}

/// Seconds as people read them.
pub fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// Whole minutes or hours, for a budget that is given by the minute.
fn long(seconds: u64) -> String {
    match seconds / 60 {
        minutes @ 0..120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}
