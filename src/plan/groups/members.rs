//! Members: who is taken out, who comes in, and into which part.

use super::*;

impl<'a> Planner<'a> {
    /// Takes out who left the group, and by the rules who left altogether.
    pub(super) fn remove(&self, live: &[Part<'_>], moves: &GroupMoves, draft: &mut Draft) {
        for part in live {
            let of_part = |movers: &[(u32, Mover)]| -> Vec<Mover> {
                let here = movers.iter().filter(|(position, _)| *position == part.position);
                here.map(|(_, mover)| mover.clone()).collect()
            };
            let leaves = of_part(&moves.leaves);
            let state = part.standing.link.state;
            let removals = self.removals(part, &leaves, Reason::MembersLeft, state, draft.anchor);
            draft.removals.extend(removals);
            if self.rules.leaver_groups == LeaverGroups::Remove {
                let left = of_part(&moves.left);
                let removals = self.removals(part, &left, Reason::MembersLeft, state, draft.anchor);
                draft.changes.extend(removals);
            }
        }
    }

    pub(super) fn removals(
        &self,
        part: &Part<'_>,
        movers: &[Mover],
        reason: Reason,
        state: GroupLinkState,
        anchor: SourceAnchor,
    ) -> Vec<PlannedChange> {
        let link = &part.standing.link;
        let removal = |chunk: &[Mover]| {
            let members = chunk.iter().map(Mover::member).collect();
            let labels = chunk.iter().map(|mover| mover.label.as_str());
            self.removal(part, members, labels.map(goes).collect(), reason.clone(), state, anchor)
        };
        debug_assert_eq!(link.anchor, anchor);
        movers.chunks(MEMBERS_PER_CALL).map(removal).collect()
    }

    pub(super) fn removal(
        &self,
        part: &Part<'_>,
        members: Vec<Member>,
        modified: Vec<ModifiedProperty>,
        reason: Reason,
        state: GroupLinkState,
        anchor: SourceAnchor,
    ) -> PlannedChange {
        let link = &part.standing.link;
        self.change(Making {
            anchor,
            label: link.name_sent.clone(),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Update,
            reasons: vec![reason],
            modified,
            write: Write::Group(GroupWrite {
                part: link.part,
                target_id: Some(link.target_id.clone()),
                call: GroupCall::Remove { members },
            }),
            link: part.keep(state),
        })
    }

    /// Returns how many members each part has once those who leave are out.
    pub(super) fn taken(
        &self,
        live: &[Part<'_>],
        leaves: &[(u32, Mover)],
        left: &[(u32, Mover)],
    ) -> Vec<(u16, usize)> {
        let strips = self.rules.leaver_groups == LeaverGroups::Remove;
        live.iter()
            .map(|part| {
                let here = |movers: &[(u32, Mover)]| {
                    movers.iter().filter(|(position, _)| *position == part.position).count()
                };
                let out = here(leaves) + if strips { here(left) } else { 0 };
                let placed = usize::try_from(part.standing.placed).unwrap_or(usize::MAX);
                let seen = self.input.target.groups.get(part.target_id());
                let seen = seen.and_then(|group| usize::try_from(group.members?).ok());
                let members = placed.max(seen.unwrap_or(0)).saturating_sub(out);
                (part.standing.link.part, members)
            })
            .collect()
    }

    pub(super) fn add(
        &mut self,
        live: &[Part<'_>],
        taken: &mut Vec<(u16, usize)>,
        joins: &[Mover],
        draft: &mut Draft,
    ) {
        let seating = parts::seat(joins.len(), taken, self.rules.overflow);
        let mut rest = joins;
        for (number, seats) in &seating.parts {
            let (now, others) = rest.split_at((*seats).min(rest.len()));
            rest = others;
            match taken.iter_mut().find(|(part, _)| part == number) {
                Some((_, members)) => *members += now.len(),
                None => taken.push((*number, now.len())),
            }
            match live.iter().find(|part| part.standing.link.part == *number) {
                Some(part) => self.add_to(part, now, &Reason::MembersJoined, draft),
                None => self.open_part(*number, now, draft),
            }
        }
        self.full(seating.waiting, draft);
    }

    pub(super) fn add_to(
        &self,
        part: &Part<'_>,
        movers: &[Mover],
        reason: &Reason,
        draft: &mut Draft,
    ) {
        let link = &part.standing.link;
        for chunk in movers.chunks(MEMBERS_PER_CALL) {
            let target_id = Some(link.target_id.clone());
            let after = part.keep(GroupLinkState::Active);
            let name = &link.name_sent;
            let to = (name.as_str(), link.part, target_id);
            let change = self.addition(draft.anchor, to, chunk, reason, after);
            draft.changes.push(change);
        }
    }

    pub(super) fn addition(
        &self,
        anchor: SourceAnchor,
        (name, part, target_id): (&str, u16, Option<TargetId>),
        movers: &[Mover],
        reason: &Reason,
        link: LinkAfter,
    ) -> PlannedChange {
        let members = movers.iter().map(Mover::member).collect();
        self.change(Making {
            anchor,
            label: name.to_owned(),
            target_id: target_id.clone(),
            action: ProvisioningAction::Update,
            reasons: vec![reason.clone()],
            modified: movers.iter().map(|mover| comes(&mover.label)).collect(),
            write: Write::Group(GroupWrite { part, target_id, call: GroupCall::Add { members } }),
            link,
        })
    }

    /// Holds those who find no place.
    pub(super) fn full(&self, waiting: usize, draft: &mut Draft) {
        if waiting > 0 {
            let detail = format!(
                "{waiting} people wait: ShareFile takes {} members in a group",
                parts::CAPACITY
            );
            draft.hold(HoldKind::GroupFull, detail);
        }
    }

    /// Moves the members of the last part into those before it if there is ample room, and deletes
    /// it once they are there. Only when the whole group is looked at, and nobody is in the part but
    /// those who move: its members are read first.
    pub(super) fn merge(
        &mut self,
        live: &[Part<'_>],
        taken: Vec<(u16, usize)>,
        joining: usize,
        stays: &[(u32, Mover)],
        draft: &mut Draft,
    ) {
        let whole = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        let Some((last, before)) = live.split_last() else {
            return;
        };
        let created = last.standing.link.origin == Origin::Created;
        let begins = before.first().is_some_and(|part| part.standing.link.part == 1);
        if !whole || !created || !begins || joining > 0 || !parts::mergeable(&taken) {
            return;
        }
        if !self.is_known(last, stays, draft) {
            return;
        }
        let earlier: BTreeSet<SourceAnchor> = stays
            .iter()
            .filter(|(position, _)| *position != last.position)
            .map(|(_, mover)| mover.person)
            .collect();
        let movers: Vec<Mover> = stays
            .iter()
            .filter(|(position, mover)| {
                *position == last.position && !earlier.contains(&mover.person)
            })
            .map(|(_, mover)| mover.clone())
            .collect();
        let room: Vec<(u16, usize)> =
            taken.into_iter().filter(|(part, _)| *part != last.standing.link.part).collect();
        let seating = parts::seat(movers.len(), &room, Overflow::Hold);
        if seating.waiting > 0 {
            return;
        }
        let mut rest = movers.as_slice();
        for (number, seats) in seating.parts {
            let (now, others) = rest.split_at(seats.min(rest.len()));
            rest = others;
            if let Some(part) = before.iter().find(|part| part.standing.link.part == number) {
                self.add_to(part, now, &Reason::PartsMerged, draft);
            }
        }
        let mut deletion = self.deletion(last, Reason::PartsMerged, draft.anchor);
        deletion.after = Some(draft.anchor);
        draft.changes.push(deletion);
    }

    /// Returns whether nobody is in a part but those who stay, by what was read in this cycle.
    fn is_known(&mut self, part: &Part<'_>, stays: &[(u32, Mover)], draft: &mut Draft) -> bool {
        let here = || stays.iter().filter(|(at, _)| *at == part.position).map(|(_, mover)| mover);
        if u32::try_from(here().count()) != Ok(part.standing.placed) {
            return false;
        }
        let Some(members) = self.input.target.groups.members(part.target_id()) else {
            self.needs.members.insert(part.target_id().clone());
            draft.open = true;
            return false;
        };
        let accounts: BTreeSet<&TargetId> =
            here().filter_map(|mover| mover.account.as_ref()).collect();
        members.iter().all(|member| accounts.contains(member))
    }
}
