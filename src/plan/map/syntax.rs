//! The tree of a parsed expression, and how it is written.

use super::format_date::DateFormat;
use super::letters::Culture;
use super::names::{Expects, Function};
use super::replace::Replacing;

/// A part of an expression with its place in the source text.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub at: usize,
    pub until: usize,
    pub kind: Kind,
}

/// What a part is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A position between commas that is left empty.
    Omitted,
    /// `[name]`, with its place among the attributes of the expression.
    Attribute { name: String, place: usize },
    /// `"text"`.
    Text(String),
    /// A number as it is written, in decimal.
    Number(String),
    /// A number in the hexadecimal of Visual Basic, as it is written.
    Hex { spelling: String, value: i64 },
    /// A bare word.
    Word(Word),
    /// A comparison in a condition.
    Compare(Box<Comparison>),
    /// A call of a function.
    Call(Box<Call>),
}

impl Node {
    /// Puts a constant in place of each call of `DefaultDomain`.
    pub fn settle_domain(&mut self, domain: &str) {
        match &mut self.kind {
            Kind::Call(call) if call.function.name == "DefaultDomain" => {
                self.kind = Kind::Text(domain.to_owned());
            }
            Kind::Call(call) => call.args.iter_mut().for_each(|arg| arg.settle_domain(domain)),
            Kind::Compare(comparison) => {
                comparison.left.settle_domain(domain);
                comparison.right.settle_domain(domain);
            }
            _ => {}
        }
    }
}

/// The bare words of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    IgnoreAttributeFlow,
    IgnoreObjectFlow,
    BinaryCompare,
    TextCompare,
}

impl Word {
    /// Every word.
    pub const ALL: [Self; 4] =
        [Self::IgnoreAttributeFlow, Self::IgnoreObjectFlow, Self::BinaryCompare, Self::TextCompare];

    /// Returns the word as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::IgnoreAttributeFlow => "IgnoreAttributeFlow",
            Self::IgnoreObjectFlow => "IgnoreObjectFlow",
            Self::BinaryCompare => "vbBinaryCompare",
            Self::TextCompare => "vbTextCompare",
        }
    }
}

/// Two values and how they are compared.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub operator: Operator,
    pub left: Node,
    pub right: Node,
}

/// The comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    /// Every operator; those of two characters first.
    pub const ALL: [Self; 6] = [
        Self::NotEqual,
        Self::GreaterOrEqual,
        Self::LessOrEqual,
        Self::Equal,
        Self::Greater,
        Self::Less,
    ];

    /// Returns the operator as it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// A function with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub function: &'static Function,
    pub args: Vec<Node>,
    /// What could be prepared because it does not depend on the person.
    pub ready: Ready,
}

impl Call {
    /// Returns the argument at `index` if it is given.
    pub fn given(&self, index: usize) -> Option<&Node> {
        self.args.get(index).filter(|node| !matches!(node.kind, Kind::Omitted))
    }

    /// Returns the constant text of an argument, if it is one.
    pub fn constant(&self, index: usize) -> Option<&str> {
        self.args.get(index).and_then(Node::constant)
    }
}

/// What a function prepared from its constant arguments.
#[derive(Clone, Debug)]
pub(super) enum Ready {
    /// Nothing is constant.
    Nothing,
    /// `Replace`: which of its forms it is, with the pattern if that is constant.
    Replacing(Box<Replacing>),
    /// `FormatDateTime`: the formats as far as they are constant.
    Formats(Box<(Option<DateFormat>, Option<DateFormat>)>),
    /// `ToLower`, `ToUpper`: whose letters.
    Culture(Culture),
}

impl Node {
    /// Returns the text of a constant.
    pub fn constant(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Number(spelling) => Some(spelling),
            _ => None,
        }
    }

    /// Returns the place of the first part, itself included, that is the attribute `[name]`, or a
    /// call or a word of this name.
    pub fn find(&self, part: &str) -> Option<(usize, usize)> {
        let attribute = part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let (here, inside) = match &self.kind {
            Kind::Attribute { name, .. } => (attribute == Some(name.as_str()), None),
            Kind::Word(word) => (word.name() == part, None),
            Kind::Compare(both) => (false, both.left.find(part).or_else(|| both.right.find(part))),
            Kind::Call(call) if call.function.name == part => (true, None),
            Kind::Call(call) => (false, call.args.iter().find_map(|arg| arg.find(part))),
            Kind::Omitted | Kind::Text(_) | Kind::Number(_) | Kind::Hex { .. } => (false, None),
        };
        if here { Some((self.at, self.until)) } else { inside }
    }

    /// Returns the place of the first call of a function whose result may be that of the whole.
    pub fn find_outcome(&self, function: &str) -> Option<(usize, usize)> {
        let Kind::Call(call) = &self.kind else { return None };
        if call.function.name == function {
            return Some((self.at, self.until));
        }
        let passes = |index: usize| {
            let kind = call.function.parameter(index).map(|one| one.kind);
            kind == Some(Expects::Outcome)
        };
        let passed = call.args.iter().enumerate().filter(|(index, _)| passes(*index));
        passed.into_iter().find_map(|(_, arg)| arg.find_outcome(function))
    }

    /// Returns the place of the first call of a function that is not part of a comparison.
    pub fn find_uncompared(&self, function: &str) -> Option<(usize, usize)> {
        let Kind::Call(call) = &self.kind else { return None };
        if call.function.name == function {
            return Some((self.at, self.until));
        }
        call.args.iter().find_map(|arg| arg.find_uncompared(function))
    }

    /// Returns the part in its canonical spelling.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(false, &mut out);
        out
    }

    /// Returns the part as a trace shows it: what `Redact` hides is left out.
    pub fn seen(&self) -> String {
        let mut out = String::new();
        self.write(true, &mut out);
        out
    }

    /// Writes the canonical spelling: no white space, and no backslash that is not needed. It is
    /// never longer than what was parsed, so it is within the same limit.
    fn write(&self, hiding: bool, out: &mut String) {
        match &self.kind {
            Kind::Omitted => {}
            Kind::Attribute { name, .. } => {
                out.push('[');
                out.push_str(name);
                out.push(']');
            }
            Kind::Text(text) => write_constant(text, out),
            Kind::Number(spelling) | Kind::Hex { spelling, .. } => out.push_str(spelling),
            Kind::Word(word) => out.push_str(word.name()),
            Kind::Compare(comparison) => {
                comparison.left.write(hiding, out);
                out.push_str(comparison.operator.sign());
                comparison.right.write(hiding, out);
            }
            Kind::Call(call) => {
                out.push_str(call.function.name);
                out.push('(');
                if hiding && call.function.name == "Redact" {
                    out.push('…');
                } else {
                    for (index, arg) in call.args.iter().enumerate() {
                        if index > 0 {
                            out.push(',');
                        }
                        arg.write(hiding, out);
                    }
                }
                out.push(')');
            }
        }
    }
}

/// Writes a constant in its quotes. A quotation mark gets a backslash before it, and so does a
/// backslash that would be read as such an escape otherwise.
fn write_constant(text: &str, out: &mut String) {
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ambiguous = matches!(chars.peek(), None | Some('"' | '\\'));
        if c == '"' || (c == '\\' && ambiguous) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
