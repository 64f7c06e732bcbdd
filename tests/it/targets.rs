//! What can be written of an account besides its names: types, limits, and an endpoint each.

use serde_json::json;
use sharefile_provisioner::model::plan::HoldKind;

use crate::world::{World, held};

/// The entries of `users.attribute` for the names, and further ones.
fn with(more: &[(&str, &str)]) -> String {
    let names = [("Email", "[mail]"), ("FirstName", "[givenName]"), ("LastName", "[surname]")];
    let entry = |(target, source): &(&str, &str)| {
        format!("{{ target = \"{target}\", source = '{source}' }}")
    };
    let entries: Vec<String> = names.iter().chain(more).map(entry).collect();
    format!("[{}]", entries.join(", "))
}

#[tokio::test]
async fn a_value_that_sharefile_would_not_take_holds_its_person_and_is_never_sent() {
    let mut world = World::empty().await;
    world.set("users.attribute", &with(&[("Company", "[companyName]")]));
    let [ada, bob, cy] = ["Ada", "Bob", "Cy"].map(|name| world.join(name));
    let entra = &world.sandbox.entra;
    entra.set_person(ada, "companyName", "x".repeat(50)).expect("an edit");
    entra.set_person(bob, "companyName", "x".repeat(51)).expect("an edit");
    entra.set_person(cy, "companyName", "Contoso\u{7}").expect("an edit");
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    let wrong = HoldKind::InvalidValue;
    assert_eq!(held(&first), [(wrong, "bob".to_owned()), (wrong, "cy".to_owned())]);
    assert_eq!(world.writes().len(), 1);
    let shown = world.ran(&["holds"]).await.text;
    let why = "Company has 51 characters where ShareFile takes 50";
    assert!(shown.contains(why) && shown.contains("U+0007"), "{shown}");

    // Of somebody who has an account nothing else is changed either, until it is right.
    entra.set_person(ada, "companyName", "y".repeat(60)).expect("an edit");
    entra.set_person(ada, "surname", "King").expect("an edit");
    entra.set_person(bob, "companyName", "Contoso").expect("an edit");
    let second = world.cycle().await;
    assert_eq!((second.report.counts.created, second.report.counts.updated), (1, 0));
    assert_eq!(world.account("Ada").last_name, "Tester");
    entra.set_person(ada, "companyName", json!(null)).expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
    let kept = world.account("Ada");
    assert_eq!((kept.last_name.as_str(), kept.company.len()), ("King", 50));
    // And whoever leaves does so all the same.
    entra.set_person(bob, "companyName", "z".repeat(60)).expect("an edit");
    world.unassign(bob);
    assert_eq!(world.did().await, (0, 0, 1));
}
