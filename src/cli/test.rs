//! `test`: the connection to both ends, each check with what it means and what to do.

use clap::Args;
use serde::Serialize;

use crate::model::outcome::ErrorCategory;
use crate::source::{Source, SourceApplication, SourceError};
use crate::target::{Target, TargetError};

use super::exit::{Exit, Failure};
use super::open::{Access, Place, engine};
use super::output;

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// Print the checks as JSON
    #[arg(long)]
    json: bool,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
    #[serde(skip)]
    exit: Exit,
}

impl Check {
    fn passed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, ok: true, found: found.into(), remedy: String::new(), exit: Exit::Done }
    }

    fn failed(name: &'static str, failure: Failure) -> Self {
        let found = failure.chain.join(": ");
        Self { name, ok: false, found, remedy: failure.remedy, exit: failure.exit }
    }
}

/// Tries everything that a cycle needs, reading only.
pub async fn test(place: &Place, arguments: &TestArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let engine = engine(&job, Access::Preview)?;
    let mut checks = source_checks(engine.source.as_ref()).await;
    checks.extend(target_checks(engine.target.as_ref()).await);
    if arguments.json {
        output::json(&checks);
    } else {
        for check in &checks {
            let mark = if check.ok { "ok    " } else { "FAILED" };
            output::line(&format!("{mark}  {:<28}{}", check.name, check.found));
            if !check.remedy.is_empty() {
                output::line(&format!("        what to do: {}", check.remedy));
            }
        }
    }
    Ok(checks.iter().find(|check| !check.ok).map_or(Exit::Done, |check| check.exit))
}

async fn source_checks(source: &dyn Source) -> Vec<Check> {
    let found = match source.describe().await {
        Ok(found) => found,
        Err(problem) => return vec![Check::failed(which_of_source(&problem), problem.into())],
    };
    let mut checks = vec![
        Check::passed("Entra ID: sign-in", format!("tenant {}", found.tenant_id)),
        Check::passed(
            "Entra ID: permissions",
            "Application.Read.All, User.Read.All, GroupMember.Read.All",
        ),
        Check::passed("Entra ID: application", describe(&found)),
    ];
    checks.push(match source.assignments(found.application_id).await {
        Ok(rows) => Check::passed("Entra ID: assignments", format!("{} rows", rows.len())),
        Err(problem) => Check::failed("Entra ID: assignments", problem.into()),
    });
    checks.push(match source.start().await {
        Ok(_) => Check::passed("Entra ID: change feeds", "users and groups"),
        Err(problem) => Check::failed("Entra ID: change feeds", problem.into()),
    });
    checks
}

fn describe(found: &SourceApplication) -> String {
    let roles: Vec<&str> = found.roles.iter().filter_map(|role| role.value.as_deref()).collect();
    format!("{} ({}), roles: {}", found.display_name, found.application_id, roles.join(", "))
}

fn which_of_source(problem: &SourceError) -> &'static str {
    match problem.category {
        ErrorCategory::Auth => "Entra ID: sign-in",
        _ => "Entra ID: application",
    }
}

async fn target_checks(target: &dyn Target) -> Vec<Check> {
    let tenant = match target.account().await {
        Ok(tenant) => tenant,
        Err(problem) => return vec![Check::failed(which_of_target(&problem), problem.into())],
    };
    let seats = tenant.seats;
    let max = seats.employee_max.map_or_else(|| "?".to_owned(), |max| max.to_string());
    let protected = 1
        + usize::from(tenant.master_admin.is_some())
        + usize::from(tenant.billing_contact.is_some())
        + tenant.super_users.len();
    let plan = tenant.plan_name.as_deref().unwrap_or("unknown plan");
    let rules = match (tenant.force_sso, tenant.two_factor) {
        (true, true) => "single sign-on is forced, two-step verification is on",
        (true, false) => "single sign-on is forced",
        (false, true) => "two-step verification is on",
        (false, false) => "neither is required",
    };
    vec![
        Check::passed("ShareFile: sign-in", format!("{} ({plan})", tenant.name)),
        Check::passed("ShareFile: service user", tenant.service_roles.join(", ")),
        Check::passed("ShareFile: licences", format!("{} of {max} taken", seats.employee_count)),
        Check::passed("ShareFile: protected", format!("{protected} accounts named by the tenant")),
        Check::passed("ShareFile: sign-in rules", rules),
    ]
}

fn which_of_target(problem: &TargetError) -> &'static str {
    match problem.category {
        ErrorCategory::Auth => "ShareFile: sign-in and roles",
        _ => "ShareFile: account",
    }
}
