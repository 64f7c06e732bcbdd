//! What README.md says about configuration, commands and exit codes is so.

use std::collections::BTreeSet;
use std::path::Path;

use sharefile_provisioner::config::{self, Environment, Overrides};

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).expect("README.md")
}

fn help(arguments: &[&str]) -> String {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    let done = command.args(arguments).arg("--help").assert().success();
    String::from_utf8(done.get_output().stdout.clone()).expect("text")
}

/// Returns the words of a help text that look like options, those that every command has left out.
fn options(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .filter(|word| !["--config", "--set", "--help"].contains(word))
        .map(str::to_owned)
        .collect()
}

/// Returns the beginnings of the lines of a help text that describe an option, one for each.
fn listed(help: &str) -> String {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    lines.map(|line| line.split("  ").next().unwrap_or(line).to_owned() + "\n").collect()
}

/// Returns the cells of the rows of a table, which is found by its head.
fn rows<'a>(text: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let table = text.split_once(head).expect("a table").1;
    table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn the_configuration_can_be_used() {
    let readme = readme();
    let block = readme.split_once("```toml\n").expect("a configuration").1;
    let block = block.split_once("```").expect("its end").0;
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["entra-secret", "sharefile-password", "sharefile-secret"] {
        std::fs::write(folder.path().join(name), "secret\n").expect("a secret");
    }
    let credentials = folder.path().to_str().expect("a path");
    let environment = Environment::of([("CREDENTIALS_DIRECTORY", credentials)]);
    let name = Path::new("config.toml");
    let job = config::load_text(block, name, &environment, &Overrides::default());
    let job = job.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(job.rules.mappings.len(), 4);
}

#[test]
fn the_story_can_be_told() {
    let readme = readme();
    let block = readme.split("```toml\n").nth(2).expect("a story");
    let block = block.split_once("```").expect("its end").0;
    let story = sharefile_provisioner::sandbox::scenario::Scenario::read("story.toml", block);
    story.unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn what_goes_wrong_can_be_said() {
    let readme = readme();
    let said: Vec<&str> = readme.split("--fault kind=").skip(1).collect();
    assert_eq!(said.len(), 2);
    for text in said {
        let fault = text.split_whitespace().next().expect("a fault");
        let fault =
            format!("kind={fault}").parse::<sharefile_provisioner::sandbox::faults::Fault>();
        fault.unwrap_or_else(|problem| panic!("{problem}"));
    }
}

#[test]
fn every_command_is_described_with_its_options() {
    let readme = readme();
    let mut described = BTreeSet::new();
    for row in rows(&readme, "| Command | Does | Options |\n") {
        for command in row.first().expect("a command").split(", ") {
            let name = command.trim_matches('`').split(' ').next().expect("a name");
            let cells = row.get(1..).expect("cells").join(" ");
            assert_eq!(options(&listed(&help(&[name]))), options(&cells), "of `{name}`");
            described.insert(name.to_owned());
        }
    }
    let help = help(&[]);
    let list = help.split_once("Commands:\n").expect("a list").1;
    let list = list.split_once("\n\n").expect("its end").0;
    let known: BTreeSet<String> = list
        .lines()
        // What is indented further goes on with the description above it.
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert_eq!(described, known);
}

#[test]
fn every_exit_code_is_described() {
    let readme = readme();
    let codes: Vec<String> = rows(&readme, "| Exit code | Means |\n")
        .iter()
        .filter_map(|row| row.first().map(|code| (*code).to_owned()))
        .collect();
    let help = help(&[]).replace('\n', " ");
    let list = help.split_once("Exit codes: ").expect("exit codes").1;
    let known: Vec<String> = list
        .split(", ")
        .filter_map(|code| code.split_whitespace().next())
        .filter(|code| code.parse::<u8>().is_ok())
        .map(str::to_owned)
        .collect();
    assert_eq!(codes, known);
}
