//! The language as a whole.

mod errors;
mod language;
mod properties;
mod seen;
