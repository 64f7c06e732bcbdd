//! Opening, refusing, closing, crashing.

use super::*;

#[tokio::test]
async fn keeps_what_it_was_told_over_a_restart() {
    let home = Home::new();
    let store = home.open();
    assert_eq!(store.job().await.unwrap(), JobState::default());
    store.set_paused(true).await.unwrap();
    store.set_rules(hash(5)).await.unwrap();
    store.set_first_plan_done().await.unwrap();
    let before = store.job().await.unwrap();
    store.close().await.unwrap();
    assert!(!home.dir.path().join("store.db-wal").exists(), "the log is flushed by closing");

    let store = home.open();
    let job = store.job().await.unwrap();
    assert_eq!(job, before);
    assert!(job.paused && job.first_plan_done);
    assert_eq!(job.rules_hash, Some(hash(5)));
}

#[tokio::test]
async fn dropping_every_handle_gives_the_lease_back() {
    let home = Home::new();
    let store = home.open();
    let clone = store.clone();
    drop(store);
    clone.set_paused(true).await.unwrap();
    assert!(matches!(home.try_open(), Err(StoreError::AnotherWriter { .. })));
    drop(clone);
    assert!(home.open().job().await.unwrap().paused);
}

#[tokio::test]
async fn other_handles_are_told_that_the_store_is_closed() {
    let home = Home::new();
    let store = home.open();
    let clone = store.clone();
    store.close().await.unwrap();
    assert!(matches!(clone.job().await, Err(StoreError::Gone)));
    assert!(home.open().job().await.is_ok());
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_answered() {
    let home = Home::new();
    let store = home.open();
    let users = vec![person(1, "Ada")];
    store.commit_import(full(users, vec![direct(1)], vec![])).await.unwrap();
    let first = store.intend(intent(1, 1)).await.unwrap();
    let crashed = home.after_crash().open_intents().await;
    assert_eq!(crashed, [(first, intent(1, 1))]);

    let put = LinkChange::Put(Box::new(link(1, "a")));
    store.settle(first, success(1, put)).await.unwrap();
    let crashed = home.after_crash();
    assert!(crashed.open_intents().await.is_empty());
    let reopened = crashed.open();
    assert_eq!(reopened.links().await.unwrap(), [link(1, "a")]);
    assert_eq!(reopened.log(LogFilter::default()).await.unwrap().len(), 1);
    assert!(waiting(&reopened).await.is_empty());
}

impl Home {
    /// Opens and drops the store, and returns the open intents.
    async fn open_intents(&self) -> Vec<(i64, Intent)> {
        self.open().open_intents().await.unwrap()
    }
}

/// Changes the file of a store that exists, and checks that it is refused and not touched.
async fn refuses(spoil: impl FnOnce(&Path), expected: impl Fn(&StoreError) -> bool) {
    let home = Home::new();
    let store = home.open();
    let users = (0..500).map(|number| person(number, &"x".repeat(100))).collect();
    store.commit_import(full(users, (0..500).map(direct).collect(), vec![])).await.unwrap();
    store.close().await.unwrap();
    spoil(&home.path());
    let before = home.files();
    for error in [home.try_open().unwrap_err(), Store::preview(&home.path()).unwrap_err()] {
        assert!(expected(&error), "{error:?}");
        assert!(!error.remedy().is_empty());
    }
    assert_eq!(home.files(), before);
}

#[tokio::test]
async fn refuses_a_newer_version() {
    refuses(
        |path| raw(path).pragma_update(None, "user_version", 77).unwrap(),
        |error| matches!(error, StoreError::NewerVersion { found: 77, .. }),
    )
    .await;
}

#[tokio::test]
async fn refuses_a_database_of_another_program() {
    refuses(
        |path| raw(path).pragma_update(None, "application_id", 7).unwrap(),
        |error| matches!(error, StoreError::NotOurs { .. }),
    )
    .await;
}

#[tokio::test]
async fn refuses_what_is_no_database() {
    let damaged = |error: &StoreError| matches!(error, StoreError::Damaged { .. });
    refuses(|path| std::fs::write(path, "dear diary").unwrap(), damaged).await;
    refuses(|path| std::fs::write(path, "").unwrap(), damaged).await;
    refuses(|path| std::fs::write(path, "SQLite format 3\0").unwrap(), damaged).await;
}

#[tokio::test]
async fn refuses_a_damaged_file() {
    let damaged = |error: &StoreError| matches!(error, StoreError::Damaged { .. });
    refuses(
        |path| {
            let mut bytes = std::fs::read(path).unwrap();
            let half = bytes.len() / 2;
            bytes.iter_mut().skip(half).for_each(|byte| *byte = 0xa5);
            std::fs::write(path, bytes).unwrap();
        },
        damaged,
    )
    .await;
    refuses(
        |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, bytes.get(..bytes.len() / 2).unwrap()).unwrap();
        },
        damaged,
    )
    .await;
}

/// The check of a large store takes long, and what nobody wrote to since a clean stop was checked
/// by whoever wrote it. The damage here is hidden as only a test can.
#[tokio::test]
async fn a_file_that_is_as_it_was_left_is_not_read_page_by_page() {
    let home = Home::new();
    let store = home.open();
    let users = (0..500).map(|number| person(number, &"x".repeat(100))).collect();
    store.commit_import(full(users, (0..500).map(direct).collect(), vec![])).await.unwrap();
    store.close().await.unwrap();
    let modified = std::fs::metadata(home.path()).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(home.path()).unwrap();
    let end = bytes.len() - 4096;
    bytes.iter_mut().skip(end).for_each(|byte| *byte = 0xa5);
    std::fs::write(home.path(), bytes).unwrap();
    assert!(matches!(home.try_open(), Err(StoreError::Damaged { .. })), "it shows");
    let file = std::fs::File::options().write(true).open(home.path()).unwrap();
    file.set_modified(modified).unwrap();
    let store = home.try_open().unwrap();
    store.set_paused(true).await.unwrap();
    drop(store);
    assert!(matches!(home.try_open(), Err(StoreError::Damaged { .. })), "it was not closed");
}

#[tokio::test]
async fn a_creation_that_was_cut_off_is_begun_again() {
    let home = Home::new();
    std::fs::write(home.dir.path().join("store.db.new"), "half a").unwrap();
    std::fs::write(home.dir.path().join("store.db.new-journal"), "store").unwrap();
    home.open().close().await.unwrap();
    let names: Vec<String> = home.files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["store.db"]);
}

#[tokio::test]
async fn a_preview_works_and_writes_nothing_anywhere() {
    let home = Home::new();
    let preview = Store::preview(&home.path()).unwrap();
    preview.commit_import(full(vec![person(1, "Ada")], vec![direct(1)], vec![])).await.unwrap();
    assert_eq!(preview.counts().await.unwrap().people, 1);
    preview.close().await.unwrap();
    assert!(home.files().is_empty(), "a missing store stays missing");

    let store = home.open();
    store.commit_import(full(vec![person(1, "Ada")], vec![direct(1)], vec![])).await.unwrap();
    store.close().await.unwrap();
    let before = home.files();
    let preview = Store::preview(&home.path()).unwrap();
    assert_eq!(preview.counts().await.unwrap().people, 1);
    put(&preview, link(1, "a")).await;
    let refused = preview.settle(77, success(1, LinkChange::None)).await;
    assert!(matches!(refused, Err(StoreError::IntentNotOpen { seq: 77 })));
    assert_eq!(preview.links().await.unwrap().len(), 1);
    drop(preview);
    assert_eq!(home.files(), before);
}

#[tokio::test]
async fn a_preview_beside_a_writer_sees_the_last_commit() {
    let home = Home::new();
    let store = home.open();
    store.set_paused(true).await.unwrap();
    let preview = Store::preview(&home.path()).unwrap();
    assert!(preview.job().await.unwrap().paused);
    preview.set_paused(false).await.unwrap();
    assert!(store.job().await.unwrap().paused);
}

#[tokio::test]
async fn reads_beside_a_writer_and_refuses_to_write() {
    let home = Home::new();
    let missing = Store::read_only(&home.path()).unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }));
    let store = home.open();
    let reader = Store::read_only(&home.path()).unwrap();
    store.set_paused(true).await.unwrap();
    assert!(reader.job().await.unwrap().paused);
    for refused in [reader.set_paused(false).await, reader.intend(intent(1, 1)).await.map(drop)] {
        assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
    }
    store.close().await.unwrap();
    assert!(Store::read_only(&home.path()).unwrap().job().await.unwrap().paused);
    reader.close().await.unwrap();
    assert!(home.open().job().await.unwrap().paused);
}

#[tokio::test]
async fn a_store_of_an_older_version_is_for_the_writer_to_migrate() {
    let home = Home::new();
    home.open().close().await.unwrap();
    raw(&home.path()).pragma_update(None, "user_version", 0).unwrap();
    let refused = Store::read_only(&home.path()).unwrap_err();
    assert!(matches!(refused, StoreError::OlderVersion { found: 0, .. }));
}

#[tokio::test]
async fn is_bound_to_tenant_application_and_account() {
    let home = Home::new();
    let store = home.open();
    let pins = Pins { tenant_id: "t".to_owned(), application_id: anchor(1), account_id: None };
    store.pin(pins.clone()).await.unwrap();
    assert_eq!(store.job().await.unwrap().pins, Some(pins.clone()));
    let known = Pins { account_id: Some("Acc".to_owned()), ..pins.clone() };
    store.pin(known.clone()).await.unwrap();
    store.pin(pins.clone()).await.unwrap();
    store.pin(Pins { account_id: Some("aCC".to_owned()), ..pins.clone() }).await.unwrap();
    assert_eq!(store.job().await.unwrap().pins, Some(known.clone()));
    for (what, other) in [
        ("tenant", Pins { tenant_id: "other".to_owned(), ..pins.clone() }),
        ("application", Pins { application_id: anchor(2), ..pins.clone() }),
        ("ShareFile account", Pins { account_id: Some("b".to_owned()), ..pins.clone() }),
    ] {
        let refused = store.pin(other).await.unwrap_err();
        assert!(matches!(refused, StoreError::Pinned { what: w, .. } if w == what), "{refused}");
    }
    assert_eq!(store.job().await.unwrap().pins, Some(known));
}
