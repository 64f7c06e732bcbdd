//! What filters say of one person.

use std::borrow::Cow;

use uuid::Uuid;

use super::*;
use crate::model::row::AttributeRow;
use crate::plan::tests::rules;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: i64 = 86_400_000;

fn clause(attribute: &str, operator: &str, values: &[&str]) -> Clause {
    let operator = Operator::find(operator).expect("an operator");
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    let test = Test::new(operator, &values).expect("a test");
    Clause { attribute: attribute.to_owned(), test, many: Many::Any }
}

fn anchor(n: u128) -> SourceAnchor {
    SourceAnchor(Uuid::from_u128(n))
}

fn with(filters: Vec<Vec<Clause>>) -> Rules {
    let filter = |clauses| Filter { name: None, clauses };
    let attributes = ["a", "b"].map(str::to_owned).to_vec();
    let filters = filters.into_iter().map(filter).collect();
    Rules { filters, source_attributes: attributes, ..rules() }
}

const TIME: Time = Time { now: NOW, ahead_ms: Some(0) };

fn asked(rules: &Rules, row: &AttributeRow) -> Verdict {
    let known = Assigned { assignments: &[], groups: &[] };
    Filters::of_people(rules, known, TIME).verdict(row, &[])
}

#[test]
fn clauses_and_filters_or_and_a_null_holds_in_none() {
    let rules = with(vec![
        vec![clause("a", "EQUALS", &["x"]), clause("b", "NOT EQUALS", &["y"])],
        vec![clause("a", "IS NULL", &[])],
    ]);
    for (a, b, expected) in [
        (Some("x"), Some("z"), Verdict::In),
        (Some(" x "), Some("z"), Verdict::In),
        (Some("x"), Some("y"), Verdict::Out),
        (Some("x"), None, Verdict::Out),
        (Some("x"), Some("  "), Verdict::Out),
        (None, None, Verdict::In),
        (Some(" "), Some("y"), Verdict::In),
    ] {
        assert_eq!(asked(&rules, &AttributeRow::pack([a, b])), expected, "{a:?} {b:?}");
    }
    assert_eq!(asked(&with(Vec::new()), &AttributeRow::default()), Verdict::In);
}

#[test]
fn nulls_may_compare_as_empty_texts() {
    let nobody = AttributeRow::default();
    let none: &[&str] = &[];
    for (operator, values, entra, empty) in [
        ("NOT EQUALS", &["x"][..], false, true),
        ("EQUALS", &["x"], false, false),
        ("NOT IN", &["x", "y"], false, true),
        ("NOT REGEX MATCH", &["x"], false, true),
        ("REGEX MATCH", &["^$"], false, true),
        ("GREATER_THAN", &["-1"], false, false),
        ("!&", &["2"], false, false),
        ("BEFORE", &["now"], false, false),
        ("IS FALSE", none, false, false),
        ("IS NULL", none, true, true),
        ("IS NOT NULL", none, false, false),
    ] {
        for (nulls, expected) in [(Nulls::Entra, entra), (Nulls::Empty, empty)] {
            let rules = Rules { nulls, ..with(vec![vec![clause("a", operator, values)]]) };
            let verdict = if expected { Verdict::In } else { Verdict::Out };
            assert_eq!(asked(&rules, &nobody), verdict, "{operator} {nulls:?}");
        }
    }
}

/// A row whose first attribute has many values.
struct Lists(Vec<&'static str>);

impl Attributes for Lists {
    fn attribute(&self, place: usize) -> Attribute<'_> {
        match place {
            0 => Attribute::Texts(self.0.iter().copied().map(Cow::Borrowed).collect()),
            _ => Attribute::Null,
        }
    }
}

#[test]
fn of_many_values_any_or_all_have_to_pass() {
    let says = |many, operator: &str, values: &[&'static str]| {
        let mut clause = clause("a", operator, &["x"]);
        clause.many = many;
        let rules = with(vec![vec![clause]]);
        let known = Assigned { assignments: &[], groups: &[] };
        let filters = Filters::of_people(&rules, known, TIME);
        filters.verdict(&Lists(values.to_vec()), &[]) == Verdict::In
    };
    for (values, any, all) in [
        (&["x", "x"][..], true, true),
        (&["x", "y"], true, false),
        (&["y", "z"], false, false),
        (&[" ", "x"], true, true),
        (&[], false, false),
    ] {
        assert_eq!(says(Many::Any, "EQUALS", values), any, "{values:?}");
        assert_eq!(says(Many::All, "EQUALS", values), all, "{values:?}");
    }
    assert!(says(Many::Any, "NOT EQUALS", &["x", "y"]), "one of them is another");
    assert!(!says(Many::All, "NOT EQUALS", &["x", "y"]));
}

#[test]
fn groups_count_by_id_and_by_name_if_they_are_assigned() {
    let row = |principal, role: u128| Assignment {
        principal: anchor(principal),
        kind: PrincipalKind::Group,
        role: Uuid::from_u128(role),
    };
    let assignments = [row(10, 1), row(20, 1), row(30, 0), row(50, 1)];
    let group = |n, name: &str| SourceGroup {
        anchor: anchor(n),
        presence: Presence::Present,
        attributes: AttributeRow::pack([Some("x"), Some(name)]),
    };
    let unread = SourceGroup {
        presence: Presence::Unread,
        attributes: AttributeRow::default(),
        ..group(50, "")
    };
    let groups =
        [group(10, "Sales"), group(20, "Staff"), group(30, "Default"), group(40, "Other"), unread];
    let says = |operator: &str, value: &str, of: &[u128]| {
        let rules = Rules {
            group_attributes: ["description", "displayName"].map(str::to_owned).to_vec(),
            ..with(vec![vec![clause(MEMBER_OF, operator, &[value])]])
        };
        let known = Assigned { assignments: &assignments, groups: &groups };
        let of: Vec<SourceAnchor> = of.iter().map(|n| anchor(*n)).collect();
        Filters::of_people(&rules, known, TIME).verdict(&AttributeRow::default(), &of)
    };
    assert_eq!(says("MEMBER OF", "sales ", &[10, 20]), Verdict::In);
    assert_eq!(says("MEMBER OF", "Sales", &[20]), Verdict::Out);
    assert_eq!(says("NOT MEMBER OF", "Sales", &[20]), Verdict::In);
    assert_eq!(says("NOT MEMBER OF", &anchor(20).to_string(), &[20]), Verdict::Out);
    for nobody_knows in ["Other", "Default", "Nobody", &anchor(40).to_string()] {
        for operator in ["MEMBER OF", "NOT MEMBER OF"] {
            let verdict = says(operator, nobody_knows, &[20]);
            assert!(matches!(&verdict, Verdict::Unknown(_)), "{nobody_knows}: {verdict:?}");
        }
    }
    // What could not be read may have that name.
    let doubt = Verdict::Unknown(
        "a group that could not be read may be \"Sales\"; its id would be certain".to_owned(),
    );
    assert_eq!(says("MEMBER OF", "Sales", &[50]), doubt);
    assert_eq!(says("NOT MEMBER OF", "Sales", &[20, 50]), doubt);
    assert_eq!(says("MEMBER OF", "Sales", &[10, 50]), Verdict::In, "there is another one");
    assert_eq!(says("NOT MEMBER OF", "Sales", &[10, 50]), Verdict::Out);
    assert_eq!(says("MEMBER OF", &anchor(50).to_string(), &[50]), Verdict::In);
    assert_eq!(says("MEMBER OF", &anchor(10).to_string(), &[50]), Verdict::Out);
    let unknown = || clause(MEMBER_OF, "MEMBER OF", &["Nobody"]);
    let row = AttributeRow::pack([Some("x")]);
    let never = vec![unknown(), clause("a", "EQUALS", &["y"])];
    assert_eq!(asked(&with(vec![never.clone()]), &row), Verdict::Out, "whatever the group says");
    let always = vec![clause("a", "EQUALS", &["x"])];
    assert_eq!(asked(&with(vec![vec![unknown()], always]), &row), Verdict::In);
    let either = asked(&with(vec![never, vec![unknown()]]), &row);
    assert_eq!(either, Verdict::Unknown("no assigned group is \"Nobody\"".to_owned()));
}

#[test]
fn the_next_change_is_the_first_of_all_clauses() {
    let rules = with(vec![
        vec![clause("a", "AFTER", &["now-30d"]), clause("a", "BEFORE", &["2030-01-01"])],
        vec![clause("b", "ON_OR_BEFORE", &["now"])],
    ]);
    let known = Assigned { assignments: &[], groups: &[] };
    let filters = Filters::of_people(&rules, known, TIME);
    let date = |days| jiff::Timestamp::from_millisecond(NOW.0 + days * DAY).unwrap().to_string();
    let next = |a: Option<&str>, b: Option<&str>| {
        filters.next_change(&AttributeRow::pack([a, b])).map(|at| (at.0 - NOW.0) / DAY)
    };
    assert_eq!(next(Some(&date(-10)), Some(&date(25))), Some(20), "thirty days after the first");
    assert_eq!(next(Some(&date(-10)), Some(&date(5))), Some(5));
    assert_eq!(next(Some(&date(-40)), Some(&date(-1))), None, "both are past");
    assert_eq!(next(Some("soon"), None), None);
}

#[test]
fn a_clock_that_is_wrong_decides_nothing() {
    let rules = with(vec![vec![clause("a", "AFTER", &["now-30d"])]]);
    let says = |ahead_ms, days| {
        let date = jiff::Timestamp::from_millisecond(NOW.0 + days * DAY).unwrap().to_string();
        let known = Assigned { assignments: &[], groups: &[] };
        let filters = Filters::of_people(&rules, known, Time { now: NOW, ahead_ms });
        filters.verdict(&AttributeRow::pack([Some(date.as_str())]), &[])
    };
    assert_eq!(says(Some(60_000), -31), Verdict::Out, "a minute is nothing");
    assert!(matches!(says(Some(5 * DAY), -31), Verdict::Unknown(_)), "it is not that late");
    assert_eq!(says(Some(5 * DAY), -40), Verdict::Out, "it is, by both clocks");
    assert_eq!(says(Some(-5 * DAY), -20), Verdict::In);
    assert!(matches!(says(None, -31), Verdict::Unknown(_)), "nobody told the time");
}

#[test]
fn filters_name_themselves_and_the_clause_that_decided() {
    let mut all = clause("a", "ENDS_WITH", &["x"]);
    all.many = Many::All;
    let mut rules = with(vec![
        vec![clause("b", "IS NOT NULL", &[]), clause("a", "IN", &["y", "z"])],
        vec![all],
        vec![clause("b", "BEFORE", &["now-30d"])],
    ]);
    rules.filters[0].name = Some("Staff".to_owned());
    let known = Assigned { assignments: &[], groups: &[] };
    let why = Filters::of_people(&rules, known, TIME)
        .why_out(&AttributeRow::pack([Some("u"), Some("v")]), &[]);
    let wanted = "filter `Staff` wants a IN [\"y\", \"z\"], filter 2 wants all of a ENDS_WITH \
                  \"x\", filter 3 wants b BEFORE now-4w2d";
    assert_eq!(why, wanted);
}

#[test]
fn who_lacks_a_value_is_told_of_clauses_that_decide_and_once() {
    let not = |attribute| clause(attribute, "NOT EQUALS", &["x"]);
    let is = |attribute| clause(attribute, "EQUALS", &["x"]);
    let blind = |filters, b| {
        let rules = with(filters);
        let known = Assigned { assignments: &[], groups: &[] };
        let row = AttributeRow::pack([None, b]);
        let found = Filters::of_people(&rules, known, TIME).blind(&row, &[]);
        let of = |(wants, attribute): (String, &str)| {
            let (filter, _) = wants.split_once(" wants ").expect("a filter");
            format!("{filter}: {attribute}")
        };
        found.into_iter().map(of).collect::<Vec<_>>()
    };
    let told = ["filter 1: a"];
    assert_eq!(blind(vec![vec![not("a"), is("b")]], Some("x")), told);
    // Another clause lets the person out anyway.
    assert_eq!(blind(vec![vec![not("a"), is("b")]], Some("y")), [""; 0]);
    assert_eq!(blind(vec![vec![is("b"), not("a")], vec![not("a")]], None), ["filter 2: a"]);
    assert_eq!(blind(vec![vec![not("a"), not("b")]], Some("x")), [""; 0]);
    assert_eq!(blind(vec![vec![not("a"), not("b")]], None), ["filter 1: a", "filter 1: b"]);
    assert_eq!(blind(vec![vec![not("a"), not("a")]], None), told);
}
