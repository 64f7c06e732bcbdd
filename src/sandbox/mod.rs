//! EMULATE.

pub mod counts;
pub mod faults;
pub mod server;
