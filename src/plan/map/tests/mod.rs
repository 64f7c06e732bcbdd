//! The language as a whole.

mod engines;
mod errors;
mod language;
mod properties;
mod seen;
