//! What is seen of a group at the target: its name and its members, if others changed them.

use crate::plan::drift;
use crate::plan::rules::DriftWord;

use super::*;

impl<'a> Planner<'a> {
    /// Compares the names of the parts with what was read back of them. Returns the parts whose name
    /// is to be put right.
    pub(super) fn renamed_by_others(&self, live: &[Part<'_>], draft: &mut Draft<'a>) -> Vec<u16> {
        let word = self.input.rules.drift.groups;
        let mut repair = Vec::new();
        for part in live {
            let seen = self.input.target.groups.get(part.target_id());
            let name = seen.and_then(|group| drift::of_name(part.standing, group));
            let sharing = seen.and_then(|group| drift::of_sharing(part.standing, group));
            let mut found = name.into_iter().chain(sharing).peekable();
            match word {
                DriftWord::Report => draft.drift.extend(found),
                DriftWord::Repair if found.peek().is_some() => {
                    repair.push(part.standing.link.part);
                }
                DriftWord::Repair | DriftWord::Ignore => {}
            }
        }
        repair
    }

    /// Whenever the members of a group were read: those whom somebody else put in are kept, reported
    /// or taken out, and those whom somebody else took out are reported or put back.
    pub(super) fn compare_members(
        &self,
        live: &[Part<'a>],
        moves: &GroupMoves,
        joins: &[Mover],
        draft: &mut Draft<'a>,
    ) {
        if self.input.groups.subjects.binary_search(&draft.anchor).is_err() {
            return;
        }
        for part in live {
            let Some(members) = self.input.target.groups.members(part.target_id()) else {
                continue;
            };
            self.missing(part, members, &moves.stays, draft);
            // Whatever is planned for those whom this job put in, they are no strangers.
            let placed = self.placed.get(&part.position).into_iter().flatten().copied();
            let ours: BTreeSet<&TargetId> = placed
                .chain(joins.iter().filter_map(|mover| mover.account.as_ref()))
                .chain(&moves.expected)
                .collect();
            let extra: Vec<TargetId> = members
                .iter()
                .filter(|member| !ours.contains(member))
                .filter(|member| self.protection.of_id(member).is_none())
                .cloned()
                .collect();
            self.extra(part, &extra, draft);
            draft.seen += members.len() as u64;
        }
    }

    fn extra(&self, part: &Part<'a>, extra: &[TargetId], draft: &mut Draft<'a>) {
        let names: Vec<String> = extra.iter().map(|id| self.account_name(id)).collect();
        match self.rules.extra_members {
            ExtraMembers::Keep => {}
            ExtraMembers::Report => {
                let found = |name| drift::of_member(part.standing, None, Some(name));
                draft.drift.extend(names.into_iter().map(found));
            }
            ExtraMembers::Remove => {
                for (id, name) in extra.iter().zip(names) {
                    let (kind, reason) = (Kind::Stranger, Reason::ExtraMembers);
                    let out = Out::new(part, kind, Member::of_account(id.clone()), name, reason);
                    draft.outs.push(out);
                }
            }
        }
    }

    fn missing(
        &self,
        part: &Part<'a>,
        members: &[TargetId],
        stays: &[(u32, Mover)],
        draft: &mut Draft<'a>,
    ) {
        let is_out = |mover: &&Mover| {
            mover.account.as_ref().is_some_and(|account| members.binary_search(account).is_err())
        };
        let here = stays.iter().filter(|(at, _)| *at == part.position).map(|(_, mover)| mover);
        let missing: Vec<Mover> = here.filter(is_out).cloned().collect();
        match self.input.rules.drift.members {
            DriftWord::Ignore => {}
            DriftWord::Report => {
                let lost = |mover: Mover| drift::of_member(part.standing, Some(mover.label), None);
                draft.drift.extend(missing.into_iter().map(lost));
            }
            DriftWord::Repair => draft.comes(part, &missing, Kind::Joins, &Reason::Drifted),
        }
    }

    /// Returns what an account is called: its address, where it is known.
    fn account_name(&self, id: &TargetId) -> String {
        let known = self.input.target.by_id(id);
        let address = known.map(|known| known.account.address()).filter(|text| !text.is_empty());
        address.map_or_else(|| id.to_string(), str::to_owned)
    }
}
