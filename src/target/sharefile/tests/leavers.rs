//! Promotions, downgrades, deletes and the welcome mail.

use super::*;

fn heirs() -> Reassign {
    Reassign { items_to: id("fe01"), groups_to: id("fe02") }
}

#[tokio::test]
async fn a_promotion_is_one_call_with_everything_else() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        _ => Reply::Json(200, ada()),
    })
    .await;
    let values = vec![(TargetAttribute::LastName, Some("King".to_owned()))];
    let change = UserChange { values, disabled: Some(false), promote: true };
    let changed = tenant.target.change_user(&id("1f2e"), &change).await.unwrap();
    assert_eq!((changed.kind, changed.disabled), (AccountKind::Employee, false));
    assert_eq!(tenant.calls(), ["PATCH Users/AccountUser(1f2e)"]);
    assert_eq!(
        tenant.last().body,
        r#"{"IsEmployee":true,"LastName":"King","Security":{"IsDisabled":false}}"#
    );
    let error = tenant.target.change_user(&id("ffff"), &change).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.maybe_applied), ("OtherAccount", true));
}

#[tokio::test]
async fn downgrades_many_in_one_call() {
    let tenant = Tenant::start(|seen, before| match (seen.line.as_str(), before) {
        ("POST /oauth/token", _) => SIGN_IN,
        (_, 0) => Reply::Text(204, ""),
        (_, 1 | 2) => refusal(400, "BadRequest"),
        _ => refusal(401, "NotAuthenticated"),
    })
    .await;
    let target = &tenant.target;
    let two = [id("1f2e"), id("ab")];
    target.downgrade_users(&two, &heirs()).await.unwrap();
    assert_eq!(tenant.calls(), ["POST Users/Employees/Downgrade"]);
    assert_eq!(
        tenant.last().body,
        r#"{"UserIds":["1f2e","ab"],"ReassignItemsToId":"fe01","ReassignGroupsToId":"fe02"}"#
    );
    // The first of several may have been served when the second is refused.
    assert!(target.downgrade_users(&two, &heirs()).await.unwrap_err().maybe_applied);
    assert!(!target.downgrade_users(&two[..1], &heirs()).await.unwrap_err().maybe_applied);
    assert!(!target.downgrade_users(&two, &heirs()).await.unwrap_err().maybe_applied);

    let before = tenant.lines().len();
    for (leavers, reassign, code) in [
        (vec![id("a"); 101], heirs(), "WrongNumber"),
        (Vec::new(), heirs(), "WrongNumber"),
        (vec![id("a)")], heirs(), "WrongId"),
        (vec![id("a"), id("FE02")], heirs(), "HeirLeaves"),
        (vec![id("a")], Reassign { items_to: id(""), ..heirs() }, "WrongId"),
    ] {
        let error = target.downgrade_users(&leavers, &reassign).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.maybe_applied), (code, false));
    }
    assert_eq!(tenant.lines().len(), before);
}

#[tokio::test]
async fn deletes_for_good_and_names_who_takes_over() {
    let line = "DELETE Users(1f2e)?completely=true&itemsReassignTo=fe01&groupsReassignTo=fe02";
    let tenant = Tenant::start(|seen, before| match (seen.line.as_str(), before) {
        ("POST /oauth/token", _) => SIGN_IN,
        (line, _) if line.starts_with("GET /sf/v3/Users(1f2e)") => refusal(404, "NotFound"),
        (line, _) if line.starts_with("GET") => {
            let mut user = ada();
            user["Id"] = json!("ab");
            Reply::Json(200, user)
        }
        (line, 0) if line.contains("1f2e") => Reply::Text(204, ""),
        _ => refusal(404, "NotFound"),
    })
    .await;
    let target = &tenant.target;
    target.delete_user(&id("1f2e"), &heirs()).await.unwrap();
    assert_eq!(tenant.calls(), [line]);
    // Gone already, which reading proves; or it is somebody who takes over that is missing.
    target.delete_user(&id("1f2e"), &heirs()).await.unwrap();
    assert_eq!(tenant.calls().len(), 3);
    let error = target.delete_user(&id("ab"), &heirs()).await.unwrap_err();
    assert_eq!((error.refusal, error.maybe_applied), (Refusal::NotFound, false));
    assert!(error.remedy.contains("reassign_items_to"));

    let before = tenant.lines().len();
    for (leaver, reassign, code) in [
        ("1f2e", Reassign { items_to: id("1F2E"), ..heirs() }, "HeirLeaves"),
        ("1f2e", Reassign { groups_to: id(""), ..heirs() }, "WrongId"),
        ("1f2e", Reassign { groups_to: id("a&completely=false"), ..heirs() }, "WrongId"),
        ("..", heirs(), "WrongId"),
    ] {
        let error = target.delete_user(&id(leaver), &reassign).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.maybe_applied), (code, false));
    }
    assert_eq!(tenant.lines().len(), before);
}

#[tokio::test]
async fn lost_answers_of_removals_may_have_taken_effect() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        _ => Reply::Broken("{"),
    })
    .await;
    let error = tenant.target.delete_user(&id("1f2e"), &heirs()).await.unwrap_err();
    assert!(error.maybe_applied, "{error:?}");
    let error = tenant.target.downgrade_users(&[id("1f2e")], &heirs()).await.unwrap_err();
    assert!(error.maybe_applied, "{error:?}");
    let error = tenant.target.welcome(&id("1f2e")).await.unwrap_err();
    assert!(error.maybe_applied, "{error:?}");
    assert_eq!(tenant.calls().len(), 3);
}

#[tokio::test]
async fn a_web_page_is_no_word_that_somebody_is_gone() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        _ => Reply::Text(200, "<html>Sign in to the network</html>"),
    })
    .await;
    let target = &tenant.target;
    for error in [
        target.delete_user(&id("1f2e"), &heirs()).await.unwrap_err(),
        target.downgrade_users(&[id("1f2e")], &heirs()).await.unwrap_err(),
        target.delete_group(&id("g1")).await.unwrap_err(),
        target.welcome(&id("1f2e")).await.unwrap_err(),
    ] {
        assert_eq!((error.code.as_str(), error.maybe_applied), ("HtmlAnswer", true));
    }
}

#[tokio::test]
async fn the_welcome_mail_is_sent_once_whichever_call_there_is() {
    for (first, second, sent) in [
        (Reply::Json(200, ada()), None, Some(1)),
        (Reply::Text(204, ""), None, Some(1)),
        (refusal(404, "NotFound"), Some(Reply::Text(200, "")), Some(2)),
        (refusal(405, "NotAllowed"), Some(Reply::Text(204, "")), Some(2)),
        (refusal(404, "NotFound"), Some(refusal(404, "NotFound")), None),
    ] {
        let tenant = Tenant::start(move |seen, _| match seen.line.as_str() {
            "POST /oauth/token" => SIGN_IN,
            "POST /sf/v3/Users(1f2e)/ResendWelcome" => first.clone(),
            "POST /sf/v3/Users(1f2e)/WelcomeNotification" => second.clone().unwrap(),
            _ => panic!("{}", seen.line),
        })
        .await;
        let outcome = tenant.target.welcome(&id("1f2e")).await;
        match sent {
            Some(calls) => {
                outcome.unwrap();
                assert_eq!(tenant.calls().len(), calls);
            }
            None => assert_eq!(outcome.unwrap_err().refusal, Refusal::NotFound),
        }
        let seen = tenant.seen.lock().unwrap();
        let first = seen.iter().find(|seen| seen.line.ends_with("ResendWelcome")).unwrap();
        let length = first.headers["content-length"].to_str().unwrap();
        assert_eq!((first.body.as_str(), length), ("", "0"));
    }
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        _ => refusal(403, "Forbidden"),
    })
    .await;
    let error = tenant.target.welcome(&id("1f2e")).await.unwrap_err();
    assert_eq!((error.refusal, tenant.calls().len()), (Refusal::Forbidden, 1));
    let error = tenant.target.welcome(&id("1/2")).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.maybe_applied), ("WrongId", false));
}
