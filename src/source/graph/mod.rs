//! Microsoft Graph as a source.

pub mod settings;
