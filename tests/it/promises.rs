//! The promises of the design, each with a test that fails if it breaks. Those about people and
//! groups are in `people`, those about the network in `weather`, those about a crash elsewhere.

mod failing;
mod owning;
mod reading;
mod telling;
mod unreadable;

use uuid::Uuid;

use crate::world::World;

/// People with accounts, none of them at risk yet.
async fn converged(count: usize) -> (World, Vec<Uuid>) {
    let world = World::empty().await;
    let people = (0..count).map(|n| world.join(&format!("P{n}"))).collect();
    world.cycle().await;
    world.sandbox.counts.reset();
    (world, people)
}
