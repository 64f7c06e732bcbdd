//! Expressions at work: what administrators bring from Entra's portal makes accounts.

use serde_json::json;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::graph::views::{NewGroup, NewPerson};
use uuid::Uuid;

use crate::world::{World, held};

/// The entries of `users.attribute` with these expressions.
fn attributes(email: &str, first: &str, last: &str, company: &str) -> String {
    let entry = |(target, source): (&str, &str)| {
        format!("{{ target = \"{target}\", source = '{source}' }}")
    };
    let entries =
        [("Email", email), ("FirstName", first), ("LastName", last), ("Company", company)];
    format!("[{}]", entries.map(entry).join(", "))
}

const EMAIL: &str = r#"ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".", [givenName], [surname]))), "contoso.example"), )"#;
const FIRST: &str = r#"IIF([employeeType]="Blocked", IgnoreObjectFlow, PCase([givenName]))"#;
const COMPANY: &str = r#"IgnoreFlowIfNullOrEmpty(Switch([country], "Abroad", "DE", "Contoso GmbH", "US", "Contoso Inc", "FR", [companyName]))"#;

fn somebody(
    world: &World,
    first: &str,
    last: &str,
    more: &[(&'static str, serde_json::Value)],
) -> Uuid {
    let mail = format!("{}@elsewhere.example", first.to_lowercase());
    let mut person = NewPerson::named(first, last, &mail);
    for (name, value) in more {
        person = person.with(*name, value.clone());
    }
    let id = world.sandbox.entra.add_person(person).expect("a person");
    world.assign(id, "User");
    id
}

#[tokio::test]
async fn mappings_with_functions_keep_accounts_in_step() {
    let mut world = World::empty().await;
    world.set("users.attribute", &attributes(EMAIL, FIRST, "[surname]", COMPANY));
    world.set("users.match", &format!("[{{ target = \"Email\", source = '{EMAIL}' }}]"));
    let jorg = somebody(&world, "JÖRG", "Müller-Lüdenscheidt", &[("country", json!("DE"))]);
    let soren = somebody(&world, "søren", "Ærø Å", &[("country", json!("FR"))]);
    let blocked = somebody(&world, "Eve", "Blocked", &[("employeeType", json!("Blocked"))]);
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 2);
    assert_eq!(held(&first), [(HoldKind::LeftAlone, "eve".to_owned())]);
    let account = |mail: &str| world.sandbox.sharefile.account_of(mail).expect(mail);
    let made = account("jorg.muller-ludenscheidt@contoso.example");
    assert_eq!((made.first_name.as_str(), made.company.as_str()), ("Jörg", "Contoso GmbH"));
    let made = account("soeren.aeroea@contoso.example");
    assert_eq!((made.first_name.as_str(), made.company.as_str()), ("Søren", ""), "none is sent");

    // Nothing changed, so nothing is written.
    assert_eq!(world.did().await, (0, 0, 0));

    // What an expression reads changes, and what it gives.
    let entra = &world.sandbox.entra;
    entra.set_person(jorg, "country", "US").expect("an edit");
    entra.set_person(soren, "companyName", "Søren & Cie").expect("an edit");
    assert_eq!(world.did().await, (0, 2, 0));
    let company = |mail: &str| account(mail).company;
    assert_eq!(company("jorg.muller-ludenscheidt@contoso.example"), "Contoso Inc");
    assert_eq!(company("soeren.aeroea@contoso.example"), "Søren & Cie");
    // Null flows nowhere: the account keeps what it has.
    entra.set_person(soren, "companyName", json!(null)).expect("an edit");
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(company("soeren.aeroea@contoso.example"), "Søren & Cie");

    // Whoever is ignored keeps the account, whatever happens, until that ends.
    entra.set_person(jorg, "employeeType", "Blocked").expect("an edit");
    assert_eq!(world.did().await, (0, 0, 0));
    entra.set_person(jorg, "employeeType", "Employee").expect("an edit");
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0, "what was waited for is at the source");
    entra.set_person(jorg, "employeeType", "Blocked").expect("an edit");
    entra.set_person(jorg, "country", "DE").expect("an edit");
    assert_eq!(world.did().await, (0, 0, 0));
    world.unassign(jorg);
    assert_eq!(world.did().await, (0, 0, 0));
    let kept = account("jorg.muller-ludenscheidt@contoso.example");
    assert_eq!((kept.company.as_str(), kept.disabled), ("Contoso Inc", false));
    world.sandbox.counts.reset();
    let alone =
        ["eve", "jorg.muller-ludenscheidt"].map(|name| (HoldKind::LeftAlone, name.to_owned()));
    assert_eq!(held(&world.cycle().await), alone);
    assert_eq!(world.sharefile_requests(), 0, "nothing is looked at for their sake");
    entra.set_person(jorg, "employeeType", "Employee").expect("an edit");
    entra.set_person(blocked, "employeeType", json!(null)).expect("an edit");
    assert_eq!(world.did().await, (1, 0, 1));
    assert!(account("jorg.muller-ludenscheidt@contoso.example").disabled);
    assert_eq!(company("eve.blocked@contoso.example"), "Abroad");
}

#[tokio::test]
async fn a_value_on_which_an_expression_fails_holds_one_person_until_it_is_right() {
    let mut world = World::empty().await;
    let department = r#"Item(Split([department], "/"), 2)"#;
    world.set("users.attribute", &attributes("[mail]", "[givenName]", "[surname]", department));
    let add = |name: &str, department: &str| {
        somebody(&world, name, "Tester", &[("department", json!(department))])
    };
    let (ada, bob) = (add("Ada", "Research/Engines"), add("Bob", "Research"));
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    assert_eq!(held(&first).len(), 1);
    assert_eq!(held(&first)[0].0, HoldKind::MappingFailed);
    let account = |mail: &str| world.sandbox.sharefile.account_of(mail);
    let shown = world.ran(&["holds"]).await;
    assert!(
        shown.text.contains("MappingFailed") && shown.text.contains("Company: `Item`"),
        "{}",
        shown.text
    );

    // And the account of somebody who has one stays as it is.
    let entra = &world.sandbox.entra;
    entra.set_person(ada, "department", "Engines").expect("an edit");
    entra.set_person(ada, "surname", "King").expect("an edit");
    entra.set_person(bob, "department", "Research/Looms").expect("an edit");
    let second = world.cycle().await;
    assert_eq!((second.report.counts.created, second.report.counts.updated), (1, 0));
    assert_eq!(held(&second).len(), 1);
    let kept = account("ada@elsewhere.example").expect("an account");
    assert_eq!((kept.last_name.as_str(), kept.company.as_str()), ("Tester", "Engines"));
    assert_eq!(account("bob@elsewhere.example").expect("an account").company, "Looms");
    entra.set_person(ada, "department", "Research/Engines").expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
}

#[tokio::test]
async fn chance_and_time_make_new_accounts_and_rewrite_none() {
    let mut world = World::empty().await;
    let company = r#"Join(" ", FormatDateTime(Now(), , "M/d/yyyy h:mm:ss tt", "yyyy"), RandomString(6, 6, 0, 0, 0, "0"))"#;
    let entries = attributes("[mail]", "[givenName]", "[surname]", company);
    let entries = entries.replacen(" }]", ", apply = \"on_create\" }]", 1);
    world.set("users.attribute", &entries);
    world.join("Ada");
    world.join("Bob");
    assert_eq!(world.did().await, (2, 0, 0));
    let made = [world.account("Ada").company, world.account("Bob").company];
    assert!(made.iter().all(|one| one.starts_with("2026 ") && one.len() == 11), "{made:?}");
    assert_ne!(made[0], made[1]);
    world.clock.advance(std::time::Duration::from_secs(400 * 24 * 3600));
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!([world.account("Ada").company, world.account("Bob").company], made);
}

#[tokio::test]
async fn groups_are_named_by_expressions() {
    let mut world = World::with_groups().await;
    let name = r#"Append("SF ", PCase(NormalizeDiacritics([displayName])))"#;
    world.set("groups.attribute", &format!("[{{ target = \"Name\", source = '{name}' }}]"));
    let ada = world.person("Ada");
    let group = world.sandbox.entra.add_group(NewGroup::named("förderung süd")).expect("a group");
    world.sandbox.entra.add_member(group, ada).expect("a member");
    world.assign(group, "User");
    world.cycle().await;
    let names = || -> Vec<String> {
        world.sandbox.sharefile.groups().into_iter().map(|group| group.name).collect()
    };
    assert!(names().contains(&"SF Forderung Sud".to_owned()), "{:?}", names());
    let writes = world.writes().len();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.writes().len(), writes);
}
