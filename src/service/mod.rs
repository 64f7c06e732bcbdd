//! SERVE.
