//! The nouns: plain data that two rooms or more share. No I/O, no clocks, no randomness.

pub mod account;
pub mod attribute;
pub mod group;
pub mod hold;
pub mod identity;
pub mod ids;
pub mod leaving;
pub mod orphan;
pub mod outcome;
pub mod plan;
pub mod row;
pub mod trial;
