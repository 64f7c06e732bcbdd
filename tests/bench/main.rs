//! `cargo bench` shows what cycles cost, beside the bars that hold for it.
//!
//! | Option | Does |
//! |---|---|
//! | `--quick` | leaves out the large company and planning |
//! | `--only WORD`, or `WORD` alone | shows only `cycles`, `start`, `planning` or `sandbox` |
//!
//! Every cycle is a new process of the release build, and the sandbox is another one. CPU is user
//! and system time, memory is the peak of the resident set, both as the kernel accounts them to
//! the process. It is a program and not a test: what it shows depends on the machine.

mod cycles;
mod planning;
mod process;
mod sandbox;
mod start;
mod world;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// What can be shown alone.
const PARTS: [&str; 4] = ["cycles", "start", "planning", "sandbox"];

/// What is asked for on the command line.
struct Options {
    quick: bool,
    only: Option<String>,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if let Some(variant) = arguments.next().and_then(|first| planning::child(&first)) {
        planning::report(variant);
        return ExitCode::SUCCESS;
    }
    match options().and_then(|options| show(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options { quick: false, only: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--only" => options.only = arguments.next(),
            // What cargo itself says.
            "--bench" => {}
            word if PARTS.contains(&word) => options.only = Some(argument),
            other => bail!("`{other}` is none of --quick, --only {}", PARTS.join("|")),
        }
    }
    Ok(options)
}

fn show(options: &Options) -> Result<()> {
    let program = process::Program::own()?;
    let sizes: &[usize] = if options.quick { &[1_000] } else { &[1_000, 10_000] };
    if options.wants("cycles") || options.wants("start") {
        if options.wants("cycles") {
            cycles::header();
        }
        for &people in sizes {
            let world = world::World::found(&program, people)?;
            if options.wants("cycles") {
                cycles::show(&world)?;
            } else {
                world.sync()?;
            }
            if options.wants("start") {
                start::show(&world)?;
            }
        }
    }
    if options.wants("planning") && !options.quick {
        planning::show()?;
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
