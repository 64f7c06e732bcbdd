//! What people read, word for word. Times, ids, ports, process ids and numbers of requests are
//! blanked.

use serde_json::json;
use sharefile_provisioner::sandbox::faults::FaultKind;
use sharefile_provisioner::sandbox::graph::views::NewPerson;

use super::{Process, Said, World};

/// Returns how long the thing is that a text begins with, if it does.
type Length = fn(&str) -> Option<usize>;

/// Blanks what differs from one time to the next.
fn redacted(text: &str) -> String {
    let blanks: [(&str, Length); 10] = [
        ("N requests to Entra ID", asked_source),
        ("N to ShareFile", asked_target),
        ("0000-00-00T00:00:00Z", time),
        ("ID", id),
        ("process N", process),
        ("localhost:PORT", port),
        ("127.0.0.1:PORT", address),
        ("0000-00-00", day),
        ("in N days", days),
        ("N s ", apart),
    ];
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let blank = blanks.iter().find_map(|(name, length)| Some((name, length(rest)?)));
        let length = match blank {
            Some((name, length)) => {
                kept.push_str(name);
                length
            }
            None => {
                kept.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    kept.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// `2026-11-22T05:29:11Z`.
fn time(text: &str) -> Option<usize> {
    let end = text.bytes().take(40).position(|byte| byte == b'Z')? + 1;
    let shaped = text.starts_with("20") && text.get(..end)?.parse::<jiff::Timestamp>().is_ok();
    shaped.then_some(end)
}

/// A GUID, or what has the form of one.
fn id(text: &str) -> Option<usize> {
    let candidate = text.get(..36)?;
    let dashes = [8, 13, 18, 23];
    let fits = candidate.bytes().enumerate().all(|(place, byte)| match dashes.contains(&place) {
        true => byte == b'-',
        false => byte.is_ascii_alphanumeric(),
    });
    fits.then_some(36)
}

/// `2026-11-22`.
fn day(text: &str) -> Option<usize> {
    let shaped = text.starts_with("20") || text.starts_with("22");
    (shaped && text.get(..10)?.parse::<jiff::civil::Date>().is_ok()).then_some(10)
}

fn days(text: &str) -> Option<usize> {
    let digits = numbered(text, "in ")?;
    text.get(digits..)?.starts_with(" days").then_some(digits + " days".len())
}

/// How far two clocks are apart.
fn apart(text: &str) -> Option<usize> {
    counted(text, " s behind ")
        .or_else(|| counted(text, " s ahead "))
        .map(|_| text.bytes().take_while(u8::is_ascii_digit).count() + " s ".len())
}

fn address(text: &str) -> Option<usize> {
    numbered(text, "127.0.0.1:")
}

fn process(text: &str) -> Option<usize> {
    numbered(text, "process ")
}

fn port(text: &str) -> Option<usize> {
    numbered(text, "localhost:")
}

/// How much is asked for what is the matter of other tests.
fn asked_source(text: &str) -> Option<usize> {
    counted(text, " requests to Entra ID").or_else(|| counted(text, " request to Entra ID"))
}

fn asked_target(text: &str) -> Option<usize> {
    counted(text, " to ShareFile")
}

fn counted(text: &str, after: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0 && text.get(digits..)?.starts_with(after)).then_some(digits + after.len())
}

fn numbered(text: &str, before: &str) -> Option<usize> {
    let digits = text.strip_prefix(before)?.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(before.len() + digits)
}

impl Said {
    /// The output as it is compared.
    fn shown(&self) -> String {
        redacted(&self.out)
    }

    /// The output as it is compared, where it names the folder of a world.
    pub(super) fn shown_in(&self, world: &World) -> String {
        let folder = world.folder.path().display().to_string();
        redacted(&self.out.replace(&folder, "FOLDER"))
    }
}

/// A job in step, and then one of everything: what changes, and what is held.
async fn everything() -> World {
    let mut world = World::real().await;
    world.set("sharefile.in_flight", "1");
    world.set("guard.removals_per_cycle.count", "1");
    let [ada, bob, cy, dee, eve, fay] =
        ["Ada", "Bob", "Cy", "Dee", "Eve", "Fay"].map(|name| world.join(name));
    world.sync().await;
    world.unassign(cy);
    world.sync().await;
    world.assign(cy, "User");
    world.edit(ada, json!({ "surname": "Lovelace" }));
    world.edit(bob, json!({ "accountEnabled": false }));
    world.unassign(dee);
    world.edit(eve, json!({ "mail": "eve.new@contoso.example" }));
    world.edit(fay, json!({ "mail": "fay.new@contoso.example" }));
    let sharefile = &world.sandbox.sharefile;
    let edit = |id: &str, patch| sharefile.edit_account(id, patch).expect("an edit");
    edit(&world.account("Fay").id, json!({ "disabled": true }));
    world.by_hand("Gus", "Typo");
    world.by_hand("Hal", "Tester");
    edit(&world.by_hand("Ivy", "Tester"), json!({ "kind": "client" }));
    for name in ["Gus", "Hal", "Ivy", "Jan"] {
        world.join(name);
    }
    world.by_hand("Mia", "Tester");
    world.assign(world.person("Mia"), "Client");
    let guest = NewPerson::named("Kim", "Tester", "kim@contoso.example").with("userType", "Guest");
    let nameless = NewPerson::default()
        .with("displayName", "Lou")
        .with("userPrincipalName", "lou@contoso.example")
        .with("mail", "lou@contoso.example");
    for person in [guest, nameless] {
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
    }
    world
}

#[tokio::test]
async fn a_plan_and_what_comes_of_it() {
    let world = everything().await;
    let plan = world.run(&["plan"]).await.exits(2);
    insta::assert_snapshot!(plan.shown(), @r###"
    ACTION   WHO                      WHAT                                                                 WHY
    link     hal@contoso.example                                                                           in scope, and an account matches by Email = [mail]
    update   ada@contoso.example      LastName Tester → Lovelace                                           the values differ from those last sent
    enable   cy@contoso.example                                                                            in scope again
    update   eve.new@contoso.example  Email eve@contoso.example → eve.new@contoso.example                  the values differ from those last sent
    update   fay.new@contoso.example  Email fay@contoso.example → fay.new@contoso.example                  the values differ from those last sent
    update   gus@contoso.example      LastName Typo → Tester                                               in scope, and an account matches by Email = [mail]; the values differ from those last sent
    promote  ivy@contoso.example                                                                           in scope, and an account matches by Email = [mail]; the account is a client, and the rules say employee
    create   jan@contoso.example      employee, Email jan@contoso.example, FirstName Jan, LastName Tester  in scope, and no account matches
    create   kim@contoso.example      client, Email kim@contoso.example, FirstName Kim, LastName Tester    in scope, and no account matches

    VALUES OF  COME FROM
    Email      [mail]
    FirstName  [givenName]
    LastName   [surname]

    Held, TooManyRemovals (2 objects): 2 of 5 accounts would be removed; the limits are 1 and 10 percent.
      bob@contoso.example: disable
      dee@contoso.example: disable

    Held, TypeChange (1 object): The account is an employee's and the rules say client: that would cost its folder and file box, and is not done by itself. Change the type in ShareFile, or the rules.
      mia@contoso.example: account ID is an employee, the rules say a client

    Held, MissingValues (1 object): A required attribute has no value. Fill it in Entra ID, or give the mapping a default.
      lou@contoso.example: no value for FirstName = [givenName], LastName = [surname]

    Held, DisabledElsewhere (1 object): The account was disabled by somebody else. Enable it in ShareFile if that is right.
      fay@contoso.example: account ID was disabled by somebody else and stays disabled

    Plan: 4 to update, 1 to promote, 1 to enable, 1 to link, 2 to create. 5 objects held.
    "###);
    let json = world.run(&["plan", "--json"]).await.exits(2).json();
    let properties = json["changes"].as_array().expect("changes").iter();
    let mut properties = properties.flat_map(|change| change["modifiedProperties"].as_array());
    let renamed = properties.find_map(|all| all.iter().find(|one| one["newValue"] == "Lovelace"));
    assert_eq!(renamed.expect("a rename")["rule"], "[surname]");
    let mut colourful = world.program(&["plan"]);
    colourful.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
    let colourful = Process::start(colourful).end().await.exits(2);
    assert!(colourful.out.contains("LastName \u{1b}[31mTester\u{1b}[0m → \u{1b}[32mLovelace"));
    assert_eq!(console::strip_ansi_codes(&colourful.out), plan.out);
    let sync = world.run(&["sync"]).await.exits(70);
    insta::assert_snapshot!(sync.shown(), @r#"
    Cycle c3 (incremental) complete: 2 created, 6 updated, 3 adopted, 5 held; N requests to Entra ID, N to ShareFile.
    2 changes wait for approval: see `sharefile-provisioner holds`.
    "#);
    let holds = world.run(&["holds"]).await.exits(0);
    insta::assert_snapshot!(holds.shown(), @r#"
    Hold 1 · TooManyRemovals · open · 2 objects · since 0000-00-00T00:00:00Z
      2 of 5 accounts would be removed; the limits are 1 and 10 percent.
        disable bob@contoso.example
        disable dee@contoso.example
      To let it go: sharefile-provisioner approve 1    to keep it back: reject 1

    Hold 2 · TypeChange · open · 1 object · since 0000-00-00T00:00:00Z
      The account is an employee's and the rules say client: that would cost its folder and file box, and is not done by itself. Change the type in ShareFile, or the rules.
        mia@contoso.example: account ID is an employee, the rules say a client

    Hold 3 · MissingValues · open · 1 object · since 0000-00-00T00:00:00Z
      A required attribute has no value. Fill it in Entra ID, or give the mapping a default.
        lou@contoso.example: no value for FirstName = [givenName], LastName = [surname]

    Hold 4 · DisabledElsewhere · open · 1 object · since 0000-00-00T00:00:00Z
      The account was disabled by somebody else. Enable it in ShareFile if that is right.
        fay@contoso.example: account ID was disabled by somebody else and stays disabled
    "#);
    let status = world.run(&["status"]).await.exits(0);
    insta::assert_snapshot!(status.shown(), @r#"
    Provisioning  no daemon is running
    Application   Citrix ShareFile
    ShareFile     contoso
    Licences      13 of 100000 taken
    People        13 in the snapshot
    Accounts      11 in use, 0 disabled by this job
    Waiting       2 for the next cycle, 5 objects in 4 holds
    Full read     0000-00-00T00:00:00Z, the next from 0000-00-00T00:00:00Z on
    Last cycle    c3 (incremental) complete 0000-00-00T00:00:00Z: 2 created, 6 updated, 3 adopted, 5 held; N requests to Entra ID, N to ShareFile
    "#);
    let log = world.run(&["log"]).await.exits(0);
    insta::assert_snapshot!(log.shown(), @r#"
    WHEN                  CYCLE  ACTION   STATUS   WHO                      WHAT
    0000-00-00T00:00:00Z  c3     create   success  kim@contoso.example      Email kim@contoso.example; FirstName Kim; LastName Tester
    0000-00-00T00:00:00Z  c3     create   success  jan@contoso.example      Email jan@contoso.example; FirstName Jan; LastName Tester
    0000-00-00T00:00:00Z  c3     update   success  ivy@contoso.example      IsEmployee False → True
    0000-00-00T00:00:00Z  c3     update   success  gus@contoso.example      LastName Typo → Tester
    0000-00-00T00:00:00Z  c3     update   success  fay.new@contoso.example  Email fay@contoso.example → fay.new@contoso.example
    0000-00-00T00:00:00Z  c3     update   success  eve.new@contoso.example  Email eve@contoso.example → eve.new@contoso.example
    0000-00-00T00:00:00Z  c3     update   success  cy@contoso.example       Disabled True → False
    0000-00-00T00:00:00Z  c3     update   success  ada@contoso.example      LastName Tester → Lovelace
    0000-00-00T00:00:00Z  c3     other    success  hal@contoso.example      in scope, and an account matches by Email = [mail]
    0000-00-00T00:00:00Z  c2     disable  success  cy@contoso.example       Disabled False → True
    0000-00-00T00:00:00Z  c1     create   success  fay@contoso.example      Email fay@contoso.example; FirstName Fay; LastName Tester
    0000-00-00T00:00:00Z  c1     create   success  eve@contoso.example      Email eve@contoso.example; FirstName Eve; LastName Tester
    0000-00-00T00:00:00Z  c1     create   success  dee@contoso.example      Email dee@contoso.example; FirstName Dee; LastName Tester
    0000-00-00T00:00:00Z  c1     create   success  cy@contoso.example       Email cy@contoso.example; FirstName Cy; LastName Tester
    0000-00-00T00:00:00Z  c1     create   success  bob@contoso.example      Email bob@contoso.example; FirstName Bob; LastName Tester
    0000-00-00T00:00:00Z  c1     create   success  ada@contoso.example      Email ada@contoso.example; FirstName Ada; LastName Tester
    "#);
    let csv = world.run(&["log", "--format", "csv", "--limit", "2"]).await.exits(0);
    insta::assert_snapshot!(csv.shown(), @r#"
    time,cycle,change,action,status,source_id,name,target_id,modified,reasons,error_code,error
    0000-00-00T00:00:00Z,c3,8,create,success,ID,kim@contoso.example,ID,Email kim@contoso.example; FirstName Kim; LastName Tester,"in scope, and no account matches",,
    0000-00-00T00:00:00Z,c3,7,create,success,ID,jan@contoso.example,ID,Email jan@contoso.example; FirstName Jan; LastName Tester,"in scope, and no account matches",,
    "#);
    let approved = world.run(&["approve", "1"]).await.exits(0);
    insta::assert_snapshot!(approved.shown(), @"hold 1 (TooManyRemovals) approved: 2 changes, to go with the next cycle.");
}

/// An entry has the shape of Microsoft Graph's `provisioningObjectSummary`.
#[tokio::test]
async fn an_entry_of_the_log_as_json() {
    let world = World::real().await;
    world.join("Ada");
    world.sync().await;
    let mut rows = world.run(&["log", "--json"]).await.exits(0).json();
    rows[0]["durationInMilliseconds"] = json!(0);
    insta::assert_snapshot!(redacted(&format!("{rows:#}")), @r#"
    [
      {
        "activityDateTime": "0000-00-00T00:00:00Z",
        "changeId": "c1-0",
        "cycleId": "c1",
        "durationInMilliseconds": 0,
        "id": "c1-0",
        "initiatedBy": {
          "displayName": "sync",
          "id": "",
          "initiatorType": "user"
        },
        "jobId": "sharefile-provisioner",
        "modifiedProperties": [
          {
            "displayName": "Email",
            "newValue": "ada@contoso.example",
            "oldValue": null
          },
          {
            "displayName": "FirstName",
            "newValue": "Ada",
            "oldValue": null
          },
          {
            "displayName": "LastName",
            "newValue": "Tester",
            "oldValue": null
          }
        ],
        "provisioningAction": "create",
        "provisioningStatusInfo": {
          "errorInformation": null,
          "status": "success"
        },
        "provisioningSteps": [
          {
            "description": "in scope, and no account matches",
            "details": {},
            "name": "EntrySynchronizationScoping",
            "provisioningStepType": "scoping",
            "status": "success"
          },
          {
            "description": "done",
            "details": {},
            "name": "EntryExport",
            "provisioningStepType": "export",
            "status": "success"
          }
        ],
        "servicePrincipal": {
          "displayName": "Citrix ShareFile",
          "id": "ID"
        },
        "sourceIdentity": {
          "details": {},
          "displayName": "ada@contoso.example",
          "id": "ID",
          "identityType": "User"
        },
        "sourceSystem": {
          "details": {},
          "displayName": "Microsoft Entra ID"
        },
        "targetIdentity": {
          "details": {},
          "displayName": "ada@contoso.example",
          "id": "ID",
          "identityType": "User"
        },
        "targetSystem": {
          "details": {},
          "displayName": "ShareFile"
        },
        "tenantId": "ID"
      }
    ]
    "#);
}

#[tokio::test]
async fn a_first_plan_that_waits_and_was_interrupted() {
    let mut world = World::real().await;
    world.set("guard.first_cycle", "approve");
    world.join("Ada");
    let plan = world.run(&["plan"]).await.exits(2);
    insta::assert_snapshot!(plan.shown(), @r#"
    Held, FirstCycle (1 object): The first plan of this job waits for approval as a whole: 1 to create.
      ada@contoso.example: create

    Nothing to do. 1 object held.
    "#);
    world.stall(FaultKind::StallAfter, "POST", 1);
    let process = world.start(&["sync", "--yes"]);
    world.hangs().await;
    let busy = world.run(&["status"]).await.exits(0);
    insta::assert_snapshot!(busy.shown(), @r#"
    Provisioning  running (sync, process N)
    Application   Citrix ShareFile
    ShareFile     contoso
    Licences      4 of 100000 taken
    People        1 in the snapshot
    Accounts      0 in use, 0 disabled by this job
    Waiting       1 for the next cycle, 0 objects in 0 holds
    Open writes   1: the next cycle looks what became of them
    Full read     0000-00-00T00:00:00Z, the next from 0000-00-00T00:00:00Z on
    Last cycle    c1 (initial) running 0000-00-00T00:00:00Z: nothing to do; N requests to Entra ID, N to ShareFile
    "#);
    process.kill();
    world.sandbox.faults.release();
    let again = world.sync().await;
    insta::assert_snapshot!(again.shown(), @r#"
    Cycle c2 (incremental) complete: nothing to do; N requests to Entra ID, N to ShareFile.
      note: 1 write that an interruption left open was settled.
    "#);
    world.run(&["pause"]).await.exits(0);
    let paused = world.run(&["status"]).await.exits(0);
    insta::assert_snapshot!(paused.shown(), @r#"
    Provisioning  paused
    Application   Citrix ShareFile
    ShareFile     contoso
    Licences      5 of 100000 taken
    People        1 in the snapshot
    Accounts      1 in use, 0 disabled by this job
    Waiting       0 for the next cycle, 0 objects in 0 holds
    Full read     0000-00-00T00:00:00Z, the next from 0000-00-00T00:00:00Z on
    Last cycle    c2 (incremental) complete 0000-00-00T00:00:00Z: nothing to do; N requests to Entra ID, N to ShareFile
    "#);
}
