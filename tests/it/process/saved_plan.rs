//! A saved plan is applied exactly, or refused with what changed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sharefile_provisioner::sandbox::faults::FaultKind;
use uuid::Uuid;

use super::{Said, World, eventually};

/// What the plan of [`Story`] writes.
const WRITTEN: [&str; 3] = [
    r#"PATCH ada@contoso.example {"LastName":"Byron"} 200"#,
    r#"PATCH bob@contoso.example {"Security":{"IsDisabled":true}} 200"#,
    r#"POST new {"Email":"dee@contoso.example","FirstName":"Dee","LastName":"Tester"} 200"#,
];

/// A job in step; then Ada marries, Bob leaves and Dee joins, and the plan for that is saved.
struct Story {
    world: World,
    ada: Uuid,
    bob: Uuid,
    dee: Uuid,
    file: String,
}

impl Story {
    async fn planned() -> Self {
        let world = World::real().await;
        let [ada, bob, _] = ["Ada", "Bob", "Cy"].map(|name| world.join(name));
        world.sync().await;
        world.edit(ada, json!({ "surname": "Byron" }));
        world.unassign(bob);
        let dee = world.join("Dee");
        world.sandbox.counts.reset();
        let file = world.path("plan.json").to_str().expect("a path").to_owned();
        let said = world.run(&["plan", "--out", &file]).await.exits(2);
        said.says("Plan: 1 to disable, 1 to update, 1 to create.").says("Saved for");
        assert!(world.written().is_empty());
        Self { world, ada, bob, dee, file }
    }

    async fn apply(&self) -> Said {
        self.world.run(&["apply", &self.file]).await
    }

    /// Applies, and makes sure that nothing at all was written and what was said about it.
    async fn refused(&self, because: &[&str]) {
        let said = self.apply().await.exits(70);
        let refused: Vec<&str> =
            said.out.lines().filter_map(|line| line.strip_prefix("refused: ")).collect();
        assert_eq!(refused, because, "{}", said.out);
        assert!(self.world.written().is_empty(), "{:#?}", self.world.written());
    }
}

#[tokio::test]
async fn without_a_change_it_is_applied_exactly() {
    let story = Story::planned().await;
    story.apply().await.exits(0).says("1 created, 1 updated, 1 disabled");
    assert_eq!(story.world.written(), WRITTEN);
    story.world.run(&["plan"]).await.exits(0).says("Nothing to do.");
    story.world.sandbox.counts.reset();
    story
        .refused(&[
            "bob@contoso.example: the plan said disable (Disabled = True), now nothing is to be done",
            "ada@contoso.example: the plan said update (LastName = Byron), now nothing is to be done",
            "dee@contoso.example: the plan said create (Email = dee@contoso.example, \
             FirstName = Dee, LastName = Tester), now nothing is to be done",
        ])
        .await;
}

#[tokio::test]
async fn who_joined_in_between_waits() {
    let story = Story::planned().await;
    story.world.join("Eve");
    story.apply().await.exits(0).says("1 created, 1 updated, 1 disabled");
    assert_eq!(story.world.written(), WRITTEN);
    story.world.sync().await.says("1 created");
    assert!(story.world.has("Eve"));
}

#[tokio::test]
async fn a_value_that_changed_at_the_source_refuses_it() {
    let story = Story::planned().await;
    story.world.edit(story.ada, json!({ "surname": "King" }));
    story
        .refused(&["ada@contoso.example: the plan said update (LastName = Byron), \
                    now it would be update (LastName = King)"])
        .await;
    // The refusal cost nothing: what is right now can be done.
    story.world.sync().await.says("1 created, 1 updated, 1 disabled");
    assert_eq!(story.world.account("Ada").last_name, "King");
}

#[tokio::test]
async fn people_who_came_or_went_at_the_source_refuse_it() {
    let story = Story::planned().await;
    story.world.assign(story.bob, "User");
    story.world.unassign(story.dee);
    story
        .refused(&[
            "bob@contoso.example: the plan said disable (Disabled = True), now nothing is to be done",
            "dee@contoso.example: the plan said create (Email = dee@contoso.example, \
             FirstName = Dee, LastName = Tester), now nothing is to be done",
        ])
        .await;
}

#[tokio::test]
async fn an_account_that_appeared_refuses_it() {
    let story = Story::planned().await;
    story.world.by_hand("Dee", "Elsewhere");
    story
        .refused(&["dee@contoso.example: the plan said create (Email = dee@contoso.example, \
                    FirstName = Dee, LastName = Tester), now it would be update (LastName = Tester)"])
        .await;
}

#[tokio::test]
async fn an_account_that_was_edited_by_hand_refuses_it() {
    let story = Story::planned().await;
    let id = story.world.account("Ada").id;
    let patch = json!({ "first_name": "Augusta" });
    story.world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    story.refused(&["ada@contoso.example: the account in ShareFile was changed since"]).await;
}

#[tokio::test]
async fn an_account_that_somebody_disabled_or_removed_refuses_it() {
    let story = Story::planned().await;
    let sharefile = &story.world.sandbox.sharefile;
    let [ada, bob] = ["Ada", "Bob"].map(|name| story.world.account(name).id);
    sharefile.edit_account(&bob, json!({ "disabled": true })).expect("an edit");
    assert!(sharefile.remove_account(&ada));
    let said = story.apply().await.exits(70);
    let said = said.says("refused: ada@contoso.example: the plan said update (LastName = Byron)");
    said.says("refused: bob@contoso.example: ");
    assert!(story.world.written().is_empty());
}

#[tokio::test]
async fn other_rules_refuse_it() {
    let mut story = Story::planned().await;
    story.world.set("users.deprovision.unassigned", "leave");
    let said = story.apply().await.exits(70);
    said.says("refused: the rules changed since the plan was made");
    assert!(story.world.written().is_empty());
}

/// What only a full read shows is in a plan of `--full`, so `apply` has to read as much.
#[tokio::test]
async fn a_plan_of_a_full_read_is_applied_with_a_full_read() {
    let world = World::real().await;
    world.join("Ada");
    world.join("Bob");
    world.sync().await;
    let gone = world.account("Ada").id;
    assert!(world.sandbox.sharefile.remove_account(&gone));
    world.sandbox.counts.reset();
    let file = world.path("plan.json").to_str().expect("a path").to_owned();
    world.run(&["plan"]).await.exits(0).says("Nothing to do.");
    world.run(&["plan", "--full", "--out", &file]).await.exits(2).says("1 to create");
    world.run(&["apply", &file]).await.exits(0).says("1 created");
    assert!(!world.account("Ada").deleted);
    assert_eq!(world.written().len(), 1);
}

/// A plan is for what may go: what the guard holds is not in it, and applying it releases nothing.
#[tokio::test]
async fn what_is_held_is_not_part_of_it() {
    let mut world = World::real().await;
    world.set("guard.removals_per_cycle.count", "0");
    let [ada, bob, _] = ["Ada", "Bob", "Cy"].map(|name| world.join(name));
    world.sync().await;
    world.unassign(ada);
    world.edit(bob, json!({ "surname": "Builder" }));
    let file = world.path("plan.json").to_str().expect("a path").to_owned();
    let said = world.run(&["plan", "--out", &file]).await.exits(2);
    said.says("Held, TooManyRemovals (1 object)").says("Plan: 1 to update. 1 object held.");
    world
        .run(&["apply", &file])
        .await
        .exits(70)
        .says("1 updated, 1 held")
        .says("1 change waits for approval");
    assert_eq!(
        (world.account("Bob").last_name.as_str(), world.account("Ada").disabled),
        ("Builder", false)
    );
}

#[tokio::test]
async fn what_is_no_plan_is_refused_as_such() {
    let story = Story::planned().await;
    let text = std::fs::read_to_string(&story.file).expect("the plan");
    let written = |text: &str| std::fs::write(&story.file, text).expect("a file");
    for broken in ["", "{}", "hello", "[1, 2]", &text[..text.len() / 2]] {
        written(broken);
        story.apply().await.exits(64).warns("not a plan that `plan --out` wrote");
    }
    let mut other: Value = serde_json::from_str(&text).expect("JSON");
    other["format"] = json!(99);
    written(&other.to_string());
    story.apply().await.exits(64).warns("format 99").warns("make a new plan");
    std::fs::remove_file(&story.file).expect("a removal");
    story.apply().await.exits(64).warns("cannot be read");
    assert!(story.world.written().is_empty());
}

/// Killed half-way, the rest is planned anew like anything else; nothing is done twice.
#[tokio::test]
async fn killed_while_it_is_applied_the_rest_goes_with_the_next_cycle() {
    let story = Story::planned().await;
    let world = &story.world;
    world.stall(FaultKind::StallAfter, "PATCH", 2);
    let process = world.start(&["apply", &story.file]);
    world.hangs().await;
    process.kill();
    world.sandbox.faults.release();
    let said = story.apply().await.exits(70);
    said.says("now nothing is to be done");
    world.sync().await;
    assert_eq!(world.written(), WRITTEN);
    assert_eq!(world.status().await["open_writes"], 0);
}

/// `plan` shows, and writes nothing anywhere: not at either end, and no file.
#[tokio::test]
async fn planning_writes_nothing() {
    let world = World::real().await;
    let ada = world.join("Ada");
    world.join("Bob");
    let untouched = async |arguments: &[&str], exit: i32| {
        let before = files(world.folder.path());
        let writes = world.sandbox.counts.writes().len();
        let said = world.run(arguments).await.exits(exit);
        assert_eq!(files(world.folder.path()), before, "{arguments:?} changed a file");
        assert_eq!(world.sandbox.counts.writes().len(), writes, "{arguments:?} wrote");
        said
    };
    // Before there is a store at all; afterwards there is still none.
    untouched(&["plan"], 2).await.says("Plan: 2 to create.");
    untouched(&["test"], 0).await;
    assert!(!world.job().store.exists());
    world.sync().await;
    untouched(&["plan"], 0).await.says("Nothing to do.");
    world.edit(ada, json!({ "surname": "Byron" }));
    let plan = untouched(&["plan", "--json"], 2).await.json();
    assert_eq!(plan["changes"][0]["action"], "update");
    let renamed = json!([
        { "displayName": "LastName", "oldValue": "Tester", "newValue": "Byron", "rule": "[surname]" }
    ]);
    assert_eq!(plan["changes"][0]["modifiedProperties"], renamed);
    assert_eq!(plan["holds"], json!([]));
    untouched(&["plan", "--full"], 2).await.says("Plan: 1 to update.");

    // After a crash, with a write open: planning looks what became of it, and settles nothing.
    world.stall(FaultKind::StallAfter, "PATCH", 1);
    let process = world.start(&["sync"]);
    world.hangs().await;
    process.kill();
    world.sandbox.faults.release();
    eventually("nothing hangs", async || world.sandbox.faults.stalled_now() == 0).await;
    untouched(&["plan"], 0).await.says("interruption left open").says("Nothing to do.");
    assert_eq!(world.status().await["open_writes"], 1);
}

/// The files of a folder, each with a hash of its bytes. SQLite's shared memory is left out: it
/// holds the marks of those who read right now, and no data.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a file");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, xxhash_rust::xxh3::xxh3_64(&bytes))
        })
        .filter(|(name, _)| !name.ends_with("-shm"))
        .collect()
}
