//! What holds for every text, and for every expression.
//!
//! Each property is tried on 512 inputs, or on as many more as `PROPTEST_CASES` says:
//! `PROPTEST_CASES=100000 cargo test --release --lib map::tests::properties`.

use proptest::prelude::*;

use super::super::testing::{Person, given};
use super::super::{Expects, Expression, FUNCTIONS, Flow, Given, Need, Value, render};

/// Constants that functions have an opinion about.
const TEXTS: &[&str] = &[
    "",
    " ",
    ",",
    "a",
    "Abc Def",
    "é😀ß",
    "True",
    "false",
    "0",
    "1",
    "-3",
    "2.5",
    "99999999999999999999",
    "2020-03-16-07:00",
    "12/31/9999 11:59:59 PM",
    "0001-01-01",
    "yyyy-MM-dd",
    "zzz",
    "ddd, h tt FFF",
    "d",
    "yyyy",
    "m",
    "ww",
    "h",
    "n",
    "s",
    "tr",
    "en-US",
    "ASCII",
    "(a)|b*",
    "(?<g>\\\\d+)",
    "g",
    "$1",
    "${g}",
    "$",
    ".*",
    "(?=a)",
    "(?=(a|aa)+$)c",
    "(a+)+\\\\1b",
    "(?<=(a*)*)\\\\1!",
    "(?=a)(?:(?:(a|b)|c){0}){90000}$",
    "(?<=(\\\\w+))b",
    "(",
    "vbTextCompare",
    "SGVsbG8=",
    "{\\\"value\\\":\\\"R\\\"}",
    "AllowWhiteSpaces",
];

/// A constant in its quotes, a number, or an attribute.
fn leaf() -> BoxedStrategy<String> {
    prop_oneof![
        4 => prop::sample::select(TEXTS).prop_map(|text| format!("\"{text}\"")),
        2 => "[ -~é😀]{0,12}".prop_map(|text| {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => (-3_i64..12).prop_map(|number| number.to_string()),
        4 => prop::sample::select(vec!["[a]", "[b]", "[many]", "[none]", "[appRoleAssignments]"])
            .prop_map(str::to_owned),
    ]
    .boxed()
}

/// Expressions that mostly parse: calls with about the right arguments.
fn expression() -> BoxedStrategy<String> {
    leaf()
        .prop_recursive(5, 40, 6, |inner| {
            let call = prop::sample::select((0..FUNCTIONS.len()).collect::<Vec<_>>());
            (call, prop::collection::vec(inner, 8), 0..10_u8, 0..8_usize).prop_map(
                |(index, args, shape, extra)| {
                    let function = &FUNCTIONS[index];
                    let (least, most) = function.arity();
                    let count = most.map_or(least + extra / 2 * 2, |most| most.min(least + extra));
                    let args: Vec<String> = (0..count)
                        .map(|place| {
                            let parameter = function.parameter(place);
                            let optional = parameter.is_some_and(|one| one.need == Need::Optional);
                            let arg = args[place % args.len()].clone();
                            match parameter.map(|one| one.kind) {
                                _ if optional && shape % 3 == 0 => String::new(),
                                Some(Expects::Whole) if shape < 7 => {
                                    format!("{}", i64::from(shape) - 2)
                                }
                                Some(Expects::Date) if shape < 7 => "CDate([day])".to_owned(),
                                Some(Expects::Condition) if shape < 5 => format!("{arg} >= [a]"),
                                Some(Expects::Roles) => "[appRoleAssignments]".to_owned(),
                                Some(Expects::Compare) => "vbTextCompare".to_owned(),
                                Some(Expects::Outcome) if shape == 9 => {
                                    "IgnoreAttributeFlow".to_owned()
                                }
                                _ => arg,
                            }
                        })
                        .collect();
                    format!("{}({})", function.name, args.join(", "))
                },
            )
        })
        .boxed()
}

fn person() -> impl Strategy<Value = Person> {
    let value = prop_oneof![
        prop::sample::select(TEXTS).prop_map(str::to_owned),
        any::<String>(),
        Just("2024-02-29".to_owned()),
        Just("a".repeat(16_000))
    ];
    (value.clone(), value.clone(), prop::collection::vec(value, 0..4)).prop_map(|(a, day, many)| {
        let named = [("a", vec![a]), ("day", vec![day]), ("many", many)];
        Person(named.into_iter().map(|(name, values)| (name.to_owned(), values)).collect())
    })
}

/// Parses, draws the error, writes and parses again, evaluates twice.
fn whole(text: &str, person: &Person) {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(text.is_char_boundary(error.at) && error.at <= error.until, "{error:?}");
            assert!(!render(text, &error).is_empty());
            return;
        }
    };
    assert!(expression.text().chars().count() <= text.chars().count());
    let again = Expression::parse(expression.text()).expect("the canonical text parses");
    assert_eq!(again, expression);
    assert_eq!(again.attributes(), expression.attributes());
    assert_eq!(again.uses(), expression.uses());
    let bound = expression.bind(|name| person.0.keys().position(|one| one == name));
    let given: Given<'_> = given();
    let first = bound.eval(person, &given);
    if let Err(error) = &first {
        assert!(!render(expression.source(), error).is_empty());
    }
    let rebound = again.bind(|name| person.0.keys().position(|one| one == name));
    let second = rebound.eval(person, &given);
    match (&first, &second) {
        (Ok(first), Ok(second)) => assert_eq!(first, second),
        (Err(first), Err(second)) => assert_eq!(first.message, second.message),
        _ => panic!("{text}: {first:?} and {second:?}"),
    }
    let (third, _) = bound.trace(person, &given);
    assert_eq!(first, third);
    bound.candidates(person, &given);
}

/// How many inputs each property is tried on.
fn cases() -> u32 {
    ProptestConfig::default().cases.max(512)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>(), person in person()) {
        whole(&text, &person);
    }

    #[test]
    fn texts_of_the_alphabet_are_parsed_or_refused(
        text in r#"([\[\]"(),<>= \\&a-c0-9.-]|IIF|Join|Replace|Switch|\[a\]|"x"){0,30}"#,
        person in person(),
    ) {
        whole(&text, &person);
    }

    #[test]
    fn expressions_are_evaluated_or_refused(text in expression(), person in person()) {
        whole(&text, &person);
    }

    #[test]
    fn patterns_are_compiled_or_refused(
        pattern in r#"([a-c.*+?|^$(){}\[\]\\<>=!:,0-9 -]|\(\?<n>|\(\?<?=|\{0\}|\{0,900\}|\\[dwsbkpZ]){0,20}"#,
        replacement in r#"[$a{}n0-9&+_' ]{0,8}"#,
        text in "[a-c\n é]{0,40}",
    ) {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let expression = format!("Replace([a], , \"{}\", , \"{}\")", quoted(&pattern), quoted(&replacement));
        whole(&expression, &Person([("a".to_owned(), vec![text])].into()));
    }

    #[test]
    fn dates_that_are_written_are_read_again(seconds in -62_135_596_800_i64..=253_402_300_799) {
        let date = jiff::Timestamp::from_second(seconds).expect("a time");
        let given = Given { now: Some(date), ..given() };
        let nobody = Person::default();
        for expression in [
            "IIF(Now()=CStr(Now()),\"same\",\"other\")",
            "IIF(Now()=FormatDateTime(Now(),\"G\",\"o\"),\"same\",\"other\")",
            "IIF(Now()=CDate(FormatDateTime(CStr(Now()),\"M/d/yyyy h:mm:ss tt\",\"s\")),\"same\",\"other\")",
            "IIF(CStr(Now())=FormatDateTime(FormatDateTime(Now(),\"G\",\"R\"),\"R\",\"G\"),\"same\",\"other\")",
        ] {
            let bound = Expression::parse(expression).expect("valid").bind(|_| None);
            let same = Flow::Value(Value::Text("same".into()));
            prop_assert_eq!(bound.eval(&nobody, &given), Ok(same), "{} {}", expression, date);
        }
    }
}

#[test]
fn most_generated_expressions_are_expressions() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut parsed, mut valued) = (0, 0);
    for _ in 0..400 {
        let text = expression().new_tree(&mut runner).expect("an expression").current();
        let Ok(expression) = Expression::parse(&text) else { continue };
        parsed += 1;
        let bound = expression.bind(|_| None);
        valued += usize::from(bound.eval(&Person::default(), &given()).is_ok());
    }
    assert!(parsed > 100 && valued > 50, "{parsed} parsed, {valued} gave something");
}
