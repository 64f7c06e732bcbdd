//! A page of TOML that is written line by line.

/// How wide comments are, in characters.
const WIDTH: usize = 98;

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    /// Whether everything is written as comments.
    commented: bool,
    /// Whether everything is within a list.
    indented: bool,
}

impl Page {
    /// Begins or ends to write everything as comments.
    pub fn comment_out(&mut self, on: bool) {
        self.commented = on;
    }

    /// Begins or ends to write within a list.
    pub fn indent(&mut self, on: bool) {
        self.indented = on;
    }

    /// Writes an empty line.
    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Writes a line of TOML, which has to be on one line.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(if self.indented { "  " } else { "" });
        self.text.push_str(if self.commented { "# " } else { "" });
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Writes a comment on as many lines as it needs.
    pub fn comment(&mut self, comment: &str) {
        let mut line = String::new();
        for word in comment.split(|c: char| c.is_whitespace() || c.is_control()) {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.comment_line(&line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.comment_line(&line);
    }

    fn comment_line(&mut self, line: &str) {
        let line = format!("# {line}");
        self.line(line.trim_end());
    }

    /// Returns the page.
    pub fn finish(self) -> String {
        self.text
    }
}

/// Writes a text as TOML on one line: as it is where quotation marks or backslashes are in it,
/// unless that is not possible.
pub(super) fn quoted(text: &str) -> String {
    let plain = !text.contains(char::is_control);
    if plain && text.contains(['"', '\\']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comments_are_wrapped_and_hold_no_line_breaks() {
        let mut page = Page::default();
        page.comment(&format!("a\nb \u{7f}{}", "word ".repeat(30)));
        page.comment_out(true);
        page.comment("within");
        page.line("x = 1");
        page.comment_out(false);
        page.indent(true);
        page.comment("");
        page.comment("listed");
        let text = page.finish();
        assert!(text.lines().all(|line| line.trim_start().starts_with('#')), "{text}");
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        assert!(text.ends_with("# # within\n# x = 1\n  #\n  # listed\n"), "{text}");
    }

    #[test]
    fn texts_are_quoted_as_legibly_as_possible() {
        assert_eq!(quoted("mail"), "\"mail\"");
        assert_eq!(quoted(r#"Join("\s", [a])"#), r#"'Join("\s", [a])'"#);
        assert_eq!(quoted("it's \"x\""), r#""it's \"x\"""#);
        assert_eq!(quoted("\"a\"\n\u{7f}"), r#""\"a\"\n\u007F""#);
    }

    proptest! {
        #[test]
        fn toml_reads_what_was_quoted(text in any::<String>()) {
            let document = format!("key = {}\n", quoted(&text));
            let table: toml_edit::DocumentMut = document.parse().unwrap();
            prop_assert_eq!(table["key"].as_str(), Some(text.as_str()));
        }
    }
}
