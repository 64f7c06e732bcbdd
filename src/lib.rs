//! Keeps a ShareFile account in step with the users assigned to an enterprise application in
//! Microsoft Entra ID.
//!
//! # The flow
//!
//! ```text
//! source ─► plan( scope ─► map ─► matching ─► diff ─► guard ) ─► apply ─► store      one turn = a cycle
//! ```
//!
//! A cycle *imports* what changed at the source into the snapshot, *plans* by comparing what is
//! desired with the shadow of each account, *applies* the checked plan, and *records* what
//! happened. Initial, full and incremental cycles take this one path.
//!
//! # The promises
//!
//! 1. Nothing is removed because something was not read.
//! 2. The plan is what happens: `plan` and the daemon run the same code, and
//!    [`apply`] takes nothing but a [`model::plan::CheckedPlan`].
//! 3. Only accounts that this job created or adopted are changed, only those it disabled are
//!    enabled again, and protected accounts are never touched.
//! 4. A crash loses nothing and repeats nothing: an intent is durable before each write, and
//!    outcome, link and shadow are one transaction after it.
//! 5. Links are by immutable id; tenant, application and account are pinned with the store.
//! 6. One bad object stops only itself.
//! 7. Revocation goes first.
//! 8. The request budget of the target is never exceeded: not by all senders of a process
//!    together, and not by one process after the other, however the first one ended.
//! 9. Secrets never appear in logs, errors, plans or the store.
//! 10. Every change can be explained.
//! 11. Nobody gets mail from ShareFile unless the configuration says so.
//!
//! # The rooms, in the order of the flow
//!
//! | Room | Does |
//! |---|---|
//! | [`model`] | plain data that two rooms or more share |
//! | [`clock`] | now and sleep, injected |
//! | [`logging`] | to the journal, or to standard error |
//! | [`http`] | one polite client: gate, retries, tokens, redaction |
//! | [`source`] | reads: Microsoft Graph |
//! | [`target`] | writes: ShareFile |
//! | [`plan`] | decides, purely |
//! | [`store`] | remembers: SQLite |
//! | [`apply`] | acts: walks a checked plan |
//! | [`views`] | shows: text and JSON, purely |
//! | [`cycle`] | turns: import, plan, apply, record |
//! | [`config`] | layers, checks and secrets |
//! | [`schema`] | converts what Entra ID's own provisioning was set up with, purely |
//! | [`service`] | shutdown and the service manager |
//! | [`cli`] | one file per command |
//! | [`sandbox`] | emulators of both ends over real HTTP |
//!
//! Which room may import which is enforced by `tests/it/architecture.rs`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod apply;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cycle;
pub mod http;
pub mod logging;
pub mod model;
pub mod plan;
pub mod sandbox;
pub mod schema;
pub mod service;
pub mod source;
pub mod store;
pub mod target;
pub mod views;
