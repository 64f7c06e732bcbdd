//! Members: who is taken out, who comes in, and into which part.

use super::*;

impl<'a> Planner<'a> {
    /// Takes out who left the group, and by the rules who left altogether.
    pub(super) fn remove(&self, live: &[Part<'a>], moves: &GroupMoves, draft: &mut Draft<'a>) {
        for part in live {
            let leaves = self.without_protected(here(part, &moves.leaves), draft);
            draft.goes(part, &leaves, Kind::Leaves, &Reason::MembersLeft);
            if self.rules.leaver_groups == LeaverGroups::Remove {
                self.strip(part, moves, draft);
            }
        }
    }

    /// Takes out who left altogether.
    pub(super) fn strip(&self, part: &Part<'a>, moves: &GroupMoves, draft: &mut Draft<'a>) {
        let left = self.without_protected(here(part, &moves.left), draft);
        let (now, before): (Vec<Mover>, Vec<Mover>) =
            left.into_iter().partition(|mover| mover.awaits);
        draft.goes(part, &now, Kind::Left, &Reason::LeftAltogether);
        draft.goes(part, &before, Kind::LeftBefore, &Reason::LeftAltogether);
    }

    /// Returns how many members each part has once those who leave are out.
    pub(super) fn taken(
        &self,
        live: &[Part<'a>],
        leaves: &[(u32, Mover)],
        left: &[(u32, Mover)],
    ) -> Vec<(u16, usize)> {
        let strips = self.rules.leaver_groups == LeaverGroups::Remove;
        live.iter()
            .map(|part| {
                let out = |movers| here(part, movers).count();
                let out = out(leaves) + if strips { out(left) } else { 0 };
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
        live: &[Part<'a>],
        taken: &mut Vec<(u16, usize)>,
        joins: &[Mover],
        draft: &mut Draft<'a>,
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
                Some(part) => draft.comes(part, now, Kind::Joins, &Reason::MembersJoined),
                None => self.open_part(*number, now, draft),
            }
        }
        self.full(seating.waiting, draft);
    }

    /// Holds those who find no place.
    pub(super) fn full(&self, waiting: usize, draft: &mut Draft<'a>) {
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
    /// those who move: its members are read first. Returns whether the part is merged.
    pub(super) fn merge(
        &mut self,
        live: &[Part<'a>],
        taken: Vec<(u16, usize)>,
        joining: usize,
        stays: &[(u32, Mover)],
        draft: &mut Draft<'a>,
    ) -> bool {
        let whole = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        let Some((last, before)) = live.split_last() else {
            return false;
        };
        let created = last.standing.link.origin == Origin::Created;
        let begins = before.first().is_some_and(|part| part.standing.link.part == 1);
        if !whole || !created || !begins || joining > 0 || !parts::mergeable(&taken) {
            return false;
        }
        if !self.is_known(last, stays, draft) {
            return false;
        }
        let others = stays.iter().filter(|(position, _)| *position != last.position);
        let earlier: BTreeSet<SourceAnchor> = others.map(|(_, mover)| mover.person).collect();
        let movers = here(last, stays).filter(|mover| !earlier.contains(&mover.person));
        let movers: Vec<Mover> = movers.cloned().collect();
        let room: Vec<(u16, usize)> =
            taken.into_iter().filter(|(part, _)| *part != last.standing.link.part).collect();
        let seating = parts::seat(movers.len(), &room, Overflow::Hold);
        if seating.waiting > 0 {
            return false;
        }
        let mut rest = movers.as_slice();
        for (number, seats) in seating.parts {
            let (now, others) = rest.split_at(seats.min(rest.len()));
            rest = others;
            if let Some(part) = before.iter().find(|part| part.standing.link.part == number) {
                draft.comes(part, now, Kind::Merges, &Reason::PartsMerged);
            }
        }
        let mut deletion = deletion(last, Reason::PartsMerged);
        deletion.after = Some(draft.anchor);
        draft.merged.push(deletion);
        true
    }

    /// Returns whether nobody is in a part but those who stay, by what was read in this cycle. Where
    /// others are about to go, the group is looked at again once they are out.
    fn is_known(&mut self, part: &Part<'_>, stays: &[(u32, Mover)], draft: &mut Draft<'a>) -> bool {
        let placed = usize::try_from(part.standing.placed).unwrap_or(usize::MAX);
        let staying = here(part, stays).count();
        if staying != placed {
            let going = draft.outs.iter().filter(|out| out.position == part.position).count();
            draft.again |= staying + going == placed;
            return false;
        }
        let Some(members) = self.input.target.groups.members(part.target_id()) else {
            self.needs.members.insert(part.target_id().clone());
            draft.open = true;
            return false;
        };
        let accounts: BTreeSet<&TargetId> =
            here(part, stays).filter_map(|mover| mover.account.as_ref()).collect();
        members.iter().all(|member| accounts.contains(member))
    }
}

/// Returns those of a list who are in a part.
pub(super) fn here<'m>(
    part: &Part<'_>,
    movers: &'m [(u32, Mover)],
) -> impl Iterator<Item = &'m Mover> {
    let position = part.position;
    movers.iter().filter(move |(at, _)| *at == position).map(|(_, mover)| mover)
}
