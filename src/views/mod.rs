//! SHOW: plans, cycles, status and the log, as text for people and JSON for programs. Pure.

pub mod checks;
pub mod eval;
mod held;
pub mod holds;
pub mod log;
pub mod orphans;
pub mod plan;
pub mod report;
pub mod status;
pub mod trial;
pub mod unactivated;

use comfy_table::{ContentArrangement, Table, presets};

/// How much room there is, and whether colours say something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Wide cells of tables wrap at so many columns; `None` for no limit.
    pub width: Option<u16>,
    /// Colours are understood.
    pub color: bool,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    /// Comes about, or the new value.
    New,
    /// Is taken away, or the old value.
    Old,
    /// Changes.
    Changed,
    /// Waits for somebody.
    Waiting,
}

impl Look {
    /// Returns a text in the colour of its meaning, or as it is.
    fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::New => 32,
            Tone::Old => 31,
            Tone::Changed => 36,
            Tone::Waiting => 33,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Returns a table without lines, as command lines show it; wide cells wrap at `width` columns.
fn table<const N: usize>(head: [&str; N], width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(head);
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Returns the text of a table with the blanks at line ends removed.
fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Returns `1 person` or `2 people`: a count with the right form of a word.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
