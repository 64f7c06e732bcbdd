//! A group that has no group at the target yet: it is created, unless one exists.

use super::*;

impl<'a> Planner<'a> {
    /// A group that has no group at the target yet: it is created, unless one exists.
    pub(super) fn begin(&mut self, group: &SourceGroup, moves: GroupMoves, draft: &mut Draft) {
        if group.presence != Presence::Present {
            draft.open = true;
            return;
        }
        let Some(name) = self.names.of(group) else {
            return self.hold_unnamed(group, draft);
        };
        let others = self.names.others(&name, group.anchor);
        if !others.is_empty() {
            let detail = format!("{} in Entra ID have the name {name}", listed(&others));
            return draft.hold(HoldKind::NameClash, detail);
        }
        if !self.input.target.groups.listed {
            self.needs.list = true;
            draft.open = true;
            return;
        }
        let joins = self.welcome(&moves.joins);
        let (rule, found) = self.matching(group, &name);
        match (found.as_slice(), self.rules.adopt) {
            ([], _) | (_, Adopt::Never) => {
                let beside = found.iter().map(|found| found.id.clone()).collect();
                self.create(&name, beside, &joins, draft);
            }
            ([found], Adopt::Always) => {
                self.adopt(found, &name, rule, joins, draft);
            }
            (found, adopt) => {
                let names: Vec<String> = found.iter().map(|group| describe(group)).collect();
                let which = names.join(" and ");
                let detail = if adopt == Adopt::Always {
                    format!("`{rule}` matches {which}")
                } else {
                    format!("ShareFile has {which}, which this job did not make")
                };
                draft.hold(HoldKind::NameClash, detail);
            }
        }
    }

    /// Returns the groups of the target that match, and the rule that found them.
    pub(super) fn matching(
        &self,
        group: &SourceGroup,
        name: &str,
    ) -> (String, Vec<&'a TargetGroup>) {
        let attributes = &self.input.rules.group_attributes;
        let view = &self.input.target.groups;
        let tenant = self.input.target.tenant.as_ref();
        let super_group = tenant.and_then(|tenant| tenant.super_group.as_ref());
        let of_name = |key: &str| -> Vec<&'a TargetGroup> {
            view.iter()
                .filter(|found| name_key(&found.name) == key)
                .filter(|found| !self.owned.contains(&found.id) && super_group != Some(&found.id))
                .collect()
        };
        for rule in &self.rules.matching {
            let Some(value) = rule.eval(attributes, &group.attributes) else {
                continue;
            };
            let found = of_name(&name_key(value));
            if !found.is_empty() {
                return (format!("Name = {}", rule.text()), found);
            }
        }
        (format!("Name = {}", self.rules.name.text()), of_name(&name_key(name)))
    }

    pub(super) fn create(
        &self,
        name: &str,
        beside: Vec<TargetId>,
        joins: &[Mover],
        draft: &mut Draft,
    ) {
        let seating = parts::seat(joins.len(), &[], self.rules.overflow);
        let mut rest = joins;
        let parts = if seating.parts.is_empty() { vec![(1, 0)] } else { seating.parts };
        for (part, number) in parts {
            let (members, others) = rest.split_at(number.min(rest.len()));
            rest = others;
            let beside = if part == 1 { beside.clone() } else { Vec::new() };
            self.create_part(name, part, beside, members, draft);
        }
        self.full(seating.waiting, draft);
    }

    /// Creates a part with its members: the first ones in the same call.
    pub(super) fn create_part(
        &self,
        name: &str,
        part: u16,
        beside: Vec<TargetId>,
        movers: &[Mover],
        draft: &mut Draft,
    ) {
        let name = parts::part_name(name, part);
        let (first, more) = movers.split_at(movers.len().min(MEMBERS_PER_CALL));
        let mut modified = vec![named(None, &name)];
        modified.extend(first.iter().map(|mover| comes(&mover.label)));
        let members = first.iter().map(Mover::member).collect();
        let link = || LinkAfter::Group {
            part,
            origin: Origin::Created,
            state: GroupLinkState::Active,
            name: name.clone(),
            found: Vec::new(),
        };
        let call = GroupCall::Create { name: name.clone(), members, beside };
        draft.changes.push(self.change(Making {
            anchor: draft.anchor,
            label: name.clone(),
            target_id: None,
            action: ProvisioningAction::Create,
            reasons: vec![Reason::GroupAssigned],
            modified,
            write: Write::Group(GroupWrite { part, target_id: None, call }),
            link: link(),
        }));
        for chunk in more.chunks(MEMBERS_PER_CALL) {
            let after = link();
            let to = (name.as_str(), part, None);
            draft.changes.push(self.addition(
                draft.anchor,
                to,
                chunk,
                &Reason::MembersJoined,
                after,
            ));
        }
    }

    pub(super) fn adopt(
        &mut self,
        found: &TargetGroup,
        name: &str,
        rule: String,
        joins: Vec<Mover>,
        draft: &mut Draft,
    ) {
        let view = &self.input.target.groups;
        if let Some(why) = view.members_unread(&found.id) {
            let detail = format!("the members of {} could not be read: {why}", describe(found));
            return draft.hold(HoldKind::NotReadable, detail);
        }
        let Some(members) = view.members(&found.id) else {
            self.needs.members.insert(found.id.clone());
            draft.open = true;
            return;
        };
        let is_in = |mover: &Mover| {
            mover.account.as_ref().is_some_and(|account| members.binary_search(account).is_ok())
        };
        let (inside, outside): (Vec<Mover>, Vec<Mover>) = joins.into_iter().partition(is_in);
        let origin = Origin::Adopted { rule: rule.clone() };
        let link = |found: Vec<SourceAnchor>| LinkAfter::Group {
            part: 1,
            origin: origin.clone(),
            state: GroupLinkState::Active,
            name: name.to_owned(),
            found,
        };
        let rename = found.name != name || !found.shared;
        let write = GroupWrite {
            part: 1,
            target_id: Some(found.id.clone()),
            call: GroupCall::Rename { name: name.to_owned() },
        };
        draft.changes.push(self.change(Making {
            anchor: draft.anchor,
            label: name.to_owned(),
            target_id: Some(found.id.clone()),
            action: if rename { ProvisioningAction::Update } else { ProvisioningAction::Other },
            reasons: vec![Reason::Matched { rule }, Reason::GroupAssigned],
            modified: if rename { vec![named(Some(&found.name), name)] } else { Vec::new() },
            write: if rename { Write::Group(write) } else { Write::Nothing },
            link: link(inside.iter().map(|mover| mover.person).collect()),
        }));
        let taken = found.members.and_then(|taken| usize::try_from(taken).ok());
        let taken = taken.unwrap_or(members.len()).max(members.len());
        let seating = parts::seat(outside.len(), &[(1, taken)], self.rules.overflow);
        let mut rest = outside.as_slice();
        for (part, number) in &seating.parts {
            let (now, others) = rest.split_at((*number).min(rest.len()));
            rest = others;
            if *part > 1 {
                self.create_part(name, *part, Vec::new(), now, draft);
                continue;
            }
            for chunk in now.chunks(MEMBERS_PER_CALL) {
                let target_id = Some(found.id.clone());
                let link = link(Vec::new());
                let to = (name, 1, target_id);
                draft.changes.push(self.addition(
                    draft.anchor,
                    to,
                    chunk,
                    &Reason::MembersJoined,
                    link,
                ));
            }
        }
        self.full(seating.waiting, draft);
    }
}
