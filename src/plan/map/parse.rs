//! Parses expressions. Every call is checked as soon as it is closed.

use super::check;
use super::error::{Objection, nearest};
use super::lex::{Lexeme, Token, token};
use super::names::{Expects, FUNCTIONS, Function};
use super::syntax::{Call, Comparison, Kind, Node, Operator, Ready, Word};

/// The most characters in an expression.
pub const MOST_CHARACTERS: usize = 10_000;

/// How deep calls may be nested.
pub const MOST_DEPTH: usize = 128;

/// A parsed and checked expression.
#[derive(Debug)]
pub(super) struct Parsed {
    pub root: Node,
    /// The attributes that it reads, each with its first place.
    pub attributes: Vec<Reading>,
}

/// An attribute that is read, and where first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub name: String,
    pub at: usize,
    pub until: usize,
}

/// Parses a text as a whole.
///
/// # Errors
/// Objects to the first place where the text stops being an expression.
pub(super) fn parse(text: &str) -> Result<Parsed, Objection> {
    let characters = text.chars().count();
    if characters > MOST_CHARACTERS {
        let message = format!(
            "the expression has {characters} characters, and {MOST_CHARACTERS} are the most"
        );
        let at = text.char_indices().nth(MOST_CHARACTERS).map_or(text.len(), |(at, _)| at);
        return Err(Objection::new(at, text.len(), message));
    }
    let mut parser = Parser { text, next: token(text, 0)?, depth: 0, attributes: Vec::new() };
    let root = parser.value(Place::ROOT)?;
    let behind = parser.next;
    match behind.kind {
        Lexeme::End => Ok(Parsed { root, attributes: parser.attributes }),
        Lexeme::Operator(_) => Err(misplaced_comparison(&behind)),
        Lexeme::Close => Err(Objection::new(behind.at, behind.until, "one `)` too many")),
        _ => Err(Objection::new(behind.at, behind.until, "the expression has ended here")
            .expected("nothing; several values are put together by `Join` or `Append`")),
    }
}

/// What a place in the tree allows.
#[derive(Clone, Copy)]
struct Place {
    /// It is the whole expression.
    root: bool,
    /// Its value is the value of the whole expression, if it is taken.
    outcome: bool,
    /// What the parameter expects.
    expects: Expects,
    /// It is part of the condition of a function of that name.
    condition: bool,
}

impl Place {
    const ROOT: Self =
        Self { root: true, outcome: true, expects: Expects::Outcome, condition: false };
}

struct Parser<'t> {
    text: &'t str,
    next: Token,
    depth: usize,
    attributes: Vec<Reading>,
}

impl Parser<'_> {
    /// Takes the next word and reads the one behind it.
    fn take(&mut self) -> Result<Token, Objection> {
        let behind = token(self.text, self.next.until)?;
        Ok(std::mem::replace(&mut self.next, behind))
    }

    /// Parses a value, or a comparison where one may stand.
    fn value(&mut self, place: Place) -> Result<Node, Objection> {
        let left = self.single(place)?;
        let Lexeme::Operator(operator) = self.next.kind else { return Ok(left) };
        if !place.condition {
            return if place.root { Ok(left) } else { Err(misplaced_comparison(&self.next)) };
        }
        self.comparison(operator, left)
    }

    /// Parses the operator and the right side of a comparison.
    fn comparison(&mut self, operator: Operator, left: Node) -> Result<Node, Objection> {
        self.take()?;
        let side = Place { root: false, outcome: false, expects: Expects::Any, condition: false };
        let right = self.single(side)?;
        if let Lexeme::Operator(_) = self.next.kind {
            return Err(Objection::new(self.next.at, self.next.until, "one comparison at a time")
                .expected("a nested `IIF` for a second condition"));
        }
        let (at, until) = (left.at, right.until);
        let kind = Kind::Compare(Box::new(Comparison { operator, left, right }));
        Ok(Node { at, until, kind })
    }

    /// Parses a value that is no comparison.
    fn single(&mut self, place: Place) -> Result<Node, Objection> {
        if let Lexeme::Name(_) = self.next.kind {
            return self.named(place);
        }
        self.plain(place)
    }

    /// Parses an attribute or a constant.
    fn plain(&mut self, place: Place) -> Result<Node, Objection> {
        let Token { at, until, .. } = self.next;
        let kind = match &self.next.kind {
            Lexeme::Attribute(name) => {
                let name = name.clone();
                Kind::Attribute { place: self.read(&name, at, until), name }
            }
            Lexeme::Text(text) => Kind::Text(text.clone()),
            Lexeme::Number(spelling) => Kind::Number(spelling.clone()),
            Lexeme::Hex(spelling, value) => Kind::Hex { spelling: spelling.clone(), value: *value },
            other => {
                let message = match other {
                    Lexeme::End if place.root => "the expression is empty",
                    Lexeme::End => "the expression ends too early",
                    Lexeme::Open => "`(` stands only behind the name of a function",
                    _ => "a value is missing here",
                };
                return Err(Objection::new(at, until, message)
                    .expected("an attribute as `[mail]`, a text as `\"Contoso\"`, or a function"));
            }
        };
        self.take()?;
        Ok(Node { at, until, kind })
    }

    /// Notes that an attribute is read, and returns its place.
    fn read(&mut self, name: &str, at: usize, until: usize) -> usize {
        match self.attributes.iter().position(|one| one.name == name) {
            Some(place) => place,
            None => {
                self.attributes.push(Reading { name: name.to_owned(), at, until });
                self.attributes.len() - 1
            }
        }
    }

    /// Parses what starts with a name: a call or a word.
    fn named(&mut self, place: Place) -> Result<Node, Objection> {
        let Token { at, until, kind } = self.take()?;
        let Lexeme::Name(name) = kind else {
            return Err(Objection::new(at, until, "a name is missing here"));
        };
        if self.next.kind != Lexeme::Open {
            return word(&name, at, until, place);
        }
        let function = self.function(&name, at, until, place)?;
        self.take()?;
        let args = self.arguments(function, at, place)?;
        self.close(function, at, args)
    }

    /// Returns the function of a name, if it may stand here.
    fn function(
        &mut self,
        name: &str,
        at: usize,
        until: usize,
        place: Place,
    ) -> Result<&'static Function, Objection> {
        let function = Function::named(name).ok_or_else(|| unknown_function(name, at, until))?;
        self.allowed(function, at, until, place)?;
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            let message = format!("functions are nested more than {MOST_DEPTH} deep");
            return Err(Objection::new(at, until, message));
        }
        Ok(function)
    }

    /// Takes the closing parenthesis and checks the call.
    fn close(
        &mut self,
        function: &'static Function,
        at: usize,
        args: Vec<Node>,
    ) -> Result<Node, Objection> {
        let close = self.take()?;
        self.depth -= 1;
        let mut call = Call { function, args, ready: Ready::Nothing };
        check::call(&mut call, at, close.at)?;
        Ok(Node { at, until: close.until, kind: Kind::Call(Box::new(call)) })
    }

    /// Objects to functions that stand only outermost.
    fn allowed(
        &self,
        function: &Function,
        at: usize,
        until: usize,
        place: Place,
    ) -> Result<(), Objection> {
        if place.root {
            return Ok(());
        }
        let object = |message: &str, expected: &str| {
            Err(Objection::new(at, until, message).expected(expected))
        };
        match function.name {
            "IgnoreFlowIfNullOrEmpty" if place.expects == Expects::Condition => object(
                "`IgnoreFlowIfNullOrEmpty` is no condition",
                "`IsPresent(…)`, with `IgnoreFlowIfNullOrEmpty` around the whole expression",
            ),
            "IgnoreFlowIfNullOrEmpty" => object(
                "`IgnoreFlowIfNullOrEmpty` wraps a whole expression, not a part of one",
                "`IgnoreFlowIfNullOrEmpty` outermost, or the word `IgnoreAttributeFlow` here",
            ),
            "SelectUniqueValue" => object(
                "`SelectUniqueValue` is a whole expression, not a part of one",
                "`SelectUniqueValue` outermost, with the other functions in its rules",
            ),
            _ => Ok(()),
        }
    }

    /// Parses the arguments up to the closing parenthesis, which is left.
    fn arguments(
        &mut self,
        function: &'static Function,
        at: usize,
        outer: Place,
    ) -> Result<Vec<Node>, Objection> {
        let mut args = Vec::new();
        if self.next.kind == Lexeme::Close {
            return Ok(args);
        }
        loop {
            let arg = self.argument(function, args.len(), outer)?;
            args.push(arg);
            match self.next.kind {
                Lexeme::Comma => {
                    self.take()?;
                }
                Lexeme::Close => return Ok(args),
                Lexeme::End => return Err(not_closed(function, at)),
                _ => return Err(not_separated(&self.next, function)),
            }
        }
    }

    /// Parses one argument, or the empty position of one.
    fn argument(
        &mut self,
        function: &'static Function,
        index: usize,
        outer: Place,
    ) -> Result<Node, Objection> {
        let at = self.next.at;
        if matches!(self.next.kind, Lexeme::Comma | Lexeme::Close) {
            return Ok(Node { at, until: at, kind: Kind::Omitted });
        }
        let expects = function.parameter(index).map_or(Expects::Any, |one| one.kind);
        self.value(Place {
            root: false,
            outcome: outer.outcome && expects == Expects::Outcome,
            expects,
            condition: expects == Expects::Condition,
        })
    }
}

/// Objects to a call without its closing parenthesis.
fn not_closed(function: &Function, at: usize) -> Objection {
    let message = format!("`{}(` is not closed", function.name);
    Objection::new(at, at + function.name.len(), message).expected("`)` behind its last argument")
}

/// Objects to a comparison outside a condition.
fn misplaced_comparison(operator: &Token) -> Objection {
    Objection::new(operator.at, operator.until, "a comparison stands only in a condition")
        .expected("`IIF(comparison, value, value)` or `CBool(comparison)`")
}

/// Objects to what follows an argument.
fn not_separated(next: &Token, function: &Function) -> Objection {
    if let Lexeme::Name(name) = &next.kind
        && matches!(name.to_ascii_lowercase().as_str(), "and" | "or" | "not")
    {
        return Objection::new(next.at, next.until, format!("there is no `{name}`"))
            .expected("a nested `IIF` for a second condition");
    }
    let message = format!("the arguments of `{}` are separated by `,`", function.name);
    Objection::new(next.at, next.until, message).expected("`,` or `)`")
}

/// Objects to a function that there is not.
fn unknown_function(name: &str, at: usize, until: usize) -> Objection {
    let suggestion = nearest(name, FUNCTIONS.iter().map(|one| one.name));
    let message = match suggestion {
        Some(near) if near.eq_ignore_ascii_case(name) => {
            format!("there is no function `{name}`: letter case matters")
        }
        _ => format!("there is no function `{name}`"),
    };
    Objection::new(at, until, message).suggest(suggestion.map(|near| format!("`{near}`")))
}

/// Returns a bare word where it may stand.
fn word(name: &str, at: usize, until: usize, place: Place) -> Result<Node, Objection> {
    let object = |message: String| Objection::new(at, until, message);
    let Some(word) = Word::ALL.into_iter().find(|word| word.name() == name) else {
        if Function::named(name).is_some() {
            return Err(object(format!("`{name}` is a function")).expected(format!("`{name}(`")));
        }
        let words = Word::ALL.map(Word::name);
        let near = nearest(name, words.into_iter().chain(FUNCTIONS.iter().map(|one| one.name)));
        return Err(object(format!("`{name}` is neither an attribute nor a text nor a function"))
            .expected(format!("`[{name}]` for an attribute, or `\"{name}\"` for a text"))
            .suggest(near.map(|near| format!("`{near}`"))));
    };
    let kind = Kind::Word(word);
    match word {
        Word::IgnoreAttributeFlow | Word::IgnoreObjectFlow if !place.outcome => Err(object(
            format!("`{name}` is no value that a function could work on"),
        )
        .expected("it as a result of the whole expression, as a branch of `IIF` or `Switch`")),
        Word::BinaryCompare | Word::TextCompare if place.expects != Expects::Compare => {
            Err(object(format!("`{name}` stands only as the last argument of `InStr`")))
        }
        _ => Ok(Node { at, until, kind }),
    }
}
