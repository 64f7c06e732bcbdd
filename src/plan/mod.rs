//! DECIDE: a pure function from what is known to a plan.

pub mod map;
pub mod rules;
