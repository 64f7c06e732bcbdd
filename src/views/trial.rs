//! What a trial of the rules found, for people and for programs.

use serde_json::{Value, json};

use crate::model::trial::{Finding, FindingKind, Trial};

use super::counted;
use super::held::named;

/// Findings are shown up to this one.
const SHOWN: usize = 30;

/// Returns what was tried and what was found, a line each.
pub fn text(trial: &Trial) -> String {
    let mut text = match trial.people {
        0 => "Nobody is in the snapshot yet, so the mappings were tried on nobody.\n".to_owned(),
        people => {
            let tried = counted(trial.tried, "person", "people");
            let sample = if trial.looked_at < people {
                format!(" (a sample of {} out of {people})", trial.looked_at)
            } else {
                String::new()
            };
            format!("The mappings were tried on {tried} of the snapshot in scope{sample}.\n")
        }
    };
    for finding in trial.findings.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", sentence(finding)));
    }
    if let Some(more) = trial.findings.len().checked_sub(SHOWN + 1) {
        text.push_str(&format!("  … and {} more; --json has them all\n", more + 1));
    }
    if trial.findings.is_empty() && trial.tried > 0 {
        text.push_str("  Nobody would be held.\n");
    }
    text
}

/// Returns a trial as JSON, with everybody by name.
pub fn json(trial: &Trial) -> Value {
    let finding = |one: &Finding| {
        json!({
            "kind": one.kind,
            "rule": one.rule,
            "detail": one.detail,
            "people": one.people,
            "message": sentence(one),
        })
    };
    json!({
        "tried": trial.tried,
        "lookedAt": trial.looked_at,
        "people": trial.people,
        "findings": trial.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// Returns one finding as people read it.
fn sentence(finding: &Finding) -> String {
    let Finding { kind, rule, detail, people } = finding;
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let names = named(&names);
    let count = people.len() as u64;
    let (who, gets) = match count {
        1 => ("1 person".to_owned(), "gets"),
        count => (format!("{count} people"), "get"),
    };
    match kind {
        FindingKind::Failed => format!("`{rule}` fails for {who}: {detail}: {names}"),
        FindingKind::Missing => {
            format!("{who} {gets} no value from `{rule}`, which is required: {names}")
        }
        FindingKind::Unfit => {
            format!("{who} {gets} a value from `{rule}` that is not taken, as it {detail}: {names}")
        }
        FindingKind::Double => {
            format!("{who} {gets} the same value from `{rule}`, {detail}: {names}")
        }
        FindingKind::NullBlind => {
            format!("{rule}, and lets {who} out of whom nobody knows `{detail}`: {names}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, rule: &str, detail: &str, people: &[&str]) -> Finding {
        let people = people.iter().map(|name| (*name).to_owned()).collect();
        Finding { kind, rule: rule.to_owned(), detail: detail.to_owned(), people }
    }

    #[test]
    fn every_kind_has_its_sentence() {
        let many: Vec<String> = (1..=12).map(|n| format!("p{n}@x.test")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let two = ["ada@x.test", "bob@x.test"];
        let item = "Company = Item(Split([department],\"/\"),2)";
        let none = "`Item`: there is no value 2: the attribute has 1";
        let long = "has 61 characters where ShareFile takes 50";
        let findings = vec![
            finding(FindingKind::Failed, item, none, &many),
            finding(FindingKind::Missing, "Email = [mail]", "", &two),
            finding(FindingKind::Unfit, "Company = [companyName]", long, &["cy@x.test"]),
            finding(FindingKind::Double, "Email = [mail]", "ada@x.test", &two),
            finding(
                FindingKind::NullBlind,
                "filter `Staff` wants department NOT EQUALS \"External\"",
                "department",
                &two,
            ),
        ];
        let trial = Trial { tried: 300, looked_at: 310, people: 310, findings };
        insta::assert_snapshot!(text(&trial), @r###"
    The mappings were tried on 300 people of the snapshot in scope.
      `Company = Item(Split([department],"/"),2)` fails for 12 people: `Item`: there is no value 2: the attribute has 1: p1@x.test, p2@x.test, p3@x.test, p4@x.test, p5@x.test, … and 7 more
      2 people get no value from `Email = [mail]`, which is required: ada@x.test, bob@x.test
      1 person gets a value from `Company = [companyName]` that is not taken, as it has 61 characters where ShareFile takes 50: cy@x.test
      2 people get the same value from `Email = [mail]`, ada@x.test: ada@x.test, bob@x.test
      filter `Staff` wants department NOT EQUALS "External", and lets 2 people out of whom nobody knows `department`: ada@x.test, bob@x.test
    "###);
    }

    #[test]
    fn what_was_tried_is_said() {
        let trial = |tried, looked_at, people| {
            text(&Trial { tried, looked_at, people, findings: Vec::new() })
        };
        insta::assert_snapshot!(trial(0, 0, 0), @r###"
    Nobody is in the snapshot yet, so the mappings were tried on nobody.
    "###);
        insta::assert_snapshot!(trial(1, 4, 4), @r###"
    The mappings were tried on 1 person of the snapshot in scope.
      Nobody would be held.
    "###);
        insta::assert_snapshot!(trial(9_000, 10_000, 250_000), @r###"
    The mappings were tried on 9000 people of the snapshot in scope (a sample of 10000 out of 250000).
      Nobody would be held.
    "###);
        let missing = |n| finding(FindingKind::Missing, &format!("rule {n}"), "", &["ada"]);
        let findings: Vec<Finding> = (0..33).map(missing).collect();
        let shown = text(&Trial { tried: 1, looked_at: 1, people: 1, findings });
        assert!(shown.ends_with("  … and 3 more; --json has them all\n"), "{shown}");
    }
}
