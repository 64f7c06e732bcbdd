//! `plan`: what the next cycle would do.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;

use crate::cycle::Asked;
use crate::cycle::saved::SavedPlan;
use crate::views;
use crate::views::plan::ValueRule;

use super::exit::{Exit, Failure};
use super::open::{Access, Place, engine};
use super::output;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Save the plan for `apply`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Print the plan as JSON
    #[arg(long)]
    json: bool,

    /// Read everything again
    #[arg(long)]
    full: bool,
}

/// Imports and plans on a private copy of the store, and writes nothing.
pub async fn plan(place: &Place, arguments: &PlanArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let engine = engine(&job, Access::Preview)?;
    let asked =
        Asked { by: "plan".to_owned(), full: arguments.full, preview: true, ..Asked::default() };
    let turned = engine.turn(asked).await?;
    let Some(plan) = &turned.plan else {
        let exit = Exit::of_cycle(&turned.report, false, 0);
        let error = turned.report.error.as_ref();
        let what = error.map_or("there is no plan", |error| error.message.as_str());
        let remedy = error.map_or("", |error| error.remedy.as_str());
        return Err(Failure::said(exit, what, remedy));
    };
    if let Some(file) = &arguments.out {
        let saved = SavedPlan::new(plan, engine.clock.now());
        let text = serde_json::to_string_pretty(&saved).unwrap_or_default();
        std::fs::write(file, text + "\n").map_err(|problem| {
            let what = format!("{} cannot be written: {problem}", file.display());
            Failure::said(Exit::Usage, what, "Name a file in a folder that you may write to.")
        })?;
    }
    let changing: HashSet<_> = plan.changes.iter().map(|change| change.anchor).collect();
    let mut coming = engine.store.next_stages().await?;
    coming.retain(|one| !changing.contains(&one.anchor));
    let sources = job.rules.sources().into_iter();
    let rules: Vec<ValueRule> =
        sources.map(|(object, attribute, rule)| ValueRule { object, attribute, rule }).collect();
    if arguments.json {
        let mut json = views::plan::json(plan, &rules);
        if let Some(json) = json.as_object_mut() {
            json.insert("leavers".to_owned(), serde_json::to_value(&coming).unwrap_or_default());
        }
        output::json(&json);
    } else {
        for note in &turned.report.notes {
            output::line(&format!("note: {note}"));
        }
        output::text(&views::plan::text(plan, &rules, output::look()));
        output::text(&views::status::coming(&coming));
        let earlier: usize = turned.holds.iter().map(|hold| hold.items.len()).sum();
        let planned: usize = plan.holds.iter().map(|hold| hold.items.len()).sum();
        if earlier > planned {
            output::line(&format!(
                "{} objects wait for a person: see `sharefile-provisioner holds`.",
                earlier - planned
            ));
        }
        if let Some(file) = &arguments.out {
            output::line(&format!("Saved for `sharefile-provisioner apply {}`.", file.display()));
        }
    }
    Ok(if plan.is_empty() { Exit::Done } else { Exit::Changes })
}
