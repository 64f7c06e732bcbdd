//! What a trial of the rules found, for people and for programs.

use serde_json::{Value, json};

use crate::model::plan::ObjectKind;
use crate::model::trial::{Finding, FindingKind, Trial};

use super::counted;
use super::held::named;

/// Findings are shown up to this one.
const SHOWN: usize = 30;

/// Returns what was tried and what was found, a line each.
pub fn text(trial: &Trial) -> String {
    let mut text = match trial.people {
        0 => "Nobody is in the snapshot yet, so the rules were tried on nobody.\n".to_owned(),
        people => {
            let mut tried = counted(trial.tried, "person", "people");
            if trial.groups > 0 {
                tried.push_str(&format!(" and {}", counted(trial.groups, "group", "groups")));
            }
            let sample = if trial.looked_at < people {
                format!("a sample of {} out of ", trial.looked_at)
            } else {
                String::new()
            };
            let people = counted(people, "person", "people");
            format!(
                "The rules were tried on {tried} in scope, of {sample}{people} in the snapshot.\n"
            )
        }
    };
    for finding in trial.findings.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", sentence(finding)));
    }
    if let Some(more) = trial.findings.len().checked_sub(SHOWN + 1) {
        text.push_str(&format!("  … and {} more; --json has them all\n", more + 1));
    }
    if trial.findings.is_empty() && trial.tried + trial.groups > 0 {
        text.push_str(SOUND);
    }
    text
}

/// What is said where nothing is found: values alone were looked at.
const SOUND: &str = "  No rule fails on them, and every value fits. Which accounts, addresses and \
                     licences ShareFile has was not looked at: `plan` does that.\n";

/// Returns a trial as JSON, with everybody by name.
pub fn json(trial: &Trial) -> Value {
    let finding = |one: &Finding| {
        json!({
            "kind": one.kind,
            "of": if one.of == ObjectKind::Group { "groups" } else { "people" },
            "forNewOnly": one.for_new_only,
            "ifReached": one.if_reached,
            "rule": one.rule,
            "detail": one.detail,
            "names": one.names,
            "message": sentence(one),
        })
    };
    json!({
        "tried": trial.tried,
        "groups": trial.groups,
        "lookedAt": trial.looked_at,
        "people": trial.people,
        "findings": trial.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// Returns one finding as people read it.
fn sentence(finding: &Finding) -> String {
    let Finding { kind, of, for_new_only, if_reached, rule, detail, names } = finding;
    let (count, group) = (names.len() as u64, *of == ObjectKind::Group);
    let (one, several) = if group { ("group", "groups") } else { ("person", "people") };
    let who = counted(count, one, several);
    let gets = if count == 1 { "gets" } else { "get" };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut names = named(&names);
    let thing = if group { "a group in ShareFile" } else { "an account" };
    if *for_new_only {
        names.push_str(&format!(" (there is {thing} already; this is about new ones only)"));
    }
    if *if_reached {
        names.push_str(&format!(" (if no rule before it finds {thing})"));
    }
    match kind {
        FindingKind::Failed => format!("`{rule}` fails for {who}: {detail}: {names}"),
        FindingKind::Missing if detail.is_empty() => {
            format!("{who} {gets} no value from `{rule}`, which is required: {names}")
        }
        FindingKind::Missing => {
            format!("{who} {gets} no value from {detail} in `{rule}`, which is required: {names}")
        }
        FindingKind::Unfit => {
            format!("{who} {gets} a value from `{rule}` that is not taken, as it {detail}: {names}")
        }
        FindingKind::Double => {
            format!("{who} {gets} the same value from `{rule}`, {detail}: {names}")
        }
        FindingKind::SameMatch => {
            format!("{who} match one account by `{rule}`, if there is one with {detail}: {names}")
        }
        FindingKind::Undecided => {
            format!("`{rule}` cannot tell whether it lets {who} in, as {detail}: {names}")
        }
        FindingKind::LeftAlone => format!("`{rule}` leaves {who} alone: {names}"),
        FindingKind::NullBlind => {
            format!("{rule}, and lets {who} out of whom nobody knows `{detail}`: {names}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, rule: &str, detail: &str, names: &[&str]) -> Finding {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let (rule, detail) = (rule.to_owned(), detail.to_owned());
        let (for_new_only, if_reached) = (false, false);
        Finding { kind, of: ObjectKind::User, for_new_only, if_reached, rule, detail, names }
    }

    fn of_groups(finding: Finding) -> Finding {
        Finding { of: ObjectKind::Group, ..finding }
    }

    fn for_new_only(finding: Finding) -> Finding {
        Finding { for_new_only: true, ..finding }
    }

    #[test]
    fn every_kind_has_its_sentence() {
        use FindingKind::*;
        let many: Vec<String> = (1..=12).map(|n| format!("p{n}@x.test")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let two = ["ada@x.test", "bob@x.test"];
        let (item, name) = (
            "Company = Item(Split([department],\"/\"),2)",
            "groups.attribute: Name = [description]",
        );
        let none = "`Item`: there is no value 2: the attribute has 1";
        let long = "has 61 characters where ShareFile takes 50";
        let (email, both) = (
            "users.match: Email = [mail]",
            "users.match: FirstName = [givenName], LastName = [surname]",
        );
        let clause = "filter `Staff` wants department NOT EQUALS \"External\"";
        let findings = vec![
            finding(Failed, item, none, &many),
            of_groups(finding(Failed, name, none, &["Sales"])),
            finding(Missing, "Email = [mail]", "", &two),
            finding(Missing, both, "[surname]", &["cy@x.test"]),
            of_groups(finding(Missing, name, "", &["Board", "Sales"])),
            finding(Unfit, "Company = [companyName]", long, &["cy@x.test"]),
            finding(Double, "Email = [mail]", "ada@x.test", &two),
            of_groups(finding(Double, name, "sales", &["Sales", "Sales (North)"])),
            finding(SameMatch, email, "ada@x.test", &two),
            finding(Undecided, "scope.filter", "no assigned group is \"Staff\"", &two),
            of_groups(finding(Undecided, "groups.filter", "it is odd", &["Sales"])),
            finding(LeftAlone, item, "", &two),
            finding(NullBlind, clause, "department", &two),
            for_new_only(finding(Missing, email, "", &["ada@x.test"])),
            for_new_only(of_groups(finding(Failed, name, none, &["Sales"]))),
            Finding { if_reached: true, ..finding(Missing, both, "", &two) },
            for_new_only(Finding { if_reached: true, ..finding(Failed, email, none, &two) }),
        ];
        let trial = Trial { tried: 300, groups: 2, looked_at: 310, people: 310, findings };
        insta::assert_snapshot!(text(&trial), @r###"
    The rules were tried on 300 people and 2 groups in scope, of 310 people in the snapshot.
      `Company = Item(Split([department],"/"),2)` fails for 12 people: `Item`: there is no value 2: the attribute has 1: p1@x.test, p2@x.test, p3@x.test, p4@x.test, p5@x.test, … and 7 more
      `groups.attribute: Name = [description]` fails for 1 group: `Item`: there is no value 2: the attribute has 1: Sales
      2 people get no value from `Email = [mail]`, which is required: ada@x.test, bob@x.test
      1 person gets no value from [surname] in `users.match: FirstName = [givenName], LastName = [surname]`, which is required: cy@x.test
      2 groups get no value from `groups.attribute: Name = [description]`, which is required: Board, Sales
      1 person gets a value from `Company = [companyName]` that is not taken, as it has 61 characters where ShareFile takes 50: cy@x.test
      2 people get the same value from `Email = [mail]`, ada@x.test: ada@x.test, bob@x.test
      2 groups get the same value from `groups.attribute: Name = [description]`, sales: Sales, Sales (North)
      2 people match one account by `users.match: Email = [mail]`, if there is one with ada@x.test: ada@x.test, bob@x.test
      `scope.filter` cannot tell whether it lets 2 people in, as no assigned group is "Staff": ada@x.test, bob@x.test
      `groups.filter` cannot tell whether it lets 1 group in, as it is odd: Sales
      `Company = Item(Split([department],"/"),2)` leaves 2 people alone: ada@x.test, bob@x.test
      filter `Staff` wants department NOT EQUALS "External", and lets 2 people out of whom nobody knows `department`: ada@x.test, bob@x.test
      1 person gets no value from `users.match: Email = [mail]`, which is required: ada@x.test (there is an account already; this is about new ones only)
      `groups.attribute: Name = [description]` fails for 1 group: `Item`: there is no value 2: the attribute has 1: Sales (there is a group in ShareFile already; this is about new ones only)
      2 people get no value from `users.match: FirstName = [givenName], LastName = [surname]`, which is required: ada@x.test, bob@x.test (if no rule before it finds an account)
      `users.match: Email = [mail]` fails for 2 people: `Item`: there is no value 2: the attribute has 1: ada@x.test, bob@x.test (there is an account already; this is about new ones only) (if no rule before it finds an account)
    "###);
    }

    #[test]
    fn what_was_tried_is_said() {
        let trial = |tried, looked_at, people| {
            text(&Trial { tried, looked_at, people, ..Trial::default() })
        };
        insta::assert_snapshot!(trial(0, 0, 0), @r###"
    Nobody is in the snapshot yet, so the rules were tried on nobody.
    "###);
        insta::assert_snapshot!(trial(1, 4, 4), @r###"
    The rules were tried on 1 person in scope, of 4 people in the snapshot.
      No rule fails on them, and every value fits. Which accounts, addresses and licences ShareFile has was not looked at: `plan` does that.
    "###);
        insta::assert_snapshot!(trial(9_000, 10_000, 250_000), @r###"
    The rules were tried on 9000 people in scope, of a sample of 10000 out of 250000 people in the snapshot.
      No rule fails on them, and every value fits. Which accounts, addresses and licences ShareFile has was not looked at: `plan` does that.
    "###);
        let missing = |n| finding(FindingKind::Missing, &format!("rule {n}"), "", &["ada"]);
        let findings: Vec<Finding> = (0..33).map(missing).collect();
        let shown =
            text(&Trial { tried: 1, looked_at: 1, people: 1, findings, ..Trial::default() });
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 1 + SHOWN + 1);
        insta::assert_snapshot!(lines[SHOWN + 1], @"  … and 3 more; --json has them all");
    }
}
