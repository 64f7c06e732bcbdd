//! TURN: import, plan, apply, record.
//!
//! One [`Engine`] owns a job: a source, a target and a store. [`Engine::turn`] is one cycle; all
//! cycles take this one path, whoever asked for them. [`worker`] decides when, [`schedule`] is the
//! pure part of that.
//!
//! What commands ask beside cycles is here as well: the welcome mail once more, who waits for one,
//! and what has nobody behind it. Nothing of that changes an account.

mod course;
mod decide;
mod drift;
mod failure;
mod import;
mod lookup;
mod orphans;
pub mod saved;
pub mod schedule;
mod trial;
mod turn;
mod welcome;
mod window;
pub mod worker;

pub use failure::CycleFailure;
pub use orphans::orphans;
pub use trial::Tried;
pub use turn::{Asked, Engine, EngineSettings, Turned};
pub use welcome::{LINK_LIVES_MS, unactivated, welcome_payload};
