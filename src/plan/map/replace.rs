//! `Replace`, in each of its forms.

use std::borrow::Cow;

use super::datum::Datum;
use super::error::{Failure, Fault};
use super::eval::{Bounded, Outcome, Scope};
use super::pattern::{Found, Pattern};
use super::syntax::{Call, Ready};

/// Where the parameters are.
const OLD: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const NEW: usize = 4;
const ATTRIBUTE: usize = 5;
const TEMPLATE: usize = 6;

/// A call of `Replace` as far as it does not depend on the person.
#[derive(Clone, Debug)]
pub(super) struct Replacing {
    form: Form,
    /// The pattern, if it is constant.
    pattern: Option<Pattern>,
    /// The replacement for a pattern, if both are constant.
    replacement: Option<Replacement>,
}

/// What is replaced by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The old value by the argument at that place.
    Text(usize),
    /// The old value in the template by the source.
    Template,
    /// The matches of the pattern by the argument at that place.
    Pattern(usize),
    /// The group in the matches of the pattern by the new value.
    Group,
    /// The source, else the group in what the other attribute matches.
    Other,
}

impl Replacing {
    /// Sorts out which form a call is.
    ///
    /// # Errors
    /// Gives the index of an argument and what is wrong with it.
    pub fn new(call: &Call) -> Result<Self, (usize, String)> {
        // Exported schemas write an empty text where nothing is given. As the new value it is one.
        let given = |index| {
            let empty = index != NEW && call.constant(index) == Some("");
            call.given(index).is_some() && !empty
        };
        if call.constant(OLD) == Some("") && !given(PATTERN) {
            return Err((OLD, "the oldValue of `Replace` is not empty".into()));
        }
        let form = match (given(OLD), given(PATTERN), given(GROUP)) {
            (true, true, _) => {
                return Err((
                    PATTERN,
                    "`Replace` takes an oldValue or a regexPattern, not both".into(),
                ));
            }
            (_, false, true) => {
                return Err((GROUP, "a regexGroupName needs a regexPattern".into()));
            }
            (false, false, _) => {
                return Err((0, "`Replace` needs an oldValue or a regexPattern".into()));
            }
            (true, false, false) if given(TEMPLATE) => Form::Template,
            (true, false, false) => Form::Text(if given(NEW) { NEW } else { ATTRIBUTE }),
            (false, true, true) => {
                if given(ATTRIBUTE) {
                    Form::Other
                } else {
                    Form::Group
                }
            }
            (false, true, false) => Form::Pattern(if given(NEW) { NEW } else { ATTRIBUTE }),
        };
        let used = match form {
            Form::Text(new) | Form::Pattern(new) => new,
            Form::Template => TEMPLATE,
            Form::Group => NEW,
            Form::Other => ATTRIBUTE,
        };
        if let Some(unused) =
            [NEW, ATTRIBUTE, TEMPLATE].into_iter().find(|i| given(*i) && *i != used)
        {
            return Err((unused, "`Replace` takes only one replacement in this form".into()));
        }
        if !given(used) {
            return Err((
                0,
                "`Replace` needs a replacementValue, a replacementAttributeName or a template"
                    .into(),
            ));
        }
        let pattern = match call.constant(PATTERN).filter(|_| given(PATTERN)) {
            Some(text) => Some(Pattern::compile(text).map_err(|message| {
                (PATTERN, format!("this is no regular expression: {message}"))
            })?),
            None => None,
        };
        if let (Some(pattern), Some(group)) = (&pattern, call.constant(GROUP))
            && given(GROUP)
            && pattern.group(group).is_none()
        {
            return Err((GROUP, format!("the regexPattern has no group `{group}`")));
        }
        let replacement = match (&pattern, call.constant(NEW)) {
            (Some(pattern), Some(text)) => Some(Replacement::parse(text, pattern)),
            _ => None,
        };
        Ok(Self { form, pattern, replacement })
    }
}

/// `Replace(source, oldValue, regexPattern, regexGroupName, replacementValue,
/// replacementAttributeName, template)`
pub(super) fn replace<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let Ready::Replacing(replacing) = scope.ready() else {
        return Err(scope.fault("the call was not prepared"));
    };
    let source = scope.arg(0)?;
    match replacing.form {
        Form::Other if source.is_present() => return Ok(source),
        Form::Other => {}
        // Nothing is replaced in nothing, and nothing fails.
        _ if source == Datum::Null => return Ok(Datum::Null),
        _ => {}
    }
    match replacing.form {
        Form::Text(new) => {
            let old = scope.text_or_empty(OLD)?;
            let new = scope.text_or_empty(new)?;
            scope.each_of(0, source, |scope, source| replace_text(scope, source, &old, &new))
        }
        Form::Template => {
            let old = scope.text_or_empty(OLD)?;
            let template = scope.text_or_empty(TEMPLATE)?;
            scope.each_of(0, source, |scope, source| {
                replace_text(scope, template.clone(), &old, &source)
            })
        }
        Form::Pattern(_) | Form::Group => by_pattern(scope, replacing, source),
        Form::Other => other(scope, replacing),
    }
}

/// Replaces every occurrence of `old`; an empty one has none.
fn replace_text<'a>(
    scope: &mut Scope<'_, 'a>,
    text: Cow<'a, str>,
    old: &str,
    new: &str,
) -> Result<Cow<'a, str>, Fault> {
    if old.is_empty() || !text.contains(old) {
        return Ok(text);
    }
    let mut out = Bounded::default();
    let mut parts = text.split(old);
    let mut push = |part: &str| out.push(part).ok_or_else(|| scope.too_long());
    push(parts.next().unwrap_or(""))?;
    for part in parts {
        push(new)?;
        push(part)?;
    }
    Ok(Cow::Owned(out.finish()))
}

/// Returns the prepared pattern, or that of the argument.
fn pattern<'p>(
    scope: &mut Scope<'_, '_>,
    prepared: Option<&'p Pattern>,
    compiled: &'p mut Option<Pattern>,
) -> Result<&'p Pattern, Fault> {
    let text = scope.text_or_empty(PATTERN)?;
    match prepared {
        Some(pattern) => Ok(pattern),
        None => {
            let pattern = Pattern::compile_for(&text, &mut scope.evaluator.budget);
            Ok(compiled.insert(pattern.map_err(|message| {
                let shown = scope.quote(&text);
                let message = scope.detail(message);
                scope.fault(format!("{shown} is no regular expression: {message}"))
            })?))
        }
    }
}

/// Returns the groups that the argument names.
fn groups(scope: &mut Scope<'_, '_>, pattern: &Pattern) -> Result<Vec<usize>, Fault> {
    let name = scope.text_or_empty(GROUP)?;
    pattern.group(&name).ok_or_else(|| {
        let shown = scope.quote(&name);
        scope.fault(format!("the regexPattern has no group {shown}"))
    })
}

/// Replaces the matches of a pattern, or one of their groups.
fn by_pattern<'a>(
    scope: &mut Scope<'_, 'a>,
    replacing: &Replacing,
    source: Datum<'a>,
) -> Outcome<'a> {
    let mut compiled = None;
    let pattern = pattern(scope, replacing.pattern.as_ref(), &mut compiled)?;
    let group = match replacing.form {
        Form::Group => groups(scope, pattern)?,
        _ => vec![0],
    };
    let mut parsed = None;
    let replacement = match replacing.form {
        // What an attribute says is text, with nothing in it that refers to groups.
        Form::Pattern(ATTRIBUTE) => {
            let text = scope.text_or_empty(ATTRIBUTE)?;
            &*parsed.insert(Replacement(vec![Piece::Text(text.into_owned())]))
        }
        _ => {
            let text = scope.text_or_empty(NEW)?;
            match &replacing.replacement {
                Some(replacement) => replacement,
                None => &*parsed.insert(Replacement::parse(&text, pattern)),
            }
        }
    };
    scope.each_of(0, source, |scope, source| {
        let mut out = Bounded::default();
        let mut done = 0;
        let result = pattern.find_all(&source, &mut scope.evaluator.budget, |found| {
            let Some((start, end)) = found.place(&group) else { return Ok(()) };
            // A group inside a lookbehind may lie before what is done already.
            if start < done {
                return Ok(());
            }
            out.push(source.get(done..start).unwrap_or("")).ok_or(Stopped::TooLong)?;
            replacement.write(&source, found, &mut out).ok_or(Stopped::TooLong)?;
            done = end;
            Ok(())
        });
        let rest = result
            .and_then(|()| out.push(source.get(done..).unwrap_or("")).ok_or(Stopped::TooLong));
        match rest {
            Ok(()) => Ok(Cow::Owned(out.finish())),
            Err(Stopped::TooLong) => Err(scope.too_long()),
            Err(Stopped::Bound(bound)) => Err(scope.fault_of(Failure::Limit, bound)),
        }
    })
}

/// Returns the group in what the other attribute matches; null if it does not.
fn other<'a>(scope: &mut Scope<'_, 'a>, replacing: &Replacing) -> Outcome<'a> {
    let mut compiled = None;
    let pattern = pattern(scope, replacing.pattern.as_ref(), &mut compiled)?;
    let groups = groups(scope, pattern)?;
    let Some(text) = scope.text(ATTRIBUTE)? else { return Ok(Datum::Null) };
    let found = pattern.find_first(&text, &mut scope.evaluator.budget);
    let found = found.map_err(|bound| scope.fault_of(Failure::Limit, bound))?;
    let part = found.and_then(|found| found.place(&groups));
    let part = part.and_then(|(start, end)| text.get(start..end));
    Ok(part.map_or(Datum::Null, |part| Datum::text(part.to_owned())))
}

/// Why replacing ended early.
enum Stopped {
    TooLong,
    Bound(String),
}

impl From<String> for Stopped {
    fn from(bound: String) -> Self {
        Self::Bound(bound)
    }
}

/// A replacement of .NET: text with references to groups.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Replacement(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `$1`, `${name}`, `$&`: what the groups matched.
    Group(Vec<usize>),
    /// `` $` ``: what is before the match.
    Before,
    /// `$'`: what is behind the match.
    Behind,
    /// `$+`: what the last group matched.
    Last,
    /// `$_`: the whole text.
    All,
}

impl Replacement {
    /// Takes a replacement apart. What looks like a reference to a group that there is not is text.
    fn parse(text: &str, pattern: &Pattern) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            literal.push_str(before);
            let (piece, length) = match reference(behind, pattern) {
                Some((piece, length)) => (piece, length),
                None => {
                    literal.push('$');
                    rest = behind;
                    continue;
                }
            };
            rest = behind.get(length..).unwrap_or("");
            match piece {
                Piece::Text(text) => literal.push_str(&text),
                piece => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces.push(piece);
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Self(pieces)
    }

    /// Writes the replacement of a match; `None` if the result would be too long.
    fn write(&self, text: &str, found: &Found, out: &mut Bounded) -> Option<()> {
        let (start, end) = found.whole();
        for piece in &self.0 {
            let part = match piece {
                Piece::Text(text) => text,
                Piece::Group(groups) => found
                    .place(groups)
                    .and_then(|(from, until)| text.get(from..until))
                    .unwrap_or(""),
                Piece::Before => text.get(..start).unwrap_or(""),
                Piece::Behind => text.get(end..).unwrap_or(""),
                Piece::Last => match found.groups().last() {
                    Some(Some((from, until))) => text.get(*from..*until).unwrap_or(""),
                    _ => "",
                },
                Piece::All => text,
            };
            out.push(part)?;
        }
        Some(())
    }
}

/// The most bytes of a reference to the name of a group.
const MOST_NAME: usize = 256;

/// The most digits of the number of a group.
const MOST_DIGITS: usize = 9;

/// Returns what a dollar sign and the text behind it refer to, and how many bytes of the text
/// belong to it.
fn reference(behind: &str, pattern: &Pattern) -> Option<(Piece, usize)> {
    let group = |name: &str| pattern.group(name).map(Piece::Group);
    match behind.chars().next()? {
        '$' => Some((Piece::Text("$".to_owned()), 1)),
        '&' => Some((Piece::Group(vec![0]), 1)),
        '`' => Some((Piece::Before, 1)),
        '\'' => Some((Piece::Behind, 1)),
        '+' => Some((Piece::Last, 1)),
        '_' => Some((Piece::All, 1)),
        '{' => {
            let close = behind.bytes().take(MOST_NAME).position(|b| b == b'}')?;
            Some((group(behind.get(1..close)?)?, close + 1))
        }
        c if c.is_ascii_digit() => {
            // As many digits as make the number of a group.
            let digits = behind.bytes().take(MOST_DIGITS).take_while(u8::is_ascii_digit).count();
            (1..=digits)
                .rev()
                .find_map(|length| group(behind.get(..length)?).map(|piece| (piece, length)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::testing::{NOBODY, error, list, text, texts, value};

    #[test]
    fn text_by_text() {
        for (expression, expected) in [
            ("Replace([s],\"abc\", , ,\"X\", , )", "ABC X X"),
            ("Replace([s],\"abc\", , ,\"\", ,)", "ABC  "),
            ("Replace([s],\"abc\", , , ,[r])", "ABC $1 $1"),
            ("Replace([s],[no], , ,\"X\")", "ABC abc abc"),
            ("Replace([s],\"abc\", , ,\"$0\")", "ABC $0 $0"),
            ("Replace([r],\"<x>\", , , , ,\"<x>@<x>\")", "$1@$1"),
        ] {
            let person = [("s", "ABC abc abc"), ("r", "$1")];
            assert_eq!(text(expression, &person), expected, "{expression}");
        }
        let m = texts("m", &["a-b", "c-d"]);
        assert_eq!(list("Replace([m],\"-\", , ,\"_\")", &m), ["a_b", "c_d"]);
    }

    #[test]
    fn null_stays_null() {
        for expression in [
            "Replace([no],\"a\", , ,\"b\")",
            "Replace([no], ,\"a\", ,\"b\")",
            "Replace([no],\"a\", , , , ,\"a@x\")",
        ] {
            assert_eq!(value(expression, &NOBODY), Value::Null, "{expression}");
        }
    }

    #[test]
    fn patterns() {
        for (source, pattern, replacement, expected) in [
            ("+91 9998887777", r"\\+(?<isd>\\d* )(?<n>\\d{10})", "${n}", "9998887777"),
            ("abc", "b*", "-", "-a--c-"),
            ("abc", ".*", "x", "xx"),
            ("a1b2", "\\d", "<$0>", "a<1>b<2>"),
            ("ab", "(a)(?<n>b)", "$2$1", "ba"),
            ("ab", "(?<n>a)(b)", "$1$2", "ba"),
            ("ab", "a", "$$$&", "$ab"),
            ("xay", "a", "[$`|$'|$_]", "x[x|y|xay]y"),
            ("ab", "(a)(b)?", "$+", "b"),
            ("a", "a", "$1 ${no} $ ${", "$1 ${no} $ ${"),
            ("a", "(a)", "$10", "a0"),
            ("NLD_Van_der3", "(?<c>.*)_(?<s1>.*)_(?<s2>.*)[0-9]", "${s1} ${s2}", "Van der"),
            ("0000000012345", "(.*?)(?<id>.{0,8})$", "${id}", "00012345"),
            ("john..", "(\\\\.)*$", "", "john"),
            ("a\r\nb", "(?<=a)\\s+", " ", "a b"),
            ("", "^$", "x", "x"),
        ] {
            let expression = format!("Replace([s], ,\"{pattern}\", ,\"{replacement}\")");
            assert_eq!(text(&expression, &[("s", source)]), expected, "{expression}");
        }
    }

    #[test]
    fn one_group() {
        let street = [("a", "545 Tremont 545"), ("p", "(?<n>^\\d*)"), ("g", "n"), ("v", "[$1]")];
        for (expression, expected) in [
            ("Replace([a], ,\"(?<n>^\\\\d*)\",\"n\",\"888\", , )", "888 Tremont 545"),
            ("Replace([a], ,\"(?<n>\\\\d+)\",\"n\",\"8\")", "8 Tremont 8"),
            ("Replace([a], ,\"(?<n>\\\\d)\\\\d*\",\"n\",\"\")", "45 Tremont 45"),
            ("Replace([a], ,\"x(?<n>\\\\d+)\",\"n\",\"8\")", "545 Tremont 545"),
            ("Replace([a], ,\"(\\\\d+)\",\"1\",\"8\")", "8 Tremont 8"),
            // The group of the second match lies in the first, which is replaced already.
            ("Replace(\"ab\", ,\"(?<n>a)|(?<=(?<n>a))b\",\"n\",\"X\")", "Xb"),
            ("Replace([a], ,[p],[g],[v])", "[545] Tremont 545"),
        ] {
            assert_eq!(text(expression, &street), expected, "{expression}");
        }
    }

    #[test]
    fn another_attribute() {
        let expression =
            "Replace([t], , \"\\\\+(?<isd>\\\\d* )(?<n>\\\\d{10})\", \"n\" , , [mobile], )";
        let mobile = ("mobile", "+91 8887779999");
        assert_eq!(text(expression, &[("t", "555"), mobile]), "555");
        assert_eq!(text(expression, &[mobile]), "8887779999");
        assert_eq!(text(expression, &[("t", ""), mobile]), "8887779999");
        assert_eq!(value(expression, &[("mobile", "123")]), Value::Null);
        assert_eq!(value(expression, &NOBODY), Value::Null);
    }

    #[test]
    fn an_empty_text_is_not_given_except_as_the_new_value() {
        let person = [("s", "a1b1"), ("e", "")];
        for (expression, expected) in [
            ("Replace([s], \"1\", \"\", \"\", \"2\", \"\", \"\")", "a2b2"),
            ("Replace([s], \"1\", \"\", \"\", \"\", \"\", \"\")", "ab"),
            ("Replace([s], \"\", \"\\d\", \"\", \"-\", \"\", \"\")", "a-b-"),
            ("Replace([s], \"\", \"a(?<n>.)\", \"n\", \"\", \"\", \"\")", "ab1"),
            ("Replace([s], \"x\", \"\", \"\", , \"\", \"<x>\")", "<a1b1>"),
            ("Replace([e], \"\", \"(?<n>\\d)\", \"n\", , [s], \"\")", "1"),
        ] {
            assert_eq!(text(expression, &person), expected, "{expression}");
        }
        let message = error("Replace([s], \"a\", \"\", \"\", , \"\", \"\")", &person);
        assert!(message.contains("needs a replacementValue"), "{message}");
    }

    #[test]
    fn the_steps_of_all_calls_count_together() {
        let some = "a".repeat(1000);
        let person = [("s", &*some)];
        let one = "Replace([s], ,\"(?=(a|aa)+$)c\", ,\"b\")";
        assert_eq!(text(one, &person), some);
        let message = error(&format!("Join(\"\", {one}, {one}, {one}, {one})"), &person);
        let right = message.starts_with("`Replace`: ") && message.contains("`Left`");
        assert!(right && message.contains("8000000 steps"), "{message}");
        // So do those of all values, and what is compiled for a person.
        let many = texts("s", &[&*some; 5]);
        assert!(error(one, &many).contains("8000000 steps"));
        let person = [("s", "a"), ("p", "a")];
        let dynamic = vec!["Replace([s], , [p], , \"b\")"; 50].join(", ");
        assert!(error(&format!("Join(\"\", {dynamic})"), &person).contains("8000000 steps"));
    }

    #[test]
    fn forms_that_there_are_not() {
        for (wrong, part) in [
            ("Replace([s])", "needs an oldValue"),
            ("Replace([s], \"a\")", "needs a replacementValue"),
            ("Replace([s], \"a\", \"b\", , \"c\")", "not both"),
            ("Replace([s], \"a\", , \"g\", \"c\")", "needs a regexPattern"),
            ("Replace([s], \"\", , , \"c\")", "not empty"),
            ("Replace([s], \"a\", , , \"c\", [b])", "only one replacement"),
            ("Replace([s], , \"(a)\", , , , \"t\")", "only one replacement"),
            ("Replace([s], , \"(a\", , \"c\")", "no regular expression: a `(` is not closed"),
            ("Replace([s], , \"(?<g>a)\", \"h\", \"c\")", "no group `h`"),
            ("Replace([s], , [p], , \"c\")", "no regular expression"),
            ("Replace([s], , \"(a)\", [p], \"c\")", "no group"),
        ] {
            let message = error(wrong, &[("s", "a"), ("p", "(")]);
            assert!(message.contains(part), "{wrong}: {message}");
        }
    }

    #[test]
    fn results_and_steps_are_bounded() {
        let long = "a".repeat(100_000);
        let person = [("s", &*long)];
        let message = error("Replace([s],\"a\", , ,\"bbb\")", &person);
        assert!(message.contains("longer than 256 KiB"), "{message}");
        let message = error("Replace([s], ,\"a\", ,\"bbb\")", &person);
        assert!(message.contains("16384"), "{message}");
        let some = "a".repeat(4000);
        let message = error("Replace([s], ,\"(?=(a+)+$)(a+)+\\1b\", ,\"\")", &[("s", &some)]);
        assert!(message.contains("`Replace`") && message.contains("steps"), "{message}");
        let message = error("Replace([s], ,\"a\", ,\"$_\")", &[("s", &some)]);
        assert!(message.contains("longer than"), "{message}");
    }
}
