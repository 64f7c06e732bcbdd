//! Groups and their members.

use super::*;

fn group(text: &str, name: &str) -> Value {
    json!({ "Id": text, "Name": name, "IsShared": true, "NumberOfContacts": 2,
        "Owner": { "Id": "5e1f", "Name": "Service" }, "odata.type": "ShareFile.Api.Models.Group" })
}

fn feed(rows: &[&str]) -> Value {
    let rows: Vec<Value> = rows.iter().map(|row| json!({ "Id": row, "Email": "x@y" })).collect();
    json!({ "odata.count": rows.len(), "value": rows })
}

fn ids(texts: &[&str]) -> Vec<TargetId> {
    texts.iter().map(|text| id(text)).collect()
}

/// A tenant that answers every call of the API with `reply`.
async fn answering(reply: Reply) -> Tenant {
    Tenant::start(move |seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        _ => reply.clone(),
    })
    .await
}

#[tokio::test]
async fn reads_groups_and_members_to_the_end() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        "GET /sf/v3/Groups?$expand=Owner" => Reply::Json(
            200,
            json!({ "value": [group("g2", "B"), { "Id": "g1", "Name": "A" }],
                "odata.nextlink": "Groups?$skip=2" }),
        ),
        "GET /sf/v3/Groups?$skip=2" => Reply::Json(200, json!({ "value": [group("G2", "B")] })),
        "GET /sf/v3/Groups(g2)/Contacts" => Reply::Json(
            200,
            json!({ "value": [{ "Id": "b" }, { "Id": "a" }],
                "odata.nextLink": "Groups(g2)/Contacts?$skip=2" }),
        ),
        "GET /sf/v3/Groups(g2)/Contacts?$skip=2" => Reply::Json(200, feed(&["B", "c"])),
        "GET /sf/v3/Groups(g2)?$expand=Owner" => Reply::Json(200, group("G2", "B")),
        "GET /sf/v3/Groups(g3)?$expand=Owner" => Reply::Json(200, group("g2", "B")),
        "GET /sf/v3/Groups(g5)/Contacts" => Reply::Json(
            200,
            json!({ "value": [{ "Id": "b" }], "odata.nextLink": "Groups(g4)/Contacts" }),
        ),
        _ => refusal(404, "NotFound"),
    })
    .await;
    let groups = tenant.target.list_groups().await.unwrap();
    let found: Vec<_> = groups.iter().map(|one| (one.name.as_str(), one.shared)).collect();
    assert_eq!(found, [("A", false), ("B", true)]);
    assert_eq!(groups[1].owner, Some(id("5e1f")));
    assert_eq!((groups[0].members, groups[1].members), (None, Some(2)));

    assert_eq!(tenant.target.group_members(&id("g2")).await.unwrap(), Some(ids(&["a", "b", "c"])));
    assert_eq!(tenant.target.group_members(&id("g4")).await.unwrap(), None);
    // A part of a list is no list, and not "no such group" either.
    let error = tenant.target.group_members(&id("g5")).await.unwrap_err();
    assert_eq!((error.refusal, error.maybe_applied), (Refusal::NotFound, false));

    assert_eq!(tenant.target.read_group(&id("g2")).await.unwrap().unwrap().name, "B");
    assert_eq!(tenant.target.read_group(&id("g4")).await.unwrap(), None);
    let error = tenant.target.read_group(&id("g3")).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.maybe_applied), ("OtherGroup", false));
}

#[tokio::test]
async fn a_web_page_is_not_taken_for_a_group_that_is_gone() {
    let tenant = answering(Reply::Text(404, "<html>")).await;
    for error in [
        tenant.target.read_group(&id("g1")).await.map(|_| ()).unwrap_err(),
        tenant.target.group_members(&id("g1")).await.map(|_| ()).unwrap_err(),
        tenant.target.delete_group(&id("g1")).await.unwrap_err(),
    ] {
        assert_eq!(error.code, "HtmlAnswer", "{error:?}");
    }
}

#[tokio::test]
async fn creates_a_shared_group_with_members_by_id() {
    let tenant = answering(Reply::Json(200, json!({ "Id": "g9", "Name": "Düsseldorf" }))).await;
    let made = tenant.target.create_group("Düsseldorf", &ids(&["1f2e", "ab"])).await.unwrap();
    assert_eq!((made.id, made.name.as_str(), made.shared), (id("g9"), "Düsseldorf", true));
    let body = r#"{"Name":"Düsseldorf","IsShared":true,"Contacts":[{"Id":"1f2e"},{"Id":"ab"}]}"#;
    assert_eq!(tenant.last().body, body);
    tenant.target.create_group("Empty", &[]).await.unwrap();
    assert_eq!(tenant.last().body, r#"{"Name":"Empty","IsShared":true}"#);
    assert_eq!(tenant.calls(), ["POST Groups", "POST Groups"]);
}

#[tokio::test]
async fn failed_creates_say_whether_they_may_have_taken_effect() {
    for (reply, category, refused, maybe_applied) in [
        (refusal(409, "Conflict"), ErrorCategory::Rejected, Refusal::Conflict, false),
        // Somebody who was to be in it: names do not make a 404.
        (refusal(404, "NotFound"), ErrorCategory::Rejected, Refusal::NotFound, false),
        (refusal(400, "BadRequest"), ErrorCategory::Rejected, Refusal::Other, false),
        (refusal(403, "Forbidden"), ErrorCategory::Auth, Refusal::Forbidden, false),
        (refusal(500, "DatabaseError"), ErrorCategory::Transient, Refusal::Other, true),
        (Reply::Text(200, ""), ErrorCategory::Bug, Refusal::Other, true),
        (Reply::Json(200, json!({ "Id": "g/1" })), ErrorCategory::Bug, Refusal::Other, true),
        (Reply::Broken(r#"{"Id":"#), ErrorCategory::Transient, Refusal::Other, true),
    ] {
        let tenant = answering(reply).await;
        let error = tenant.target.create_group("Sales", &ids(&["1f2e"])).await.unwrap_err();
        let found = (error.category, error.refusal, error.maybe_applied);
        assert_eq!(found, (category, refused, maybe_applied), "{error:?}");
        assert_eq!(tenant.calls().len(), 1);
    }
    let tenant = answering(refusal(403, "Forbidden")).await;
    let error = tenant.target.create_group("Sales", &[]).await.unwrap_err();
    assert!(error.remedy.contains("AdminCreateSharedGroups"), "{}", error.remedy);
}

#[tokio::test]
async fn renames_with_one_call_and_judges_the_answer() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        "PATCH /sf/v3/Groups(g2)" => Reply::Text(204, ""),
        "GET /sf/v3/Groups(g2)?$expand=Owner" => Reply::Json(200, group("g2", "New")),
        _ => Reply::Json(200, group("g1", "New")),
    })
    .await;
    assert_eq!(tenant.target.rename_group(&id("G1"), "New").await.unwrap().name, "New");
    assert_eq!(tenant.last().line, "PATCH /sf/v3/Groups(G1)");
    assert_eq!(tenant.last().body, r#"{"Name":"New","IsShared":true}"#);
    // An answer without a body is read back, one about another group is refused.
    assert_eq!(tenant.target.rename_group(&id("g2"), "New").await.unwrap().id, id("g2"));
    let error = tenant.target.rename_group(&id("g3"), "New").await.unwrap_err();
    assert_eq!((error.code.as_str(), error.maybe_applied), ("OtherGroup", true));
}

#[tokio::test]
async fn changes_of_members_return_the_whole_list() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        "POST /sf/v3/Groups(g1)/Contacts" => Reply::Json(200, feed(&["c", "A"])),
        // The list goes on, so it is read.
        "POST /sf/v3/Groups(g2)/Contacts" => {
            Reply::Json(200, json!({ "odata.count": 3, "value": [{ "Id": "a" }] }))
        }
        "POST /sf/v3/Groups(g3)/Contacts" => Reply::Text(204, ""),
        "GET /sf/v3/Groups(g2)/Contacts" => Reply::Json(200, feed(&["a", "b", "c"])),
        "DELETE /sf/v3/Groups(g1)/Contacts" => Reply::Json(200, feed(&["c"])),
        _ => refusal(404, "NotFound"),
    })
    .await;
    let added = tenant.target.add_members(&id("g1"), &ids(&["a", "b"])).await.unwrap();
    assert_eq!(added, ids(&["a", "c"]));
    assert_eq!(tenant.last().body, r#"[{"Id":"a"},{"Id":"b"}]"#);
    let added = tenant.target.add_members(&id("g2"), &ids(&["a"])).await.unwrap();
    assert_eq!(added, ids(&["a", "b", "c"]));
    // The members were added, and then the group went.
    let error = tenant.target.add_members(&id("g3"), &ids(&["a"])).await.unwrap_err();
    assert_eq!((error.refusal, error.maybe_applied), (Refusal::NotFound, true));
    let error = tenant.target.add_members(&id("g4"), &ids(&["a"])).await.unwrap_err();
    assert_eq!((error.refusal, error.maybe_applied), (Refusal::NotFound, false));

    let before = tenant.calls().len();
    let left = tenant.target.remove_members(&id("g1"), &ids(&["a"])).await.unwrap();
    assert_eq!((left, tenant.calls().len()), (ids(&["c"]), before + 1));
    assert_eq!(tenant.last().body, r#"[{"Id":"a"}]"#);
}

#[tokio::test]
async fn a_removal_finds_a_way_past_what_stops_it() {
    // What a DELETE meets, and how many calls follow.
    for (first, calls) in [
        // Its body was dropped: nobody was removed, or the server misses the body.
        (Reply::Json(200, feed(&["a", "b", "c"])), 2),
        (refusal(400, "BadRequest"), 3),
        (Reply::Text(405, "<html>"), 3),
        (Reply::Text(403, "<html>"), 3),
        // A part of the work was done.
        (Reply::Json(200, feed(&["b", "c"])), 2),
    ] {
        let tenant = Tenant::start(move |seen, _| {
            let meant = seen.headers.get("x-http-method-override").map(|meant| meant.as_bytes());
            match (seen.line.as_str(), meant) {
                ("POST /oauth/token", _) => SIGN_IN,
                ("DELETE /sf/v3/Groups(g1)/Contacts", None) => first.clone(),
                ("GET /sf/v3/Groups(g1)/Contacts", None) => Reply::Json(200, feed(&["b", "c"])),
                ("POST /sf/v3/Groups(g1)/Contacts", Some(b"DELETE")) => {
                    Reply::Json(200, feed(&["c"]))
                }
                _ => panic!("{}", seen.line),
            }
        })
        .await;
        let left = tenant.target.remove_members(&id("g1"), &ids(&["A", "b"])).await.unwrap();
        assert_eq!((left, tenant.calls().len()), (ids(&["c"]), calls));
        // Only who is a member still is named: without its header the call would add.
        let whole = tenant.calls().len() == 2 && tenant.last().body.contains('A');
        let expected = if whole { r#"[{"Id":"A"},{"Id":"b"}]"# } else { r#"[{"Id":"b"}]"# };
        assert_eq!(tenant.last().body, expected);
    }
}

#[tokio::test]
async fn a_removal_that_cannot_be_made_says_so() {
    // Neither way works, and the list shows it.
    let tenant = answering(Reply::Json(200, feed(&["a", "b"]))).await;
    let left = tenant.target.remove_members(&id("g1"), &ids(&["a"])).await.unwrap();
    assert_eq!((left, tenant.calls().len()), (ids(&["a", "b"]), 2));
    for (reply, refused) in [
        (refusal(403, "Forbidden"), Refusal::Forbidden),
        (refusal(404, "NotFound"), Refusal::NotFound),
        (refusal(500, "DatabaseError"), Refusal::Other),
    ] {
        let tenant = answering(reply).await;
        let error = tenant.target.remove_members(&id("g1"), &ids(&["a"])).await.unwrap_err();
        assert_eq!((error.refusal, tenant.calls().len()), (refused, 1), "{error:?}");
    }
}

#[tokio::test]
async fn a_deleted_group_is_deleted_once() {
    for reply in [Reply::Text(204, ""), refusal(404, "NotFound")] {
        let tenant = answering(reply).await;
        tenant.target.delete_group(&id("g1")).await.unwrap();
        assert_eq!(tenant.calls(), ["DELETE Groups(g1)"]);
    }
    let tenant = answering(refusal(403, "Forbidden")).await;
    let error = tenant.target.delete_group(&id("g1")).await.unwrap_err();
    assert_eq!(error.refusal, Refusal::Forbidden);
}

#[tokio::test]
async fn no_id_changes_a_path_and_no_call_names_too_many() {
    let tenant = answering(refusal(500, "Unspecified")).await;
    let target = &tenant.target;
    let (good, bad) = (id("g1"), id("g1)/Contacts"));
    let many = vec![id("a"); 101];
    let errors = [
        target.read_group(&bad).await.map(|_| ()).unwrap_err(),
        target.group_members(&bad).await.map(|_| ()).unwrap_err(),
        target.rename_group(&bad, "x").await.map(|_| ()).unwrap_err(),
        target.delete_group(&bad).await.unwrap_err(),
        target.add_members(&bad, &ids(&["a"])).await.map(|_| ()).unwrap_err(),
        target.add_members(&good, &ids(&["a)"])).await.map(|_| ()).unwrap_err(),
        target.remove_members(&bad, &ids(&["a"])).await.map(|_| ()).unwrap_err(),
        target.remove_members(&good, &ids(&["a)"])).await.map(|_| ()).unwrap_err(),
        target.create_group("x", &ids(&["a)"])).await.map(|_| ()).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.code == "WrongId" && !error.maybe_applied));
    let errors = [
        target.create_group("x", &many).await.map(|_| ()).unwrap_err(),
        target.add_members(&good, &many).await.map(|_| ()).unwrap_err(),
        target.add_members(&good, &[]).await.map(|_| ()).unwrap_err(),
        target.remove_members(&good, &[]).await.map(|_| ()).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.code == "WrongNumber" && !error.maybe_applied));
    assert!(tenant.lines().is_empty());
}
