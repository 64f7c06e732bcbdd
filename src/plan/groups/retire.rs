//! Groups that are no longer assigned, or no longer exist.

use super::members::here;
use super::*;

impl<'a> Planner<'a> {
    /// A group that is no longer assigned or no longer exists.
    pub(super) fn retire(
        &self,
        group: Option<&SourceGroup>,
        live: &[Part<'a>],
        moves: GroupMoves,
        draft: &mut Draft<'a>,
    ) {
        let deleted = group.is_some_and(is_deleted);
        let (fate, reason) = match self.scope.why_out(draft.anchor) {
            _ if deleted => (self.rules.deprovision, Reason::GroupDeleted),
            Some(filters) => {
                let filters = filters.to_owned();
                (self.rules.on_unassigned, Reason::Filtered { filters })
            }
            None => (self.rules.on_unassigned, Reason::GroupUnassigned),
        };
        let whole = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        match fate {
            GroupFate::Keep => {
                if self.rules.leaver_groups == LeaverGroups::Remove {
                    live.iter().for_each(|part| self.strip(part, &moves, draft));
                }
                release(live, &reason, draft);
            }
            GroupFate::Empty if whole => {
                for part in live {
                    let everybody = here(part, &moves.leaves).chain(here(part, &moves.left));
                    let everybody = self.without_protected(everybody, draft);
                    draft.goes(part, &everybody, Kind::Emptied, &reason);
                }
                if draft.outs.is_empty() {
                    release(live, &reason, draft);
                }
            }
            GroupFate::Delete if whole => {
                draft.fate = live.iter().map(|part| deletion(part, reason.clone())).collect();
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
        live: &[Part<'a>],
        moves: &GroupMoves,
        reason: &Reason,
        draft: &mut Draft<'a>,
    ) {
        let released = |part: &&Part<'_>| part.standing.link.state == GroupLinkState::Released;
        for part in live.iter().filter(released) {
            let leaves = self.without_protected(here(part, &moves.leaves), draft);
            draft.goes(part, &leaves, Kind::Leaves, reason);
            self.strip(part, moves, draft);
        }
    }
}

fn release<'a>(live: &[Part<'a>], reason: &Reason, draft: &mut Draft<'a>) {
    for part in live.iter().filter(|part| part.standing.link.state == GroupLinkState::Active) {
        let after = part.keep(GroupLinkState::Released);
        draft.changes.push(note(part, reason.clone(), after));
    }
}

/// Deletes a group, or a part of one.
pub(super) fn deletion(part: &Part<'_>, reason: Reason) -> PlannedChange {
    let link = &part.standing.link;
    let mut deletion = change(Making {
        anchor: link.anchor,
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
    });
    deletion.counted = true;
    deletion
}

/// The group of a link is gone: the link ends, and the group is planned again.
pub(super) fn end(part: &Part<'_>) -> PlannedChange {
    let after = LinkAfter::EndGroup { part: part.standing.link.part };
    PlannedChange { unfinished: true, ..note(part, Reason::GroupGone, after) }
}
