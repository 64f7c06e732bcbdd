//! Addresses that several people want, give up or swap: what no change can tell for itself.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::model::account::{Link, TargetAttribute, address_key};
use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::plan::{HeldItem, HoldKind, PlannedChange, Reason, Write};

use super::change::{address_only, without_address};
use super::decision::Contested;
use super::input::{Lookup, PlanInput};
use super::{Draft, new_address};

impl Draft {
    /// Two people who want one account, or one new address, are both held.
    pub(super) fn separate_rivals(&mut self, input: &PlanInput<'_>) {
        let mut wanted: HashMap<String, usize> = HashMap::new();
        for claim in self.changes.iter().flat_map(claims) {
            *wanted.entry(claim).or_default() += 1;
        }
        // Whoever is held for another cause may want an account that somebody is about to take over.
        // Against the person whose account it is already, a want is no claim: least of all does it
        // keep a leaver inside.
        let changing: HashSet<SourceAnchor> =
            self.changes.iter().map(|change| change.anchor).collect();
        let takes_over = |change: &&PlannedChange| link_of(input, change).is_none();
        let taken: HashSet<String> =
            self.changes.iter().filter(takes_over).flat_map(claims).collect();
        let others = self.wants.iter().filter(|(anchor, _)| !changing.contains(anchor));
        let others: Vec<(SourceAnchor, String)> = others
            .map(|(anchor, target_id)| (*anchor, claim_of(target_id)))
            .filter(|(_, claim)| taken.contains(claim))
            .collect();
        for (_, claim) in &others {
            *wanted.entry(claim.clone()).or_default() += 1;
        }
        wanted.retain(|_, people| *people > 1);
        if wanted.is_empty() {
            return;
        }
        let contested =
            |change: &PlannedChange| claims(change).iter().any(|claim| wanted.contains_key(claim));
        let changes = std::mem::take(&mut self.changes);
        let (rivals, alone): (Vec<_>, Vec<_>) = changes.into_iter().partition(contested);
        self.changes = alone;
        let mut people: HashMap<String, BTreeSet<SourceAnchor>> = HashMap::new();
        for (anchor, claim) in others {
            people.entry(claim).or_default().insert(anchor);
        }
        for change in &rivals {
            for claim in claims(change) {
                people.entry(claim).or_default().insert(change.anchor);
            }
        }
        for change in rivals {
            let account = new_address(&change).unwrap_or(&change.label);
            let who: BTreeSet<SourceAnchor> = claims(&change)
                .iter()
                .filter_map(|claim| people.get(claim))
                .flatten()
                .copied()
                .collect();
            let names: Vec<String> = who.into_iter().map(|who| name(input, who)).collect();
            let detail =
                format!("several people want the account {account}: {}", names.join(" and "));
            let item = HeldItem {
                anchor: change.anchor,
                label: change.label.clone(),
                detail,
                hash: change.hash,
                change: None,
            };
            self.hold(HoldKind::SharedAccount, item);
            self.contested.remove(&change.anchor);
            let without = link_of(input, &change).and_then(|link| without_address(&change, link));
            self.changes.extend(without);
        }
    }

    /// A new address that another account has is free only if that account gives it up in this
    /// plan, and after that. Two who swap addresses wait for a person: neither can go first.
    pub(super) fn clear_addresses(&mut self, input: &PlanInput<'_>) {
        if self.contested.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        let (mut waiting, mut free): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| self.contested.contains_key(&change.anchor));
        let mut leaving: HashMap<TargetId, (SourceAnchor, u8)> =
            free.iter().filter_map(leaves_address).collect();
        loop {
            let mut freed = Vec::new();
            let mut rest = Vec::new();
            for mut change in waiting {
                let contested = self.contested.get(&change.anchor);
                let holder = contested.and_then(|contested| contested.holder.as_ref());
                match holder.and_then(|holder| leaving.get(holder)) {
                    Some((first, phase)) => {
                        change.after = Some(*first);
                        change.phase = phase.saturating_add(1);
                        freed.push(change);
                    }
                    None => rest.push(change),
                }
            }
            waiting = rest;
            if freed.is_empty() {
                break;
            }
            leaving.extend(freed.iter().filter_map(leaves_address));
            free.extend(freed);
        }
        self.changes = free;
        self.ask_for_holders(input, &waiting);
        for (first, second) in self.pairs(input, &mut waiting) {
            self.swap(input, first, second);
        }
        for change in waiting {
            self.keep_waiting(input, &change);
        }
    }

    /// Where what would give up an address waits, whoever needs that address waits too.
    pub(super) fn hold_unready(&mut self, input: &PlanInput<'_>) {
        while self.changes.iter().any(|change| change.after.is_some()) {
            let mut given_up: HashMap<SourceAnchor, (u8, u8)> = HashMap::new();
            for change in self.changes.iter().filter(|change| leaves_address(change).is_some()) {
                let place = given_up.entry(change.anchor).or_insert(change.place());
                *place = change.place().min(*place);
            }
            let ready = |change: &PlannedChange| {
                let before = |first| given_up.get(&first).is_some_and(|at| *at < change.place());
                change.after.is_none_or(before)
            };
            let changes = std::mem::take(&mut self.changes);
            let (ready, unready): (Vec<_>, Vec<_>) = changes.into_iter().partition(ready);
            self.changes = ready;
            if unready.is_empty() {
                break;
            }
            unready.iter().for_each(|change| self.keep_waiting(input, change));
        }
    }

    /// Whoever has an address that somebody else needs may be about to give it up.
    fn ask_for_holders(&mut self, input: &PlanInput<'_>, waiting: &[PlannedChange]) {
        if !input.companions {
            return;
        }
        let holders = waiting.iter().filter_map(|change| self.contested.get(&change.anchor));
        let holders = holders.filter_map(|contested| contested.holder.as_ref());
        let owners: Vec<SourceAnchor> = holders
            .filter_map(|holder| input.target.by_id(holder)?.linked_to)
            .filter(|owner| input.subjects.binary_search(owner).is_err())
            .collect();
        self.needs.people.extend(owners);
    }

    /// Takes out of `waiting` the changes of linked people of whom each needs the address that the
    /// other one's account has, the one with the lower anchor first.
    fn pairs(
        &self,
        input: &PlanInput<'_>,
        waiting: &mut Vec<PlannedChange>,
    ) -> Vec<(PlannedChange, PlannedChange)> {
        waiting.sort_by_key(|change| change.anchor);
        let holder_of = |change: &PlannedChange| {
            let contested = self.contested.get(&change.anchor)?;
            link_of(input, change)?;
            contested.holder.clone()
        };
        let wants: HashMap<TargetId, TargetId> = waiting
            .iter()
            .filter_map(|change| Some((change.target_id.clone()?, holder_of(change)?)))
            .collect();
        let partner_of = |change: &PlannedChange| {
            let target_id = change.target_id.as_ref()?;
            let partner = wants.get(target_id)?;
            (wants.get(partner) == Some(target_id)).then(|| partner.clone())
        };
        let (mut paired, rest): (Vec<_>, Vec<_>) =
            std::mem::take(waiting).into_iter().partition(|change| partner_of(change).is_some());
        *waiting = rest;
        let mut pairs = Vec::new();
        while !paired.is_empty() {
            let first = paired.remove(0);
            let partner = partner_of(&first);
            let is_partner = |change: &PlannedChange| change.target_id == partner;
            if let Some(index) = paired.iter().position(is_partner) {
                let second = paired.remove(index);
                pairs.push((first, second));
            }
        }
        pairs
    }

    /// Two people swap addresses: three writes through a temporary address, if a person approved
    /// all of them.
    fn swap(&mut self, input: &PlanInput<'_>, first: PlannedChange, second: PlannedChange) {
        if let Some(temporary) =
            current(&first).and_then(|now| temporary_address(first.anchor, now))
            && swaps(&first, &second)
            && !keeps_addresses(input, &first, &temporary)
            && let Some(steps) = steps(&first, &second, &temporary)
        {
            return self.approved_swap(input, (&first, &second), steps, &temporary);
        }
        for (one, other) in [(&first, &second), (&second, &first)] {
            // An address of before that is still theirs: the swap cannot be, and is undone.
            let back = new_address(other).filter(|_| has_left(one));
            let back = Option::zip(current(one), back);
            match back.and_then(|(now, back)| address_only(one, now, back)) {
                Some(mut change) => {
                    change.reasons = vec![Reason::AddressSwap];
                    change.unfinished = true;
                    self.changes.push(change);
                }
                None => self.keep_waiting(input, one),
            }
        }
    }

    fn approved_swap(
        &mut self,
        input: &PlanInput<'_>,
        (first, second): (&PlannedChange, &PlannedChange),
        steps: [PlannedChange; 3],
        temporary: &str,
    ) {
        let rest = |change| without_address(change, link_of(input, change)?);
        let mut rest: Vec<_> = [first, second].into_iter().filter_map(rest).collect();
        let approved = steps.iter().all(|step| input.approved.binary_search(&step.hash).is_ok());
        if !approved {
            for (number, step) in steps.into_iter().enumerate() {
                let new = new_address(&step).unwrap_or_default();
                let detail = format!("step {} of 3, {} → {new}", number + 1, step.label);
                let item = HeldItem {
                    anchor: step.anchor,
                    label: step.label.clone(),
                    detail,
                    hash: step.hash,
                    change: Some(step),
                };
                self.hold(HoldKind::AddressSwap, item);
            }
            return self.changes.extend(rest);
        }
        match input.target.by_address(temporary) {
            Lookup::Absent => {}
            Lookup::Unknown => {
                self.needs.addresses.insert(address_key(temporary));
            }
            // Nobody can have it, so that somebody does needs no answer but a safe one.
            Lookup::Found(_) | Lookup::Failed(_) => {
                self.keep_waiting(input, first);
                return self.keep_waiting(input, second);
            }
        }
        rest.iter_mut().for_each(|change| change.unfinished = true);
        self.changes.extend(rest);
        self.changes.extend(steps);
    }

    /// Holds the address of a change, and lets go what does not depend on it.
    fn keep_waiting(&mut self, input: &PlanInput<'_>, change: &PlannedChange) {
        let mut without = link_of(input, change).and_then(|link| without_address(change, link));
        // What else the person needs may be a change of its own already.
        without = without.filter(|_| self.changes.iter().all(|one| one.anchor != change.anchor));
        if let Some(Contested { kind, hold, .. }) = self.contested.remove(&change.anchor) {
            // An address that nobody could look up is looked up again in the next cycle.
            let again = kind == HoldKind::NotReadable;
            without.iter_mut().for_each(|change| change.unfinished = again);
            self.hold(kind, hold);
        }
        self.changes.extend(without);
    }
}

/// Returns an address of the same domain that nobody can have: it is made from the id of the
/// person whose account has it between two steps of a swap.
pub(super) fn temporary_address(anchor: SourceAnchor, address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    Some(format!("provisioner-swap-{}@{domain}", anchor.0.simple()))
}

/// Returns whether the account of a change is between two steps of a swap.
fn has_left(change: &PlannedChange) -> bool {
    current(change).is_some_and(|now| {
        temporary_address(change.anchor, now).is_some_and(|temporary| temporary == now)
    })
}

/// Returns whether an account still has the temporary address of an earlier swap, as a further one:
/// ShareFile keeps replaced addresses then, and nobody else can have them.
fn keeps_addresses(input: &PlanInput<'_>, change: &PlannedChange, temporary: &str) -> bool {
    let known = change.target_id.as_ref().and_then(|target_id| input.target.by_id(target_id));
    let others = known.map(|known| known.account.other_addresses.as_slice()).unwrap_or_default();
    others.iter().any(|address| address_key(address) == address_key(temporary))
}

/// Returns whether each of two changes gives the address that the other account has.
fn swaps(first: &PlannedChange, second: &PlannedChange) -> bool {
    let takes = |one: &PlannedChange, other: &PlannedChange| {
        Option::zip(new_address(one), current(other))
            .is_some_and(|(new, old)| address_key(new) == address_key(old))
    };
    takes(first, second) && takes(second, first)
}

/// Returns the writes of a swap: the first away, the second over, the first home.
fn steps(
    first: &PlannedChange,
    second: &PlannedChange,
    temporary: &str,
) -> Option<[PlannedChange; 3]> {
    let mut away = address_only(first, current(first)?, temporary)?;
    let mut over = address_only(second, current(second)?, new_address(second)?)?;
    let mut home = address_only(first, temporary, new_address(first)?)?;
    for (step, of) in [(&mut away, first), (&mut over, second), (&mut home, first)] {
        // The address of now tells the two apart better than the one that is to come.
        step.label = current(of)?.to_owned();
        step.reasons = vec![Reason::AddressSwap];
    }
    (away.phase, over.phase, home.phase) = (1, 2, 3);
    away.unfinished = true;
    over.after = Some(first.anchor);
    home.after = Some(second.anchor);
    Some([away, over, home])
}

/// Returns the address that the account of a change has.
pub(super) fn current(change: &PlannedChange) -> Option<&str> {
    change.before.as_ref()?.sent.get(TargetAttribute::Email.index())
}

/// Returns the link of a person to the account that a change is about, if there is one already.
pub(super) fn link_of<'a>(input: &PlanInput<'a>, change: &PlannedChange) -> Option<&'a Link> {
    let index = input.links.binary_search_by_key(&change.anchor, |link| link.anchor);
    let link = index.ok().and_then(|index| input.links.get(index));
    link.filter(|link| change.target_id.as_ref() == Some(&link.target_id))
}

/// Returns the claim to an account.
fn claim_of(target_id: &TargetId) -> String {
    format!("id {}", target_id.key())
}

/// Returns what a change lays claim to: an account, and an address that is new to it.
fn claims(change: &PlannedChange) -> Vec<String> {
    let mut claims: Vec<String> = change.target_id.iter().map(claim_of).collect();
    claims.extend(new_address(change).map(|address| format!("address {}", address_key(address))));
    claims
}

/// Returns the account whose address a change replaces by another, or that it deletes, with whose
/// and when.
fn leaves_address(change: &PlannedChange) -> Option<(TargetId, (SourceAnchor, u8))> {
    let deletes = matches!(change.write, Write::Delete { .. });
    if !deletes && new_address(change).is_none() {
        return None;
    }
    Some((change.target_id.clone()?, (change.anchor, change.phase)))
}

/// Returns who a person is in Entra ID.
fn name(input: &PlanInput<'_>, anchor: SourceAnchor) -> String {
    let index = input.users.binary_search_by_key(&anchor, |user| user.anchor);
    let user = index.ok().and_then(|index| input.users.get(index));
    let column = input.rules.source_index("userPrincipalName");
    match Option::zip(user, column).and_then(|(user, column)| user.attributes.get(column)) {
        Some(name) => format!("{name} ({anchor})"),
        None => anchor.to_string(),
    }
}
