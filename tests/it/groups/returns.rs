//! People who come back into their groups, or swap addresses within one: the exact writes.

use super::*;

#[tokio::test]
async fn somebody_restored_is_put_into_the_groups_again_by_one_write() {
    let mut world = World::with_groups().await;
    world.set("groups.leaver_groups", "remove");
    let people = ["Ada", "Bob"].map(|name| world.person(name));
    world.group("Sales", &people);
    world.cycle().await;
    world.wrote();
    world.sandbox.entra.soft_delete_person(people[0]).expect("a deletion");
    world.cycle().await;
    assert_eq!(world.wrote(), ["PATCH Users(ada)", "DELETE Groups(Sales)/Contacts ada"]);
    // The change feed of groups does not tell that she is in it again.
    world.sandbox.entra.restore_person(people[0]).expect("a restoration");
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.updated, moved(&turned)), (1, (1, 0)));
    assert_eq!(world.wrote(), ["PATCH Users(ada)", "POST Groups(Sales)/Contacts ada"]);
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob"])]));
}

#[tokio::test]
async fn two_who_swap_addresses_stay_in_their_groups() {
    let world = World::with_groups().await;
    let people = ["Ada", "Bob"].map(|name| world.person(name));
    world.group("Sales", &people);
    world.group("Ada's", &people[..1]);
    world.cycle().await;
    let ids = ["Ada", "Bob"].map(|name| world.account(name).id);
    for (person, mail) in people.into_iter().zip(["bob@contoso.example", "ada@contoso.example"]) {
        let patch = json!({ "mail": mail });
        let patch = patch.as_object().expect("an object");
        world.sandbox.entra.edit_person(person, patch).expect("an edit");
    }
    assert_eq!(held(&world.cycle().await).len(), 3);
    world.sandbox.counts.reset();
    let turned = world.turn(Asked { approve: true, ..asked() }).await;
    assert_eq!((turned.report.counts.updated, moved(&turned)), (3, (0, 0)));
    let wrote: Vec<String> = world.writes().into_iter().map(|write| write.method).collect();
    assert_eq!(wrote, ["PATCH"; 3]);
    assert_eq!(["Bob", "Ada"].map(|name| world.account(name).id), ids);
    assert_eq!(world.groups(), is(&[("Ada's", &["bob"]), ("Sales", &["ada", "bob"])]));
    assert!(world.sandbox.sharefile.mails().is_empty(), "nobody gets mail");
    world.cycle().await;
    assert_eq!(world.wrote().len(), 3, "and nothing after that");
}
