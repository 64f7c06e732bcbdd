//! The checks of ShareFile: signing in, roles, licences, and who is protected.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Job;
use crate::model::account::{AccountKind, Seats, TargetAccount, TargetUser, address_key};
use crate::model::ids::TargetId;
use crate::target::sharefile::{Sharefile, Survey};
use crate::target::{Target, TargetError};

use super::super::exit::Exit;
use super::{Ends, Judged, connection, counted};

const SIGN_IN: &str = "Everything that is written to ShareFile is written with this user.";

const ATTRIBUTES: &str = "What is mapped and cannot be set at this ShareFile account.";
const PLAN: &str = "The plan decides how many employees there can be, and what the API offers.";

const LICENCES: &str =
    "Each employee takes a licence, also one who is disabled; clients take none.";

const LISTS: &str = "A full cycle finds everybody who has an account already in these lists.";

const PROTECTED: &str = "These accounts are never touched. Holders of roles that begin with Admin are \
                         protected as well: the lists do not show roles, so each account is looked \
                         at before it changes.";

const CONFIGURED: &str = "guard.protected names accounts that are never touched besides.";

const SSO: &str = "The API cannot go through the sign-in page of another service: the service user \
                   signs in with a ShareFile password, whatever everybody else does.";

const TWO_STEP: &str = "The API cannot answer a second step: where it is required, the service user \
                        needs an application-specific password (Personal Settings, Personal \
                        Security, Two-Step Verification).";

const DOMAINS: &str = "Where the strict rule is on, ShareFile takes addresses of the company's own \
                       domains for employees alone.";

/// So many percent of the licences left are few.
const FEW_PERCENT: u32 = 5;

/// Asks ShareFile for everything that a cycle needs.
pub(super) async fn checks(job: &Job, target: &Sharefile) -> (Vec<Judged>, Ends) {
    let mut ends = Ends::default();
    let mut checks = match target.survey().await {
        Err(problem) => vec![Judged::of("ShareFile: sign-in", problem).means(SIGN_IN)],
        Ok(survey) => {
            ends.account_id = Some(survey.account.account_id.clone());
            let known = Known::read(target, &survey.account).await;
            judge(job, &survey, &known)
        }
    };
    checks.extend(connection::checks("ShareFile", &target.connections(), Exit::Target));
    (checks, ends)
}

/// What the lists told.
struct Known {
    /// The addresses of those who are protected by the tenant.
    names: BTreeMap<TargetId, String>,
    /// All primary addresses, in the form in which they compare.
    addresses: BTreeSet<String>,
    counts: Counts,
    failed: Option<TargetError>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    employees: usize,
    clients: usize,
    disabled: usize,
}

impl Known {
    async fn read(target: &Sharefile, account: &TargetAccount) -> Self {
        let wanted: BTreeSet<&TargetId> = protected_ids(account).collect();
        let mut known = Self {
            names: BTreeMap::new(),
            addresses: BTreeSet::new(),
            counts: Counts::default(),
            failed: None,
        };
        let read = target
            .list_users(&mut |user: TargetUser| {
                match user.kind {
                    AccountKind::Employee => known.counts.employees += 1,
                    AccountKind::Client => known.counts.clients += 1,
                }
                known.counts.disabled += usize::from(user.disabled);
                known.addresses.insert(address_key(user.address()));
                if wanted.contains(&user.id) {
                    let address = user.address().to_owned();
                    known.names.insert(user.id, address);
                }
            })
            .await;
        known.failed = read.err();
        known
    }

    fn name(&self, id: &TargetId) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.to_string())
    }
}

fn protected_ids(account: &TargetAccount) -> impl Iterator<Item = &TargetId> {
    std::iter::once(&account.service_user)
        .chain(&account.master_admin)
        .chain(&account.billing_contact)
        .chain(&account.super_users)
}

/// Judges what was read.
fn judge(job: &Job, survey: &Survey, known: &Known) -> Vec<Judged> {
    let account = &survey.account;
    let service_user = known.name(&account.service_user);
    let signed_in = format!("{} as {service_user}", account.name);
    let plan = account.plan_name.as_deref().unwrap_or("ShareFile does not say");
    let mut checks = vec![Judged::ok("ShareFile: sign-in", signed_in).means(SIGN_IN)];
    for (role, held) in &survey.roles {
        let name = format!("ShareFile: {role}");
        checks.push(
            match held {
                true => Judged::ok(name, "held"),
                false => Judged::failed(name, Exit::Credentials, "the service user lacks it")
                    .todo(survey.remedy.clone()),
            }
            .means(match *role {
                "AdminManageEmployees" => "Needed to read and to write employees.",
                _ => "Needed to read and to write clients.",
            }),
        );
    }
    if job.rules.groups.is_some() {
        checks.extend(group_roles(&account.service_roles));
    }
    checks.push(Judged::ok("ShareFile: plan", plan).means(PLAN));
    if let Some(found) = job.rules.not_taken(account.by_policies) {
        checks.push(Judged::warning("ShareFile: attributes", found).means(ATTRIBUTES));
    }
    checks.push(licences(&account.seats));
    checks.push(lists(known));
    checks.push(Judged::ok("ShareFile: protected", protected(account, known)).means(PROTECTED));
    if known.failed.is_none() {
        checks.push(configured(&job.rules.guard.protected, &known.addresses));
    }
    checks.push(rule("ShareFile: single sign-on", account.force_sso, SSO));
    checks.push(rule("ShareFile: two-step verification", account.two_factor, TWO_STEP));
    checks.push(domains(&account.employee_domains, may_be_client(job)));
    checks
}

/// Judges what keeping groups needs besides.
fn group_roles(held: &[String]) -> [Judged; 2] {
    let holds = |role: &str| held.iter().any(|one| one == role);
    let name = |role: &str| format!("ShareFile: {role}");
    let (create, edit) = ("AdminCreateSharedGroups", "AdminSharedDistGroups");
    let remedy = "Give the service user the permissions to create shared groups \
                  (AdminCreateSharedGroups) and to edit the shared groups of others \
                  (AdminSharedDistGroups), or set groups.enabled = false.";
    let lacks = "the service user lacks it";
    let create = match holds(create) {
        true => Judged::ok(name(create), "held"),
        false => Judged::failed(name(create), Exit::Credentials, lacks).todo(remedy),
    };
    let edit = match holds(edit) {
        true => Judged::ok(name(edit), "held"),
        false => Judged::warning(name(edit), lacks).todo(remedy),
    };
    [
        create.means("Needed to make groups that administrators see."),
        edit.means("Needed to change groups that somebody else owns."),
    ]
}

fn licences(seats: &Seats) -> Judged {
    let name = "ShareFile: licences";
    let Some(max) = seats.employee_max else {
        let found = format!("{} taken; ShareFile does not say of how many", seats.employee_count);
        return Judged::ok(name, found).means(LICENCES);
    };
    let left = max.saturating_sub(seats.employee_count);
    let found = format!("{} of {max} taken, {left} left", seats.employee_count);
    let remedy = "Buy licences, or free some: a disabled employee keeps a licence until the \
                  account is deleted or becomes a client. New employees wait until there are some.";
    match u64::from(left) * 100 <= u64::from(max) * u64::from(FEW_PERCENT) {
        true => Judged::warning(name, found).todo(remedy),
        false => Judged::ok(name, found),
    }
    .means(LICENCES)
}

fn lists(known: &Known) -> Judged {
    let name = "ShareFile: lists";
    if let Some(problem) = &known.failed {
        let exit = match problem.category {
            crate::model::outcome::ErrorCategory::Auth => Exit::Credentials,
            _ => Exit::Target,
        };
        let found = problem.to_string();
        return Judged::failed(name, exit, found).means(LISTS).todo(problem.remedy.clone());
    }
    let Counts { employees, clients, disabled } = known.counts;
    let employees = counted(employees, "employee", "employees");
    let clients = counted(clients, "client", "clients");
    Judged::ok(name, format!("{employees} and {clients}, {disabled} of them disabled")).means(LISTS)
}

fn protected(account: &TargetAccount, known: &Known) -> String {
    let mut named = vec![format!("the service user {}", known.name(&account.service_user))];
    named.extend(
        account
            .master_admin
            .iter()
            .map(|id| format!("the master administrator {}", known.name(id))),
    );
    named.extend(
        account.billing_contact.iter().map(|id| format!("the billing contact {}", known.name(id))),
    );
    if !account.super_users.is_empty() {
        let names: Vec<String> = account.super_users.iter().map(|id| known.name(id)).collect();
        named.push(format!("the super users {}", names.join(", ")));
    }
    named.join("; ")
}

fn configured(entries: &[String], addresses: &BTreeSet<String>) -> Judged {
    let name = "ShareFile: guard.protected";
    let unknown: Vec<&str> = entries
        .iter()
        .filter(|entry| !addresses.contains(&address_key(entry)))
        .map(String::as_str)
        .collect();
    let found = counted(entries.len(), "address", "addresses");
    if unknown.is_empty() {
        return Judged::ok(name, found).means(CONFIGURED);
    }
    let missing = unknown.join(", ");
    Judged::warning(name, format!("{found}, of which no account has {missing}"))
        .means(CONFIGURED)
        .todo(
            "Correct the address: it has to be the primary one of an account. As it is, it \
             protects nobody, and keeps an account of this address from being created.",
        )
}

fn rule(name: &str, on: bool, means: &str) -> Judged {
    let found = match on {
        true => "required; the service user signs in nevertheless",
        false => "not required",
    };
    Judged::ok(name, found).means(means)
}

/// Returns whether the rules make clients at all.
fn may_be_client(job: &Job) -> bool {
    let types = &job.rules.types;
    let kinds = [types.default, types.guests].into_iter();
    kinds.chain(types.roles.iter().map(|(_, kind)| *kind)).any(|kind| kind == AccountKind::Client)
}

fn domains(strict: &[String], clients: bool) -> Judged {
    let name = "ShareFile: employee domains";
    if strict.is_empty() {
        return Judged::ok(name, "no strict rule").means(DOMAINS);
    }
    let list = strict.join(", ");
    match clients {
        false => Judged::ok(name, format!("{list}; the rules make employees only")),
        true => Judged::warning(
            name,
            format!("{list}; the rules make clients too, who cannot have an address there"),
        )
        .todo(
            "Let users.type make employees of everybody whose address is in these domains: \
             otherwise ShareFile refuses them (ClientMustBeCreatedAsEmployee).",
        ),
    }
    .means(DOMAINS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::checks::CheckStatus;

    #[test]
    fn few_licences_are_told_before_there_are_none() {
        for (max, count, status) in [
            (Some(100), 94, CheckStatus::Ok),
            (Some(100), 95, CheckStatus::Warning),
            (Some(5), 5, CheckStatus::Warning),
            (Some(5), 9, CheckStatus::Warning),
            (Some(5), 4, CheckStatus::Ok),
            (None, 9, CheckStatus::Ok),
        ] {
            let seats = Seats { employee_max: max, employee_count: count };
            assert_eq!(licences(&seats).check.status, status, "{seats:?}");
        }
    }

    #[test]
    fn an_address_that_protects_nobody_is_told() {
        let addresses = BTreeSet::from(["owner@x.test".to_owned()]);
        let of = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
            configured(&entries, &addresses).check
        };
        assert_eq!(of(&["Owner@X.test"]).status, CheckStatus::Ok);
        assert_eq!(of(&[]).found, "0 addresses");
        let missing = of(&["owner@x.test", "gone@x.test"]);
        assert_eq!(missing.status, CheckStatus::Warning);
        assert_eq!(missing.found, "2 addresses, of which no account has gone@x.test");
    }

    #[test]
    fn a_strict_domain_and_clients_do_not_go_together() {
        let strict = ["contoso.com".to_owned()];
        assert_eq!(domains(&[], true).check.status, CheckStatus::Ok);
        assert_eq!(domains(&strict, false).check.status, CheckStatus::Ok);
        assert_eq!(domains(&strict, true).check.status, CheckStatus::Warning);
    }
}
