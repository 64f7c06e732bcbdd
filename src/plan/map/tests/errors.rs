//! What an error says, and where.

use super::super::{Expression, render};

/// Returns the drawing of the error in `text`.
fn drawn(text: &str) -> String {
    let error = Expression::parse(text).expect_err(text);
    format!("\n{}", render(text, &error))
}

#[test]
fn names_that_there_are_not() {
    assert_eq!(
        drawn("Joim(\"@\", [a])"),
        "
1 | Joim(\"@\", [a])
  | ^^^^ there is no function `Joim`
  = did you mean `Join`?"
    );
    assert_eq!(
        drawn("Append(\"a\", toLower([b]))"),
        "
1 | Append(\"a\", toLower([b]))
  |             ^^^^^^^ there is no function `toLower`: letter case matters
  = did you mean `ToLower`?"
    );
    assert_eq!(
        drawn("mail"),
        "
1 | mail
  | ^^^^ `mail` is neither an attribute nor a text nor a function
  = expected `[mail]` for an attribute, or `\"mail\"` for a text"
    );
    assert_eq!(
        drawn("InStr([a],[b],1,vbTextcompare)"),
        "
1 | InStr([a],[b],1,vbTextcompare)
  |                 ^^^^^^^^^^^^^ `vbTextcompare` is neither an attribute nor a text nor a function
  = expected `[vbTextcompare]` for an attribute, or `\"vbTextcompare\"` for a text
  = did you mean `vbTextCompare`?"
    );
}

#[test]
fn the_line_of_the_place_is_shown() {
    assert_eq!(
        drawn("Switch(\n\t[a],\n\t\"日本\", Left([b]),\n\t\"k\", \"v\"\n)"),
        "
3 |  \"日本\", Left([b]),
  |                  ^ `Left` takes 2 arguments, this has 1
  = expected `Left(string, numChars)`"
    );
    let error = Expression::parse("Join(\"é\",\n  x)").expect_err("a bare word");
    assert_eq!((error.line, error.column, error.at, error.until), (2, 3, 13, 14));
}

#[test]
fn unknown_attributes_are_named_with_the_nearest() {
    let expression =
        Expression::parse("Join(\".\", [givenname], [x], [surname], [x])").expect("valid");
    let names = ["givenName", "surname", "mail"];
    let errors = expression.check_attributes(|name| names.contains(&name), names);
    let found: Vec<_> =
        errors.iter().map(|one| (one.at, &*one.message, one.suggestion.as_deref())).collect();
    assert_eq!(
        found,
        [
            (10, "there is no attribute `givenname`", Some("`[givenName]`")),
            (23, "there is no attribute `x`", None),
        ]
    );
}

/// Each with a part of the message, or of what was expected, and the column.
const WRONG: &[(&str, &str, usize)] = &[
    ("", "empty", 1),
    ("  ", "empty", 3),
    ("Left([a]", "`)` behind its last argument", 1),
    ("Left([a],", "ends too early", 10),
    ("Left([a] 2)", "separated by `,`", 10),
    ("Left(, 2)", "needs its string", 6),
    ("Coalesce(,)", "needs its source", 10),
    ("Left([a], )", "needs its numChars", 11),
    ("Left([a], 2, 3)", "takes 2 arguments, this has 3", 14),
    ("Left([a], \"abc\")", "`abc` is none", 11),
    ("Left([a], 1.5)", "`1.5` is none", 11),
    ("Now(1)", "takes no argument, this has 1", 5),
    ("ToLower()", "takes 1 to 2 arguments, this has 0", 9),
    ("Join(\"a\")", "at least 2 arguments", 9),
    ("Join(\"a\", [b]))", "one `)` too many", 15),
    ("[a] [b]", "has ended here", 5),
    ("[a] = \"b\"", "only in a condition", 5),
    ("Join(\"\", [a] = [b])", "only in a condition", 14),
    ("IIF([a] == \"x\", 1, 2)", "no `==`", 9),
    ("IIF([a] != \"x\", 1, 2)", "`<>`", 9),
    ("IIF([a] = 1 = 2, 1, 2)", "one comparison at a time", 13),
    ("IIF([a] = \"x\" AND [b], 1, 2)", "no `AND`", 15),
    ("IIF(\"abc\", 1, 2)", "no condition", 5),
    ("Switch([a], \"d\", \"k\", \"v\", \"k2\")", "even number", 28),
    ("Switch([a], \"d\", \"k\")", "even number", 18),
    ("Switch([a], \"d\")", "at least 4", 16),
    ("DateAdd(\"D\", 1, Now())", "`d` days", 9),
    ("DateAdd(\"d\", 1, \"2020-01-01\")", "`CDate(\"2020-01-01\")`", 17),
    ("DateDiff(\"d\", Now(), 5)", "is a date", 22),
    ("Replace([a], , \"(x\", , \"\")", "a `(` is not closed", 16),
    ("ToLower([a], \"english\")", "no culture `english`", 14),
    ("Item([a], 0)", "counts from 1", 11),
    ("InStr([a], \"b\", \"0\")", "counts from 1", 17),
    ("Split([a], \"\")", "one character", 12),
    ("Append(IgnoreAttributeFlow, \"x\")", "no value that a function could work on", 8),
    ("IIF(IgnoreObjectFlow = 1, 1, 2)", "no value", 5),
    ("Len(IIF([a] = 1, 2, IgnoreObjectFlow))", "no value", 21),
    ("vbTextCompare", "last argument of `InStr`", 1),
    ("Now", "`Now(`", 1),
    ("Left [a], 2)", "is a function", 1),
    ("“a”", "straight `\"`", 1),
    ("'a'", "as `\"Contoso\"`", 1),
    ("Join(\"a\"; [b])", "separated by `,`", 9),
    ("\"open", "not closed", 1),
    ("\"C:\\\"", "a backslash is written `\\\\`", 1),
    ("[open", "not closed", 1),
    ("[]", "not the name", 2),
    ("[a b]", "not the name", 2),
    ("[a\"b]", "not closed", 1),
    ("12abc", "ends with its last digit", 3),
    ("1.", "no digit behind the point", 1),
    ("&H", "hexadecimal", 1),
    ("&HFFFFFFFFFFFFFFFFF", "hexadecimal", 1),
    ("[a] & [b]", "hexadecimal", 5),
    ("(\"x\")", "behind the name of a function", 1),
    ("{x}", "does not belong here", 1),
];

#[test]
fn every_mistake_is_named_at_its_place() {
    for (text, part, column) in WRONG {
        let error = Expression::parse(text).expect_err(text);
        let said = format!("{} {}", error.message, error.expected.clone().unwrap_or_default());
        assert!(said.contains(part), "{text}: {said}");
        assert_eq!((error.line, error.column), (1, *column), "{text}: {said}");
        assert!(error.at <= error.until && error.until <= text.len() + 1, "{text}");
    }
}
