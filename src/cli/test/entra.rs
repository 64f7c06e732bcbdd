//! The checks of Entra ID: signing in, permissions, the credential, and what a cycle reads.

use std::collections::BTreeSet;

use crate::config::Job;
use crate::model::identity::{Assignment, DEFAULT_ACCESS, Membership, Presence, PrincipalKind};
use crate::model::ids::{SourceAnchor, Timestamp};
use crate::source::graph::{CredentialEnd, Graph, PermissionFact, SignedIn};
use crate::source::{Source, SourceApplication};

use super::super::exit::Exit;
use super::{Ends, Judged, connection, counted, day};

const DAY_MS: i64 = 86_400_000;

/// Credentials that end within so many days are told.
const ENDS_SOON_DAYS: i64 = 30;

const SIGN_IN: &str = "Everything that is read from Entra ID is read with this identity.";

const CREDENTIAL: &str =
    "When it ends, nothing can be read any more, and accounts stay as they are.";

const APPLICATION: &str = "People get accounts by being assigned to this enterprise application.";

const ASSIGNMENTS: &str = "Who is assigned gets an account, directly or as a member of a group.";

const MEMBERS: &str = "Direct members of assigned groups get accounts.";

const DEFAULT: &str =
    "Entra ID gives Default Access when an application with roles is assigned without one.";

const ROLES: &str = "Roles decide who becomes a client and who an employee.";

const FEEDS: &str = "Between full reads only what changed is asked for.";

/// Asks Entra ID for everything that a cycle needs.
pub(super) async fn checks(job: &Job, source: &Graph, now: Timestamp) -> (Vec<Judged>, Ends) {
    let mut ends = Ends::default();
    let mut checks = match source.sign_in().await {
        Err(problem) => {
            let mut checks = vec![Judged::of("Entra ID: sign-in", problem).means(SIGN_IN)];
            // A certificate says by itself that it has ended, which may be why.
            if let end @ CredentialEnd::At(_) = source.credential_end().await {
                checks.push(credential(&source.credential_name(), &end, now));
            }
            checks
        }
        Ok(signed) => {
            let lacking = signed.permissions.iter().any(|one| one.granted == Some(false));
            ends.tenant_id.clone_from(&signed.tenant_id);
            let name = source.credential_name();
            let mut checks = vec![signed_in(&signed, &name, &job.graph.client_id)];
            checks.extend(signed.permissions.iter().map(permission));
            let end = source.credential_end().await;
            checks.push(credential(&name, &end, now));
            if !lacking {
                checks.extend(reads(job, source, &mut ends).await);
            }
            checks
        }
    };
    checks.extend(connection::checks("Entra ID", &source.connections(), Exit::Source));
    (checks, ends)
}

fn signed_in(signed: &SignedIn, credential: &str, configured: &str) -> Judged {
    let tenant = signed.tenant_id.as_deref().unwrap_or("that the token does not name");
    let found = format!("tenant {tenant}, with {credential}");
    let other = |is: &&String| !configured.is_empty() && !is.eq_ignore_ascii_case(configured);
    match signed.client_id.as_ref().filter(other) {
        None => Judged::ok("Entra ID: sign-in", found),
        Some(is) => Judged::warning(
            "Entra ID: sign-in",
            format!("{found}; the token is of client id {is}, not of entra.client_id"),
        )
        .todo(
            "A managed identity has a client id of its own: leave entra.client_id out, or give \
             that of the identity.",
        ),
    }
    .means(SIGN_IN)
}

fn permission(fact: &PermissionFact) -> Judged {
    let name = format!("Entra ID: {}", fact.name);
    let means = format!("Needed to read {}.", fact.purpose);
    match fact.granted {
        Some(true) => Judged::ok(name, "granted"),
        None => Judged::ok(name, "the token does not tell"),
        Some(false) => Judged::failed(name, Exit::Credentials, "missing").todo(fact.remedy.clone()),
    }
    .means(&means)
}

/// Judges when a credential ends.
fn credential(name: &str, end: &CredentialEnd, now: Timestamp) -> Judged {
    let check = "Entra ID: credential";
    let renew = "Make a new one under Certificates & secrets of the app registration, and \
                 configure it before the old one ends; both count until then.";
    match end {
        CredentialEnd::Renewed => Judged::ok(check, format!("{name}, which renews itself")),
        CredentialEnd::Unreadable(why) => {
            Judged::warning(check, format!("when {name} ends cannot be read: {why}"))
                .todo("Look under Certificates & secrets of the app registration.")
        }
        CredentialEnd::At(end) => {
            let left = end.0.saturating_sub(now.0);
            let days = left.div_euclid(DAY_MS);
            let found = match left < 0 {
                true => format!("{name} ended on {}", day(*end)),
                false => format!(
                    "{name} ends on {}, in {}",
                    day(*end),
                    counted(usize::try_from(days).unwrap_or(usize::MAX), "day", "days")
                ),
            };
            if left < 0 {
                Judged::failed(check, Exit::Credentials, found).todo(renew)
            } else if days < ENDS_SOON_DAYS {
                Judged::warning(check, found).todo(renew)
            } else {
                Judged::ok(check, found)
            }
        }
    }
    .means(CREDENTIAL)
}

/// Reads what a cycle reads, and judges it.
async fn reads(job: &Job, source: &Graph, ends: &mut Ends) -> Vec<Judged> {
    let application = match source.describe().await {
        Ok(found) => found,
        Err(problem) => {
            return vec![Judged::of("Entra ID: application", problem).means(APPLICATION)];
        }
    };
    ends.tenant_id = Some(application.tenant_id.clone());
    ends.application_id = Some(application.application_id);
    let mut checks = vec![found(&application), roles(job, &application)];
    match source.assignments(application.application_id).await {
        Err(problem) => {
            checks.push(Judged::of("Entra ID: assignments", problem).means(ASSIGNMENTS));
        }
        Ok(rows) => {
            checks.push(assigned(&rows));
            checks.extend(members(job, source, &rows).await);
        }
    }
    let feeds = "Entra ID: change feeds";
    checks.push(match source.start().await {
        Ok(_) => Judged::ok(feeds, "people and groups").means(FEEDS),
        Err(problem) => Judged::of(feeds, problem).means(FEEDS),
    });
    checks
}

fn found(application: &SourceApplication) -> Judged {
    let who = match application.assignment_required {
        true => "only assigned people may sign in to it",
        false => "everybody may sign in to it",
    };
    let (name, id) = (&application.display_name, application.application_id);
    Judged::ok("Entra ID: application", format!("{name} ({id}); {who}")).means(APPLICATION)
}

fn roles(job: &Job, application: &SourceApplication) -> Judged {
    let name = "Entra ID: roles";
    let declared: Vec<&str> =
        application.roles.iter().filter_map(|role| role.value.as_deref()).collect();
    let unknown: Vec<&str> = job
        .rules
        .types
        .roles
        .iter()
        .map(|(role, _)| role.as_str())
        .filter(|role| !declared.contains(role))
        .collect();
    let list = match declared.is_empty() {
        true => "none with a value".to_owned(),
        false => declared.join(", "),
    };
    if unknown.is_empty() {
        return Judged::ok(name, list).means(ROLES);
    }
    let missing = unknown.join(", ");
    Judged::warning(
        name,
        format!("{list}; users.type.roles names {missing}, which is none of them"),
    )
    .means(ROLES)
    .todo(
        "Write the value of a role as the application declares it (App roles of its registration).",
    )
}

fn assigned(rows: &[Assignment]) -> Judged {
    let name = "Entra ID: assignments";
    let of = |kind: PrincipalKind| {
        let found = rows.iter().filter(|row| row.kind == kind).map(|row| row.principal);
        found.collect::<BTreeSet<_>>().len()
    };
    if rows.is_empty() {
        return Judged::warning(name, "nobody is assigned")
            .means(ASSIGNMENTS)
            .todo("Assign people or groups under Users and groups of the enterprise application.");
    }
    let people = counted(of(PrincipalKind::User), "person", "people");
    let groups = counted(of(PrincipalKind::Group), "group", "groups");
    Judged::ok(name, format!("{people} and {groups} in {}", counted(rows.len(), "row", "rows")))
        .means(ASSIGNMENTS)
}

/// Reads the members of assigned groups, and says who has nothing but Default Access.
async fn members(job: &Job, source: &Graph, rows: &[Assignment]) -> Vec<Judged> {
    let groups: BTreeSet<SourceAnchor> = rows
        .iter()
        .filter(|row| row.kind == PrincipalKind::Group)
        .map(|row| row.principal)
        .collect();
    let name = "Entra ID: group members";
    let read = match source.members(&Vec::from_iter(groups)).await {
        Ok(read) => read,
        Err(problem) => return vec![Judged::of(name, problem).means(MEMBERS)],
    };
    let unread = read.users.iter().filter(|person| person.presence == Presence::Unread).count();
    let people = counted(read.users.len(), "person", "people");
    let found = format!("{people} in {}", counted(read.read.len(), "group", "groups"));
    let mut lacking = Vec::new();
    if unread > 0 {
        lacking.push(format!("{unread} of them show nothing but an id"));
    }
    if !read.hidden.is_empty() {
        let hide = if read.hidden.len() == 1 { "hides" } else { "hide" };
        let groups = counted(read.hidden.len(), "group", "groups");
        lacking.push(format!("{groups} {hide} the members"));
    }
    let members = match lacking.is_empty() {
        true => Judged::ok(name, found),
        false => Judged::warning(name, format!("{found}; {}", lacking.join("; "))).todo(
            "Check that User.Read.All is granted; members of a group with hidden membership need \
             Member.Read.Hidden as well.",
        ),
    };
    let only = only_default_access(rows, &read.memberships);
    vec![members.means(MEMBERS), default_access(only, job.rules.default_access).means(DEFAULT)]
}

/// Returns how many people have nothing but rows of Default Access, their groups' included.
fn only_default_access(rows: &[Assignment], memberships: &[Membership]) -> usize {
    let people = |of_default: bool| -> BTreeSet<SourceAnchor> {
        let rows = || rows.iter().filter(|row| (row.role == DEFAULT_ACCESS) == of_default);
        let direct = rows().filter(|row| row.kind == PrincipalKind::User).map(|row| row.principal);
        let groups: BTreeSet<SourceAnchor> = rows()
            .filter(|row| row.kind == PrincipalKind::Group)
            .map(|row| row.principal)
            .collect();
        let within = memberships.iter().filter(|one| groups.contains(&one.group));
        direct.chain(within.map(|one| one.user)).collect()
    };
    people(true).difference(&people(false)).count()
}

fn default_access(only: usize, counts: bool) -> Judged {
    let name = "Entra ID: Default Access";
    let have = if only == 1 { "has" } else { "have" };
    let found = format!("{} {have} nothing else", counted(only, "person", "people"));
    match (only, counts) {
        (0, _) => Judged::ok(name, "nobody has nothing else"),
        (_, true) => Judged::ok(name, format!("{found}: that counts (scope.default_access)")),
        (_, false) => Judged::warning(name, format!("{found}: no account for them")).todo(
            "Assign them in a role of the application, or set scope.default_access = true if \
             everybody who is assigned should have an account.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::views::checks::CheckStatus;

    fn anchor(number: u128) -> SourceAnchor {
        SourceAnchor(Uuid::from_u128(number))
    }

    #[test]
    fn a_credential_is_told_a_month_before_it_ends() {
        use CheckStatus::{Failed, Ok, Warning};
        let now = Timestamp(1_790_000_000_000);
        let at = |days: i64| CredentialEnd::At(now.plus_ms(days * DAY_MS));
        for (end, status, found) in [
            (at(400), Ok, "it ends on 2027-10-26, in 400 days"),
            (at(30), Ok, "in 30 days"),
            (CredentialEnd::At(now.plus_ms(30 * DAY_MS - 1)), Warning, "in 29 days"),
            (at(1), Warning, "in 1 day"),
            (at(0), Warning, "in 0 days"),
            (CredentialEnd::At(now.plus_ms(-1)), Failed, "it ended on 2026-09-21"),
            (CredentialEnd::Renewed, Ok, "renews itself"),
            (CredentialEnd::Unreadable("no".to_owned()), Warning, "cannot be read: no"),
        ] {
            let judged = credential("it", &end, now);
            assert_eq!(judged.check.status, status, "{judged:?}");
            assert!(judged.check.found.contains(found), "{judged:?}");
            assert_eq!(judged.check.remedy.is_empty(), status == Ok);
            assert_eq!(judged.exit == Exit::Credentials, status == Failed);
        }
    }

    #[test]
    fn default_access_counts_where_nothing_else_is() {
        let role = Uuid::from_u128(7);
        let row = |principal, kind, role| Assignment { principal: anchor(principal), kind, role };
        let rows = [
            row(1, PrincipalKind::User, DEFAULT_ACCESS),
            row(2, PrincipalKind::User, DEFAULT_ACCESS),
            row(2, PrincipalKind::User, role),
            row(3, PrincipalKind::User, role),
            row(10, PrincipalKind::Group, DEFAULT_ACCESS),
            row(11, PrincipalKind::Group, role),
        ];
        let member = |user, group| Membership { user: anchor(user), group: anchor(group) };
        let members = [member(3, 10), member(4, 10), member(5, 10), member(5, 11), member(6, 99)];
        assert_eq!(only_default_access(&rows, &members), 2, "persons 1 and 4");
        assert_eq!(default_access(2, false).check.status, CheckStatus::Warning);
        assert_eq!(default_access(2, true).check.status, CheckStatus::Ok);
        assert_eq!(default_access(0, false).check.status, CheckStatus::Ok);
    }

    #[test]
    fn another_identity_than_the_configured_one_is_told() {
        let signed = |client_id: Option<&str>| SignedIn {
            tenant_id: Some("t".to_owned()),
            client_id: client_id.map(str::to_owned),
            permissions: Vec::new(),
        };
        for (is, configured, status) in [
            (Some("A"), "a", CheckStatus::Ok),
            (Some("a"), "", CheckStatus::Ok),
            (None, "a", CheckStatus::Ok),
            (Some("a"), "b", CheckStatus::Warning),
        ] {
            assert_eq!(signed_in(&signed(is), "it", configured).check.status, status);
        }
    }
}
