//! Whole cycles over real HTTP against the sandbox, and what only the real process can show.

mod architecture;
mod cycles;
mod histories;
mod history;
mod world;
