//! Functions that ask the directory, the target or chance.

use super::datum::Datum;
use super::error::{Failure, Fault};
use super::eval::{Outcome, Scope};
use super::random::Random;

/// `DefaultDomain()`
pub(super) fn default_domain<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    match scope.evaluator.given.default_domain {
        Some(domain) if !domain.is_empty() => Ok(Datum::text(domain)),
        _ => Err(scope.fault_of(Failure::NotGiven, "the default domain is not known")),
    }
}

/// `Guid()`
pub(super) fn guid<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let random = random(scope)?;
    let bits = (u128::from(random.next()) << 64) | u128::from(random.next());
    let guid = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
    Ok(Datum::text(guid.hyphenated().to_string()))
}

/// Returns what the call draws from.
fn random<'x>(scope: &'x mut Scope<'_, '_>) -> Result<&'x mut Random, Fault> {
    let missing = scope.fault_of(Failure::NotGiven, "there is no randomness to draw from");
    scope.evaluator.random.as_mut().ok_or(missing)
}

/// `SelectUniqueValue(rule1…N)`
///
/// A rule that gives no value is passed over.
pub(super) fn select<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let mut taken = Vec::new();
    for index in 0..scope.count() {
        let Some(value) = scope.text(index)?.filter(|value| !value.is_empty()) else { continue };
        if !(scope.evaluator.given.taken)(&value) {
            return Ok(Datum::Text(value));
        }
        taken.push(scope.quote(&value));
    }
    let message = match taken.len() {
        0 => "no rule gives a value".to_owned(),
        1 => format!("{} is taken in the target", taken.join("")),
        count => format!("all {count} values are taken in the target: {}", taken.join(", ")),
    };
    Err(scope.fault_of(Failure::NoneUnique, message))
}

/// The characters of each kind: digits, special characters, capitals, small letters.
const KINDS: [&str; 4] = [
    "0123456789",
    "!#$%&()*+,-./:;<=>?@[]^_{|}~",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
];

/// What the kinds are called in messages.
const NAMES: [&str; 4] = ["digits", SPECIAL, "capitals", "small letters"];

/// What the kind is called that a text does not get unless it is asked for.
const SPECIAL: &str = "special characters";

/// The longest random text.
const MOST_LENGTH: i64 = 256;

/// What a random text is made of.
#[derive(Debug)]
pub(super) struct Recipe {
    length: usize,
    /// How many of each kind at least, and which they are.
    kinds: [(usize, Vec<char>); 4],
}

impl Recipe {
    /// Checks that such a text is possible.
    ///
    /// # Errors
    /// Says why it is not.
    pub fn new(length: i64, least: [i64; 4], avoid: &str) -> Result<Self, String> {
        if !(1..=MOST_LENGTH).contains(&length) {
            return Err(format!("the length is 1 to {MOST_LENGTH}, not {length}"));
        }
        if let Some(negative) = least.into_iter().find(|count| *count < 0) {
            return Err(format!("{negative} is no number of characters"));
        }
        let sum = least.iter().fold(0_i64, |sum, count| sum.saturating_add(*count));
        if sum > length {
            return Err(format!("the minimums add up to {sum}, and the length is {length}"));
        }
        let mut kinds: [(usize, Vec<char>); 4] = Default::default();
        let named = KINDS.into_iter().zip(NAMES);
        for ((kind, count), (chars, name)) in kinds.iter_mut().zip(least).zip(named) {
            let usable: Vec<char> = chars.chars().filter(|c| !avoid.contains(*c)).collect();
            if count > 0 && usable.is_empty() {
                return Err(format!("all {name} are to be avoided"));
            }
            *kind = (usize::try_from(count).unwrap_or(0), usable);
        }
        let recipe = Self { length: usize::try_from(length).unwrap_or(0), kinds };
        let full = usize::try_from(sum).is_ok_and(|sum| sum == recipe.length);
        if !full && recipe.filling().is_empty() {
            return Err("all characters are to be avoided".to_owned());
        }
        Ok(recipe)
    }

    /// Returns what the rest of the text is made of: the kinds that are asked for; letters and
    /// digits if none is.
    fn filling(&self) -> Vec<char> {
        let asked = self.kinds.iter().any(|(count, _)| *count > 0);
        let kinds = self.kinds.iter().zip(NAMES);
        let fills = kinds.filter(|((count, _), name)| match asked {
            true => *count > 0,
            false => *name != SPECIAL,
        });
        fills.flat_map(|((_, chars), _)| chars.iter().copied()).collect()
    }

    fn draw(&self, random: &mut Random) -> String {
        let pick = |chars: &[char], random: &mut Random| {
            chars.get(random.below(chars.len())).copied().unwrap_or('0')
        };
        let mut drawn: Vec<char> = Vec::with_capacity(self.length);
        for (count, chars) in &self.kinds {
            for _ in 0..*count {
                drawn.push(pick(chars, random));
            }
        }
        let filling = self.filling();
        while drawn.len() < self.length {
            drawn.push(pick(&filling, random));
        }
        for last in (1..drawn.len()).rev() {
            drawn.swap(last, random.below(last + 1));
        }
        drawn.into_iter().collect()
    }
}

/// `RandomString(length, minNumbers, minSpecial, minCapital, minLower, avoid)`
pub(super) fn random_text<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let length = scope.whole(0)?;
    let mut least = [0; 4];
    for (index, count) in (1..).zip(&mut least) {
        *count = scope.whole(index)?;
    }
    let avoid = scope.text_or_empty(5)?;
    let recipe =
        Recipe::new(length, least, &avoid).map_err(|message| scope.fault(scope.detail(message)))?;
    Ok(Datum::text(recipe.draw(random(scope)?)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOBODY, error, parsed, run, text};
    use super::super::{Expression, Failure, Flow, Given, Value, unique_key};

    #[test]
    fn the_first_free_value() {
        let unique = "SelectUniqueValue([no], \"A@x\", \"B@x\", [e])";
        let with = |taken: &[&str]| {
            let is_taken =
                |value: &str| taken.iter().any(|one| unique_key(one) == unique_key(value));
            let given = Given { taken: &is_taken, ..Given::default() };
            run(&parsed(unique), &[("e", "")], &given)
        };
        assert_eq!(with(&[]), Ok(Flow::Value(Value::Text("A@x".into()))));
        assert_eq!(with(&["a@X"]), Ok(Flow::Value(Value::Text("B@x".into()))));
        let error = with(&["A@x", "b@x"]).expect_err("none is free");
        assert_eq!(error.kind, Failure::NoneUnique);
        assert!(error.message.contains("all 2 values are taken"), "{}", error.message);
        assert!(error.message.contains("\"A@x\", \"B@x\""), "{}", error.message);
    }

    #[test]
    fn rules_behind_the_first_free_value_raise_nothing() {
        assert_eq!(text("SelectUniqueValue(\"a\", CDate([no]))", &NOBODY), "a");
        let message = error("SelectUniqueValue([no], [no])", &NOBODY);
        assert!(message.contains("no rule gives a value"), "{message}");
    }

    #[test]
    fn it_is_a_whole_expression_with_two_rules_or_more() {
        for (wrong, part) in [
            ("ToLower(SelectUniqueValue(\"a\", \"b\"))", "whole expression"),
            ("IgnoreFlowIfNullOrEmpty(SelectUniqueValue(\"a\", \"b\"))", "whole expression"),
            ("SelectUniqueValue(\"a\")", "at least 2 arguments"),
        ] {
            let message = error(wrong, &NOBODY);
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn what_is_not_given_is_an_error() {
        let given = Given::default();
        for expression in ["Now()", "DefaultDomain()", "Guid()", "RandomString(1,0,0,0,0)"] {
            let error = run(&parsed(expression), &NOBODY, &given).expect_err(expression);
            assert_eq!(error.kind, Failure::NotGiven, "{expression}");
        }
    }

    #[test]
    fn guids_differ_within_one_expression() {
        let both = text("Join(\" \", Guid(), Guid())", &NOBODY);
        let (left, right) = both.split_once(' ').expect("two");
        assert_ne!(left, right);
        assert_eq!(left.len(), 36);
        assert_eq!(left.as_bytes()[14], b'4');
        assert_eq!(text("Join(\" \", Guid(), Guid())", &NOBODY), both, "the seed is the same");
    }

    #[test]
    fn random_texts_keep_their_minimums() {
        let expression: Expression = parsed("RandomString(10,2,2,2,1,\"?,\")");
        for seed in 0..200 {
            let given = Given { seed: Some([seed; 32]), ..Given::default() };
            let Ok(Flow::Value(Value::Text(drawn))) = run(&expression, &NOBODY, &given) else {
                panic!("no text");
            };
            let count = |test: fn(&char) -> bool| drawn.chars().filter(test).count();
            assert_eq!(drawn.len(), 10);
            assert!(count(char::is_ascii_digit) >= 2 && count(char::is_ascii_uppercase) >= 2);
            assert!(count(char::is_ascii_lowercase) >= 1);
            assert!(count(char::is_ascii_punctuation) >= 2 && !drawn.contains(['?', ',']));
        }
    }

    #[test]
    fn the_kinds_are_mixed() {
        let expression: Expression = parsed("RandomString(6,3,0,0,3)");
        let starts = |seed| {
            let given = Given { seed: Some([seed; 32]), ..Given::default() };
            match run(&expression, &NOBODY, &given) {
                Ok(Flow::Value(Value::Text(drawn))) => {
                    drawn.starts_with(|c: char| c.is_ascii_digit())
                }
                other => panic!("{other:?}"),
            }
        };
        let digits = (0..100).filter(|seed| starts(*seed)).count();
        assert!((20..80).contains(&digits), "{digits} of 100 start with a digit");
    }

    #[test]
    fn random_texts_without_minimums_are_letters_and_digits() {
        let drawn = text("RandomString(256,0,0,0,0)", &NOBODY);
        assert!(drawn.len() == 256 && drawn.bytes().all(|b| b.is_ascii_alphanumeric()), "{drawn}");
        let digits = text("RandomString(50,1,0,0,0,\"0123456\")", &NOBODY);
        assert!(digits.bytes().all(|b| matches!(b, b'7'..=b'9')), "{digits}");
    }

    #[test]
    fn impossible_random_texts() {
        for (wrong, part) in [
            ("RandomString(0,0,0,0,0)", "1 to 256"),
            ("RandomString(257,0,0,0,0)", "1 to 256"),
            ("RandomString(5,3,3,0,0)", "add up to 6"),
            ("RandomString(5,-1,0,0,0)", "no number of characters"),
            ("RandomString(5,1,0,0,0,\"0123456789\")", "all digits are to be avoided"),
            ("RandomString([n],0,0,0,0)", "1 to 256"),
            ("RandomString(9,9223372036854775807,9223372036854775807,1,1)", "add up"),
        ] {
            let message = error(wrong, &[("n", "300")]);
            assert!(message.contains(part), "{wrong}: {message}");
        }
    }
}
