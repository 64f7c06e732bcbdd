//! What can be wrong with the page of a list, done to an answer that was right.
//!
//! Both services page alike: rows in `value`, and a link to the next page if there is one. So the
//! emulators need to know nothing of it.

use http::Uri;
use serde_json::{Map, Value, json};

use super::faults::{Fault, FaultKind};
use super::graph::dice::Dice;
use super::observe::End;

/// Marks a link to a page that was put off. It is taken away before anybody sees the request, and
/// such a page is not put off again: every list ends.
const MARK: &str = "sandbox-page=again";

/// Takes the mark off a request; returns whether there was one.
pub fn unmark(uri: &mut Uri) -> bool {
    let Some(query) = uri.query().filter(|query| query.split('&').any(|part| part == MARK)) else {
        return false;
    };
    let rest: Vec<&str> = query.split('&').filter(|part| *part != MARK).collect();
    let text = match rest.is_empty() {
        true => uri.path().to_owned(),
        false => format!("{}?{}", uri.path(), rest.join("&")),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = text.parse().ok();
    match Uri::from_parts(parts) {
        Ok(unmarked) => *uri = unmarked,
        Err(_) => return false,
    }
    true
}

/// Returns the faults that can befall an answer: those of pages, if it is one.
pub fn possible(answer: &Value, marked: bool) -> &'static [FaultKind] {
    match (answer.get("value").is_some_and(Value::is_array), marked) {
        (true, false) => &FaultKind::PAGE,
        (true, true) => &[FaultKind::ReorderedPage, FaultKind::LostRows, FaultKind::Nulls],
        (false, _) if answer.get("id").or(answer.get("Id")).is_some() => &[FaultKind::Nulls],
        (false, _) => &[],
    }
}

/// Does to an answer what a fault asks for; `url` is what was asked.
pub fn spoil(answer: &mut Value, fault: &Fault, end: End, url: &str) {
    let Some(members) = answer.as_object_mut() else {
        return;
    };
    let mut dice = Dice::new(fault.seed);
    let rows = members.get_mut("value").and_then(Value::as_array_mut);
    match (fault.kind, rows) {
        (FaultKind::EmptyPage, _) => {
            members.insert("value".to_owned(), json!([]));
            lead_back(members, end, url);
        }
        (FaultKind::RepeatedPage, _) => lead_back(members, end, url),
        (FaultKind::ReorderedPage, Some(rows)) => shuffle(rows, &mut dice),
        (FaultKind::LostRows, Some(rows)) => {
            for _ in 0..fault.lose.unwrap_or(1).min(rows.len()) {
                rows.remove(dice.below(rows.len()));
            }
        }
        (FaultKind::Nulls, Some(rows)) => {
            for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                veil(row, &fault.members);
            }
        }
        (FaultKind::Nulls, None) => veil(members, &fault.members),
        _ => {}
    }
}

/// Lets the page lead to the one that was asked for, whatever it led to.
fn lead_back(members: &mut Map<String, Value>, end: End, url: &str) {
    let prefix = if end == End::Entra { "@" } else { "" };
    members.remove(&format!("{prefix}odata.deltaLink"));
    let sign = if url.contains('?') { '&' } else { '?' };
    members.insert(format!("{prefix}odata.nextLink"), json!(format!("{url}{sign}{MARK}")));
}

/// Fisher and Yates; two rows or more never stay as they were.
fn shuffle(rows: &mut [Value], dice: &mut Dice) {
    let before = rows.to_vec();
    for last in (1..rows.len()).rev() {
        rows.swap(last, dice.below(last + 1));
    }
    if rows == before {
        rows.reverse();
    }
}

/// Turns into null what a caller without the permission would not see.
fn veil(row: &mut Map<String, Value>, names: &[String]) {
    for (name, value) in row.iter_mut() {
        let known = name.contains('@')
            || name.starts_with("odata.")
            || ["id", "url"].iter().any(|kept| name.eq_ignore_ascii_case(kept));
        if !known && (names.is_empty() || names.iter().any(|wanted| wanted == name)) {
            *value = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Value {
        let rows: Vec<Value> =
            (0..9).map(|n| json!({"id": n, "mail": "m", "@odata.type": "u"})).collect();
        json!({"@odata.deltaLink": "http://x/end", "value": rows})
    }

    fn spoilt(fault: &Fault) -> Value {
        let mut answer = page();
        spoil(&mut answer, fault, End::Entra, "http://x/users?$top=9");
        answer
    }

    #[test]
    fn a_page_that_is_put_off_leads_to_itself_once() {
        for kind in [FaultKind::EmptyPage, FaultKind::RepeatedPage] {
            let answer = spoilt(&Fault::new(kind));
            assert_eq!(answer.get("@odata.deltaLink"), None);
            let link = answer["@odata.nextLink"].as_str().unwrap();
            let mut uri: Uri = link.parse().unwrap();
            assert!(unmark(&mut uri));
            assert_eq!(uri.to_string(), "http://x/users?$top=9");
            assert!(!unmark(&mut uri));
            assert!(!possible(&answer, true).contains(&kind));
        }
        assert_eq!(spoilt(&Fault::new(FaultKind::EmptyPage))["value"], json!([]));
        assert_eq!(spoilt(&Fault::new(FaultKind::RepeatedPage))["value"], page()["value"]);
    }

    #[test]
    fn rows_are_lost_or_change_places_and_nothing_else_changes() {
        let lost = spoilt(&Fault::new(FaultKind::LostRows).lose(3));
        assert_eq!(lost["value"].as_array().map(Vec::len), Some(6));
        assert_eq!(lost["@odata.deltaLink"], page()["@odata.deltaLink"]);
        for seed in 0..50 {
            let moved = spoilt(&Fault::new(FaultKind::ReorderedPage).seed(seed));
            assert_ne!(moved["value"], page()["value"]);
            let mut ids: Vec<i64> = moved["value"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|r| r["id"].as_i64())
                .collect();
            ids.sort_unstable();
            assert_eq!(ids, (0..9).collect::<Vec<i64>>());
        }
    }

    #[test]
    fn nulls_leave_ids_and_types() {
        let veiled = spoilt(&Fault::new(FaultKind::Nulls));
        assert_eq!(veiled["value"][3], json!({"id": 3, "mail": null, "@odata.type": "u"}));
        let spared = spoilt(&Fault::new(FaultKind::Nulls).members(&["surname"]));
        assert_eq!(spared["value"], page()["value"]);
        let mut one = json!({"Id": "a", "url": "http://y", "odata.type": "t", "Email": "e"});
        spoil(&mut one, &Fault::new(FaultKind::Nulls), End::Sharefile, "http://y");
        assert_eq!(one, json!({"Id": "a", "url": "http://y", "odata.type": "t", "Email": null}));
    }

    #[test]
    fn what_is_no_page_cannot_be_a_wrong_one() {
        assert!(possible(&json!({"access_token": "x"}), false).is_empty());
        assert_eq!(possible(&json!({"id": "x"}), false), [FaultKind::Nulls]);
        assert_eq!(possible(&page(), false).len(), 5);
    }
}
