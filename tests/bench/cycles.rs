//! An initial cycle, and cycles that find nothing to do.

use anyhow::{Result, ensure};

use crate::process::Used;
use crate::world::{Cycle, World};
use crate::{median, verdict};

/// Of so many cycles without changes the middle one is shown.
const REPEATED: usize = 7;

/// Milliseconds of CPU, and megabytes, for a cycle without changes at 10,000 people.
const CPU_BAR: f64 = 100.0;
const MEMORY_BAR: f64 = 40.0;

/// Prints what the columns are.
pub fn header() {
    println!(
        "{:>8}  {:<10} {:>9} {:>9} {:>9}  {:>15} {:>18}  bars",
        "people", "cycle", "wall", "CPU", "memory", "Graph requests", "ShareFile requests"
    );
}

/// Shows the first cycle of a company, and the median of some without changes.
pub fn show(world: &World<'_>) -> Result<()> {
    let first = world.sync()?;
    ensure!(first.count("created") > 0, "nobody was created: {:#}", first.report);
    let (graph, sharefile) = requests(&first);
    let done = format!(
        "{} created, {} adopted, {} held",
        first.count("created"),
        first.count("adopted"),
        first.count("held")
    );
    row(world.people, "initial", &first.used, graph, sharefile, &done);

    let mut again = Vec::with_capacity(REPEATED);
    for _ in 0..REPEATED {
        let cycle = world.sync()?;
        ensure!(cycle.report["kind"] == "incremental", "{:#}", cycle.report);
        again.push(cycle);
    }
    let seconds =
        |figure: fn(&Used) -> f64| median(again.iter().map(|c| figure(&c.used)).collect());
    let wall = seconds(|used| used.wall.as_secs_f64());
    let cpu = seconds(|used| used.cpu.as_secs_f64());
    let peak = again.iter().map(|cycle| cycle.used.peak).max().unwrap_or_default();
    let used = Used {
        wall: std::time::Duration::from_secs_f64(wall),
        cpu: std::time::Duration::from_secs_f64(cpu),
        peak,
    };
    let pages = world.assignments()?.div_ceil(999).max(1);
    let most = |count: fn(&Cycle) -> (u64, u64)| again.iter().map(count).max().unwrap_or_default();
    let (graph, sharefile) = most(requests);
    let bars = format!(
        "CPU < {CPU_BAR} ms {}, memory < {MEMORY_BAR} MB {}, requests {} and 0 {}",
        verdict(cpu * 1e3, CPU_BAR),
        verdict(peak as f64 / 1e6, MEMORY_BAR),
        2 + pages,
        if (graph, sharefile) == (2 + pages, 0) { "ok" } else { "OVER" },
    );
    row(world.people, "no change", &used, graph, sharefile, &bars);
    Ok(())
}

/// Requests to Graph without tokens, and to ShareFile with tokens.
fn requests(cycle: &Cycle) -> (u64, u64) {
    (cycle.asked("/v1.0/"), cycle.asked("/sf/v3/") + cycle.asked("POST /oauth/token"))
}

fn row(people: usize, cycle: &str, used: &Used, graph: u64, sharefile: u64, bars: &str) {
    println!(
        "{people:>8}  {cycle:<10} {:>9} {:>9} {:>9}  {graph:>15} {sharefile:>18}  {bars}",
        time(used.wall.as_secs_f64()),
        time(used.cpu.as_secs_f64()),
        format!("{:.1} MB", used.peak as f64 / 1e6),
    );
}

/// Seconds as people read them.
pub fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}
