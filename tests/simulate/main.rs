//! Tells any number of histories, as long as one likes, on all processors:
//!
//! ```text
//! CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo test --test simulate -- --seeds 1000 --steps 100
//! ```
//!
//! Optimised this little, a thousand histories of a hundred steps take some four minutes on two
//! processors; without, twice as long. A history that does not end well is printed with its seed,
//! all that happened in it and the command that tells it again, and the exit code is 1.
//!
//! Half of the histories keep groups in step as well. Whatever reaches ShareFile must be announced by
//! a plan of its cycle, and a long history is
//!
//! ```text
//! CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo test --test simulate -- --seeds 8 --steps 1000
//! ```
//!
//! Or lets whole cycles meet as many malformed answers as one likes:
//!
//! ```text
//! CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo test --test simulate -- --malformed 10000
//! ```
//!
//! Or counts what changes cost where nearly everybody of a large company is in scope:
//!
//! ```text
//! CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo test --test simulate -- --costs 100,10000,100000
//! ```

#[allow(dead_code)]
#[path = "../it/history/mod.rs"]
mod history;
#[allow(dead_code)]
#[path = "../it/incremental/mod.rs"]
mod incremental;
#[path = "../it/malformed/mod.rs"]
mod malformed;
#[allow(dead_code)]
#[path = "../it/shapes/mod.rs"]
mod shapes;
#[allow(dead_code)]
#[path = "../it/world.rs"]
mod world;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use history::{Settings, tell_all};

/// Tells histories with random people, changes and faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many histories.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many things happen in each.
    #[arg(long, default_value_t = 100)]
    steps: usize,
    /// How many people there are at most.
    #[arg(long, default_value_t = 40)]
    people: usize,
    /// In how many of a hundred cycles something goes wrong.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(0..=100))]
    faults: u8,
    /// Instead of histories: whole cycles with so many malformed answers.
    #[arg(long)]
    malformed: Option<u64>,
    /// Instead of histories: what changes cost in companies of so many people.
    #[arg(long, value_delimiter = ',')]
    costs: Vec<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(answers) = arguments.malformed {
        return damage(arguments.seed, answers);
    }
    if !arguments.costs.is_empty() {
        return costs(&arguments.costs);
    }
    let settings = Settings {
        steps: arguments.steps,
        people: arguments.people,
        faults: arguments.faults.into(),
    };
    let began = Instant::now();
    let done = AtomicU64::new(0);
    let (figures, broken) = tell_all(arguments.seed, arguments.seeds, settings, &|_, outcome| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        match outcome {
            Err(broken) => println!("{broken}\n"),
            Ok(_) if done.is_multiple_of(25) => {
                println!("{done} histories, {:.0?}", began.elapsed());
            }
            Ok(_) => {}
        }
    });
    println!("{} histories in {:.1?}: {figures}", arguments.seeds, began.elapsed());
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    for broken in &broken {
        println!("seed {} failed: {}", broken.seed, broken.what);
        println!("again: cargo test --test simulate -- --seed {} {settings}", broken.seed);
    }
    println!("{} of {} histories failed", broken.len(), arguments.seeds);
    ExitCode::FAILURE
}

/// Lets whole cycles meet malformed answers.
fn damage(seed: u64, answers: u64) -> ExitCode {
    let began = Instant::now();
    let (figures, broken) = malformed::try_all(seed, answers);
    println!("{figures}, in {:.1?}", began.elapsed());
    for (seed, what) in &broken {
        println!("seed {seed} failed: {what}\n");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Counts what changes cost in companies of some sizes: always the same, or this panics.
fn costs(sizes: &[usize]) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for &people in sizes {
        let began = Instant::now();
        let size = incremental::Size { people, in_scope: people.saturating_sub(10) };
        runtime.block_on(incremental::pay(size));
        println!("{people} people: each change costs what it may, in {:.1?}", began.elapsed());
    }
    ExitCode::SUCCESS
}
