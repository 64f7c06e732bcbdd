//! Whole cycles over real HTTP against the sandbox, and what only the real process can show.

mod architecture;
mod budget;
mod counts;
mod cycles;
mod damaged;
mod errors;
mod histories;
mod history;
mod identity;
mod lag;
mod lessons;
mod malformed;
mod nested;
mod network;
mod people;
mod process;
mod promises;
mod readme;
mod sandbox;
mod shapes;
mod steady;
mod switches;
mod target;
mod trouble;
mod weather;
mod world;
