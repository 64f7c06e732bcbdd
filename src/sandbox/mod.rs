//! EMULATE.

pub mod counts;
pub mod faults;
pub mod graph;
pub mod server;
pub mod sharefile;
