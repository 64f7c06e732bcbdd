//! Check: the plan itself is verified before anything may act on it. What fails here is a mistake
//! of the planner, and stops before the target.

use std::collections::{HashMap, HashSet};

use crate::model::account::{AccountKind, Detail, TargetAttribute, address_key};
use crate::model::attribute::names;
use crate::model::ids::{ContentHash, SourceAnchor, TargetId};
use crate::model::plan::{
    CheckedPlan, LinkAfter, ObjectKind, Plan, PlannedChange, ProvisioningAction, Write,
};

use super::input::{KnownAccount, PlanInput};
use super::protect::Protection;
use super::{groups, guard};

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("change {} of {label}: {what}", .number)]
pub struct Violation {
    /// The position of the change.
    pub number: u32,
    /// What people call the object.
    pub label: String,
    /// What is wrong.
    pub what: String,
}

/// Seals a plan that breaks no rule.
///
/// # Errors
/// All violations.
pub fn check(plan: Plan, input: &PlanInput<'_>) -> Result<CheckedPlan, Vec<Violation>> {
    let protection = Protection::new(input.target.tenant.as_ref(), &input.rules.guard.protected);
    let heirs = input.rules.deprovision.heirs();
    let mut seen = Seen::default();
    let mut groups = groups::check::Checking::new(&plan, input);
    let mut violations = Vec::new();
    let mut last_place = (0, 0);
    for (number, change) in plan.changes.iter().enumerate() {
        let mut fail = |what: &str| {
            violations.push(Violation {
                number: u32::try_from(number).unwrap_or(u32::MAX),
                label: change.label.clone(),
                what: what.to_owned(),
            });
        };
        if usize::try_from(change.id.0) != Ok(number) {
            fail("is not numbered by its position");
        }
        if change.place() < last_place {
            fail("comes after changes that it should precede");
        }
        last_place = change.place();
        for what in seen.violations(change) {
            fail(what);
        }
        for what in shape_violations(change) {
            fail(what);
        }
        match change.object {
            ObjectKind::User if input.subjects.binary_search(&change.anchor).is_err() => {
                fail("concerns somebody who was not planned");
            }
            ObjectKind::User => {}
            ObjectKind::Group => groups.violations(change).into_iter().for_each(&mut fail),
        }
        if input.unsettled.binary_search(&change.anchor).is_ok() {
            fail("concerns an object whose interrupted write was not looked up");
        }
        let account = change.target_id.as_ref().and_then(|id| input.target.by_id(id));
        let by_id = change.target_id.as_ref().and_then(|id| protection.of_id(id));
        let by_record = account.and_then(|known| protection.of_account(&known.account));
        if change.write != Write::Nothing && by_id.or(by_record).is_some() {
            fail("touches a protected account");
        }
        if guard::is_removal(change) {
            let takes_over = |known: &KnownAccount| Protection::of_heir(&known.account, &heirs);
            if account.and_then(takes_over).is_some() {
                fail("takes an account away that takes over what leavers leave behind");
            }
            let read = account.is_some_and(|known| known.account.detail == Detail::Full);
            if change.action != ProvisioningAction::Disable && !read {
                fail("takes an account away of which not everything was read");
            }
            if !heirs_of(change).into_iter().all(|heir| can_take_over(input, heir)) {
                fail("leaves something to an account that may not be able to take over");
            }
        }
    }
    for hold in plan.holds.iter().filter(|hold| hold.kind.approvable()) {
        for item in &hold.items {
            if seen.hashes.contains(&item.hash) {
                violations.push(Violation {
                    number: 0,
                    label: item.label.clone(),
                    what: "is both held and planned".to_owned(),
                });
            }
        }
    }
    if violations.is_empty() {
        let tenant = input.target.tenant.as_ref();
        let super_group = tenant.and_then(|tenant| tenant.super_group.clone());
        Ok(CheckedPlan::seal(plan, protection.ids().into_iter().chain(super_group).collect()))
    } else {
        Err(violations)
    }
}

/// Returns who is to take over what an account leaves behind.
fn heirs_of(change: &PlannedChange) -> Vec<&TargetId> {
    match &change.write {
        Write::Downgrade { reassign_items_to, reassign_groups_to, .. }
        | Write::Delete { reassign_items_to, reassign_groups_to, .. } => {
            vec![reassign_items_to, reassign_groups_to]
        }
        _ => Vec::new(),
    }
}

/// Returns whether an account was read in full and can take over what another one leaves behind.
fn can_take_over(input: &PlanInput<'_>, heir: &TargetId) -> bool {
    input.target.by_id(heir).is_some_and(|known| {
        let account = &known.account;
        let in_use = !account.disabled && !account.deleted;
        account.detail == Detail::Full && account.kind == AccountKind::Employee && in_use
    })
}

#[derive(Default)]
struct Seen<'a> {
    anchors: HashMap<SourceAnchor, &'a PlannedChange>,
    target_ids: HashMap<TargetId, SourceAnchor>,
    addresses: HashSet<String>,
    hashes: HashSet<ContentHash>,
}

impl<'a> Seen<'a> {
    fn violations(&mut self, change: &'a PlannedChange) -> Vec<&'static str> {
        let mut found = Vec::new();
        self.hashes.insert(change.hash);
        // A group takes several calls: a name, and members a hundred at a time.
        if change.object == ObjectKind::Group {
            return found;
        }
        if let Some(before) = self.anchors.insert(change.anchor, change)
            && !continues(before, change)
        {
            found.push("is the second change of one person");
        }
        if let Some(target_id) = &change.target_id
            && let Some(other) = self.target_ids.insert(target_id.clone(), change.anchor)
            && other != change.anchor
        {
            found.push("is the second change of one account");
        }
        if let Some(first) = change.after {
            match self.anchors.get(&first) {
                Some(first) if first.place() < change.place() => {}
                _ => found.push("waits for a change that does not come before it"),
            }
        }
        if let Some(address) = super::new_address(change)
            && !self.addresses.insert(address_key(address))
        {
            found.push("gives an address that another change gives as well");
        }
        found
    }
}

/// Returns whether a change goes on with what another change of the same person began: a step of
/// two people who swap addresses, which is about nothing but the address.
fn continues(before: &PlannedChange, change: &PlannedChange) -> bool {
    let email = TargetAttribute::Email;
    let address_alone = matches!(
        &change.write,
        Write::Update { values, enable: false, promote: false, .. }
            if matches!(values.as_slice(), [(target, Some(_))] if *target == email)
    );
    let had = change.before.as_ref().and_then(|before| before.sent.get(email.index()));
    let follows = match super::new_address(before) {
        Some(given) => had == Some(given),
        None => true,
    };
    before.unfinished
        && before.phase < change.phase
        && before.target_id == change.target_id
        && address_alone
        && follows
}

/// Returns whether a value names something of the tenant that the change has no id of.
fn names_without_id(change: &PlannedChange) -> bool {
    let has_id = |target: TargetAttribute, name: &str| {
        let of_target = change.ids.iter().filter(|(of, _)| *of == target);
        of_target.into_iter().any(|(_, one)| target.agree(Some(&one.name), Some(name)))
    };
    let lacks = |target: TargetAttribute, value: Option<&str>| {
        let named = value.filter(|_| target.names_object()).into_iter().flat_map(names);
        named.into_iter().any(|name| !has_id(target, name))
    };
    match &change.write {
        Write::Create { values, .. } => {
            TargetAttribute::ALL.iter().any(|target| lacks(*target, values.get(target.index())))
        }
        Write::Update { values, .. } => {
            values.iter().any(|(target, value)| lacks(*target, value.as_deref()))
        }
        _ => false,
    }
}

/// Returns what is wrong with a change in itself.
fn shape_violations(change: &PlannedChange) -> Vec<&'static str> {
    let mut found = Vec::new();
    if change.reasons.is_empty() {
        found.push("has no reason");
    }
    if names_without_id(change) {
        found.push("sends a name whose id it does not have");
    }
    let named = change.target_id.as_ref();
    match (&change.write, change.action) {
        (Write::Create { values, .. }, ProvisioningAction::Create) => {
            let lacks = |target: &TargetAttribute| values.get(target.index()).is_none();
            if TargetAttribute::ALL.iter().any(|target| target.required() && lacks(target)) {
                found.push("creates an account without a required value");
            }
            if named.is_some() {
                found.push("creates an account that exists");
            }
        }
        (Write::Update { target_id, values, enable, promote }, ProvisioningAction::Update) => {
            if named != Some(target_id) {
                found.push("writes to another account than it names");
            }
            if values.is_empty() && !enable && !promote {
                found.push("updates nothing");
            }
            if values.iter().any(|(target, value)| target.required() && value.is_none()) {
                found.push("clears a required value");
            }
        }
        (Write::Disable { target_id }, ProvisioningAction::Disable) => {
            if named != Some(target_id) {
                found.push("writes to another account than it names");
            }
        }
        (Write::Group(write), action) => {
            found.extend(groups::check::shape_violations(write, action, named));
        }
        (
            Write::Downgrade { target_id, reassign_items_to, reassign_groups_to },
            ProvisioningAction::StagedDelete,
        )
        | (
            Write::Delete { target_id, reassign_items_to, reassign_groups_to },
            ProvisioningAction::Delete,
        ) => {
            if named != Some(target_id) {
                found.push("writes to another account than it names");
            }
            if [reassign_items_to, reassign_groups_to].contains(&target_id) {
                found.push("leaves to an account what it leaves behind itself");
            }
            let ends = change.link == LinkAfter::End;
            if ends != (change.action == ProvisioningAction::Delete) {
                found.push("ends a link whose account stays, or the reverse");
            }
        }
        (Write::Nothing, ProvisioningAction::Other) => {}
        _ => found.push("calls something else than its action says"),
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attribute::Named;
    use crate::model::plan::Reason;
    use crate::plan::change::{Parts, naming};

    #[test]
    fn a_name_is_sent_with_its_id_or_not_at_all() {
        let target_id = TargetId::new("a");
        let policies = TargetAttribute::Policies;
        let values = vec![(policies, Some("Big\nStaff".to_owned()))];
        let change = Parts {
            object: ObjectKind::User,
            anchor: SourceAnchor(uuid::Uuid::from_u128(1)),
            label: "ada".to_owned(),
            target_id: Some(target_id.clone()),
            action: ProvisioningAction::Update,
            reasons: vec![Reason::ValuesDiffer],
            modified: Vec::new(),
            write: Write::Update { target_id, values, enable: false, promote: false },
            link: LinkAfter::End,
            before: None,
        };
        let change = change.seal(None);
        let named = |names: &[&str]| {
            let named = |name: &&str| Named { name: (*name).to_owned(), id: name.to_lowercase() };
            let ids = names.iter().map(|name| (policies, named(name)));
            naming(change.clone(), ids.collect())
        };
        assert_eq!(shape_violations(&named(&["staff", "Big"])), [""; 0]);
        for short in [&["Big"][..], &[]] {
            let violations = shape_violations(&named(short));
            assert_eq!(violations, ["sends a name whose id it does not have"], "{short:?}");
        }
        assert_ne!(named(&["Big"]).hash, named(&["Staff"]).hash, "an approval covers the ids");
        assert_eq!(named(&["Big"]).hash, named(&["big"]).hash, "and no spelling");
        assert_eq!(named(&[]).hash, change.hash);
    }
}
