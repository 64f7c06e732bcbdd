//! `cargo bench` shows what cycles cost, beside the bars that hold for it.
//!
//! | Option | Does |
//! |---|---|
//! | `--quick` | leaves out the large companies and planning |
//! | `--people N` | shows cycles of one company of this size |
//! | `--million` | shows cycles of a million people, of whom 99 % have accounts that agree; with `mapping`, evaluates for as many instead of 20,000 |
//! | `--only WORD`, or `WORD` alone | shows only `cycles`, `start`, `planning`, `mapping` or `sandbox` |
//! | `--program FILE` | measures another program than the one built with this |
//!
//! Every cycle is a new process of the release build, and the sandbox is another one. CPU is user
//! and system time, memory is the peak of the resident set, both as the kernel accounts them to
//! the process. It is a program and not a test: what it shows depends on the machine.

mod changes;
mod cycles;
mod grown;
mod mapping;
mod planning;
mod process;
mod sandbox;
mod start;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use world::Size;

/// What can be shown alone.
const PARTS: [&str; 5] = ["cycles", "start", "planning", "mapping", "sandbox"];

/// What is asked for on the command line.
#[derive(Default)]
struct Options {
    quick: bool,
    people: Option<usize>,
    million: bool,
    only: Option<String>,
    program: Option<PathBuf>,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        match self.only.as_deref() {
            Some(only) => only == part,
            None if self.people.is_some() || self.million => part == "cycles",
            None => true,
        }
    }

    /// The companies to be shown.
    fn sizes(&self) -> Vec<Size> {
        let new = |people, groups| Size { people, in_step: 0, groups };
        match self.people {
            Some(people) => vec![new(people, true)],
            None if self.million => vec![Size { in_step: 99, ..new(1_000_000, true) }],
            None if self.quick => vec![new(1_000, false), new(1_000, true)],
            None => vec![
                new(1_000, false),
                new(1_000, true),
                new(10_000, false),
                new(10_000, true),
                new(100_000, true),
            ],
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if let Some(variant) = arguments.next().and_then(|first| planning::child(&first)) {
        planning::report(variant);
        return ExitCode::SUCCESS;
    }
    if let Some(people) = mapping::child(std::env::args().skip(1)) {
        return ended(mapping::report(people));
    }
    ended(options().and_then(|options| show(&options)))
}

/// Says what went wrong, if something did.
fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--million" => options.million = true,
            "--people" => {
                let number = arguments.next().context("--people needs a number")?;
                options.people = Some(number.parse().context("--people needs a number")?);
            }
            "--program" => options.program = arguments.next().map(PathBuf::from),
            "--only" => options.only = arguments.next(),
            // What cargo itself says.
            "--bench" => {}
            word if PARTS.contains(&word) => options.only = Some(argument),
            other => bail!(
                "`{other}` is none of --quick, --people, --million, --program, --only {}",
                PARTS.join("|")
            ),
        }
    }
    Ok(options)
}

fn show(options: &Options) -> Result<()> {
    let program = process::Program::copied(options.program.as_deref())?;
    if options.wants("cycles") || options.wants("start") {
        if options.wants("cycles") {
            cycles::header();
        }
        for size in options.sizes() {
            let starts = options.wants("start") && !size.groups;
            if !starts && !options.wants("cycles") {
                continue;
            }
            let world = world::World::found(&program, size)?;
            if options.wants("cycles") {
                cycles::show(&world)?;
            } else {
                world.sync()?;
            }
            if starts {
                start::show(&world)?;
            }
        }
    }
    if options.wants("planning") && !options.quick {
        planning::show()?;
    }
    if options.wants("mapping") && !options.quick {
        mapping::show(options.people.unwrap_or(if options.million { 1_000_000 } else { 20_000 }))?;
    }
    if options.wants("sandbox") {
        sandbox::show(&program, !options.quick)?;
    }
    Ok(())
}

/// A bar, and whether a figure stays under it.
fn verdict(figure: f64, bar: f64) -> &'static str {
    if figure < bar { "ok" } else { "OVER" }
}

/// Returns the figure in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
