//! Twenty typical mappings, evaluated for a million people one after the other, on one thread.

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use sharefile_provisioner::plan::map::{Attribute, Attributes, Expression, Given};

const PEOPLE: usize = 1_000_000;

/// The attributes, with a value that says how they look.
const NAMES: [&str; 10] = [
    "mail",
    "givenName",
    "surname",
    "companyName",
    "department",
    "jobTitle",
    "country",
    "accountEnabled",
    "employeeHireDate",
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

struct Person(Vec<String>);

impl Attributes for Person {
    fn attribute(&self, place: usize) -> Attribute<'_> {
        match self.0.get(place) {
            Some(text) => Attribute::Text(Cow::Borrowed(text)),
            None => Attribute::Null,
        }
    }
}

fn person(number: usize) -> Person {
    let first = ["John", "José", "Søren", "Nguyễn Văn", "Łukasz", "Mary Ann", "Jürgen", "Anna"];
    let last = ["Smith", "García-López", "Ørsted", "O'NEIL", "Wałęsa", "müller", "Brown", "Åberg"];
    let (first, last) = (first[number % 8], last[number / 8 % 8]);
    Person(
        [
            format!("Person{number}@contoso.com"),
            first.to_owned(),
            last.to_owned(),
            "Contoso International Holding and Services Incorporated".to_owned(),
            ["Sales", "Research", "Finance"][number % 3].to_owned(),
            ["Engineer", "", "Clerk", "Manager"][number % 4].to_owned(),
            ["US", "DE", "FR", "JP", "SE"][number % 5].to_owned(),
            "True".to_owned(),
            format!("20{:02}-{:02}-{:02}", number % 26, number % 12 + 1, number % 28 + 1),
            format!("+1 (555) {:03}-{:04}", number % 1000, number % 10_000),
        ]
        .into(),
    )
}

/// Prints what each of the mappings costs, and all together.
pub fn show() -> Result<()> {
    let some: Vec<Person> = (0..10_000).map(person).collect();
    let given = Given { now: Some("2025-07-30T00:00:00Z".parse()?), ..Given::default() };
    let place = |name: &str| NAMES.iter().position(|other| *other == name);
    let mut whole = 0.0;
    println!("\nmappings, each for {PEOPLE} people");
    for text in MAPPINGS {
        let mapping = Expression::parse(text)?.bind(place);
        let begun = Instant::now();
        for number in 0..PEOPLE {
            black_box(mapping.eval(&some[number % some.len()], &given)?);
        }
        let took = begun.elapsed().as_secs_f64();
        whole += took;
        println!("{:7.0} ns  {text}", took * 1e9 / PEOPLE as f64);
    }
    println!("{whole:7.2} s   all {} of them", MAPPINGS.len());
    Ok(())
}
