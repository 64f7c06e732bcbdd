//! A document in JSON with the line of every value.
//!
//! A value tree of a library has no lines, keeps one of two equal keys in silence, and refuses a
//! whole document for one part that is nested too deeply. Texts and numbers are still decoded by
//! the library.

/// How deep lists and objects are nested at most. What is deeper is left out.
///
/// A function inside a function is three levels further down: expressions have their own limit
/// before this one.
pub(super) const MOST_LEVELS: usize = 512;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Json {
    /// The line it begins in, from 1.
    pub line: u32,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// Members in the order of the file; equal keys are all there.
    Object(Vec<(String, Json)>),
    /// A list or an object below [`MOST_LEVELS`].
    TooDeep,
}

impl Json {
    /// Returns what the value is, for messages.
    pub fn describe(&self) -> &'static str {
        match &self.content {
            Content::Null => "null",
            Content::Flag(_) => "true or false",
            Content::Number(_) => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Object(_) => "an object",
            Content::TooDeep => "nested too deeply",
        }
    }

    /// Returns the members of an object.
    pub fn members(&self) -> Option<&[(String, Json)]> {
        match &self.content {
            Content::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the last member of that key, without regard to letter case.
    pub fn member(&self, key: &str) -> Option<&Json> {
        let found = |(name, _): &&(String, Json)| name.eq_ignore_ascii_case(key);
        self.members()?.iter().rfind(found).map(|(_, value)| value)
    }
}

/// Where a text is no JSON, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    pub line: u32,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
}

/// Reads a document.
///
/// # Errors
/// Says where it stops to be JSON.
pub(super) fn read(text: &str) -> Result<Json, NotJson> {
    let mut reader = Reader { text, at: 0, line: 1 };
    let value = reader.value(0)?;
    reader.blanks();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.wrong("nothing may follow the document")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            if byte == b'\n' {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn wrong(&self, message: impl Into<String>) -> NotJson {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or(before);
        NotJson { line: self.line, column: line.chars().count() + 1, message: message.into() }
    }

    fn value(&mut self, level: usize) -> Result<Json, NotJson> {
        self.blanks();
        let line = self.line;
        let content = match self.peek() {
            Some(b'{' | b'[') if level >= MOST_LEVELS => {
                self.skip()?;
                Content::TooDeep
            }
            Some(b'{') => self.object(level)?,
            Some(b'[') => self.list(level)?,
            Some(b'"') => Content::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Content::Flag(true))?,
            Some(b'f') => self.word("false", Content::Flag(false))?,
            Some(b'n') => self.word("null", Content::Null)?,
            Some(_) => return Err(self.wrong("expected a value")),
            None => return Err(self.wrong("the document ends here: it was cut off")),
        };
        Ok(Json { line, content })
    }

    fn word(&mut self, word: &str, content: Content) -> Result<Content, NotJson> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(content);
        }
        Err(self.wrong("expected a value"))
    }

    fn object(&mut self, level: usize) -> Result<Content, NotJson> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(Content::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("expected a key in quotation marks"));
            }
            let key = self.text()?;
            self.blanks();
            if !self.eat(b':') {
                return Err(self.wrong("expected `:` behind the key"));
            }
            members.push((key, self.value(level + 1)?));
            self.blanks();
            if self.eat(b'}') {
                return Ok(Content::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.wrong("expected `,` or `}`"));
            }
        }
    }

    fn list(&mut self, level: usize) -> Result<Content, NotJson> {
        self.at += 1;
        let mut values = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Content::List(values));
        }
        loop {
            values.push(self.value(level + 1)?);
            self.blanks();
            if self.eat(b']') {
                return Ok(Content::List(values));
            }
            if !self.eat(b',') {
                return Err(self.wrong("expected `,` or `]`"));
            }
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Reads a text; the reader is at its quotation mark.
    fn text(&mut self) -> Result<String, NotJson> {
        let end = self.end_of_text()?;
        let token = self.text.get(self.at..end).unwrap_or_default();
        let decoded: Result<String, _> = serde_json::from_str(token);
        match decoded {
            Ok(text) => {
                self.at = end;
                Ok(text)
            }
            Err(_) => Err(self.wrong("the text has an escape that means no character")),
        }
    }

    /// Returns the place behind a text; the reader is at its quotation mark.
    fn end_of_text(&self) -> Result<usize, NotJson> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at) {
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => at += 2,
                Some(0..=0x1f) | None => return Err(self.wrong("the text does not end")),
                Some(_) => at += 1,
            }
        }
    }

    fn number(&mut self) -> Result<Content, NotJson> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest
            .bytes()
            .take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
            .count();
        let token = rest.get(..length).unwrap_or_default();
        if serde_json::from_str::<serde_json::Number>(token).is_err() {
            return Err(self.wrong(format!("`{token}` is no number")));
        }
        self.at += length;
        Ok(Content::Number(token.to_owned()))
    }

    /// Goes behind a list or an object without looking at what is in it but brackets and texts.
    fn skip(&mut self) -> Result<(), NotJson> {
        let mut open = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => self.at = self.end_of_text()?,
                Some(byte @ (b'{' | b'[')) => {
                    open.push(if byte == b'{' { b'}' } else { b']' });
                    self.at += 1;
                }
                Some(byte @ (b'}' | b']')) => {
                    if open.pop() != Some(byte) {
                        return Err(self.wrong("this bracket closes nothing"));
                    }
                    self.at += 1;
                    if open.is_empty() {
                        return Ok(());
                    }
                }
                Some(_) => self.at += 1,
                None => return Err(self.wrong("the document ends here: it was cut off")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(json: &Json) -> serde_json::Value {
        match &json.content {
            Content::Null | Content::TooDeep => serde_json::Value::Null,
            Content::Flag(flag) => (*flag).into(),
            Content::Number(token) => serde_json::from_str(token).unwrap(),
            Content::Text(text) => text.clone().into(),
            Content::List(values) => values.iter().map(plain).collect(),
            Content::Object(members) => {
                members.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
            }
        }
    }

    fn wrong(text: &str) -> (u32, usize, String) {
        let NotJson { line, column, message } = read(text).unwrap_err();
        (line, column, message)
    }

    #[test]
    fn values_have_their_lines() {
        let json = read("{\n \"a\": [\n1,\n {}]\n}").unwrap();
        let list = json.member("A").unwrap();
        assert_eq!((json.line, list.line), (1, 2));
        let Content::List(values) = &list.content else { panic!() };
        assert_eq!([values[0].line, values[1].line], [3, 4]);
    }

    #[test]
    fn equal_keys_are_kept_and_the_last_one_counts() {
        let json = read(r#"{"a": 1, "A": 2}"#).unwrap();
        assert_eq!(json.members().unwrap().len(), 2);
        assert_eq!(json.member("a").unwrap().content, Content::Number("2".to_owned()));
    }

    #[test]
    fn errors_have_a_place() {
        assert_eq!(wrong(""), (1, 1, "the document ends here: it was cut off".into()));
        assert_eq!(wrong("{\"ä\" 1}"), (1, 6, "expected `:` behind the key".into()));
        assert_eq!(wrong("[1,\n 2"), (2, 3, "expected `,` or `]`".into()));
        assert_eq!(wrong("[1,]"), (1, 4, "expected a value".into()));
        assert_eq!(wrong("{} x"), (1, 4, "nothing may follow the document".into()));
        assert_eq!(wrong("[\"a\nb\"]"), (1, 2, "the text does not end".into()));
        assert_eq!(wrong("[01]"), (1, 2, "`01` is no number".into()));
        assert_eq!(wrong(r#"["\x"]"#).2, "the text has an escape that means no character");
    }

    #[test]
    fn what_is_too_deep_is_left_out_and_the_rest_is_read() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let text = format!(r#"{{"deep": {}, "next": 1}}"#, deep(100_000));
        let json = read(&text).unwrap();
        assert_eq!(json.member("next").unwrap().content, Content::Number("1".to_owned()));
        let mut value = json.member("deep").unwrap();
        let mut levels = 1;
        while let Content::List(values) = &value.content {
            value = &values[0];
            levels += 1;
        }
        assert_eq!((&value.content, levels), (&Content::TooDeep, MOST_LEVELS));
        assert_eq!(wrong(&"[".repeat(100_000)).2, "the document ends here: it was cut off");
        assert_eq!(wrong(&("[".repeat(600) + "}")).2, "this bracket closes nothing");
    }

    proptest! {
        #[test]
        fn reads_what_the_library_reads(text in r#"[\[\]{}",:\\a-c0-2eEtruefalsn. \n+-]{0,24}"#) {
            let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
            let ours = read(&text);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", &ours, &theirs);
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                prop_assert_eq!(plain(&ours), theirs);
            }
        }
    }
}
