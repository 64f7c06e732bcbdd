//! Who gets an account and of which kind, and what becomes of it: assignments, groups, guests,
//! roles, existing accounts, deletions.

use serde_json::json;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, NewAccount};

use crate::world::{World, held};

fn account(email: &str, kind: AccountKind, disabled: bool) -> NewAccount {
    NewAccount {
        email: email.to_owned(),
        first_name: "Given".to_owned(),
        last_name: "Tester".to_owned(),
        company: String::new(),
        kind,
        disabled,
        roles: Vec::new(),
        confirmed: true,
    }
}

#[tokio::test]
async fn a_person_assigned_before_the_daemon_was_configured_is_provisioned() {
    let world = World::empty().await;
    let group = [world.person("Grace"), world.person("Alan")];
    world.group("Mathematicians", &group);
    world.join("Ada");
    world.clock.advance(std::time::Duration::from_secs(90 * 24 * 3600));
    assert_eq!(world.did().await, (3, 0, 0));
    for name in ["Ada", "Grace", "Alan"] {
        assert!(!world.account(name).disabled);
    }
}

#[tokio::test]
async fn default_access_counts_only_if_the_rules_say_so() {
    let mut world = World::empty().await;
    let ada = world.person("Ada");
    world.assign(ada, "default");
    let grace = world.person("Grace");
    let group = world
        .sandbox
        .entra
        .add_group(sharefile_provisioner::sandbox::graph::views::NewGroup::named("Everybody"));
    let group = group.expect("a group");
    world.sandbox.entra.add_member(group, grace).expect("a member");
    world.assign(group, "default");
    world.join("Bob");
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    assert_eq!(first.plan.expect("a plan").counts.default_access_only, 2);

    world.set("scope.default_access", "true");
    assert_eq!(world.did().await, (2, 0, 0));

    // Back again is a change of rules that removes: few enough to go.
    world.set("scope.default_access", "false");
    assert_eq!(world.did().await, (0, 0, 2));
    // A role besides Default Access counts.
    world.assign(ada, "User");
    assert_eq!(world.did().await, (0, 1, 0));
    assert!(!world.account("Ada").disabled && world.account("Grace").disabled);
}

#[tokio::test]
async fn guests_and_roles_become_clients() {
    let world = World::empty().await;
    let guest = |name: &str| {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let upn = format!("{}_fabrikam.example#EXT#@contoso.onmicrosoft.com", name.to_lowercase());
        NewPerson::named(name, "Guest", &mail)
            .with("userPrincipalName", upn)
            .with("userType", "Guest")
    };
    let entra = &world.sandbox.entra;
    let visitor = entra.add_person(guest("Visitor")).expect("a person");
    world.assign(visitor, "User");
    let consultant = world.person("Consultant");
    world.assign(consultant, "Client");
    // A role without a rule says nothing; the default counts.
    let plain = world.person("Plain");
    world.assign(plain, "Employee");
    assert_eq!(world.did().await, (3, 0, 0));
    assert_eq!(world.account("Visitor").kind, AccountKind::Client);
    assert_eq!(world.account("Consultant").kind, AccountKind::Client);
    assert_eq!(world.account("Plain").kind, AccountKind::Employee);
}

#[tokio::test]
async fn conflicting_roles_and_other_types_are_held() {
    let mut world = World::empty().await;
    world.set("users.type.roles.Employee", "employee");
    world.join("Ada");
    let torn = world.person("Torn");
    world.assign(torn, "Client");
    world.assign(torn, "Employee");
    world.sandbox.sharefile.add_account(account(
        "known@contoso.example",
        AccountKind::Employee,
        false,
    ));
    let known = world.person("Known");
    world.assign(known, "Client");
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    let waits = [
        (HoldKind::TypeChange, "known".to_owned()),
        (HoldKind::ConflictingRoles, "torn".to_owned()),
    ];
    assert_eq!(held(&first), waits);
    assert!(world.sandbox.sharefile.account_of("torn@contoso.example").is_none());

    // One of the roles goes: the person is provisioned.
    let employee = world.sandbox.entra.role("Employee").expect("a role");
    let rows = world.sandbox.entra.assignments();
    let row = rows.iter().find(|row| row.principal == torn && row.role == employee);
    world.sandbox.entra.unassign(&row.expect("a row").id).expect("unassigned");
    let second = world.cycle().await;
    assert_eq!(second.report.counts.created, 1);
    assert_eq!(world.account("Torn").kind, AccountKind::Client);
    assert_eq!(held(&second).len(), 1);

    // And when the roles of somebody who has an account come to say otherwise, it stays as it is.
    let ada = world.sandbox.entra.person("ada@contoso.example").expect("a person").id;
    world.unassign(ada);
    world.assign(ada, "Client");
    let third = world.cycle().await;
    assert_eq!((third.report.counts.updated, third.report.counts.disabled), (0, 0));
    assert!(held(&third).contains(&(HoldKind::TypeChange, "ada".to_owned())), "{:?}", held(&third));
    assert_eq!(world.account("Ada").kind, AccountKind::Employee);
    assert!(!world.account("Ada").disabled);
}

#[tokio::test]
async fn missing_values_are_held_and_never_guessed() {
    let world = World::empty().await;
    world.join("Ada");
    let entra = &world.sandbox.entra;
    let nameless = entra.add_person(
        NewPerson::named("Bob", "Tester", "bob@contoso.example").with("mail", json!(null)),
    );
    let nameless = nameless.expect("a person");
    world.assign(nameless, "User");
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    assert_eq!(held(&first), [(HoldKind::MissingValues, "bob".to_owned())]);
    assert!(world.sandbox.sharefile.account_of("bob@contoso.example").is_none(), "not by the UPN");

    entra.set_person(nameless, "mail", "bob@contoso.example").expect("an edit");
    let second = world.cycle().await;
    assert_eq!((second.report.counts.created, held(&second).len()), (1, 0));

    // An address that is lost keeps the account, and what else changes goes on.
    entra.set_person(nameless, "mail", json!(null)).expect("an edit");
    entra.set_person(nameless, "surname", "Renamed").expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
    let bob = world.account("Bob");
    assert_eq!((bob.last_name.as_str(), bob.disabled), ("Renamed", false));
}

#[tokio::test]
async fn existing_accounts_are_adopted_as_they_are() {
    let world = World::empty().await;
    let add = |email: &str, disabled| {
        world.sandbox.sharefile.add_account(account(email, AccountKind::Employee, disabled))
    };
    let same = add("SAME@Contoso.Example", false);
    let other = add("other@contoso.example", false);
    let disabled = add("disabled@contoso.example", true);
    let secondary = add("old.address@contoso.example", false);
    let patch = json!({ "other_addresses": ["second@contoso.example"] });
    world.sandbox.sharefile.edit_account(&secondary, patch).expect("an edit");
    for name in ["Same", "Disabled", "Second"] {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let person = NewPerson::named("Given", "Tester", &mail);
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
    }
    world.join("Other");
    let first = world.cycle().await;
    let counts = first.report.counts;
    assert_eq!((counts.created, counts.adopted, counts.disabled), (0, 4, 0), "{counts:?}");
    let reason = "in scope, and an account matches by Email = [mail]";
    let log = world.entries().await;
    assert_eq!(log.iter().filter(|entry| entry.reasons[0] == reason).count(), 4, "{log:?}");

    // The case of the address alone is no reason to write.
    let account = |id: &str| world.sandbox.sharefile.account(id).expect("an account");
    assert_eq!(account(&same).email, "SAME@Contoso.Example");
    // Lists do not show secondary addresses: the create that meets one is refused and looked up.
    let mut writes = world.writes();
    writes.retain(|write| write.status < 300);
    assert!(writes.iter().all(|write| !write.path.contains(&same)), "{writes:?}");
    // Names are brought into step; the account keeps its id and its address.
    assert_eq!((account(&other).first_name.as_str(), writes.len()), ("Other", 2), "{writes:?}");
    assert_eq!(account(&secondary).email, "second@contoso.example");
    // A disabled account is adopted, not enabled, and a person is told.
    assert!(account(&disabled).disabled);
    assert_eq!(held(&first), [(HoldKind::DisabledElsewhere, "disabled".to_owned())]);

    // Not even after its person left and came back.
    let person = world.sandbox.entra.person("disabled@contoso.example").expect("a person").id;
    world.unassign(person);
    world.cycle().await;
    world.assign(person, "User");
    world.cycle().await;
    assert!(account(&disabled).disabled);
    assert!(world.removals().is_empty());
}

#[tokio::test]
async fn soft_deleted_hard_deleted_and_restored() {
    let world = World::empty().await;
    let member = world.person("Member");
    let direct = world.join("Direct");
    world.group("Group", &[member]);
    for name in ["Stays0", "Stays1", "Stays2"] {
        world.join(name);
    }
    assert_eq!(world.did().await, (5, 0, 0));
    let entra = &world.sandbox.entra;
    for person in [member, direct] {
        entra.soft_delete_person(person).expect("deleted");
    }
    assert_eq!(world.did().await, (0, 0, 2));
    assert!(world.account("Member").disabled && world.account("Direct").disabled);
    for person in [member, direct] {
        entra.restore_person(person).expect("restored");
    }
    assert_eq!(world.did().await, (0, 2, 0));
    assert!(!world.account("Member").disabled && !world.account("Direct").disabled);

    for person in [member, direct] {
        entra.hard_delete_person(person).expect("deleted");
    }
    assert_eq!(world.did().await, (0, 0, 2));
    let log = world.entries().await;
    let left = |what: &str| log.iter().any(|entry| entry.reasons.iter().any(|r| r.contains(what)));
    assert!(left("soft_deleted") && left("hard_deleted"), "{log:?}");
    assert_eq!(world.did().await, (0, 0, 0));
}

/// Everything is read while somebody is in the recycle bin, where no list shows them. The change
/// feed of groups does not mention them when they come back.
#[tokio::test]
async fn somebody_restored_after_a_full_read_comes_back() {
    let world = World::empty().await;
    let member = world.person("Member");
    let direct = world.join("Direct");
    world.group("Group", &[member, world.person("Other")]);
    world.join("Stays");
    assert_eq!(world.did().await, (4, 0, 0));
    for person in [member, direct] {
        world.sandbox.entra.soft_delete_person(person).expect("deleted");
    }
    assert_eq!(world.did().await, (0, 0, 2));
    world.full().await;
    for person in [member, direct] {
        world.sandbox.entra.restore_person(person).expect("restored");
    }
    assert_eq!(world.did().await, (0, 2, 0));
    assert!(!world.account("Member").disabled && !world.account("Direct").disabled);
}

/// People who never had an account, and were in the recycle bin when their group was read: the
/// change feed does not tell them from strangers, so the next full read finds them.
#[tokio::test]
async fn a_stranger_restored_into_a_group_is_found_by_the_next_full_read() {
    let world = World::empty().await;
    let early = world.person("Early");
    world.group("First", &[early, world.person("Ada")]);
    world.sandbox.entra.soft_delete_person(early).expect("deleted");
    assert_eq!(world.did().await, (1, 0, 0));
    let late = world.person("Late");
    world.sandbox.entra.soft_delete_person(late).expect("deleted");
    let second = world.group("Second", &[world.person("Bob")]);
    world.sandbox.entra.add_member(second, late).expect("a member");
    assert_eq!(world.did().await, (1, 0, 0));
    for person in [early, late] {
        world.sandbox.entra.restore_person(person).expect("restored");
    }
    assert_eq!(world.full().await.report.counts.created, 2);
}

#[tokio::test]
async fn disabled_people_are_not_created_and_lose_their_access() {
    let world = World::empty().await;
    let ada = world.join("Ada");
    world.join("Bob");
    let eve = world.join("Eve");
    world.sandbox.entra.set_enabled(eve, false).expect("an edit");
    assert_eq!(world.did().await, (2, 0, 0));
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    assert_eq!(world.did().await, (0, 0, 1));
    world.sandbox.entra.set_enabled(ada, true).expect("an edit");
    world.sandbox.entra.set_enabled(eve, true).expect("an edit");
    assert_eq!(world.did().await, (1, 1, 0));
}

#[tokio::test]
async fn groups_let_people_in_and_out() {
    let world = World::empty().await;
    let people: Vec<_> = (0..6).map(|n| world.person(&format!("P{n}"))).collect();
    let entra = &world.sandbox.entra;
    let one = world.group("One", &people[0..3]);
    let two = world.group("Two", &people[2..4]);
    for n in 0..3 {
        world.join(&format!("Stays{n}"));
    }
    assert_eq!(world.did().await, (7, 0, 0));

    // Added and removed; whoever is in both stays.
    entra.add_member(one, people[4]).expect("a member");
    entra.remove_member(one, people[0]).expect("no member");
    entra.remove_member(one, people[2]).expect("no member");
    assert_eq!(world.did().await, (1, 0, 1));
    assert!(world.account("P0").disabled && !world.account("P2").disabled);
    entra.remove_member(two, people[2]).expect("no member");
    assert_eq!(world.did().await, (0, 0, 1));

    // A group that is assigned later, one that is no longer, and one that is deleted.
    let three = world.group("Three", &[people[0], people[5]]);
    assert_eq!(world.did().await, (1, 1, 0));
    world.unassign(three);
    assert_eq!(world.did().await, (0, 0, 2));
    entra.delete_group(two).expect("deleted");
    assert_eq!(world.did().await, (0, 0, 1));
    assert!(world.account("P3").disabled && !world.account("P1").disabled);

    // Assigned again: those who are in it now, not those who were.
    entra.remove_member(three, people[0]).expect("no member");
    world.assign(three, "User");
    assert_eq!(world.did().await, (0, 1, 0));
    assert!(world.account("P0").disabled && !world.account("P5").disabled);
    // An empty change of assignment: the same group with another role besides.
    world.assign(three, "Employee");
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.full().await.report.counts.done(), 0);
}

#[tokio::test]
async fn moving_from_a_group_to_another_is_no_gap() {
    let world = World::empty().await;
    let mover = world.person("Mover");
    let one = world.group("One", &[mover, world.person("Other")]);
    let two = world.group("Two", &[world.person("Third")]);
    assert_eq!(world.did().await, (3, 0, 0));
    world.sandbox.entra.remove_member(one, mover).expect("no member");
    world.sandbox.entra.add_member(two, mover).expect("a member");
    assert_eq!(world.did().await, (0, 0, 0));
    // From a group to an assignment of one's own, and to a group that is assigned only now.
    world.sandbox.entra.remove_member(two, mover).expect("no member");
    world.assign(mover, "User");
    assert_eq!(world.did().await, (0, 0, 0));
    world.unassign(mover);
    world.group("Three", &[mover]);
    assert_eq!(world.did().await, (0, 0, 0));
    assert!(world.removals().is_empty());
}

#[tokio::test]
async fn a_restored_microsoft_365_group_brings_its_people_back() {
    let world = World::empty().await;
    let members = [world.person("Ada"), world.person("Bob")];
    let group = sharefile_provisioner::sandbox::graph::views::NewGroup::named("Team")
        .with("groupTypes", json!(["Unified"]));
    let group = world.sandbox.entra.add_group(group).expect("a group");
    for member in members {
        world.sandbox.entra.add_member(group, member).expect("a member");
    }
    world.assign(group, "User");
    for n in 0..4 {
        world.join(&format!("Stays{n}"));
    }
    assert_eq!(world.did().await, (6, 0, 0));
    world.sandbox.entra.delete_group(group).expect("deleted");
    assert_eq!(world.did().await, (0, 0, 2));
    world.sandbox.entra.restore_group(group).expect("restored");
    assert_eq!(world.did().await, (0, 2, 0));
}

#[tokio::test]
async fn two_people_who_want_one_address_are_held_until_one_gives_way() {
    let world = World::empty().await;
    let ada = world.join("Ada");
    world.join("Bob");
    world.cycle().await;
    // Somebody new has the address of somebody who is here.
    let entra = &world.sandbox.entra;
    let twin = NewPerson::named("Twin", "Tester", "ada@contoso.example")
        .with("userPrincipalName", "twin@contoso.example");
    let twin = entra.add_person(twin).expect("a person");
    world.assign(twin, "User");
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::SharedAccount, "ada".to_owned())]);
    assert_eq!(turned.report.counts.done(), 0);
    // The one who is here gets another address: the account is still theirs, under the new one.
    let was = world.account("Ada").id;
    entra.set_person(ada, "mail", "lovelace@contoso.example").expect("an edit");
    world.cycle().await;
    let turned = world.cycle().await;
    assert_eq!(world.account("Lovelace").id, was);
    assert_ne!(world.account("Ada").id, was);
    assert_eq!((held(&turned).len(), turned.report.state), (0, CycleState::Complete));

    // Two newcomers with one address: neither gets it, until one of them has another.
    let rival = |upn: &str| {
        let person = NewPerson::named("Rival", "Tester", "rival@contoso.example");
        let id = entra.add_person(person.with("userPrincipalName", upn)).expect("a person");
        world.assign(id, "User");
        id
    };
    let first = rival("rival1@contoso.example");
    rival("rival2@contoso.example");
    assert_eq!(held(&world.cycle().await).len(), 2);
    assert!(world.sandbox.sharefile.account_of("rival@contoso.example").is_none());
    entra.set_person(first, "mail", "first@contoso.example").expect("an edit");
    world.cycle().await;
    let turned = world.cycle().await;
    assert_eq!(held(&turned).len(), 0, "{:?}", turned.holds);
    assert_ne!(world.account("First").id, world.account("Rival").id);
}

#[tokio::test]
async fn a_policy_may_leave_accounts_as_they_are() {
    let mut world = World::empty().await;
    world.set("users.deprovision.unassigned", "leave");
    let ada = world.join("Ada");
    let bob = world.join("Bob");
    world.join("Eve");
    assert_eq!(world.did().await, (3, 0, 0));
    world.unassign(ada);
    world.unassign(bob);
    assert_eq!(world.did().await, (0, 0, 0));
    // The strictest of the events that hold counts.
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    assert_eq!(world.did().await, (0, 0, 1));
    world.sandbox.entra.set_person(bob, "surname", "Renamed").expect("an edit");
    assert_eq!(world.did().await, (0, 0, 0), "who left is not changed");
    world.assign(bob, "User");
    assert_eq!(world.did().await, (0, 1, 0));
    assert!(world.account("Ada").disabled && !world.account("Bob").disabled);
}
