//! `welcome`: one mail to one person, through the daemon if there is one.

use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};

use super::World;

impl World {
    /// Occasion and address of every mail that ShareFile sent.
    fn mailed(&self) -> Vec<(String, String)> {
        let mails = self.sandbox.sharefile.mails().into_iter();
        mails.map(|mail| (mail.occasion, mail.to)).collect()
    }
}

fn welcome(name: &str) -> (String, String) {
    ("welcome".to_owned(), format!("{name}@contoso.example"))
}

#[tokio::test]
async fn the_mail_goes_to_the_person_who_is_named_in_any_way() {
    let world = World::real().await;
    let ada = world.join("Ada");
    world.join("Bob");
    world.run(&["welcome", "ada@contoso.example"]).await.exits(69).warns("there is no store");
    world.sync().await;
    assert_eq!(world.mailed(), []);
    let account = world.account("Ada").id;
    let before = world.sharefile_requests();
    for who in ["ADA@contoso.example", "ada tester", &ada.to_string(), &account] {
        let said = world.run(&["welcome", who]).await.exits(0);
        said.says("the welcome mail went to ada@contoso.example.");
    }
    assert_eq!(world.mailed(), vec![welcome("ada"); 4]);
    // A token, a look at the account, and the mail, each time.
    assert_eq!(world.sharefile_requests() - before, 12);

    let rows = world.run(&["log", "--json", "--who", &account]).await.exits(0).json();
    assert_eq!(rows.as_array().map(Vec::len), Some(5));
    assert_eq!(rows[0]["provisioningAction"], "other");
    assert_eq!(rows[0]["provisioningStatusInfo"]["status"], "success");
    assert_eq!(rows[0]["modifiedProperties"][0]["displayName"], "WelcomeMail");
    assert_eq!(rows[0]["initiatedBy"]["displayName"], "welcome");
    assert_eq!(rows[0]["targetIdentity"]["id"], account);
}

#[tokio::test]
async fn whoever_should_have_no_mail_gets_none() {
    let mut world = World::real().await;
    let left = world.join("Left");
    for name in ["Elsewhere", "Chief", "Listed", "Gone", "Twin"] {
        world.join(name);
    }
    let twin = world.join("Twin2");
    world.edit(twin, serde_json::json!({ "givenName": "Twin" }));
    world.sync().await;
    world.unassign(left);
    world.sync().await;
    world.person("Stranger");
    world.by_hand("Hand", "Made");
    let edit = |name: &str, patch: serde_json::Value| {
        let id = world.account(name).id;
        world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    };
    edit("Elsewhere", serde_json::json!({ "disabled": true }));
    edit("Chief", serde_json::json!({ "roles": ["AdminReporting"] }));
    let gone = world.account("Gone").id;
    assert!(world.sandbox.sharefile.remove_account(&gone));
    world.set("guard.protected", r#"["listed@contoso.example"]"#);
    for (who, why) in [
        ("left@contoso.example", "left, and gets no mail"),
        ("elsewhere@contoso.example", "is disabled"),
        ("chief@contoso.example", "holds an administrator role"),
        ("listed@contoso.example", "`guard.protected` lists its address"),
        ("gone@contoso.example", "is gone from ShareFile"),
        ("Twin Tester", "several people go by `Twin Tester`: "),
        ("stranger@contoso.example", "knows nobody who goes by"),
        ("hand@contoso.example", "knows nobody who goes by"),
        ("", "knows nobody who goes by"),
    ] {
        world.run(&["welcome", who]).await.exits(70).warns("no mail was sent").warns(why);
    }
    assert_eq!(world.mailed(), []);
    world.run(&["welcome", "--list", "ada"]).await.exits(64);
}

#[tokio::test]
async fn a_running_daemon_sends_it() {
    let world = World::real().await;
    world.join("Ada");
    let daemon = world.daemon(1).await;
    world.run(&["welcome", "Ada Tester"]).await.exits(0).says("went to ada@contoso.example");
    assert_eq!(world.mailed(), [welcome("ada")]);
    world.run(&["welcome", "nobody"]).await.exits(70).warns("knows nobody");

    // What goes wrong there is said here.
    world.sandbox.faults.add(Fault {
        status: Some(403),
        reason: Some("Forbidden".to_owned()),
        ..Fault::new(FaultKind::Unavailable).at("ResendWelcome").times(1)
    });
    world.run(&["welcome", "Ada Tester"]).await.exits(66).warns("Give the service user");
    let log = world.log().await;
    let mut mails = log.iter().filter(|one| one.action == "other").map(|one| one.status.as_str());
    assert_eq!(
        (mails.next(), mails.next(), mails.next()),
        (Some("failure"), Some("success"), None)
    );
    drop(daemon);
}

#[tokio::test]
async fn a_mail_that_may_have_gone_out_is_not_sent_twice() {
    let world = World::real().await;
    world.join("Ada");
    world.sync().await;
    world.sandbox.faults.add(Fault::new(FaultKind::DropAfter).at("ResendWelcome").times(1));
    world.run(&["welcome", "Ada Tester"]).await.exits(68);
    assert_eq!(world.mailed(), [welcome("ada")]);
    assert_eq!(world.log().await[0].code, "ConnectionLost");
}

#[tokio::test]
async fn the_list_reads_and_says_that_nobody_waits() {
    let world = World::real().await;
    world.join("Ada");
    world.sync().await;
    world.sandbox.counts.reset();
    let said = world.run(&["welcome"]).await.exits(0);
    said.says("Everybody has signed in, or has a link that is less than 30 days old.");
    assert_eq!(world.run(&["welcome", "--list", "--json"]).await.exits(0).out, "[]\n");
    assert_eq!((world.writes().len(), world.graph_requests()), (0, 0));
    assert_eq!(world.asked("Accounts/"), 4);
}
