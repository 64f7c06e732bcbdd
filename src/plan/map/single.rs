//! Expressions for one text: what an attribute of an account takes, and what accounts and groups
//! are looked up by.

use std::borrow::Cow;

use crate::model::row::{AttributeRow, Cell};

use super::{
    ASSIGNED_THROUGH, Attribute, Attributes, Bound, Expression, Flow, Given, Value, input_place,
};

impl Attributes for AttributeRow {
    fn attribute(&self, place: usize) -> Attribute<'_> {
        match self.cell(place) {
            Cell::Null => Attribute::Null,
            Cell::Text(text) => Attribute::Text(Cow::Borrowed(text)),
            Cell::Texts(texts) => Attribute::Texts(texts.into_iter().map(Cow::Borrowed).collect()),
        }
    }
}

/// An expression that is to give one text, bound to rows of a fixed order and to the further inputs.
#[derive(Clone, Debug)]
pub struct Single {
    bound: Bound,
    /// The place of an input that may be unknown, if the expression reads it.
    doubtful: Option<usize>,
}

/// What an expression says of one attribute of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// This is the value; `None` for null. It is neither blank nor surrounded by white space, as
    /// ShareFile would not keep that.
    Value(Option<Cow<'a, str>>),
    /// The attribute is left out.
    KeepAttribute,
    /// The whole object is left alone.
    LeaveObject,
}

impl<'a> Said<'a> {
    /// Returns the same, borrowed from nothing.
    pub fn into_owned<'o>(self) -> Said<'o> {
        match self {
            Self::Value(value) => Said::Value(value.map(|text| Cow::Owned(text.into_owned()))),
            Self::KeepAttribute => Said::KeepAttribute,
            Self::LeaveObject => Said::LeaveObject,
        }
    }

    /// Returns the value where an expression cannot say anything else.
    pub fn value(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Value(value) => value,
            Self::KeepAttribute | Self::LeaveObject => None,
        }
    }
}

impl Single {
    /// Binds an expression to rows whose cells are the attributes `names`, which are sorted. An
    /// attribute that is not among them is null for everybody.
    pub fn new(expression: &Expression, names: &[String]) -> Self {
        let of_row = |name: &str| names.binary_search_by(|known| known.as_str().cmp(name)).ok();
        let bound = expression.bind(|name| of_row(name).or_else(|| input_place(name)));
        let doubtful = expression.attributes().contains(&ASSIGNED_THROUGH);
        Self { bound, doubtful: doubtful.then(|| input_place(ASSIGNED_THROUGH)).flatten() }
    }

    /// Returns what the expression says of the object whose attributes are `source`.
    ///
    /// # Errors
    /// Why it gives no single text, in words that need no context.
    pub fn eval<'s>(
        &'s self,
        source: &'s dyn Attributes,
        given: &'s Given<'s>,
    ) -> Result<Said<'s>, String> {
        self.said(source, given, |value| match value {
            Value::Null => Ok(Said::Value(None)),
            Value::Text(text) => Ok(Said::Value(trimmed(text))),
            Value::List(texts) => match <[_; 1]>::try_from(texts) {
                Ok([text]) => Ok(Said::Value(trimmed(text))),
                Err(texts) if texts.is_empty() => Ok(Said::Value(None)),
                Err(texts) => Err(format!(
                    "the expression gives {} values where one is wanted: use `Item` or `Join`",
                    texts.len()
                )),
            },
            Value::Roles(_) => {
                Err("the expression gives structured roles where a text is wanted".to_owned())
            }
        })
    }

    /// Returns what the expression says of an object where a set is wanted: the names of a list, each
    /// with a line end behind it, or one text as it is.
    ///
    /// # Errors
    /// Why it gives neither texts nor null, in words that need no context.
    pub fn eval_set<'s>(
        &'s self,
        source: &'s dyn Attributes,
        given: &'s Given<'s>,
    ) -> Result<Said<'s>, String> {
        self.said(source, given, |value| {
            Ok(match value {
                Value::Null => Said::Value(None),
                Value::Text(text) => Said::Value(trimmed(text)),
                Value::List(texts) => names(texts.iter().map(AsRef::as_ref)),
                // Of structured roles the value is what others know them by.
                Value::Roles(roles) => names(roles.iter().map(|role| role.value.as_str())),
            })
        })
    }

    /// Returns what the expression says, its value as `read` takes it.
    fn said<'s>(
        &'s self,
        source: &'s dyn Attributes,
        given: &'s Given<'s>,
        read: impl FnOnce(Value<'s>) -> Result<Said<'s>, String>,
    ) -> Result<Said<'s>, String> {
        if let Some(why) = self.doubtful.and_then(|place| source.unknown(place)) {
            return Err(why);
        }
        match self.bound.eval(source, given).map_err(|error| error.message)? {
            Flow::IgnoreAttribute => Ok(Said::KeepAttribute),
            Flow::IgnoreObject => Ok(Said::LeaveObject),
            Flow::Value(value) => read(value),
        }
    }
}

/// Returns names, each with a line end behind it; null if there are none.
fn names<'n, 's>(texts: impl Iterator<Item = &'n str>) -> Said<'s> {
    let names = texts.map(str::trim).filter(|text| !text.is_empty());
    let names: String = names.flat_map(|name| [name, "\n"]).collect();
    Said::Value((!names.is_empty()).then_some(Cow::Owned(names)))
}

/// Returns a text without white space around it; `None` if nothing is left.
fn trimmed(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(expression: &str, value: Option<&str>) -> Result<Said<'static>, String> {
        let expression = Expression::parse(expression).unwrap();
        let single = Single::new(&expression, &["a".to_owned(), "b".to_owned()]);
        let row = AttributeRow::pack([Some("other"), value]);
        single.eval(&row, &Given::default()).map(Said::into_owned)
    }

    fn text(text: &str) -> Result<Said<'static>, String> {
        Ok(Said::Value(Some(Cow::Owned(text.to_owned()))))
    }

    #[test]
    fn white_space_around_a_value_is_dropped_and_a_blank_one_is_null() {
        assert_eq!(said("[b]", Some(" x y ")), text("x y"));
        assert_eq!(said("[b]", Some(" \t")), Ok(Said::Value(None)));
        assert_eq!(said("[b]", None), Ok(Said::Value(None)));
        assert_eq!(said("[c]", Some("x")), Ok(Said::Value(None)), "not in the row");
        assert_eq!(said("\" \"", None), Ok(Said::Value(None)));
        assert_eq!(said("Append([b], \" \")", Some(" x")), text("x"));
        assert_eq!(said("Append([b], \" \")", Some(" ")), Ok(Said::Value(None)));
    }

    #[test]
    fn one_of_one_value_counts_and_several_are_an_error() {
        assert_eq!(said("Split([b], \",\")", Some("x")), text("x"));
        let why = said("Split([b], \",\")", Some("x,y")).unwrap_err();
        assert!(why.contains("2 values"), "{why}");
    }

    #[test]
    fn an_attribute_with_many_values_is_a_list() {
        let kept = crate::model::row::kept_list(&["x@a.b", "y@a.b"]);
        let row = AttributeRow::pack_kept([None, kept.as_deref()]);
        let names = ["a".to_owned(), "b".to_owned()];
        for (expression, expected) in [
            ("Join(\", \", [b])", text("x@a.b, y@a.b")),
            ("Item([b], 2)", text("y@a.b")),
            ("Count([b])", text("2")),
            ("Count([a])", text("0")),
            ("IIF(IsNullOrEmpty([b]), \"none\", \"some\")", text("some")),
        ] {
            let single = Single::new(&Expression::parse(expression).unwrap(), &names);
            let said = single.eval(&row, &Given::default()).map(Said::into_owned);
            assert_eq!(said, expected, "{expression}");
        }
        let plain = Single::new(&Expression::attribute("b"), &names);
        let why = plain.eval(&row, &Given::default()).unwrap_err();
        assert!(why.contains("2 values"), "{why}");
    }

    #[test]
    fn a_set_is_a_list_or_one_text() {
        let set = |expression: &str, value| {
            let single = Single::new(&Expression::parse(expression).unwrap(), &["b".to_owned()]);
            let row = AttributeRow::pack([value]);
            single.eval_set(&row, &Given::default()).map(Said::into_owned)
        };
        assert_eq!(set("Split([b], \",\")", Some("x, y,,")), text("x\ny\n"));
        assert_eq!(set("Split([b], \";\")", Some("x, y")), text("x, y\n"), "one name");
        assert_eq!(set("[b]", Some(" x, y ")), text("x, y"), "two, for whoever reads it");
        assert_eq!(set("Split([b], \",\")", None), Ok(Said::Value(None)));
        assert_eq!(set("Split([b], \",\")", Some(" ,")), Ok(Said::Value(None)));
    }

    #[test]
    fn words_and_failures_come_through() {
        assert_eq!(said("IgnoreFlowIfNullOrEmpty([b])", None), Ok(Said::KeepAttribute));
        let leave = "IIF(IsPresent([b]), IgnoreObjectFlow, \"x\")";
        assert_eq!(said(leave, Some("y")), Ok(Said::LeaveObject));
        assert_eq!(said(leave, None), text("x"));
        let why = said("CDate([b])", Some("never")).unwrap_err();
        assert!(why.contains("CDate") && why.contains("never"), "{why}");
        assert!(said("Now()", None).is_err(), "nobody said what time it is");
    }
}
