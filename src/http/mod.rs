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

pub use answer::{Answer, Repeat, Streamed, Verdict};
pub use certificate::CertificateFacts;
pub use client::{ClientSettings, PoliteClient};
pub use connection::Connection;
pub use error::HttpError;
pub use gate::{Gate, GateLimits, Permit};
pub use network::{NetworkSettings, ProxySettings, certificates};
pub use token::{Fetched, TokenCache};
pub use window::{GateWindow, WindowKeeper};
