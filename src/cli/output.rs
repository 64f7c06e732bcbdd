//! Where commands write: standard output, without failing when nobody reads it.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::views::Look;

/// Writes text as it is.
pub fn text(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a line.
pub fn line(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a value as JSON with line breaks.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(problem) => eprintln!("error: the output cannot be written as JSON: {problem}"),
    }
}

/// Returns how wide tables may be, and whether colours are wanted: on a terminal, unless `NO_COLOR`
/// says otherwise.
pub fn look() -> Look {
    Look { width: width(), color: console::colors_enabled() }
}

/// Returns how wide tables may be: the terminal's width, or no limit elsewhere.
pub fn width() -> Option<u16> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (_, columns) = console::Term::stdout().size();
    Some(columns.max(60))
}

/// Returns what shows progress: a bar on a terminal, a plain line for each tenth elsewhere.
pub fn progress() -> Box<dyn Fn(usize, usize) + Send + Sync> {
    if !std::io::stderr().is_terminal() {
        return Box::new(|done, total| {
            let step = (total / 10).max(50);
            if total > 50 && (done % step == 0 || done == total) {
                eprintln!("{done} of {total} changes");
            }
        });
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:32} {pos} of {len} changes, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    Box::new(move |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        if done >= total {
            bar.finish_and_clear();
        }
    })
}
