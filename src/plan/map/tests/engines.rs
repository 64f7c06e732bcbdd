//! The machine that goes back against the engine whose parser it uses: what both can search they
//! find in the same place.

use proptest::prelude::*;

use super::super::backtrack::Program;
use super::super::pattern::Budget;

/// A regular expression in the spelling of the engines, with few letters, so that it often matches.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "b", "c", "[ab]", "[^a]", ".", r"\w", r"\b", "^", "$", "(?i)B", "", "ab", r"\1",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let wrap = |before: &'static str, after: &'static str| {
            inner.clone().prop_map(move |part| format!("{before}{part}{after}"))
        };
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one}{other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("(?:{one}|{other})")),
            wrap("(", ")"),
            wrap("(?:", ")*"),
            wrap("(?:", ")+?"),
            wrap("(?:", "){1,2}"),
            wrap("(?:", ")??"),
            wrap("(?=", ")"),
            wrap("(?!", ")"),
            wrap("(?>", ")"),
            wrap("(?<=a)", ""),
            wrap("(?<![bc])", ""),
        ]
    })
}

/// Where a group is.
type Place = Option<(usize, usize)>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_engines_find_the_same(pattern in pattern(), text in "[abcAB ]{0,9}") {
        let (Ok(ours), Ok(theirs)) = (Program::compile(&pattern), fancy_regex::Regex::new(&pattern))
        else { return Ok(()) };
        let Ok(found) = ours.find(&text, 0, &mut Budget::default()) else { return Ok(()) };
        let Ok(expected) = theirs.captures(&text) else { return Ok(()) };
        let expected = expected.map(|found| {
            let place = |at: usize| found.get(at).map(|one| (one.start(), one.end()));
            (0..found.len()).map(place).collect::<Vec<_>>()
        });
        let whole = |places: &Option<Vec<Place>>| places.as_ref().map(|places| places[0]);
        prop_assert_eq!(whole(&found), whole(&expected), "{} in {:?}", pattern, text);
        // In .NET a group in the last, empty turn of a loop took part; here it is as before that turn.
        let says = |place: &Place| place.is_some_and(|(start, end)| start < end);
        let groups = found.into_iter().flatten().zip(expected.into_iter().flatten());
        for (found, expected) in groups.filter(|(found, expected)| says(found) && says(expected)) {
            prop_assert_eq!(found, expected, "{} in {:?}", pattern, text);
        }
    }
}
