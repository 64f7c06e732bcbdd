//! ShareFile as a target.

pub mod settings;
