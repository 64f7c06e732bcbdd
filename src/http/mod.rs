//! SPEAK: one polite HTTP client for both ends.
//!
//! - [`gate`] decides when a request may go: budget in any sliding minute, requests in flight,
//!   and a pause that stops all senders at once. [`window`] is what it hands to the next process.
//! - [`client`] sends, waits when told to, and repeats only what may be repeated.
//! - [`token`] keeps one access token for many workers.
//! - [`network`] says which proxy a connection takes, and whose certificates are trusted.
//! - [`connection`] remembers how the last answers came, for whoever asks how the way is.
//! - [`retry_after`] reads what services say about waiting, in every form they say it.
//!
//! # What happens when something goes wrong
//! The fault table, `tests/it/trouble.rs`, holds this for every fault at every kind of request:
//!
//! | On the way | A read | A write |
//! |---|---|---|
//! | nobody listens | sent three times | sent three times, as nothing of it was delivered |
//! | reset, cut off in the middle, silent | sent five times | never sent again by itself: apply looks whether it took effect |
//! | told to wait: 429, 503 with `Retry-After`, throttling by any other name | all senders pause; sent five times | the same, as it was not processed |
//! | a failure that may pass | sent five times, each after a back-off | not sent again by itself |
//! | 401 | sent once more, with a new token | the same, as it was not processed |
//! | a certificate that is not trusted, a web page, any other refusal | not sent again | not sent again |
//!
//! What still fails then ends the cycle (exit code 66, 67 or 68), except for what concerns one
//! object alone: it waits for the next cycle, and everything else goes on.
//!
//! # Guarantees
//! A write is sent a second time only when the first was certainly not processed: nothing was
//! delivered, or the answer says that it was throttled. Redirects are never followed, so that a
//! bearer never travels to a host that nobody chose.

mod answer;
mod backoff;
mod certificate;
pub mod client;
pub mod connection;
mod error;
pub mod gate;
pub mod network;
pub mod retry_after;
mod roots;
pub mod token;
pub mod window;

pub use answer::{Answer, Repeat, Streamed, Verdict, unquoted};
pub use certificate::CertificateFacts;
pub use client::{ClientSettings, PoliteClient};
pub use connection::Connection;
pub use error::HttpError;
pub use gate::{Gate, GateLimits, Permit};
pub use network::{NetworkSettings, ProxySettings, certificates};
pub use token::{Fetched, TokenCache, is_token};
pub use window::{GateWindow, WindowKeeper};
