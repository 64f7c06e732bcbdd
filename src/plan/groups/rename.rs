//! Names of groups that exist: a rename is one call by id.

use super::*;

impl<'a> Planner<'a> {
    /// Returns whether no group of others has the names that parts are to have; asks, and holds. A
    /// name that differs by case alone is no new one.
    fn is_free(&mut self, name: &str, renamed: &[&Part<'_>], draft: &mut Draft<'a>) -> bool {
        for part in renamed {
            let link = &part.standing.link;
            let name = parts::part_name(name, link.part);
            if self.rules.adopt == Adopt::Never || name_key(&name) == name_key(&link.name_sent) {
                continue;
            }
            match self.of_name(&name, draft) {
                Some(found) if found.is_empty() => {}
                Some(found) => {
                    draft.hold(HoldKind::NameClash, not_ours(&found));
                    return false;
                }
                None => return false,
            }
        }
        true
    }

    pub(super) fn rename(
        &mut self,
        group: &SourceGroup,
        name: &str,
        live: &[Part<'a>],
        draft: &mut Draft<'a>,
    ) {
        let repair = self.renamed_by_others(live, draft);
        let differs = |part: &&Part<'_>| {
            let link = &part.standing.link;
            link.name_sent != parts::part_name(name, link.part) || repair.contains(&link.part)
        };
        let renamed: Vec<&Part<'_>> = live.iter().filter(differs).collect();
        if renamed.is_empty() {
            return;
        }
        let others = self.names.others(name, group.anchor);
        if !others.is_empty() {
            return draft.hold(HoldKind::NameClash, self.names.clash(&others, name));
        }
        if !self.is_free(name, &renamed, draft) {
            return;
        }
        for part in renamed {
            let link = &part.standing.link;
            let name = parts::part_name(name, link.part);
            let write = GroupWrite {
                part: link.part,
                target_id: Some(link.target_id.clone()),
                call: GroupCall::Rename { name: name.clone() },
            };
            draft.rewrites.push(change(Making {
                anchor: draft.anchor,
                label: name.clone(),
                target_id: Some(link.target_id.clone()),
                action: ProvisioningAction::Update,
                reasons: vec![if link.name_sent == name {
                    Reason::Drifted
                } else {
                    Reason::Renamed
                }],
                modified: vec![named(Some(&link.name_sent), &name)],
                write: Write::Group(write),
                link: LinkAfter::Group {
                    part: link.part,
                    origin: link.origin.clone(),
                    state: GroupLinkState::Active,
                    name,
                    found: Vec::new(),
                },
            }));
        }
    }
}

/// Says which groups of others have the name that a group wants.
pub(super) fn not_ours(found: &[&TargetGroup]) -> String {
    let names: Vec<String> = found.iter().map(|group| describe(group)).collect();
    format!(
        "ShareFile has {}, which this job did not make; see `groups.adopt`",
        names.join(" and ")
    )
}

/// Returns a group of the target in words, for the details of a hold.
pub(super) fn describe(group: &TargetGroup) -> String {
    let shared = if group.shared { "the shared group" } else { "the private group" };
    format!("{shared} {} ({})", group.name, group.id)
}
