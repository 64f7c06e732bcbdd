//! ACT.
