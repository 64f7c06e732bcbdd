//! Limits of Entra ID's own provisioning that are not there, each in whole cycles.
//!
//! | Entra ID | Here | Test |
//! |---|---|---|
//! | Members of groups in groups are not provisioned | `scope.nested_groups` | `nested`, `scope::members_of_nested_groups_come_through_the_group_above` |
//! | Attributes with many values are no source | lists | `attributes::attributes_with_many_values_are_lists_in_any_order` |
//! | and are not filtered on | any, or all of them | `scope::of_many_values_one_is_enough_unless_all_have_to_pass` |
//! | No filter on `userType` | as on others | `scope::guests_are_let_out_by_their_type_and_kept_if_the_rules_say_so` |
//! | No filter on the manager | as on others | [`the_manager_is_filtered_on`] |
//! | No filter on dates | also by distance from now | `scope::a_date_is_reached_without_any_change_at_the_source` |
//! | A default is for new accounts only | `default_apply = "always"` | [`a_default_is_given_on_update_as_well`] |
//! | Null does not flow | `when_null = "clear"` | [`a_value_is_cleared_where_the_rule_says_so`] |
//! | A manager who comes later is not written | the value follows | [`a_manager_who_comes_later_is_followed`] |

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

/// A company with the usual entries, and one more, as TOML.
async fn with_entry(entry: &str) -> World {
    let mut world = World::empty().await;
    map_also(&mut world, entry);
    world
}

fn map_also(world: &mut World, entry: &str) {
    let usual = [("Email", "[mail]"), ("FirstName", "[givenName]"), ("LastName", "[surname]")];
    let usual =
        usual.map(|(target, source)| format!("{{ target = \"{target}\", source = \"{source}\" }}"));
    world.set("users.attribute", &format!("[{}, {entry}]", usual.join(", ")));
}

fn edit(world: &World, person: Uuid, patch: Value) {
    let patch = patch.as_object().cloned().expect("an object");
    world.sandbox.entra.edit_person(person, &patch).expect("an edit");
}

fn leads(world: &World, person: Uuid, manager: Option<Uuid>) {
    world.sandbox.entra.set_manager(person, manager).expect("a manager");
}

#[tokio::test]
async fn the_manager_is_filtered_on() {
    let mut world = World::empty().await;
    let clause = "{ attribute = \"manager.department\", operator = \"EQUALS\", value = \"Board\" }";
    world
        .set("scope.filter", &format!("[{{ name = \"Led by the board\", clauses = [{clause}] }}]"));
    // Neither of those who lead is assigned.
    let [boss, other] = ["Boss", "Other"].map(|name| world.person(name));
    edit(&world, boss, json!({"department": "Board"}));
    let [ada, ben, cyd, dee] = ["Ada", "Ben", "Cyd", "Dee"].map(|name| world.join(name));
    leads(&world, ada, Some(boss));
    leads(&world, ben, Some(other));
    leads(&world, cyd, Some(boss));
    assert_eq!(world.did().await, (2, 0, 0), "Ben is led by another, and Dee by nobody");
    let disabled = |name: &str| world.account(name).disabled;

    leads(&world, dee, Some(boss));
    leads(&world, ada, Some(other));
    assert_eq!(world.did().await, (1, 0, 1));
    assert!(disabled("Ada") && !disabled("Cyd") && !disabled("Dee"));
    // What is true of the manager changes, and nothing of those who are led.
    edit(&world, other, json!({"department": "Board"}));
    assert_eq!(world.did().await, (1, 1, 0), "Ben joins, and Ada returns");
    edit(&world, other, json!({"department": null}));
    assert_eq!(world.did().await, (0, 0, 2));
    assert!(disabled("Ada") && disabled("Ben") && !disabled("Cyd"));

    // Who has a manager at all.
    let clause = "{ attribute = \"manager\", operator = \"IS NOT NULL\" }";
    world.set("scope.filter", &format!("[{{ clauses = [{clause}] }}]"));
    assert_eq!(world.did().await, (0, 2, 0));
    leads(&world, cyd, None);
    assert_eq!(world.did().await, (0, 0, 1));
}

#[tokio::test]
async fn a_default_is_given_on_update_as_well() {
    let entry = |when: &str| {
        format!(
            "{{ target = \"Company\", source = \"[companyName]\", default = \"Contoso\", \
             default_apply = \"{when}\" }}"
        )
    };
    let mut world = with_entry(&entry("on_create")).await;
    let [ada, ben] = ["Ada", "Ben"].map(|name| world.join(name));
    edit(&world, ada, json!({"companyName": "Fabrikam"}));
    assert_eq!(world.did().await, (2, 0, 0));
    let company = |world: &World, name: &str| world.account(name).company;
    assert_eq!(
        (company(&world, "Ada"), company(&world, "Ben")),
        ("Fabrikam".into(), "Contoso".into())
    );
    edit(&world, ada, json!({"companyName": null}));
    assert_eq!(world.did().await, (0, 0, 0), "as in Entra ID");
    assert_eq!(company(&world, "Ada"), "Fabrikam");

    map_also(&mut world, &entry("always"));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(company(&world, "Ada"), "Contoso");
    edit(&world, ben, json!({"companyName": "Fabrikam"}));
    assert_eq!(world.did().await, (0, 1, 0));
    edit(&world, ben, json!({"companyName": null}));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(company(&world, "Ben"), "Contoso");
    assert_eq!(world.did().await, (0, 0, 0));
}

#[tokio::test]
async fn a_value_is_cleared_where_the_rule_says_so() {
    let entry = |when: &str| {
        format!("{{ target = \"Company\", source = \"[companyName]\", when_null = \"{when}\" }}")
    };
    let mut world = with_entry(&entry("keep")).await;
    let ada = world.join("Ada");
    edit(&world, ada, json!({"companyName": "Fabrikam"}));
    assert_eq!(world.did().await, (1, 0, 0));
    edit(&world, ada, json!({"companyName": null}));
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.account("Ada").company, "Fabrikam");
    map_also(&mut world, &entry("clear"));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").company, "");
    assert_eq!(world.did().await, (0, 0, 0), "once");
    // A blank value is none, and one that comes back is written.
    edit(&world, ada, json!({"companyName": "Fabrikam"}));
    assert_eq!(world.did().await, (0, 1, 0));
    edit(&world, ada, json!({"companyName": " "}));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").company, "");

    // Of what an account is never without, the value that it has by itself comes back.
    let entry = "{ target = \"Bandwidth\", source = \"[employeeId]\", when_null = \"clear\" }";
    map_also(&mut world, entry);
    edit(&world, ada, json!({"employeeId": "7"}));
    assert_eq!(world.did().await, (0, 1, 0));
    edit(&world, ada, json!({"employeeId": null}));
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 1, 0));
    let writes = world.writes();
    let cleared = writes.iter().any(|write| write.body.to_string().contains("\"Bandwidth\":-1"));
    assert!(cleared, "{writes:?}");
    assert_eq!(world.did().await, (0, 0, 0));
}

#[tokio::test]
async fn a_manager_who_comes_later_is_followed() {
    let entry =
        "{ target = \"Company\", source = '''Join(\" \", \"led by\", [manager.displayName])''' }";
    let world = with_entry(entry).await;
    let ada = world.join("Ada");
    assert_eq!(world.did().await, (1, 0, 0));
    let company = || world.account("Ada").company;
    assert_eq!(company(), "led by");
    // Somebody comes into the directory, and leads Ada a cycle later.
    let boss = world.person("Boss");
    assert_eq!(world.did().await, (0, 0, 0));
    leads(&world, ada, Some(boss));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(company(), "led by Boss Tester");
    // Somebody who is new leads at once, and is called otherwise later.
    let late = world.person("Late");
    leads(&world, ada, Some(late));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(company(), "led by Late Tester");
    edit(&world, late, json!({"displayName": "Later"}));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(company(), "led by Later");
    // The manager gets an account of their own, which changes nothing for Ada.
    world.assign(late, "User");
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(world.full().await.report.counts.done(), 0);
}
