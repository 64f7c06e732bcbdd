//! The calls that one change takes, one for each endpoint: the account, its preferences, its roles,
//! its policies. Pure.
//!
//! Each is a change of its own, with its own intent and outcome, and counts as sent on its own: what
//! a crash leaves undone differs from what was sent, and is planned again.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use crate::model::account::{AccountKind, Link, Shadow, TargetUser};
use crate::model::attribute::{Endpoint, TargetAttribute, names, row_of, set_of};
use crate::model::outcome::ErrorCategory;
use crate::model::plan::{LinkAfter, PlannedChange, ProvisioningAction, Write};
use crate::model::row::AttributeRow;
use crate::target::{Refusal, TargetError};

/// Values that one call sets.
pub type Values = Vec<(TargetAttribute, Option<String>)>;

/// Returns the first call of a change, and what the further ones set.
pub fn split(change: &PlannedChange) -> (Cow<'_, PlannedChange>, VecDeque<Values>) {
    let (first, later) = match &change.write {
        Write::Create { kind, values } => of_create(*kind, values),
        Write::Update { values, enable, promote, .. } => of_update(values, *enable || *promote),
        _ => return (Cow::Borrowed(change), VecDeque::new()),
    };
    if later.is_empty() {
        return (Cow::Borrowed(change), later);
    }
    let before = change.before.as_ref().map(|before| &before.sent);
    let waits = |target: TargetAttribute| holds(&later, target);
    let sent_then = |sent: &AttributeRow| {
        row_of(|target| match waits(target) {
            true => before.and_then(|before| before.get(target.index())),
            false => sent.get(target.index()),
        })
    };
    let mut part = PlannedChange { more: true, ..change.clone() };
    match &mut part.write {
        Write::Create { values, .. } => *values = sent_then(values),
        Write::Update { values, .. } => *values = first,
        _ => {}
    }
    if let LinkAfter::Keep { sent, .. } = &mut part.link {
        *sent = sent_then(sent);
    }
    let waits = |name: &str| TargetAttribute::parse(name).is_some_and(waits);
    part.modified.retain(|property| !waits(&property.name));
    (Cow::Owned(part), later)
}

/// Returns what a new account gets in the call that creates it, and what afterwards.
fn of_create(kind: AccountKind, values: &AttributeRow) -> (Values, VecDeque<Values>) {
    let employee = kind == AccountKind::Employee;
    let given = TargetAttribute::ALL.into_iter().filter_map(|target| {
        let value = values.get(target.index())?;
        (!target.is_in_create(employee)).then(|| (target, Some(value.to_owned())))
    });
    let later: Values = given.collect();
    (Vec::new(), by_endpoint(&later).into_values().collect())
}

/// Returns what the first call sets, and what the others do. What else a change does goes with the
/// account itself.
fn of_update(
    values: &[(TargetAttribute, Option<String>)],
    more: bool,
) -> (Values, VecDeque<Values>) {
    let mut calls = by_endpoint(values);
    if more {
        calls.entry(Endpoint::Account).or_default();
    }
    let mut calls: VecDeque<Values> = calls.into_values().collect();
    (calls.pop_front().unwrap_or_default(), calls)
}

fn by_endpoint(values: &[(TargetAttribute, Option<String>)]) -> BTreeMap<Endpoint, Values> {
    let mut calls: BTreeMap<Endpoint, Values> = BTreeMap::new();
    for (target, value) in values {
        calls.entry(target.endpoint()).or_default().push((*target, value.clone()));
    }
    calls
}

fn holds(calls: &VecDeque<Values>, target: TargetAttribute) -> bool {
    calls.iter().flatten().any(|(known, _)| *known == target)
}

/// Returns a further call of a change, given the link as the call before it left it.
pub fn next(change: &PlannedChange, link: &Link, values: Values, more: bool) -> PlannedChange {
    let sets = |target: TargetAttribute| values.iter().any(|(known, _)| *known == target);
    let last = match &change.link {
        LinkAfter::Keep { sent, .. } => sent,
        _ => &link.shadow.sent,
    };
    let sent = row_of(|target| {
        let row = if sets(target) { last } else { &link.shadow.sent };
        row.get(target.index())
    });
    let was = change.before.as_ref().map(|before| &before.read_back);
    let read_back = row_of(|target| {
        let shown = link.shadow.read_back.get(target.index());
        shown.or_else(|| was.and_then(|was| was.get(target.index())))
    });
    let mut part = change.clone();
    part.target_id = Some(link.target_id.clone());
    part.action = ProvisioningAction::Update;
    part.modified.retain(|property| TargetAttribute::parse(&property.name).is_some_and(sets));
    part.link = LinkAfter::Keep {
        target_id: Some(link.target_id.clone()),
        origin: link.origin.clone(),
        state: link.state,
        sent,
        leaving: link.leaving.clone(),
    };
    part.before = Some(Shadow { read_back, ..link.shadow.clone() });
    part.write =
        Write::Update { target_id: link.target_id.clone(), values, enable: false, promote: false };
    part.more = more;
    part
}

/// Returns the roles that a new account was to have and did not get: that a create sets them is
/// likely, and not certain (ShareFile API reference, 3.3).
pub fn owed(change: &PlannedChange, account: &TargetUser) -> Option<Values> {
    let Write::Create { values, .. } = &change.write else { return None };
    let roles = TargetAttribute::Roles;
    let wanted = values.get(roles.index())?;
    let got = roles.agree(account.value(roles), Some(wanted));
    (!got).then(|| vec![(roles, Some(wanted.to_owned()))])
}

/// Returns what counts as sent after a call, given the account as it then is.
pub fn sent(
    change: &PlannedChange,
    account: Option<&TargetUser>,
    sent: &AttributeRow,
) -> AttributeRow {
    match account.and_then(|account| owed(change, account)) {
        Some(_) => sent.with(TargetAttribute::Roles.index(), None),
        None => sent.clone(),
    }
}

/// Returns an account as an answer shows it that shows some of its values alone.
pub fn shown(
    change: &PlannedChange,
    values: &[(TargetAttribute, Option<String>)],
) -> Option<TargetUser> {
    let before = change.before.as_ref()?;
    let values = row_of(|target| match values.iter().find(|(known, _)| *known == target) {
        Some((_, value)) => value.as_deref(),
        None => before.read_back.get(target.index()),
    });
    let account = TargetUser::plain(change.target_id.clone()?, before.kind, values);
    Some(TargetUser { disabled: before.disabled, ..account })
}

/// Returns values as calls want them: objects of the tenant by id.
///
/// # Errors
/// Nothing may be sent if the plan has no id of a name: a set would lose what it stands for.
pub fn by_id(
    change: &PlannedChange,
    values: &[(TargetAttribute, Option<String>)],
) -> Result<Values, TargetError> {
    let with_id = |(target, value): &(TargetAttribute, Option<String>)| {
        let value = value.as_deref().map(|value| id_of(change, *target, value));
        Ok((*target, value.transpose()?))
    };
    values.iter().map(with_id).collect()
}

/// Returns the values of a new account as calls want them.
///
/// # Errors
/// As [`by_id`].
pub fn row_by_id(
    change: &PlannedChange,
    values: &AttributeRow,
) -> Result<AttributeRow, TargetError> {
    let zone = TargetAttribute::DefaultZone;
    Ok(match values.get(zone.index()) {
        Some(name) => values.with(zone.index(), Some(&id_of(change, zone, name)?)),
        None => values.clone(),
    })
}

fn id_of(
    change: &PlannedChange,
    target: TargetAttribute,
    value: &str,
) -> Result<String, TargetError> {
    if !target.names_object() {
        return Ok(value.to_owned());
    }
    let id = |name: &str| {
        let mut known = change.ids.iter().filter(|(of, _)| *of == target);
        let found = known.find(|(_, named)| target.agree(Some(&named.name), Some(name)));
        found.map(|(_, named)| named.id.clone()).ok_or_else(|| no_id(change, target, name))
    };
    Ok(set_of(names(value).map(id).collect::<Result<Vec<String>, _>>()?))
}

fn whose(change: &PlannedChange) -> String {
    match &change.target_id {
        Some(id) => format!("the account {id}"),
        None => format!("a new account for {}", change.anchor),
    }
}

fn no_id(change: &PlannedChange, target: TargetAttribute, name: &str) -> TargetError {
    TargetError {
        attempted: format!("setting {} of {}", target.name(), whose(change)),
        message: format!("the plan has no id of {name}"),
        remedy: "Report this; nothing was sent.".to_owned(),
        category: ErrorCategory::Bug,
        refusal: Refusal::Other,
        code: "NoId".to_owned(),
        maybe_applied: false,
        cause: None,
    }
}

/// Returns the endpoint of values that have one of their own; `None` if they are of the account.
pub fn beside(values: &[(TargetAttribute, Option<String>)]) -> Option<Endpoint> {
    let endpoint = values.first().map(|(target, _)| target.endpoint());
    endpoint.filter(|endpoint| *endpoint != Endpoint::Account)
}

/// Returns whether nothing remains to be done for the person after a call.
pub fn is_last(change: &PlannedChange, account: Option<&TargetUser>) -> bool {
    let owes = account.is_some_and(|account| owed(change, account).is_some());
    !change.unfinished && !change.more && !owes
}

/// Returns what counts as read back after a call: what the answer shows, and of what it does not show
/// that which was sent.
pub fn read_back(change: &PlannedChange, account: &TargetUser) -> AttributeRow {
    let written = |target: TargetAttribute| match &change.write {
        Write::Create { values, .. } => values.get(target.index()),
        Write::Update { values, .. } => {
            let found = values.iter().find(|(known, _)| *known == target);
            found.and_then(|(_, value)| value.as_deref())
        }
        _ => None,
    };
    row_of(|target| {
        let assumed = || written(target).filter(|_| !target.is_listed());
        account.value(target).or_else(assumed)
    })
}

/// Returns whether a value was left as it was, given what the answer shows. Another value than before,
/// though not the one sent, is one that was normalised; of sets and flags there is no such thing.
pub fn is_ignored(
    target: TargetAttribute,
    wanted: Option<&str>,
    now: Option<&str>,
    was: Option<&str>,
) -> bool {
    if target.is_listed() {
        let (now, was) = (now.unwrap_or(""), was.unwrap_or(""));
        return now != wanted.unwrap_or("") && now == was;
    }
    let (Some(now), Some(_)) = (now, wanted) else { return false };
    let moved = was.is_some_and(|was| !target.agree(Some(was), Some(now)));
    let exact = target.is_set() || target.is_flag();
    !target.agree(Some(now), wanted) && (exact || !moved)
}

/// Returns whether a value shows that it was written, given what was there before.
pub fn is_written(
    target: TargetAttribute,
    wanted: Option<&str>,
    now: Option<&str>,
    was: Option<&str>,
) -> bool {
    (target.is_listed() || now.is_some()) && !is_ignored(target, wanted, now, was)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::account::{LinkState, Origin};
    use crate::model::attribute::Named;
    use crate::model::ids::{ChangeId, ContentHash, SourceAnchor, TargetId, Timestamp};
    use crate::model::plan::{ModifiedProperty, ObjectKind, Reason};
    use TargetAttribute::{Bandwidth, CanResetPassword, DefaultZone, LastName, Policies, Roles};

    fn row(values: &[(TargetAttribute, &str)]) -> AttributeRow {
        row_of(|target| values.iter().find(|(known, _)| *known == target).map(|(_, value)| *value))
    }

    fn shadow(values: &[(TargetAttribute, &str)]) -> Shadow {
        let (sent, read_back) = (row(values), row(values));
        Shadow { sent, read_back, kind: AccountKind::Employee, disabled: false }
    }

    fn change(write: Write, before: Option<Shadow>, sent: AttributeRow) -> PlannedChange {
        let property =
            |name: &str| ModifiedProperty { name: name.to_owned(), old: None, new: None };
        PlannedChange {
            id: ChangeId(0),
            object: ObjectKind::User,
            anchor: SourceAnchor(uuid::Uuid::from_u128(1)),
            label: "ada".to_owned(),
            target_id: Some(TargetId::new("a")),
            action: ProvisioningAction::Update,
            reasons: vec![Reason::ValuesDiffer],
            modified: ["LastName", "Roles", "Disabled"].map(property).to_vec(),
            write,
            link: LinkAfter::Keep {
                target_id: Some(TargetId::new("a")),
                origin: Origin::Created,
                state: LinkState::Active,
                sent,
                leaving: None,
            },
            unfinished: false,
            more: false,
            ids: Vec::new(),
            counted: false,
            phase: 0,
            after: None,
            before,
            hash: ContentHash(1),
            seen: None,
        }
    }

    pub fn update(values: &[(TargetAttribute, &str)], enable: bool) -> PlannedChange {
        let set = values.iter().map(|(target, value)| (*target, Some((*value).to_owned())));
        let write = Write::Update {
            target_id: TargetId::new("a"),
            values: set.collect(),
            enable,
            promote: false,
        };
        let before = shadow(&[(LastName, "Old"), (Roles, "CanUseFileBox")]);
        change(write, Some(before), row(values))
    }

    fn sent_of(change: &PlannedChange) -> &AttributeRow {
        match &change.link {
            LinkAfter::Keep { sent, .. } => sent,
            other => panic!("{other:?}"),
        }
    }

    fn properties(change: &PlannedChange) -> Vec<&str> {
        change.modified.iter().map(|property| property.name.as_str()).collect()
    }

    #[test]
    fn one_endpoint_is_one_call_as_planned() {
        for values in [&[(LastName, "King"), (Bandwidth, "5")][..], &[(Roles, "")]] {
            let change = update(values, false);
            let (first, later) = split(&change);
            assert!(matches!(first, Cow::Borrowed(_)) && later.is_empty(), "{values:?}");
        }
    }

    #[test]
    fn each_call_counts_as_sent_on_its_own() {
        let change = update(&[(LastName, "King"), (CanResetPassword, "True"), (Roles, "X")], true);
        let (first, later) = split(&change);
        assert!(first.more && !is_last(&first, None));
        let expected = row(&[(LastName, "King"), (Roles, "CanUseFileBox")]);
        assert_eq!(
            (sent_of(&first), properties(&first)),
            (&expected, vec!["LastName", "Disabled"])
        );
        let Write::Update { values, enable: true, .. } = &first.write else { panic!("{first:?}") };
        assert_eq!(values, &[(LastName, Some("King".to_owned()))]);
        assert_eq!(later.len(), 2);

        let link = Link {
            anchor: change.anchor,
            target_id: TargetId::new("a"),
            origin: Origin::Created,
            state: LinkState::Active,
            linked_at: Timestamp(1),
            state_since: Timestamp(1),
            shadow: Shadow { sent: expected, ..shadow(&[(LastName, "KING")]) },
            leaving: None,
        };
        let last = next(&change, &link, later[1].clone(), false);
        assert!(is_last(&last, None));
        let expected = row(&[(LastName, "King"), (Roles, "X")]);
        assert_eq!((sent_of(&last), properties(&last)), (&expected, vec!["Roles"]));
        // What another call showed, and what none of them did.
        let read_back = row(&[(LastName, "KING"), (Roles, "CanUseFileBox")]);
        assert_eq!(last.before.expect("a shadow").read_back, read_back);
    }

    #[test]
    fn a_state_alone_goes_before_what_is_beside_the_account() {
        let change = update(&[(Roles, "X")], true);
        let (first, later) = split(&change);
        let Write::Update { values, enable, .. } = &first.write else { panic!("{first:?}") };
        assert_eq!((values.len(), *enable, later.len()), (0, true, 1));
    }

    #[test]
    fn a_create_takes_what_it_may_and_the_rest_comes_after() {
        let values = row(&[
            (LastName, "King"),
            (Bandwidth, "5"),
            (CanResetPassword, "True"),
            (DefaultZone, "Europe"),
            (Policies, "P"),
        ]);
        let later = |kind| {
            let write = Write::Create { kind, values: values.clone() };
            let change = change(write, None, values.clone());
            let (first, later) = split(&change);
            let left: Vec<Vec<TargetAttribute>> =
                later.iter().map(|call| call.iter().map(|(target, _)| *target).collect()).collect();
            let Write::Create { values, .. } = &first.write else { panic!("{first:?}") };
            assert_eq!(values, sent_of(&first));
            assert!(left.iter().flatten().all(|target| values.get(target.index()).is_none()));
            left
        };
        assert_eq!(later(AccountKind::Employee), [vec![Bandwidth], vec![Policies]]);
        let of_client = [vec![Bandwidth], vec![CanResetPassword], vec![Policies]];
        assert_eq!(later(AccountKind::Client), of_client);
    }

    #[test]
    fn a_name_without_an_id_is_never_left_out() {
        let named = |name: &str| {
            let named = Named { name: name.to_owned(), id: name.to_lowercase() };
            (Policies, named)
        };
        let wanted = [(Policies, Some("Big\nStaff".to_owned())), (LastName, None)];
        let both = PlannedChange {
            ids: vec![named("Staff"), named("Big")],
            ..update(&[(Policies, "Big\nStaff")], false)
        };
        let expected = vec![(Policies, Some("big\nstaff".to_owned())), (LastName, None)];
        assert_eq!(by_id(&both, &wanted).expect("both ids"), expected);
        let one = PlannedChange { ids: vec![named("Staff")], ..both };
        let error = by_id(&one, &wanted).expect_err("an id too few");
        assert_eq!(error.category, ErrorCategory::Bug);
        assert_eq!(
            error.to_string(),
            "setting Policies of the account a: the plan has no id of Big"
        );
    }

    #[test]
    fn roles_that_a_create_did_not_give_are_owed() {
        let account = |roles: Option<&str>| {
            let values = row_of(|target| roles.filter(|_| target == Roles));
            TargetUser::plain(TargetId::new("a"), AccountKind::Employee, values)
        };
        let values = row(&[(Roles, "CanUseFileBox")]);
        let write = Write::Create { kind: AccountKind::Employee, values: values.clone() };
        let change = change(write, None, values.clone());
        let given = account(Some("ARoleOfTomorrow\nCanUseFileBox"));
        assert!(owed(&change, &given).is_none() && is_last(&change, Some(&given)));
        assert_eq!(sent(&change, Some(&given), &values), values);
        for short in [account(Some("CanChangePassword")), account(None)] {
            assert_eq!(
                owed(&change, &short),
                Some(vec![(Roles, Some("CanUseFileBox".to_owned()))])
            );
            assert!(!is_last(&change, Some(&short)));
            assert_eq!(sent(&change, Some(&short), &values).get(Roles.index()), None);
        }
    }

    #[test]
    fn what_was_ignored_is_told_from_what_was_normalised_and_from_what_is_not_shown() {
        let cases = [
            (LastName, Some("King"), Some("Old"), Some("Old"), true),
            (LastName, Some("King "), Some("King"), Some("Old"), false),
            (Bandwidth, Some("5"), Some("-1"), Some("-1"), true),
            (Bandwidth, Some("5"), Some("4"), Some("-1"), false),
            (Bandwidth, Some("5"), Some("-1"), None, true),
            (CanResetPassword, Some("True"), Some("False"), None, true),
            (DefaultZone, Some("Europe"), None, Some("US"), false),
            (DefaultZone, Some("europe"), Some("Europe"), Some("US"), false),
            (Roles, Some("CanUseFileBox\nCanUseDropBox"), Some("CanUseFileBox"), Some(""), true),
        ];
        for (target, wanted, now, was, ignored) in cases {
            assert_eq!(is_ignored(target, wanted, now, was), ignored, "{target:?} {now:?}");
            let written = now.is_some() && !ignored;
            assert_eq!(is_written(target, wanted, now, was), written, "{target:?} {now:?}");
        }
    }
}
