//! `apply FILE`: a saved plan, exactly.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cycle::Asked;
use crate::cycle::saved::SavedPlan;
use crate::store::RequestKind;

use super::exit::{Exit, Failure};
use super::open::{Access, Place, engine};
use super::{ask, sync};

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The file that `plan --out` wrote
    file: PathBuf,

    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Plans again and applies the saved plan, or refuses it.
pub async fn apply(place: &Place, arguments: &ApplyArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let text = std::fs::read_to_string(&arguments.file).map_err(|problem| {
        let what = format!("{} cannot be read: {problem}", arguments.file.display());
        Failure::said(Exit::Usage, what, "Name a file that `plan --out FILE` wrote.")
    })?;
    let saved = SavedPlan::parse(&text).map_err(|problem| {
        Failure::new(Exit::Usage, &problem, "Name a file that `plan --out FILE` wrote.")
    })?;
    let answer = match engine(&job, Access::Write("apply")) {
        Ok(engine) => {
            let asked = Asked { by: "apply".to_owned(), saved: Some(saved), ..Asked::default() };
            sync::here(engine, asked, !arguments.json).await?
        }
        Err(failure) => match failure.holder() {
            Some(holder) => {
                let payload = json!({ "plan": text });
                ask::ask(&job.store, &holder, RequestKind::Apply, payload).await?
            }
            None => return Err(failure),
        },
    };
    Ok(ask::conclude(&answer, arguments.json))
}
