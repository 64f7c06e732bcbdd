//! TURN: import, plan, apply, record.
//!
//! One [`Engine`] owns a job: a source, a target and a store. [`Engine::turn`] is one cycle; all
//! cycles take this one path, whoever asked for them. [`worker`] decides when, [`schedule`] is the
//! pure part of that.

mod course;
mod decide;
mod failure;
mod import;
mod lookup;
pub mod saved;
pub mod schedule;
mod turn;
mod window;
pub mod worker;

pub use failure::CycleFailure;
pub use turn::{Asked, Engine, EngineSettings, Turned};
