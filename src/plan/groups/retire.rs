//! Groups that are no longer assigned, or no longer exist.

use super::*;

impl<'a> Planner<'a> {
    /// A group that is no longer assigned or no longer exists.
    pub(super) fn retire(
        &self,
        group: Option<&SourceGroup>,
        live: &[Part<'_>],
        moves: GroupMoves,
        draft: &mut Draft,
    ) {
        let deleted = group.is_some_and(is_deleted);
        let (fate, reason) = if deleted {
            (self.rules.deprovision, Reason::GroupDeleted)
        } else {
            (self.rules.on_unassigned, Reason::GroupUnassigned)
        };
        let whole = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        match fate {
            GroupFate::Keep => {
                if self.rules.leaver_groups == LeaverGroups::Remove {
                    let left = GroupMoves { left: moves.left, ..GroupMoves::default() };
                    self.remove(live, &left, draft);
                }
                self.release(live, &reason, draft);
            }
            GroupFate::Empty if whole => {
                for part in live {
                    let everybody = moves.leaves.iter().chain(&moves.left);
                    let here: Vec<Mover> = everybody
                        .filter(|(position, _)| *position == part.position)
                        .map(|(_, mover)| mover.clone())
                        .collect();
                    let state = GroupLinkState::Released;
                    let removals = self.removals(part, &here, reason.clone(), state, draft.anchor);
                    draft.fate.extend(removals);
                }
                if draft.fate.is_empty() {
                    self.release(live, &reason, draft);
                }
            }
            GroupFate::Delete if whole => {
                let delete = |part| self.deletion(part, reason.clone(), draft.anchor);
                draft.fate = live.iter().map(delete).collect();
            }
            GroupFate::Empty => self.empty_further(live, &moves, &reason, draft),
            // Somebody of the group was planned, not the group itself.
            GroupFate::Delete => {}
        }
    }

    /// Whoever could not be taken out while the group was emptied, because their own change had to
    /// wait, goes as soon as they are planned.
    fn empty_further(
        &self,
        live: &[Part<'_>],
        moves: &GroupMoves,
        reason: &Reason,
        draft: &mut Draft,
    ) {
        let released = |part: &&Part<'_>| part.standing.link.state == GroupLinkState::Released;
        for part in live.iter().filter(released) {
            let out = |movers: &[(u32, Mover)]| {
                let here = movers.iter().filter(|(position, _)| *position == part.position);
                let here: Vec<Mover> = here.map(|(_, mover)| mover.clone()).collect();
                let state = GroupLinkState::Released;
                self.removals(part, &here, reason.clone(), state, draft.anchor)
            };
            let (leaves, left) = (out(&moves.leaves), out(&moves.left));
            draft.removals.extend(leaves);
            draft.changes.extend(left);
        }
    }

    pub(super) fn release(&self, live: &[Part<'_>], reason: &Reason, draft: &mut Draft) {
        for part in live.iter().filter(|part| part.standing.link.state == GroupLinkState::Active) {
            let after = part.keep(GroupLinkState::Released);
            draft.changes.push(self.note(part, reason.clone(), after, draft.anchor));
        }
    }

    pub(super) fn deletion(
        &self,
        part: &Part<'_>,
        reason: Reason,
        anchor: SourceAnchor,
    ) -> PlannedChange {
        let link = &part.standing.link;
        self.change(Making {
            anchor,
            label: link.name_sent.clone(),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Delete,
            reasons: vec![reason],
            modified: vec![ModifiedProperty {
                name: "Name".to_owned(),
                old: Some(link.name_sent.clone()),
                new: None,
            }],
            write: Write::Group(GroupWrite {
                part: link.part,
                target_id: Some(link.target_id.clone()),
                call: GroupCall::Delete,
            }),
            link: LinkAfter::EndGroup { part: link.part },
        })
    }

    /// The group of a link is gone: the link ends.
    pub(super) fn end(&self, draft: &Draft, part: &Part<'_>) -> PlannedChange {
        let after = LinkAfter::EndGroup { part: part.standing.link.part };
        self.note(part, Reason::GroupGone, after, draft.anchor)
    }
}
