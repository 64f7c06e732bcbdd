//! Reads sources without a parser: comments, texts and tests become blanks, and paths are found in
//! what is left.

use std::collections::BTreeSet;
use std::path::Path;

/// One source file, without what the compiler leaves out of the program.
pub struct Source {
    /// From the root of the project, with slashes.
    pub path: String,
    /// Comments, the insides of texts, and everything under `cfg(test)` are blanks.
    pub code: String,
    /// Where the first test begins, or how many lines there are.
    pub lines_before_tests: usize,
}

impl Source {
    /// The first folder below `src`, or the name of a file that stands there.
    pub fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
    }

    pub fn is_at(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `src` that are part of the program, sorted by path.
pub fn sources() -> Vec<Source> {
    let mut read = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                let name = path.strip_prefix(root()).expect("a path below the root");
                read.push((name.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    read.sort();
    let mut tests = BTreeSet::new();
    let mut sources: Vec<Source> = read
        .into_iter()
        .map(|(path, text)| {
            let (code, first, modules) = without_tests(&stripped(&text), &text);
            let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
            let own = match file {
                "mod.rs" | "lib.rs" | "main.rs" => folder,
                _ => path.trim_end_matches(".rs"),
            };
            tests.extend(modules.into_iter().map(|module| match module {
                Module::Named(name) => format!("{own}/{name}"),
                Module::Beside(name) => format!("{folder}/{name}"),
            }));
            let lines_before_tests = first.unwrap_or_else(|| text.lines().count());
            Source { path, code, lines_before_tests }
        })
        .collect();
    sources.retain(|source| {
        !tests.iter().any(|module| {
            source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/"))
        })
    });
    assert!(sources.len() > 50, "the sources are not where they are looked for");
    sources
}

/// Returns a source with comments and the insides of texts and characters as blanks; lines stay.
fn stripped(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word_before = kept.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let blanks = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = (!word_before).then(|| raw_text(rest)).flatten() {
            length
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            0
        };
        if blanks == 0 {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (gone, left) = rest.split_at(blanks);
        kept.push_str(&blanked(gone));
        rest = left;
    }
    kept
}

/// Returns as many bytes as there are in the text, so that places in it stay the same.
fn blanked(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns how long `r"…"`, `r#"…"#`, `br"…"` or `cr"…"` is, if the text begins with one.
fn raw_text(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or(text.strip_prefix("cr")).or(text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(text.len() - inside.len() + length)
}

/// Whether an apostrophe begins a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut inside = text.chars().skip(1);
    inside.next() == Some('\\') || inside.next() == Some('\'')
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Tests in a file or folder of their own.
#[derive(Debug, PartialEq, Eq)]
enum Module {
    /// In the folder of the module that names it.
    Named(String),
    /// Beside the file that names it, by a path.
    Beside(String),
}

/// Returns stripped code without its tests, the line of the first test, and where
/// more tests are. `text` is the same before it was stripped.
fn without_tests(code: &str, text: &str) -> (String, Option<usize>, Vec<Module>) {
    let mut kept = code.to_owned();
    let mut first = None;
    let mut modules = Vec::new();
    let starts = words(code, "#[cfg(test)]").into_iter().chain(words(code, "#[cfg(all(test"));
    for start in starts {
        let mut begin = start;
        let mut path = None;
        while code[begin..].trim_start().starts_with("#[") {
            let end = begin + code[begin..].find(']').map_or(1, |end| end + 1);
            let named = text[begin..end].split_once("path = \"").map(|(_, name)| name);
            path = named.and_then(|name| name.split_once(".rs\"")).map(|(name, _)| name).or(path);
            begin = end;
        }
        let item = &code[begin..];
        let head = item.find([';', '{']).unwrap_or(0);
        // Nothing but an import has braces in front of its semicolon.
        let import = !words(&item[..head], "use").is_empty();
        let end = match item[head..].starts_with('{') && !import {
            true => head + braces(&item[head..]),
            false => item.find(';').map_or(item.len(), |at| at + 1),
        };
        let own_file = item[..end].trim().strip_suffix(';');
        let module = own_file.and_then(|item| item.split_once("mod ")).filter(|_| !import);
        match module {
            Some((_, name)) => modules.push(match path {
                Some(path) => Module::Beside(path.to_owned()),
                None => Module::Named(name.trim().to_owned()),
            }),
            None if import => {}
            None => {
                let line = code[..start].matches('\n').count();
                first = Some(first.map_or(line, |first: usize| first.min(line)));
            }
        }
        kept.replace_range(start..begin + end, &blanked(&code[start..begin + end]));
    }
    (kept, first, modules)
}

/// Returns how long a block is that begins with a brace.
fn braces(code: &str) -> usize {
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Returns where a word stands: not as a part of a longer one, at the ends that are letters.
pub fn words(code: &str, word: &str) -> Vec<usize> {
    let letter = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| !(word.starts_with(letter) && code[..*at].ends_with(letter)))
        .filter(|at| !(word.ends_with(letter) && code[at + word.len()..].starts_with(letter)))
        .collect()
}

/// Returns what stands between the parentheses that follow.
pub fn condition(code: &str) -> &str {
    let inside = code.trim_start_matches('!').strip_prefix('(').unwrap_or("");
    let mut depth = 1;
    let end = inside.find(|character| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &inside[..end.unwrap_or(0)]
}

/// Returns every path from the root of the crate, without `crate::`, and where it stands. A path
/// that climbs out of its room by `super` counts as well.
pub fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = paths_after(&source.code, "crate::");
    found.extend(paths_after(&source.code, "sharefile_provisioner::"));
    let inside = source.path.trim_start_matches("src/").trim_end_matches(".rs");
    let depth = inside.trim_end_matches("/mod").split('/').count();
    let climb = "super::".repeat(depth);
    found.extend(paths_after(&source.code, &climb));
    found
}

/// Returns every path that follows a prefix, groups in braces one by one.
pub fn paths_after(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for at in words(code, prefix) {
        expand(&code[at + prefix.len()..], "", &mut |path| paths.push((at, path)));
    }
    paths
}

/// Walks one tree of imports and returns what is left behind it.
fn expand<'a>(code: &'a str, before: &str, found: &mut dyn FnMut(String)) -> &'a str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let next = expand(rest, before, found).trim_start();
            let next = next.strip_prefix(',').unwrap_or(next);
            if next.len() == rest.len() {
                return next;
            }
            rest = next;
        }
    }
    let letters = |character: char| character.is_alphanumeric() || "_*".contains(character);
    let end = code.find(|character| !letters(character)).unwrap_or(code.len());
    let (name, mut rest) = code.split_at(end);
    let path = match (before, name) {
        (_, "self" | "") => before.to_owned(),
        ("", _) => name.to_owned(),
        _ => format!("{before}::{name}"),
    };
    if let Some(deeper) = rest.strip_prefix("::") {
        return expand(deeper, &path, found);
    }
    found(path);
    if let Some(alias) = rest.trim_start().strip_prefix("as ") {
        let alias = alias.trim_start();
        rest = &alias[alias.find(|character| !letters(character)).unwrap_or(alias.len())..];
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_blanks() {
        let text = "a // b\n/* c /* d */ e */ f(\"g \\\" h\", 'i', '\\'', r#\"j \" k\"#) <'l>";
        assert_eq!(stripped(text).split_whitespace().collect::<String>(), "af(,,,)<'l>");
        assert_eq!(stripped("for\"x\" \"\\n\ny\"").matches('\n').count(), 1);
    }

    #[test]
    fn tests_are_left_out() {
        let code = "fn a() {}\n#[cfg(test)]\nmod own;\n#[cfg(test)]\nuse a::{b, c};\nfn d() {}\n\
                    #[cfg(test)]\nmod tests { fn e() { f() } }\nfn g() {}";
        let (kept, first, modules) = without_tests(code, code);
        assert_eq!(kept.split_whitespace().collect::<String>(), "fna(){}fnd(){}fng(){}");
        assert_eq!((first, modules), (Some(6), vec![Module::Named("own".to_owned())]));
    }

    #[test]
    fn paths_are_found_in_groups() {
        let code = "use crate::{a::b, c::{self, d as e, f::*}}; pub(crate) fn g(h: crate::i::J<K>)";
        let found: Vec<String> =
            paths_after(code, "crate::").into_iter().map(|(_, path)| path).collect();
        assert_eq!(found, ["a::b", "c", "c::d", "c::f::*", "i::J"]);
        let source = |path: &str| Source {
            path: path.to_owned(),
            code: "use super::super::store::Store; use super::x;".to_owned(),
            lines_before_tests: 1,
        };
        assert_eq!(imports(&source("src/plan/diff.rs")), [(4, "store::Store".to_owned())]);
        assert_eq!(imports(&source("src/plan/map/mod.rs")), [(4, "store::Store".to_owned())]);
        assert_eq!(imports(&source("src/plan/map/parse.rs")), []);
    }
}
