//! What is wrong with a configuration, in the words of its author.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

/// One thing that is wrong. It never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, unless the value came from the environment or the command line.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The dotted key, as `users.attribute[2].source` (entries of a list count from 1); empty if
    /// the problem is the file as a whole.
    pub key: String,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it, as whole sentences.
    pub suggestion: Option<String>,
    /// The lines of the value that show the place, with a line of marks below it.
    pub excerpt: Option<String>,
}

impl fmt::Display for Problem {
    /// Writes `config.toml:12:5: users.mach: unknown key. Did you mean `match`?`, and the excerpt
    /// on lines of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
                if let Some(column) = self.column {
                    write!(f, "{column}:")?;
                }
            }
            f.write_str(" ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, ". {suggestion}")?;
        }
        for line in self.excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// All that is wrong with a configuration: at least one problem, those of a file in its order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigErrors {
    /// The problems.
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

impl ConfigErrors {
    /// Puts problems in the order in which people work through them: files first, each from its
    /// top to its end, then what came from elsewhere.
    pub(super) fn sorted(mut problems: Vec<Problem>) -> Self {
        let place = |problem: &Problem| {
            let file = problem.file.clone();
            (file.is_none(), file, problem.line, problem.column, problem.key.clone())
        };
        problems.sort_by_cached_key(place);
        problems.dedup();
        Self { problems }
    }
}

/// Returns the candidate that `word` was most likely meant to be, if one is near. Case does not
/// count.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = 1 + word.chars().count() / 4;
    candidates
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns the sentence that helps with an unknown word: the nearest known one, or all of them.
pub(super) fn suggest(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(known) => format!("Did you mean `{known}`?"),
        None if candidates.len() == 1 => format!("Known is {}.", listed(candidates, "and")),
        None => format!("Known are {}.", listed(candidates, "and")),
    }
}

/// Returns `` `a`, `b` and `c` ``.
pub(super) fn listed(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        Some((end, _)) => end.clone(),
        None => String::new(),
    }
}

/// Returns why a file cannot be read, in the same words on every system for what is common.
pub fn why_unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "it does not exist".to_owned(),
        ErrorKind::PermissionDenied => "this account may not read it".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["schedule", "entra", "sharefile", "scope", "users", "guard", "store", "log"];
        assert_eq!(nearest("schedul", known), Some("schedule"));
        assert_eq!(nearest("user", known), Some("users"));
        assert_eq!(nearest("ShareFile", known), Some("sharefile"));
        assert_eq!(nearest("notify", known), None);
        assert_eq!(nearest("groups", known), None);
        assert_eq!(suggest("web", &["a", "b", "c"]), "Known are `a`, `b` and `c`.");
    }

    #[test]
    fn files_are_unreadable_in_the_same_words_everywhere() {
        let kinds = [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::IsADirectory];
        let told = kinds.map(|kind| why_unreadable(&kind.into()));
        insta::assert_snapshot!(told.join("\n"), @r###"
    it does not exist
    this account may not read it
    it is a folder
    "###);
    }

    #[test]
    fn a_problem_shows_what_it_knows() {
        let mut problem = Problem {
            file: Some("config.toml".into()),
            line: Some(12),
            column: Some(5),
            key: "users.mach".into(),
            message: "unknown key".into(),
            suggestion: Some("Did you mean `match`?".into()),
            excerpt: None,
        };
        let full = "config.toml:12:5: users.mach: unknown key. Did you mean `match`?";
        assert_eq!(problem.to_string(), full);
        problem.excerpt = Some("1 | mach\n  | ^^^^".into());
        assert_eq!(problem.to_string(), format!("{full}\n    1 | mach\n      | ^^^^"));
        problem.file = None;
        problem.suggestion = None;
        problem.excerpt = None;
        assert_eq!(problem.to_string(), "users.mach: unknown key");
    }
}
