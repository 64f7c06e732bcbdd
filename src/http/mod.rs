//! SPEAK.
