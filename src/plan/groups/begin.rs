//! A group that has no group at the target yet: it is created, unless one exists.

use super::*;

impl<'a> Planner<'a> {
    /// A group that has no group at the target yet: it is created, unless one exists.
    pub(super) fn begin(&mut self, group: &SourceGroup, moves: GroupMoves, draft: &mut Draft<'a>) {
        if group.presence != Presence::Present {
            draft.open = true;
            return;
        }
        if self.input.groups.subjects.binary_search(&group.anchor).is_err() {
            // Only some of its members were looked at, and all of them belong into it from the
            // beginning.
            if self.input.companions {
                self.needs.whole.insert(group.anchor);
            }
            draft.open = true;
            return;
        }
        let Some(name) = self.names.of(group) else {
            return self.hold_unnamed(group, draft);
        };
        let others = self.names.others(&name, group.anchor);
        if !others.is_empty() {
            return draft.hold(HoldKind::NameClash, self.names.clash(&others, &name));
        }
        let (rule, found) = match self.matching(group, &name) {
            Ok(found) => found,
            Err(why) => return draft.hold(HoldKind::MappingFailed, why),
        };
        let Some(found) = self.told(found, draft) else { return };
        let joins = self.welcome(&moves.joins, draft);
        let beside = || found.iter().map(|found| found.id.clone()).collect();
        match (found.as_slice(), self.rules.adopt) {
            ([], _) | (_, Adopt::Never) => self.create(&name, beside(), &joins, draft),
            ([found], Adopt::Always) => self.adopt(found, (1, &name), rule, joins, draft),
            (found, Adopt::Always) => {
                let names: Vec<String> = found.iter().map(|group| describe(group)).collect();
                let detail = format!("`{rule}` matches {}", names.join(" and "));
                draft.hold(HoldKind::NameClash, detail);
            }
            (found, Adopt::Report) => draft.hold(HoldKind::NameClash, not_ours(found)),
        }
    }

    /// A further part of a group, for people for whom there is no room in the others. Its name
    /// follows the rules for names as that of the group does.
    pub(super) fn open_part(&mut self, part: u16, movers: &[Mover], draft: &mut Draft<'a>) {
        let Some(name) = self.names.of_anchor(draft.anchor).map(str::to_owned) else {
            draft.open = true;
            return;
        };
        let own = parts::part_name(&name, part);
        let others = self.names.others(&own, draft.anchor);
        if !others.is_empty() {
            return draft.hold(HoldKind::NameClash, self.names.clash(&others, &own));
        }
        let Some(found) = self.of_name(&own, draft) else { return };
        match (found.as_slice(), self.rules.adopt) {
            ([], _) | (_, Adopt::Never) => {
                let beside = found.iter().map(|found| found.id.clone()).collect();
                self.create_part(&name, part, beside, movers, draft);
            }
            ([found], Adopt::Always) => {
                let rule = format!("Name = {}", self.rules.name.text());
                self.adopt(found, (part, &name), rule, movers.to_vec(), draft);
            }
            (found, Adopt::Always | Adopt::Report) => {
                draft.hold(HoldKind::NameClash, not_ours(found));
            }
        }
    }

    pub(super) fn create(
        &mut self,
        name: &str,
        beside: Vec<TargetId>,
        joins: &[Mover],
        draft: &mut Draft<'a>,
    ) {
        let seating = parts::seat(joins.len(), &[], self.rules.overflow);
        let mut rest = joins;
        let parts = if seating.parts.is_empty() { vec![(1, 0)] } else { seating.parts };
        for (part, number) in parts {
            let (members, others) = rest.split_at(number.min(rest.len()));
            rest = others;
            if part == 1 {
                self.create_part(name, part, beside.clone(), members, draft);
            } else {
                self.open_part(part, members, draft);
            }
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
        draft: &mut Draft<'a>,
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
        draft.changes.push(change(Making {
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
            draft.changes.push(addition(
                draft.anchor,
                to,
                chunk,
                vec![Reason::MembersJoined],
                after,
            ));
        }
    }

    /// Takes over a group that others made, as the only one of that name, for a part of a group.
    /// Who is in it already counts as put there.
    pub(super) fn adopt(
        &mut self,
        found: &TargetGroup,
        (part, name): (u16, &str),
        rule: String,
        joins: Vec<Mover>,
        draft: &mut Draft<'a>,
    ) {
        let rivals = self.rivals(found, draft.anchor);
        if !rivals.is_empty() {
            let others = self.names.listed(&rivals);
            let detail =
                format!("`{rule}` matches {}, and so it does for {others}", describe(found));
            return draft.hold(HoldKind::NameClash, detail);
        }
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
        let own = parts::part_name(name, part);
        let origin = Origin::Adopted { rule: rule.clone() };
        let link = |found: Vec<SourceAnchor>| LinkAfter::Group {
            part,
            origin: origin.clone(),
            state: GroupLinkState::Active,
            name: own.clone(),
            found,
        };
        let rename = found.name != own || !found.shared;
        let target_id = Some(found.id.clone());
        let call = GroupCall::Rename { name: own.clone() };
        let write = GroupWrite { part, target_id: target_id.clone(), call };
        draft.rewrites.push(change(Making {
            anchor: draft.anchor,
            label: own.clone(),
            target_id: target_id.clone(),
            action: if rename { ProvisioningAction::Update } else { ProvisioningAction::Other },
            reasons: vec![Reason::Matched { rule }, Reason::GroupAssigned],
            modified: if rename { vec![named(Some(&found.name), &own)] } else { Vec::new() },
            write: if rename { Write::Group(write) } else { Write::Nothing },
            link: link(inside.iter().map(|mover| mover.person).collect()),
        }));
        let taken = found.members.and_then(|taken| usize::try_from(taken).ok());
        let taken = taken.unwrap_or(members.len()).max(members.len());
        let room = parts::CAPACITY.saturating_sub(taken).min(outside.len());
        let (now, others) = outside.split_at(room);
        for chunk in now.chunks(MEMBERS_PER_CALL) {
            let to = (own.as_str(), part, target_id.clone());
            let (reasons, after) = (vec![Reason::MembersJoined], link(Vec::new()));
            draft.changes.push(addition(draft.anchor, to, chunk, reasons, after));
        }
        // Further parts are for a group that begins; of one part those who find no place wait.
        let begins = part == 1 && draft.live.is_empty();
        let overflow = if begins { self.rules.overflow } else { Overflow::Hold };
        let seating = parts::seat(others.len(), &[(1, parts::CAPACITY)], overflow);
        let mut rest = others;
        for (number, seats) in seating.parts {
            let (now, others) = rest.split_at(seats.min(rest.len()));
            rest = others;
            self.open_part(number, now, draft);
        }
        self.full(seating.waiting, draft);
    }
}
