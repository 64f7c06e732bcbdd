//! A saved plan with groups is applied exactly as it was seen, or refused.

use super::*;
use sharefile_provisioner::cycle::saved::SavedPlan;

use crate::world::START;

impl World {
    async fn saved(&self, full: bool) -> SavedPlan {
        let engine = self.preview_engine();
        let turned = engine.turn(Asked { preview: true, full, ..asked() }).await.expect("a plan");
        let plan = turned.plan.expect("a plan");
        self.sandbox.counts.reset();
        SavedPlan::new(&plan, START)
    }

    async fn apply(&self, saved: &SavedPlan) -> Turned {
        self.turn(Asked { saved: Some(saved.clone()), ..asked() }).await
    }
}

/// Eight people in Sales, all in step, and Zoe with an account.
async fn sales() -> (World, Vec<Uuid>, Uuid, Uuid) {
    let world = World::with_groups().await;
    let people: Vec<Uuid> = (0..8).map(|n| world.join(&format!("P{n}"))).collect();
    let zoe = world.join("Zoe");
    let sales = world.group("Sales", &people);
    world.cycle().await;
    world.wrote();
    (world, people, zoe, sales)
}

#[tokio::test]
async fn changes_of_a_group_that_were_not_saved_refuse_the_plan() {
    let (world, people, zoe, sales) = sales().await;
    world.enter(sales, zoe);
    let saved = world.saved(false).await;
    assert_eq!(saved.changes.len(), 1);
    world.exit(sales, people[0]);
    let turned = world.apply(&saved).await;
    assert_eq!(
        turned.refused,
        [
            "Sales: now it would also be update (Member - p0@contoso.example), of which the plan said \
          nothing"
        ]
    );
    assert!(world.writes().is_empty());
    // The other way round, something that was saved is no longer to be done.
    let saved = world.saved(false).await;
    assert_eq!(saved.changes.len(), 2);
    world.enter(sales, people[0]);
    let turned = world.apply(&saved).await;
    assert_eq!(
        turned.refused,
        ["Sales: the plan said update (Member - p0@contoso.example), now nothing is to be done"]
    );
    assert!(world.writes().is_empty());
    let saved = world.saved(false).await;
    let turned = world.apply(&saved).await;
    assert!(turned.refused.is_empty(), "{:?}", turned.refused);
    assert_eq!(world.wrote(), ["POST Groups(Sales)/Contacts zoe"]);
}

#[tokio::test]
async fn a_group_that_somebody_edited_refuses_the_plan() {
    for full in [false, true] {
        let (world, _, zoe, sales) = sales().await;
        world.enter(sales, zoe);
        let saved = world.saved(full).await;
        let groups = world.sandbox.sharefile.groups();
        let id = groups.into_iter().find(|group| group.name == "Sales").expect("made").id;
        let renamed = json!({ "name": "Verkauf" });
        world.sandbox.sharefile.edit_group(&id, renamed).expect("an edit");
        let turned = world.apply(&saved).await;
        assert_eq!(turned.refused, ["Sales: the group in ShareFile was changed since"], "{full}");
        assert!(world.writes().is_empty());
    }
}

#[tokio::test]
async fn a_plan_of_everything_is_applied_however_many_groups_it_repairs() {
    let mut world = World::with_groups().await;
    world.set("drift.members", "repair");
    let ada = world.join("Ada");
    for n in 0..60 {
        world.group(&format!("Group {n}"), &[ada]);
    }
    world.cycle().await;
    for group in world.sandbox.sharefile.groups() {
        if !group.super_group {
            let nobody = json!({ "members": [] });
            world.sandbox.sharefile.edit_group(&group.id, nobody).expect("an edit");
        }
    }
    let saved = world.saved(true).await;
    assert_eq!(saved.changes.len(), 60);
    let turned = world.apply(&saved).await;
    assert!(turned.refused.is_empty(), "{:?}", turned.refused);
    assert_eq!(moved(&turned), (60, 0));
    let turned = world.full().await;
    assert_eq!(moved(&turned), (0, 0));
}
