//! Drift: what others changed at the target since this job last wrote there.
//!
//! An account is compared with what was read back after the last write, not with what was sent: a
//! value that the target spells in its own way is no drift.

use crate::model::account::{Link, TargetUser};
use crate::model::group::{GroupStanding, TargetGroup};
use crate::model::plan::{Drift, ObjectKind};
use crate::model::row::AttributeRow;

use super::change::label_of;
use super::map::REDACTED;
use super::rules::{Apply, DriftWord, Rules};

/// What was found of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drifted {
    /// What counts as sent, with what was found where it is to be repaired; `None` if nothing is.
    pub repair: Option<AttributeRow>,
    /// What is reported.
    pub report: Vec<Drift>,
}

/// Compares a linked account with what was read back of it. Only attributes that the rules keep in
/// step count.
pub fn of_account(rules: &Rules, link: &Link, account: &TargetUser) -> Drifted {
    let mut drifted = Drifted::default();
    let kept = rules.mappings.iter().filter(|mapping| mapping.apply == Apply::Always);
    for target in kept.map(|mapping| mapping.target) {
        let expected = link.shadow.read_back.get(target.index());
        let found = account.value(target);
        // What the list or the record does not show may be anything.
        let told = target.is_listed() || (expected.is_some() && found.is_some());
        if !told || target.agree(expected, found) {
            continue;
        }
        match rules.drift.of(target) {
            DriftWord::Ignore => {}
            DriftWord::Report => {
                let shown = |value| match rules.hides(target) {
                    true => REDACTED.to_owned(),
                    false => target.shown(value).into_owned(),
                };
                let (expected, found) = (expected.map(shown), found.map(shown));
                let (expected, found) = (expected.as_deref(), found.as_deref());
                drifted.report.push(of_value(link, target.name(), expected, found));
            }
            DriftWord::Repair => {
                let base = drifted.repair.take();
                let base = base.as_ref().unwrap_or(&link.shadow.sent);
                drifted.repair = Some(base.with(target.index(), found));
            }
        }
    }
    drifted
}

/// Describes a value of an account.
pub fn of_value(
    link: &Link,
    attribute: &str,
    expected: Option<&str>,
    found: Option<&str>,
) -> Drift {
    Drift {
        object: ObjectKind::User,
        anchor: link.anchor,
        label: label_of(&link.shadow.sent, link.anchor),
        target_id: link.target_id.clone(),
        attribute: attribute.to_owned(),
        expected: expected.map(str::to_owned),
        found: found.map(str::to_owned),
    }
}

/// Compares the name of a linked group with the one that was read back.
pub fn of_name(standing: &GroupStanding, group: &TargetGroup) -> Option<Drift> {
    let link = &standing.link;
    // A record without a name is one that was not shown in full.
    (!group.name.is_empty() && group.name != link.name_read_back).then(|| Drift {
        object: ObjectKind::Group,
        anchor: link.anchor,
        label: link.name_sent.clone(),
        target_id: link.target_id.clone(),
        attribute: "Name".to_owned(),
        expected: Some(link.name_read_back.clone()),
        found: Some(group.name.clone()),
    })
}

/// Tells that somebody made a linked group private: administrators no longer see it.
pub fn of_sharing(standing: &GroupStanding, group: &TargetGroup) -> Option<Drift> {
    let link = &standing.link;
    (!group.name.is_empty() && !group.shared).then(|| Drift {
        object: ObjectKind::Group,
        anchor: link.anchor,
        label: link.name_sent.clone(),
        target_id: link.target_id.clone(),
        attribute: "IsShared".to_owned(),
        expected: Some("True".to_owned()),
        found: Some("False".to_owned()),
    })
}

/// Describes a member who is missing (`expected`), or who is there besides (`found`).
pub fn of_member(
    standing: &GroupStanding,
    expected: Option<String>,
    found: Option<String>,
) -> Drift {
    let link = &standing.link;
    Drift {
        object: ObjectKind::Group,
        anchor: link.anchor,
        label: link.name_sent.clone(),
        target_id: link.target_id.clone(),
        attribute: "Member".to_owned(),
        expected,
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::TargetAttribute;
    use crate::model::account::{AccountKind, Detail, LinkState, Origin, Shadow};
    use crate::model::ids::{SourceAnchor, TargetId, Timestamp};
    use crate::plan::rules::DriftRules;
    use crate::plan::tests::{rules, values as row};

    #[test]
    fn each_attribute_follows_its_own_word() {
        let sent = row("ada@x.test", "Ada", "Lovelace");
        let link = Link {
            anchor: SourceAnchor(uuid::Uuid::from_u128(1)),
            target_id: TargetId::new("a"),
            origin: Origin::Created,
            state: LinkState::Active,
            linked_at: Timestamp(0),
            state_since: Timestamp(0),
            leaving: None,
            shadow: Shadow {
                read_back: row("ADA@x.test", "Ada A.", "Lovelace"),
                sent: sent.clone(),
                kind: AccountKind::Employee,
                disabled: false,
            },
        };
        let account = |mail: &str, first: &str, last: &str| {
            let values = row(mail, first, last).with(3, Some("Contoso"));
            let account = TargetUser::plain(TargetId::new("a"), AccountKind::Employee, values);
            TargetUser { detail: Detail::Listed, ..account }
        };
        let mut rules = rules();
        // Spelled by the target in its own way, and a company that nobody maps.
        let same = of_account(&rules, &link, &account("ada@x.test", "Ada A.", "Lovelace"));
        assert_eq!(same, Drifted::default());

        let edited = account("ada@x.test", "Countess", "King");
        let found = of_account(&rules, &link, &edited);
        let reported: Vec<_> = found
            .report
            .iter()
            .map(|drift| {
                (drift.attribute.as_str(), drift.expected.as_deref(), drift.found.as_deref())
            })
            .collect();
        assert_eq!(
            reported,
            [
                ("FirstName", Some("Ada A."), Some("Countess")),
                ("LastName", Some("Lovelace"), Some("King"))
            ]
        );
        assert_eq!(found.repair, None);

        rules.drift = DriftRules {
            users: DriftWord::Repair,
            attributes: vec![(TargetAttribute::FirstName, DriftWord::Ignore)],
            ..rules.drift
        };
        let found = of_account(&rules, &link, &edited);
        assert!(found.report.is_empty());
        assert_eq!(found.repair, Some(row("ada@x.test", "Ada", "King")));
    }
}
