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
            wrap("(?:", "){0}"),
            wrap("(?:", "){0,300}"),
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
        let (Ok(ours), Ok(theirs)) = (Program::compile(&pattern, &mut Budget::default()), fancy_regex::Regex::new(&pattern))
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

    #[test]
    fn what_looks_behind_finds_what_its_mirror_finds_ahead(part in part(), text in "[abc]{0,9}") {
        let mut order = Vec::new();
        let pattern = format!("(?<={})$", part.forward());
        let mirror = format!("^(?={})", part.mirrored(1, &mut order));
        let reversed: String = text.chars().rev().collect();
        let compile = |pattern: &str| Program::compile(pattern, &mut Budget::default());
        let (Ok(ours), Ok(theirs)) = (compile(&pattern), compile(&mirror)) else { return Ok(()) };
        let found = ours.find(&text, 0, &mut Budget::default()).expect("within the bounds");
        let expected = theirs.find(&reversed, 0, &mut Budget::default()).expect("within the bounds");
        let turned = |(start, end): (usize, usize)| (text.len() - end, text.len() - start);
        let expected = expected.map(|places| {
            let mut groups = vec![None; order.len()];
            for (group, place) in order.iter().zip(places.iter().skip(1)) {
                groups[*group - 1] = place.map(turned);
            }
            groups
        });
        let found = found.map(|places| places[1..].to_vec());
        prop_assert_eq!(found, expected, "{} and {} in {:?}", pattern, mirror, text);
    }
}

/// A part of a regular expression that can be written from its end to its start.
#[derive(Clone, Debug)]
enum Part {
    Leaf(&'static str),
    Both(Box<Part>, Box<Part>),
    Either(Box<Part>, Box<Part>),
    Group(Box<Part>),
    Wrapped(&'static str, Box<Part>, &'static str),
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop::sample::select(vec!["a", "b", "c", "[ab]", "[^a]", ".", "", r"\w", "ab|b"]);
    let wraps =
        vec![("(?:", ")*"), ("(?:", ")+?"), ("(?:", "){0}"), ("(?:", "){1,2}"), ("(?>", ")")];
    leaf.prop_map(Part::Leaf).prop_recursive(4, 20, 2, move |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            3 => two.clone().prop_map(|(one, other)| Part::Both(one.into(), other.into())),
            1 => two.prop_map(|(one, other)| Part::Either(one.into(), other.into())),
            2 => inner.clone().prop_map(|part| Part::Group(part.into())),
            2 => (prop::sample::select(wraps.clone()), inner)
                .prop_map(|((before, after), part)| Part::Wrapped(before, part.into(), after)),
        ]
    })
}

impl Part {
    fn groups(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Both(one, other) | Self::Either(one, other) => one.groups() + other.groups(),
            Self::Group(part) => 1 + part.groups(),
            Self::Wrapped(_, part, _) => part.groups(),
        }
    }

    fn forward(&self) -> String {
        match self {
            Self::Leaf(text) => format!("(?:{text})"),
            Self::Both(one, other) => format!("{}{}", one.forward(), other.forward()),
            Self::Either(one, other) => format!("(?:{}|{})", one.forward(), other.forward()),
            Self::Group(part) => format!("({})", part.forward()),
            Self::Wrapped(before, part, after) => format!("{before}{}{after}", part.forward()),
        }
    }

    /// Writes it from its end to its start; `order` gets the numbers that its groups have forward.
    fn mirrored(&self, first: usize, order: &mut Vec<usize>) -> String {
        match self {
            Self::Leaf("ab|b") => "(?:ba|b)".to_owned(),
            Self::Leaf(text) => format!("(?:{text})"),
            Self::Both(one, other) => {
                let last = other.mirrored(first + one.groups(), order);
                format!("{last}{}", one.mirrored(first, order))
            }
            Self::Either(one, other) => {
                let one_mirrored = one.mirrored(first, order);
                format!("(?:{one_mirrored}|{})", other.mirrored(first + one.groups(), order))
            }
            Self::Group(part) => {
                order.push(first);
                format!("({})", part.mirrored(first + 1, order))
            }
            Self::Wrapped(before, part, after) => {
                format!("{before}{}{after}", part.mirrored(first, order))
            }
        }
    }
}
