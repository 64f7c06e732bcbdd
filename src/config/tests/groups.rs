//! The section `[groups]`.

use super::*;
use crate::plan::rules::{Adopt, ExtraMembers, GroupFate, LeaverGroups, Overflow};

#[test]
fn groups_are_left_alone_unless_the_configuration_says_so() {
    let off = fine("").rules;
    assert_eq!(off.groups, None);
    assert!(off.group_attributes.is_empty(), "nothing more is asked of the source");
    let on = fine("[groups]\nenabled = true\n").rules;
    assert_eq!(on.group_attributes, ["displayName"]);
    let groups = on.groups.clone().expect("on");
    assert_eq!((groups.adopt, groups.overflow), (Adopt::Report, Overflow::Hold));
    assert_eq!((groups.on_unassigned, groups.deprovision), (GroupFate::Keep, GroupFate::Keep));
    assert_eq!(groups.extra_members, ExtraMembers::Report);
    assert_eq!(groups.leaver_groups, LeaverGroups::Keep);
    assert_eq!(on.guard.removals_per_group, Limit { count: 100, percent: 50 });
    assert_ne!(on.hash(), off.hash(), "the rules changed");
}

#[test]
fn every_choice_is_read() {
    let rules = fine(
        r#"
[groups]
enabled = true
match = [{ target = "Name", source = "[mailNickname]" }, { target = "Name", source = "[displayName]" }]
attribute = [{ target = "Name", source = "[description]" }]
adopt = "always"
on_unassigned = "empty"
deprovision = "delete"
overflow = "split"
extra_members = "remove"
leaver_groups = "remove"
[guard]
removals_per_group = { count = 3 }
"#,
    )
    .rules;
    assert_eq!(rules.group_attributes, ["description", "displayName", "mailNickname"]);
    assert_eq!(rules.guard.removals_per_group, Limit { count: 3, percent: 50 });
    let groups = rules.groups.expect("on");
    assert_eq!(groups.matching.len(), 2);
    assert_eq!(groups.name.text(), "[description]");
    assert_eq!((groups.adopt, groups.overflow), (Adopt::Always, Overflow::Split));
    assert_eq!((groups.on_unassigned, groups.deprovision), (GroupFate::Empty, GroupFate::Delete));
    assert_eq!(groups.extra_members, ExtraMembers::Remove);
    assert_eq!(groups.leaver_groups, LeaverGroups::Remove);
}

#[test]
fn problems_are_reported_although_groups_are_off() {
    assert_snapshot!(problems(
        r#"
[groups]
match = []
attribute = [{ target = "Nam", source = "[displayname]" }]
adopt = "ask"
overflow = "spilt"
on_unassigned = 1
"#
    ), @r###"
    config.toml:16:9: groups.match: without a matching rule, groups that exist could not be found. Give at least one rule, as { target = "Name", source = "[displayName]" }.
    config.toml:17:25: groups.attribute[1].target: `Nam` is no attribute of a group. Did you mean `Name`?
    config.toml:17:41: groups.attribute[1].source: `displayname` is no attribute of a group that can be read. Did you mean `[displayName]`?
        1 | [displayname]
          | ^^^^^^^^^^^^^
    config.toml:18:9: groups.adopt: expected `report`, `always` or `never`
    config.toml:19:12: groups.overflow: expected `hold` or `split`. Did you mean `split`?
    config.toml:20:17: groups.on_unassigned: expected `keep`, `empty` or `delete`, found a number
    "###);
    assert_snapshot!(problems("[groups]\nattribute = [{ target = \"Name\", source = '\"All\"' }]\n"),
        @r#"config.toml:15:42: groups.attribute[1].source: a constant would give all groups one and the same name. Give an attribute, as `[displayName]`."#);
}

#[test]
fn drift_is_read_by_attribute() {
    use crate::model::account::TargetAttribute;
    use crate::plan::rules::DriftWord;
    let job = fine(
        "[schedule]\ndrift = \"never\"\n[drift]\nusers = \"repair\"\nattributes = { Company = \"ignore\" }\n",
    );
    assert_eq!(job.schedule.drift, None);
    assert_eq!(fine("").schedule.drift, Some(Duration::from_secs(86_400)));
    let drift = job.rules.drift;
    assert_eq!(drift.of(TargetAttribute::Company), DriftWord::Ignore);
    assert_eq!(drift.of(TargetAttribute::Email), DriftWord::Repair);
    assert_eq!((drift.groups, drift.members), (DriftWord::Report, DriftWord::Report));
    assert_snapshot!(problems("[drift]\nusers = \"mend\"\nattributes = { Compny = \"ignore\" }\n"), @r#"
    config.toml:15:9: drift.users: expected `report`, `repair` or `ignore`
    config.toml:16:25: drift.attributes.Compny: `Compny` is no attribute of an account. Did you mean `Company`?
    "#);
}
