//! SHOW.
