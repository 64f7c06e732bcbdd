//! `welcome`: the welcome mail once more, and who waits for one.

use std::sync::Arc;

use clap::Args;

use crate::clock::SystemClock;
use crate::cycle::worker::{RequestAnswer, answer_without_cycle};
use crate::cycle::{LINK_LIVES_MS, unactivated, welcome_payload};
use crate::store::{RequestKind, Store};
use crate::views;

use super::exit::{Exit, Failure};
use super::open::{Access, Place, engine, engine_with};
use super::{ask, output};

/// Arguments of `welcome`.
#[derive(Debug, Args)]
pub struct WelcomeArguments {
    /// Whom to send the welcome mail again: an address, a name or an id
    #[arg(conflicts_with_all = ["list", "json"])]
    who: Option<String>,

    /// List who has never signed in and whose link has run out, as without WHO
    #[arg(long)]
    list: bool,

    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// Sends the mail to one person, or lists who needs one.
pub async fn welcome(place: &Place, arguments: &WelcomeArguments) -> Result<Exit, Failure> {
    match &arguments.who {
        Some(who) => send(place, who).await,
        None => list(place, arguments.json).await,
    }
}

/// Sends the mail, here or through the running daemon.
async fn send(place: &Place, who: &str) -> Result<Exit, Failure> {
    let job = place.job()?;
    // A store that never was must not come about by asking for a mail.
    drop(Store::read_only(&job.store)?);
    let (kind, payload) = (RequestKind::Welcome, welcome_payload(who));
    let answer = match engine(&job, Access::Write("welcome")) {
        Ok(engine) => {
            let answer = answer_without_cycle(&engine, kind, &payload).await;
            engine.target.settle_window().await;
            engine.store.close().await?;
            answer
        }
        Err(failure) => match failure.holder() {
            Some(holder) => ask::ask(&job.store, &holder, kind, payload).await?,
            None => return Err(failure),
        },
    };
    match answer {
        RequestAnswer { ok: true, message, .. } => {
            output::line(&format!("{message}."));
            Ok(Exit::Done)
        }
        RequestAnswer { error: Some(error), .. } => {
            Err(Failure::said(Exit::of_error(&error), error.message, error.remedy))
        }
        RequestAnswer { message, .. } => Err(Failure::said(
            Exit::Refused,
            format!("no mail was sent: {message}"),
            "Name one person with an account of this job that is in use, by address, name or id.",
        )),
    }
}

/// Lists who has never signed in and whose link has run out. Beside a running daemon as well: it
/// only reads.
async fn list(place: &Place, json: bool) -> Result<Exit, Failure> {
    let job = place.job()?;
    let store = Store::read_only(&job.store)?;
    let engine = engine_with(&job, store, Arc::new(SystemClock::new()))?;
    let people = unactivated(&engine).await?;
    if json {
        output::json(&people);
        return Ok(Exit::Done);
    }
    let tenant = engine.store.job().await?.target_account;
    let single_sign_on = tenant.is_some_and(|(tenant, _)| tenant.force_sso);
    let days = LINK_LIVES_MS / 86_400_000;
    output::text(&views::unactivated::text(&people, days, single_sign_on, output::width()));
    Ok(Exit::Done)
}
