//! One change of a group: intent, call, outcome.
//!
//! Members are named by their accounts. Those whose account the same plan creates are looked up
//! when the call is made; who has none then is left out, and comes when the account does. Where the
//! target refuses a list of members, halves of it are tried, so that one who cannot be added keeps
//! nobody else out.

use std::collections::HashMap;

use tracing::warn;

use crate::model::group::{GroupLink, TargetGroup};
use crate::model::ids::{ContentHash, SourceAnchor, TargetId, Timestamp};
use crate::model::outcome::{ErrorCategory, LogEntry, OutcomeStatus, ProvisioningError};
use crate::model::plan::{
    CheckedPlan, GroupCall, GroupWrite, LinkAfter, Member, PlannedChange, Write,
};
use crate::store::{GroupLinkChange, Intent, LinkChange, Settlement, Store, StoreError};
use crate::target::{Refusal, Target, TargetError};

use super::Applier;
use super::failure::{self, Next};
use super::step::{Done, log_entry};

/// A member with the account, as it is when the call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    person: Option<SourceAnchor>,
    account: TargetId,
    counted: bool,
    approval: Option<ContentHash>,
}

/// What a call made of the group.
#[derive(Clone, Debug, Default)]
struct Made {
    /// The group as it now is, where the call tells.
    group: Option<TargetGroup>,
    placed: Vec<Seat>,
    removed: Vec<Seat>,
    /// Accounts that the target did not add or remove, with what it said.
    refused: Vec<(TargetId, String)>,
    /// Some who were to be added have no account yet.
    waits: bool,
}

/// How the calls for one change ended.
enum End {
    Made(Made),
    /// The group is not there.
    Missing(TargetError),
    Failed(TargetError),
    Denied(TargetError),
    /// There is nobody, or no group, to call for: what it waits for did not come about.
    Idle(&'static str),
    Protected,
}

/// Applies one change of a group.
///
/// # Errors
/// The store's.
pub async fn step(
    applier: &Applier<'_>,
    plan: &CheckedPlan,
    change: &PlannedChange,
) -> Result<Done, StoreError> {
    let started = applier.clock.now();
    let intent = Intent {
        cycle: applier.cycle,
        change: change.clone(),
        lookup_was_empty: true,
        at: started,
    };
    let seq = applier.store.intend(intent).await?;
    let protected = change.target_id.as_ref().is_some_and(|id| plan.is_protected(id));
    let end = match &change.write {
        Write::Group(_) if protected => End::Protected,
        Write::Group(write) => call(applier, change, write).await?,
        _ => End::Made(Made::default()),
    };
    let unclear = matches!(&end, End::Failed(error) if error.maybe_applied);
    let (settlement, done) = conclude(applier, change, started, end);
    if unclear {
        applier.store.append_log(vec![settlement.log]).await?;
    } else {
        applier.store.settle(seq, settlement).await?;
    }
    Ok(done)
}

async fn call(
    applier: &Applier<'_>,
    change: &PlannedChange,
    write: &GroupWrite,
) -> Result<End, StoreError> {
    let target = applier.target;
    let id = match &write.target_id {
        Some(id) => Some(id.clone()),
        None => linked(applier.store, change.anchor, write.part).await?,
    };
    Ok(match (&write.call, id) {
        (GroupCall::Create { .. }, Some(_)) => End::Idle("the group exists already"),
        (GroupCall::Create { name, members, beside }, None) => {
            let seats = arriving(applier.store, members).await?;
            let end = create(applier, change, name, &seats, beside).await?;
            waiting(end, seats.len() < members.len())
        }
        (_, None) => End::Idle("the group was not created"),
        (GroupCall::Rename { name }, Some(id)) => {
            let renamed = retried(applier, change, || target.rename_group(&id, name)).await;
            ended(renamed, |group| Made { group: Some(group), ..Made::default() })
        }
        (GroupCall::Delete, Some(id)) => {
            let deleted = retried(applier, change, || target.delete_group(&id)).await;
            ended(deleted, |()| Made::default())
        }
        (GroupCall::Add { members }, Some(id)) => {
            let seats = arriving(applier.store, members).await?;
            if seats.is_empty() {
                End::Idle("nobody of them has an account")
            } else {
                let end = ended(add(applier, change, &id, &seats).await, |made| made);
                waiting(end, seats.len() < members.len())
            }
        }
        (GroupCall::Remove { members }, Some(id)) => {
            let seats = leaving(members);
            let ids = ids(&seats);
            let left = retried(applier, change, || target.remove_members(&id, &ids)).await;
            ended(left, |left| removed(&seats, &left))
        }
    })
}

/// Notes whether some of those who were to be added have no account yet.
fn waiting(end: End, waits: bool) -> End {
    match end {
        End::Made(made) => End::Made(Made { waits, ..made }),
        end => end,
    }
}

fn ended<T>(result: Result<T, Gave>, made: impl FnOnce(T) -> Made) -> End {
    match result {
        Ok(answer) => End::Made(made(answer)),
        Err(Gave::Missing(error)) => End::Missing(error),
        Err(Gave::Denied(error)) => End::Denied(error),
        Err(Gave::Up(error)) => End::Failed(error),
    }
}

/// Why a call was given up.
enum Gave {
    Missing(TargetError),
    Denied(TargetError),
    Up(TargetError),
}

/// Calls until there is an answer, as often as a change is tried. All calls that come here may be
/// repeated (ShareFile API reference, section 6.5).
async fn retried<T, F>(
    applier: &Applier<'_>,
    change: &PlannedChange,
    call: impl Fn() -> F,
) -> Result<T, Gave>
where
    F: Future<Output = Result<T, TargetError>>,
{
    let mut attempt = 1;
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match failure::next(&change.write, &error, attempt) {
            Next::Repeat(wait) | Next::Look(wait) => applier.clock.sleep(wait).await,
            Next::Deny => return Err(Gave::Denied(error)),
            Next::Replan { .. } if error.refusal == Refusal::NotFound => {
                return Err(Gave::Missing(error));
            }
            Next::Replan { .. } | Next::Fail => return Err(Gave::Up(error)),
        }
        attempt += 1;
    }
}

/// Adds members; where a list is refused, halves of it.
async fn add(
    applier: &Applier<'_>,
    change: &PlannedChange,
    id: &TargetId,
    seats: &[Seat],
) -> Result<Made, Gave> {
    let mut made = Made::default();
    let mut open = vec![seats.to_vec()];
    while let Some(list) = open.pop() {
        let accounts = ids(&list);
        match retried(applier, change, || applier.target.add_members(id, &accounts)).await {
            Ok(members) => {
                let is_in = |seat: &Seat| members.binary_search(&seat.account).is_ok();
                let (inside, outside): (Vec<Seat>, Vec<Seat>) = list.into_iter().partition(is_in);
                made.placed.extend(inside);
                let said = "the answer does not show this member";
                made.refused
                    .extend(outside.into_iter().map(|seat| (seat.account, said.to_owned())));
            }
            Err(Gave::Missing(error) | Gave::Up(error)) if is_refusal(&error) => {
                if list.len() == seats.len()
                    && matches!(applier.target.read_group(id).await, Ok(None))
                {
                    return Err(Gave::Missing(error));
                }
                match list.len() {
                    0 | 1 => made
                        .refused
                        .extend(list.into_iter().map(|seat| (seat.account, error.to_string()))),
                    number => {
                        let (first, second) = list.split_at(number / 2);
                        open.push(second.to_vec());
                        open.push(first.to_vec());
                    }
                }
            }
            Err(gave) => return Err(gave),
        }
    }
    Ok(made)
}

fn is_refusal(error: &TargetError) -> bool {
    error.category == ErrorCategory::Rejected && !error.maybe_applied
}

/// Creates a group. Names are not unique at the target, so a lost answer is looked for before
/// anything is sent again.
async fn create(
    applier: &Applier<'_>,
    change: &PlannedChange,
    name: &str,
    seats: &[Seat],
    beside: &[TargetId],
) -> Result<End, StoreError> {
    let accounts = ids(seats);
    let mut attempt = 1;
    loop {
        let error = match applier.target.create_group(name, &accounts).await {
            Ok(group) => return Ok(filled(applier, group, seats).await),
            Err(error) => error,
        };
        match failure::next(&change.write, &error, attempt) {
            Next::Repeat(wait) => applier.clock.sleep(wait).await,
            Next::Look(wait) => {
                applier.clock.sleep(wait).await;
                match find(applier.target, applier.store, name, beside).await? {
                    Ok(Some(group)) => return Ok(filled(applier, group, seats).await),
                    Ok(None) => {}
                    // The look failed as well: the intent stays a question for the next cycle.
                    Err(_) => return Ok(End::Failed(error)),
                }
            }
            Next::Deny => return Ok(End::Denied(error)),
            // One member who cannot be added must not keep the group from coming about.
            _ if is_refusal(&error) && !seats.is_empty() => {
                return Ok(create_empty(applier, change, name, seats, error).await);
            }
            Next::Replan { .. } | Next::Fail => return Ok(End::Failed(error)),
        }
        attempt += 1;
    }
}

async fn create_empty(
    applier: &Applier<'_>,
    change: &PlannedChange,
    name: &str,
    seats: &[Seat],
    refused: TargetError,
) -> End {
    let group = match applier.target.create_group(name, &[]).await {
        Ok(group) => group,
        Err(error) if error.maybe_applied => return End::Failed(error),
        Err(_) => return End::Failed(refused),
    };
    match add(applier, change, &group.id, seats).await {
        Ok(made) => End::Made(Made { group: Some(group), ..made }),
        Err(Gave::Missing(error) | Gave::Denied(error) | Gave::Up(error)) => {
            // The group is there and is recorded; its members come with the next cycle.
            let said = error.to_string();
            let refused = seats.iter().map(|seat| (seat.account.clone(), said.clone())).collect();
            End::Made(Made { group: Some(group), refused, ..Made::default() })
        }
    }
}

/// Returns a created group with those who are in it: where the answer does not count as many
/// members as were sent, they are read.
async fn filled(applier: &Applier<'_>, group: TargetGroup, seats: &[Seat]) -> End {
    if group.members.is_some_and(|members| usize::try_from(members) == Ok(seats.len())) {
        let placed = seats.to_vec();
        return End::Made(Made { group: Some(group), placed, ..Made::default() });
    }
    let members = match applier.target.group_members(&group.id).await {
        Ok(members) => members.unwrap_or_default(),
        Err(error) => {
            warn!(target.id = %group.id, "the members of a new group could not be read: {error}");
            Vec::new()
        }
    };
    let is_in = |seat: &Seat| members.binary_search(&seat.account).is_ok();
    let (placed, outside): (Vec<Seat>, Vec<Seat>) = seats.iter().cloned().partition(is_in);
    let said = "the new group does not show this member";
    let refused = outside.into_iter().map(|seat| (seat.account, said.to_owned())).collect();
    End::Made(Made { group: Some(group), placed, refused, ..Made::default() })
}

/// Looks for a group of that name which nobody else made and nobody is linked to. Somebody may have
/// made one by hand since the plan saw those of that name: whose it is tells, and one that says nothing of
/// that is nobody's.
async fn find(
    target: &dyn Target,
    store: &Store,
    name: &str,
    beside: &[TargetId],
) -> Result<Result<Option<TargetGroup>, TargetError>, StoreError> {
    let links = store.group_links().await?;
    // Whoever calls becomes the owner.
    let service_user = store.job().await?.target_account.map(|(tenant, _)| tenant.service_user);
    let groups = match target.list_groups().await {
        Ok(groups) => groups,
        Err(error) => return Ok(Err(error)),
    };
    let ours = |group: &TargetGroup| {
        same_name(&group.name, name)
            && !beside.contains(&group.id)
            && group.owner.is_some()
            && (service_user.is_none() || group.owner == service_user)
            && !links.iter().any(|link| link.target_id == group.id)
    };
    Ok(Ok(groups.into_iter().find(ours)))
}

/// Returns whether two names are the same but for white space, with which the target may deal in its
/// own way.
fn same_name(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

async fn linked(
    store: &Store,
    group: SourceAnchor,
    part: u16,
) -> Result<Option<TargetId>, StoreError> {
    let links = store.group_links().await?;
    let link = links.into_iter().find(|link| link.anchor == group && link.part == part);
    Ok(link.map(|link| link.target_id))
}

/// Finds the accounts of those who come in, by their links: a plan may name an account that was to be
/// adopted and was not. Those who have none are left out.
async fn arriving(store: &Store, members: &[Member]) -> Result<Vec<Seat>, StoreError> {
    let people: Vec<SourceAnchor> = members.iter().filter_map(|member| member.person).collect();
    let accounts: HashMap<SourceAnchor, TargetId> =
        store.accounts_of(people).await?.into_iter().collect();
    let account = |member: &Member| match member.person {
        Some(person) => accounts.get(&person).cloned(),
        None => member.target_id.clone(),
    };
    Ok(members
        .iter()
        .filter_map(|member| {
            let Member { person, counted, approval, .. } = *member;
            Some(Seat { person, account: account(member)?, counted, approval })
        })
        .collect())
}

/// Returns the accounts of those who go, as the plan names them: their links may have ended.
fn leaving(members: &[Member]) -> Vec<Seat> {
    let seat = |member: &Member| {
        let Member { person, counted, approval, .. } = *member;
        Some(Seat { person, account: member.target_id.clone()?, counted, approval })
    };
    members.iter().filter_map(seat).collect()
}

fn ids(seats: &[Seat]) -> Vec<TargetId> {
    seats.iter().map(|seat| seat.account.clone()).collect()
}

fn removed(seats: &[Seat], left: &[TargetId]) -> Made {
    let stays = |seat: &Seat| left.binary_search(&seat.account).is_ok();
    let (inside, outside): (Vec<Seat>, Vec<Seat>) = seats.iter().cloned().partition(stays);
    let said = "the answer still shows this member";
    let refused = inside.into_iter().map(|seat| (seat.account, said.to_owned())).collect();
    Made { removed: outside, refused, ..Made::default() }
}

fn conclude(
    applier: &Applier<'_>,
    change: &PlannedChange,
    started: Timestamp,
    end: End,
) -> (Settlement, Done) {
    let now = applier.clock.now();
    let mut log = log_entry(applier, change, started, now);
    let mut done = Done::failed();
    let mut link = LinkChange::None;
    let mut verify = false;
    match end {
        End::Made(made) => {
            log.error = not_applied(&made);
            let nothing =
                !made.refused.is_empty() && made.placed.is_empty() && made.removed.is_empty();
            let created = made.group.is_some();
            done.status = match log.error {
                None => OutcomeStatus::Success,
                Some(_) if nothing && !created => OutcomeStatus::Failure,
                Some(_) => OutcomeStatus::Warning,
            };
            done.members_added = made.placed.len() as u64;
            done.members_removed = made.removed.len() as u64;
            done.unfinished = made.waits || !made.refused.is_empty();
            log.target_id = log.target_id.or(made.group.as_ref().map(|group| group.id.clone()));
            link = link_change(change, &made, now);
        }
        End::Missing(error) => {
            log.error = Some(failure::explain(&error));
            verify = true;
        }
        End::Failed(error) => log.error = Some(failure::explain(&error)),
        End::Denied(error) => {
            log.error = Some(failure::explain(&error));
            done.denied = Some(error);
        }
        End::Idle(why) => {
            done.status = OutcomeStatus::Skipped;
            log.error = Some(ProvisioningError {
                code: "NotReady".to_owned(),
                reason: why.to_owned(),
                recommended_action: "Nothing: it is planned again.".to_owned(),
                category: ErrorCategory::Transient,
            });
        }
        End::Protected => {
            done.status = OutcomeStatus::Skipped;
            log.error = Some(ProvisioningError {
                code: "Protected".to_owned(),
                reason: "the group is the Super User Group and was not touched".to_owned(),
                recommended_action: "Deal with the group in ShareFile by hand.".to_owned(),
                category: ErrorCategory::Rejected,
            });
        }
    }
    done.unfinished |= done.status != OutcomeStatus::Success || change.unfinished;
    log.status = done.status;
    // The group is done when all its changes are: until then it waits to be planned as a whole.
    (Settlement { log, link, settled: false, verify }, done)
}

fn not_applied(made: &Made) -> Option<ProvisioningError> {
    let (first, said) = made.refused.first()?;
    let others = made.refused.len() - 1;
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    Some(ProvisioningError {
        code: "NotApplied".to_owned(),
        reason: format!("the account {first}{more}: {said}"),
        recommended_action: "Look at the accounts and at the group in ShareFile.".to_owned(),
        category: ErrorCategory::Rejected,
    })
}

/// Returns what becomes of the link of a group, given what the call made of it.
fn link_change(change: &PlannedChange, made: &Made, now: Timestamp) -> LinkChange {
    let people = |seats: &[Seat]| seats.iter().filter_map(|seat| seat.person).collect();
    match &change.link {
        LinkAfter::Group { part, origin, state, name, found } => {
            let known = change.target_id.clone();
            let target_id = known.or_else(|| made.group.as_ref().map(|group| group.id.clone()));
            let read_back = made.group.as_ref().map(|group| group.name.clone());
            let put = target_id.map(|target_id| GroupLink {
                anchor: change.anchor,
                part: *part,
                target_id,
                origin: origin.clone(),
                state: *state,
                linked_at: now,
                name_sent: name.clone(),
                name_read_back: read_back.unwrap_or_else(|| name.clone()),
                // Of a link that is new: whoever is in a group that was made or adopted is known.
                members_read_at: Some(now),
            });
            let mut placed: Vec<SourceAnchor> = people(&made.placed);
            placed.extend(found);
            let counted = made.removed.iter().filter(|seat| seat.counted).count();
            LinkChange::Group {
                anchor: change.anchor,
                part: *part,
                change: Box::new(GroupLinkChange {
                    put,
                    keep_names: made.group.is_none() || change.moves_members(),
                    placed,
                    removed: people(&made.removed),
                    counted: u32::try_from(counted).unwrap_or(u32::MAX),
                    retired: change.counted,
                    spent: made.removed.iter().filter_map(|seat| seat.approval).collect(),
                    end: None,
                }),
            }
        }
        LinkAfter::EndGroup { part } => LinkChange::Group {
            anchor: change.anchor,
            part: *part,
            change: Box::new(GroupLinkChange {
                retired: change.counted,
                end: Some((change.anchor, *part)),
                ..GroupLinkChange::default()
            }),
        },
        LinkAfter::Keep { .. } | LinkAfter::End => LinkChange::None,
    }
}

/// Looks what became of an interrupted change, and returns how to record it.
///
/// # Errors
/// The target's or the store's.
pub async fn recover(
    applier: &Applier<'_>,
    intent: &Intent,
    write: &GroupWrite,
    mut log: LogEntry,
) -> Result<Settlement, super::RecoverError> {
    let change = &intent.change;
    let target = applier.target;
    let id = write.target_id.clone();
    let id =
        if id.is_some() { id } else { linked(applier.store, change.anchor, write.part).await? };
    // What belongs to another group by now is not ours, whatever was written to it.
    let links = applier.store.group_links().await?;
    let owner = |id: &TargetId| links.iter().find(|link| link.target_id == *id);
    let others = |link: &GroupLink| (link.anchor, link.part) != (change.anchor, write.part);
    let id = id.filter(|id| !owner(id).is_some_and(others));
    let made = match (&write.call, id) {
        (GroupCall::Create { name, members, beside }, None) => {
            match find(target, applier.store, name, beside).await?? {
                Some(group) => {
                    let seats = arriving(applier.store, members).await?;
                    let inside = target.group_members(&group.id).await?.unwrap_or_default();
                    let placed = present(seats, &inside);
                    Some(Made { group: Some(group), placed, ..Made::default() })
                }
                None => None,
            }
        }
        (GroupCall::Create { .. }, Some(_)) | (_, None) => None,
        (GroupCall::Rename { name }, Some(id)) => {
            let group = target.read_group(&id).await?;
            let group = group.filter(|group| same_name(&group.name, name));
            group.map(|group| Made { group: Some(group), ..Made::default() })
        }
        (GroupCall::Delete, Some(id)) => {
            target.read_group(&id).await?.is_none().then(Made::default)
        }
        (GroupCall::Add { members }, Some(id)) => {
            let seats = arriving(applier.store, members).await?;
            let inside = target.group_members(&id).await?.unwrap_or_default();
            let placed = present(seats, &inside);
            (!placed.is_empty()).then(|| Made { placed, ..Made::default() })
        }
        (GroupCall::Remove { members }, Some(id)) => {
            let seats = leaving(members);
            let inside = target.group_members(&id).await?.unwrap_or_default();
            let made = removed(&seats, &inside);
            (!made.removed.is_empty()).then_some(made)
        }
    };
    let now = applier.clock.now();
    let link = match &made {
        Some(made) => {
            log.status = OutcomeStatus::Success;
            log.target_id = log.target_id.or(made.group.as_ref().map(|group| group.id.clone()));
            link_change(change, made, now)
        }
        None => {
            log.status = OutcomeStatus::Skipped;
            log.error = Some(super::recover::interrupted());
            LinkChange::None
        }
    };
    Ok(Settlement { log, link, settled: false, verify: made.is_none() })
}

fn present(seats: Vec<Seat>, inside: &[TargetId]) -> Vec<Seat> {
    seats.into_iter().filter(|seat| inside.binary_search(&seat.account).is_ok()).collect()
}
