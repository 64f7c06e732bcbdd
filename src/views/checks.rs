//! What a test of the connection found.

use serde::Serialize;

use super::{table, trimmed};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It works, but somebody should know.
    Warning,
    /// It does not work.
    Failed,
}

impl CheckStatus {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "WARNING",
            Self::Failed => "FAILED",
        }
    }
}

/// One check, as commands show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: the end, and the thing. Names are stable.
    pub name: String,
    /// How it went.
    pub status: CheckStatus,
    /// What was found.
    pub found: String,
    /// What that is needed for, or leads to.
    pub means: String,
    /// What to do; empty if there is nothing to do.
    pub remedy: String,
}

/// Returns checks as a table, each with what it means, and with what to do where that is needed.
/// Wide cells wrap at `width` columns.
pub fn text(checks: &[Check], width: Option<u16>) -> String {
    let mut rows = table(["STATUS", "CHECK", "FOUND"], width);
    for check in checks {
        let mut found = format!("{}\n{}", check.found, check.means);
        if !check.remedy.is_empty() {
            found.push_str(&format!("\nwhat to do: {}", check.remedy));
        }
        rows.add_row([check.status.word(), &check.name, &found]);
    }
    let bad = |status| checks.iter().filter(|check| check.status == status).count();
    let end = match (bad(CheckStatus::Failed), bad(CheckStatus::Warning)) {
        (0, 0) => format!("All {} checks are ok.", checks.len()),
        (failed, warnings) => {
            format!("{} checks: {failed} failed, {warnings} with a warning.", checks.len())
        }
    };
    format!("{}\n{end}\n", trimmed(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, status: CheckStatus, remedy: &str) -> Check {
        Check {
            name: name.to_owned(),
            status,
            found: "what there is".to_owned(),
            means: "What it means.".to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    #[test]
    fn a_table_says_what_each_check_means_and_what_to_do() {
        let checks = [
            check("Entra ID: sign-in", CheckStatus::Ok, ""),
            check("Entra ID: credential", CheckStatus::Warning, "Renew it."),
            check("ShareFile: sign-in", CheckStatus::Failed, "Correct the password."),
        ];
        insta::assert_snapshot!(text(&checks, None), @"
        STATUS   CHECK                 FOUND
        ok       Entra ID: sign-in     what there is
                                       What it means.
        WARNING  Entra ID: credential  what there is
                                       What it means.
                                       what to do: Renew it.
        FAILED   ShareFile: sign-in    what there is
                                       What it means.
                                       what to do: Correct the password.

        3 checks: 1 failed, 1 with a warning.
        ");
        assert!(text(&checks[..1], None).ends_with("All 1 checks are ok.\n"));
    }

    #[test]
    fn programs_find_the_same_keys_in_every_check() {
        let json = serde_json::to_string(&check("a", CheckStatus::Ok, "")).unwrap();
        let expected = r#"{"name":"a","status":"ok","found":"what there is","means":"What it means.","remedy":""}"#;
        assert_eq!(json, expected);
    }
}
