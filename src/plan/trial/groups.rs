//! The rules for groups, tried on those that are assigned.

use crate::model::group::SourceGroup;
use crate::model::identity::Presence;
use crate::model::ids::SourceAnchor;
use crate::model::trial::FindingKind;
use crate::plan::filter::DISPLAY_NAME;
use crate::plan::groups::{GroupScope, name_key};
use crate::plan::input::PlanInput;
use crate::plan::map::{Expression, Given, Single};
use crate::plan::rules::GroupRules;

use super::draft::{Draft, Who};

/// Tries the rules on all groups that could be read; `counts` says which of them are assigned.
pub fn try_all(
    input: &PlanInput<'_>,
    rules: &GroupRules,
    counts: &dyn Fn(SourceAnchor) -> bool,
    draft: &mut Draft<'_>,
) {
    let names = &input.rules.group_attributes;
    let prepare = |source: &Expression| Single::new(source, names);
    let (name, matching) = (prepare(&rules.name), rules.matching.iter());
    let matching: Vec<_> = matching.map(|source| (source, prepare(source))).collect();
    let place = names.binary_search_by(|known| known.as_str().cmp(DISPLAY_NAME)).ok();
    let scope = GroupScope::new(input, rules);
    let given = Given::default();
    let wanted = |group: &&SourceGroup| {
        let assigned = group.presence == Presence::Present && counts(group.anchor);
        assigned && scope.why_out(group.anchor).is_none()
    };
    for group in input.groups.groups.iter().filter(wanted) {
        let called = place.and_then(|place| group.attributes.get(place));
        let who = Who::group(called.map_or_else(|| group.anchor.to_string(), str::to_owned));
        if let Some(why) = scope.why_unknown(group.anchor) {
            draft.note(FindingKind::Undecided, "groups.filter", why, &who);
            continue;
        }
        draft.count_group();
        let rule = || format!("groups.attribute: Name = {}", rules.name.text());
        match name.eval(&group.attributes, &given).map(|said| said.value()) {
            Ok(Some(name)) => draft.name_group(rule(), name_key(&name), &who),
            Ok(None) => draft.note(FindingKind::Missing, rule(), "", &who),
            Err(why) => draft.note(FindingKind::Failed, rule(), &why, &who),
        }
        let links = || input.groups.links.iter();
        let linked = links().any(|standing| standing.link.anchor == group.anchor);
        let mut searcher = who.for_new_only(linked);
        // One that fails holds the group; those behind one that gives a name are reached if no group
        // is called so.
        for (source, single) in &matching {
            match single.eval(&group.attributes, &given).map(|said| said.value()) {
                Err(why) => {
                    let rule = format!("groups.match: Name = {}", source.text());
                    draft.note(FindingKind::Failed, rule, &why, &searcher);
                    break;
                }
                Ok(Some(_)) => searcher = searcher.if_reached(),
                Ok(None) => {}
            }
        }
    }
}
