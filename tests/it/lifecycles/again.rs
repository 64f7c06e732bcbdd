//! People who left, and of whom more is heard: somebody enables the account by hand, the source says
//! something new, or they are back for a while.

use serde_json::json;
use sharefile_provisioner::model::account::LinkState;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};

use super::NOTHING;
use super::leavers::{ENABLED, company, disabled, policy};
use crate::world::{World, held};

impl World {
    fn enable_by_hand(&self, name: &str) {
        let id = self.account(name).id;
        let patch = json!({ "disabled": false });
        self.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    }

    /// PATCH requests fail as long as one change is tried in a cycle.
    fn fail_one_change(&self) {
        let fault = Fault::new(FaultKind::Unavailable).at("/sf/v3/Users").on("PATCH");
        self.sandbox.faults.add(fault.times(5));
    }
}

fn in_use() -> Vec<(HoldKind, String)> {
    vec![(HoldKind::EnabledElsewhere, "ada".to_owned())]
}

#[tokio::test]
async fn an_account_of_a_leaver_that_somebody_enabled_is_told_and_news_disable_it() {
    let (world, ada) = company(&[]).await;
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    world.enable_by_hand("Ada");
    assert_eq!(world.cycle_wrote().await, NOTHING, "nobody looks");
    let turned = world.full().await;
    assert_eq!((held(&turned), turned.report.counts.drift), (in_use(), 1));
    let turned = world.full().await;
    assert_eq!((held(&turned), turned.report.counts.drift), (in_use(), 0), "told once");
    world.sandbox.counts.reset();
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!((wrote, held(&turned), world.sharefile_requests()), (vec![], in_use(), 0));

    // Entra ID says more: that is a new order.
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!((wrote, held(&turned)), (vec![disabled("ada")], vec![]));
    assert_eq!(world.cycle_wrote().await, NOTHING);
    assert!(held(&world.full().await).is_empty());
    // And an account that is as it should be costs one look.
    world.sandbox.entra.soft_delete_person(ada).expect("a deletion");
    assert_eq!(world.cycle_wrote().await, NOTHING);
    assert_eq!(world.asked("GET /sf/v3/Users(id)"), 1);
}

#[tokio::test]
async fn news_disable_an_account_that_others_disabled_and_enabled() {
    let (world, ada) = company(&[]).await;
    let id = world.account("Ada").id;
    world.sandbox.sharefile.edit_account(&id, json!({ "disabled": true })).expect("an edit");
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    assert_eq!(world.state_of(ada).await, Some(LinkState::Released));
    let status = world.ran(&["status"]).await;
    assert!(status.text.contains("0 disabled by this job, 1 of leavers by others"), "{status:?}");
    world.enable_by_hand("Ada");
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    // This job did that, and takes it back.
    world.sandbox.entra.set_enabled(ada, true).expect("an edit");
    world.assign(ada, "User");
    assert_eq!(world.cycle_wrote().await, [ENABLED]);
}

#[tokio::test]
async fn an_account_of_a_leaver_that_somebody_enabled_is_put_right_by_the_word_of_the_rules() {
    let (mut world, ada) = company(&[]).await;
    world.set("drift.users", "repair");
    world.unassign(ada);
    world.cycle().await;
    world.enable_by_hand("Ada");
    world.sandbox.counts.reset();
    let turned = world.full().await;
    assert_eq!((turned.report.counts.disabled, turned.report.counts.drift), (1, 0));
    assert!(world.account("Ada").disabled && turned.holds.is_empty());
    assert_eq!(world.removals().len(), 1);
    assert_eq!(world.full().await.report.counts.done(), 0);
}

#[tokio::test]
async fn a_return_that_fails_ends_what_was_to_come() {
    let later = policy("then = \"disable\", after = \"30d\", next = \"delete\"");
    let (world, ada) = company(&[("unassigned", &later)]).await;
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    world.pass_days(29);
    world.assign(ada, "User");
    world.fail_one_change();
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.failed, turned.report.counts.updated), (1, 0));
    // Gone again before it succeeds, and after the date of the first time.
    world.unassign(ada);
    world.pass_days(2);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    let status = world.ran(&["status"]).await;
    assert!(status.text.contains("1 deleted on 2026-11-21 (ada@"), "{}", status.text);
    assert!(world.account("Ada").disabled);
}

#[tokio::test]
async fn who_leaves_while_new_rules_wait_is_disabled() {
    let (mut world, ada) = company(&[]).await;
    world.set("guard.removals_per_cycle", "{ count = 3, percent = 100 }");
    world.cycle().await;
    let mut config = std::fs::read_to_string(world.config()).expect("a configuration");
    for (target, source) in [
        ("Email", "[mail]"),
        ("FirstName", "[givenName]"),
        ("LastName", "[surname]"),
        ("Company", "\"Contoso\""),
    ] {
        config += &format!("\n[[users.attribute]]\ntarget = \"{target}\"\nsource = '{source}'\n");
    }
    std::fs::write(world.config(), config).expect("a file");
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!((wrote, held(&turned).len()), (vec![], 10));
    // A day later nobody has answered, and somebody is dismissed, and somebody loses the role.
    let stays = world.sandbox.entra.person("stays0@contoso.example").expect("a person").id;
    world.pass_days(1);
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    world.unassign(stays);
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, [disabled("ada"), disabled("stays0")]);
    let kinds: Vec<HoldKind> = held(&turned).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [HoldKind::RulesChanged; 8]);
    assert_eq!(world.cycle_wrote().await, NOTHING);
}
