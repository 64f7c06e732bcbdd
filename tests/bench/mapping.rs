//! Twenty typical mappings, evaluated as a plan does for people one after the other, on one thread.
//!
//! A process of its own makes up the people as packed rows, as they come from the store, and binds
//! the mappings to them once. Timed is what follows; the peak is that of the process.
//!
//! `cargo bench -- mapping` takes 20,000 people, `--people N` as many as it says, `--million` a million:
//! 5.3 s of CPU, 190,000 people a second and 185 MB in November 2026, on two shared cores.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sharefile_provisioner::model::row::AttributeRow;
use sharefile_provisioner::plan::map::{Expression, Given, Single};

use crate::planning::cpu_seconds;
use crate::process::run;

/// The argument that says for how many people this process evaluates.
const CHILD: &str = "--mapping-people";

/// The attributes, sorted.
const NAMES: [&str; 10] = [
    "accountEnabled",
    "companyName",
    "country",
    "department",
    "employeeHireDate",
    "givenName",
    "jobTitle",
    "mail",
    "surname",
    "telephoneNumber",
];

const MAPPINGS: [&str; 20] = [
    "[mail]",
    "[givenName]",
    "[surname]",
    "[companyName]",
    "\"Contoso\"",
    "[department]",
    "ToLower([mail])",
    "Join(\" \", [givenName], [surname])",
    "Join(\"@\", NormalizeDiacritics(StripSpaces(Join(\".\", [givenName], [surname]))), \"contoso.com\")",
    "Switch([country], \"Other\", \"US\", \"America\", \"DE\", \"Europe\", \"FR\", \"Europe\", \"JP\", \"Asia\")",
    "IIF([country]=\"US\", [department], \"Abroad\")",
    "IgnoreFlowIfNullOrEmpty([jobTitle])",
    "Coalesce([jobTitle], [department], \"None\")",
    "Replace([mail], \"@contoso.com\", , , \"@fabrikam.com\", , )",
    "Replace([telephoneNumber], , \"[()\\\\s-]+\", , \"\", , )",
    "Left([companyName], 50)",
    "Append(Mid([givenName], 1, 1), [surname])",
    "PCase([surname])",
    "FormatDateTime([employeeHireDate], , \"yyyy-MM-dd\", \"M/d/yyyy\")",
    "IIF(DateDiff(\"d\", Now(), CDate([employeeHireDate])) <= 14, [accountEnabled], \"False\")",
];

/// Returns the attributes of a person, in the order of their names.
fn person(number: usize) -> AttributeRow {
    let first = ["John", "José", "Søren", "Nguyễn Văn", "Łukasz", "Mary Ann", "Jürgen", "Anna"];
    let last = ["Smith", "García-López", "Ørsted", "O'NEIL", "Wałęsa", "müller", "Brown", "Åberg"];
    let (first, last) = (first[number % 8], last[number / 8 % 8]);
    let hired = format!("20{:02}-{:02}-{:02}", number % 26, number % 12 + 1, number % 28 + 1);
    let mail = format!("Person{number}@contoso.com");
    let telephone = format!("+1 (555) {:03}-{:04}", number % 1000, number % 10_000);
    AttributeRow::pack([
        Some("True"),
        Some("Contoso International Holding and Services Incorporated"),
        Some(["US", "DE", "FR", "JP", "SE"][number % 5]),
        Some(["Sales", "Research", "Finance"][number % 3]),
        Some(&*hired),
        Some(first),
        [Some("Engineer"), None, Some("Clerk"), Some("Manager")][number % 4],
        Some(&*mail),
        Some(last),
        Some(&*telephone),
    ])
}

/// Starts a process that evaluates for so many people, and shows what it says and needs.
pub fn show(people: usize) -> Result<()> {
    println!("\n{} mappings, each for {people} people", MAPPINGS.len());
    let own = std::env::current_exe().context("finding this program")?;
    let (status, written, used) = run(Command::new(own).args([CHILD, &people.to_string()]))?;
    ensure!(status.success(), "evaluating ended with {status}");
    println!("{written}{:7.0} MB  peak, with the people in memory", used.peak as f64 / 1e6);
    Ok(())
}

/// Returns for how many people the arguments ask this process to evaluate.
pub fn child(mut arguments: impl Iterator<Item = String>) -> Option<usize> {
    arguments.next().filter(|first| first == CHILD)?;
    arguments.next()?.parse().ok()
}

/// Prints what each of the mappings costs, and all together.
pub fn report(people: usize) -> Result<()> {
    let rows: Vec<AttributeRow> = (0..people).map(person).collect();
    let given = Given { now: Some("2025-07-30T00:00:00Z".parse()?), ..Given::default() };
    let names = NAMES.map(str::to_owned);
    let cpu = || cpu_seconds().context("the time on a processor");
    let (begun, cpu_before) = (Instant::now(), cpu()?);
    for text in MAPPINGS {
        let mapping = Single::new(&Expression::parse(text)?, &names);
        let begun = Instant::now();
        for row in &rows {
            let said = mapping.eval(row, &given).map_err(anyhow::Error::msg);
            black_box(said.with_context(|| text)?);
        }
        let took = begun.elapsed().as_secs_f64();
        println!("{:7.0} ns  {text}", took * 1e9 / people as f64);
    }
    let (wall, seconds) = (begun.elapsed().as_secs_f64(), cpu()? - cpu_before);
    println!("{seconds:7.2} s   CPU for all of them, {wall:.2} s of wall time");
    println!("{:7.0}     people a second", people as f64 / seconds);
    Ok(())
}
