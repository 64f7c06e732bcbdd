//! Starting over.

use super::*;

const AT: Timestamp = Timestamp(1_790_000_000_000);
const NAME: &str = "store-20260921T141320Z.db";

impl Home {
    fn set_aside(&self) -> Result<PathBuf, StoreError> {
        let lease = Lease::acquire(self.dir.path(), "a test")?;
        set_aside(&self.path(), &lease, AT)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.files().into_iter().map(|(name, _)| name).collect();
        names.retain(|name| name.ends_with(".db") || name.contains(".db-"));
        names.sort();
        names
    }
}

#[tokio::test]
async fn the_old_store_is_kept_and_the_new_one_is_empty() {
    let home = Home::new();
    let store = home.open();
    store.commit_import(full(vec![person(1, "Ada")], vec![direct(1)], vec![])).await.unwrap();
    let seq = store.intend(intent(1, 1)).await.unwrap();
    let put = LinkChange::Put(Box::new(link(1, "a")));
    store.settle(seq, success(1, put)).await.unwrap();
    store.set_paused(true).await.unwrap();
    store.keep_request_window("sent".to_owned()).await.unwrap();
    assert!(matches!(home.set_aside(), Err(StoreError::AnotherWriter { .. })));
    let links = store.links().await.unwrap();
    store.close().await.unwrap();

    let aside = home.set_aside().unwrap();
    assert_eq!(aside, home.dir.path().join(NAME));
    assert_eq!(home.names(), [NAME, "store.db"]);
    let store = home.open();
    let job = store.job().await.unwrap();
    // Nobody resumed the job, and what was sent lately was sent.
    assert_eq!(job, JobState { paused: true, ..JobState::default() });
    assert_eq!(store.request_window().await.unwrap().as_deref(), Some("sent"));
    assert!(store.links().await.unwrap().is_empty());
    store.close().await.unwrap();

    let kept = Store::preview(&aside).unwrap();
    assert_eq!(kept.links().await.unwrap(), links);
    // A second time in the same second takes nothing of the first one's place.
    assert_ne!(home.set_aside().unwrap(), aside);
    assert_eq!(Store::preview(&aside).unwrap().links().await.unwrap(), links);
}

#[tokio::test]
async fn what_a_crash_left_in_the_log_is_kept_too() {
    let home = Home::new();
    let store = home.open();
    store.commit_import(full(vec![person(1, "Ada")], vec![direct(1)], vec![])).await.unwrap();
    let crashed = home.after_crash();
    assert!(crashed.names().iter().any(|name| name == "store.db-wal"), "{:?}", crashed.names());
    let aside = crashed.set_aside().unwrap();
    assert_eq!(crashed.names(), [NAME, "store.db"]);
    assert_eq!(Store::preview(&aside).unwrap().counts().await.unwrap().people, 1);
    assert_eq!(crashed.open().counts().await.unwrap().people, 0);
}

#[tokio::test]
async fn a_damaged_store_is_moved_as_it_is_and_no_other_file_is() {
    let home = Home::new();
    assert!(matches!(home.set_aside(), Err(StoreError::Missing { .. })));
    std::fs::write(home.path(), "no database at all").unwrap();
    std::fs::write(home.dir.path().join("store.db-wal"), "log").unwrap();
    let aside = home.set_aside().unwrap();
    assert_eq!(std::fs::read_to_string(&aside).unwrap(), "no database at all");
    assert_eq!(home.names(), [NAME.to_owned(), format!("{NAME}-wal"), "store.db".to_owned()]);
    home.open().close().await.unwrap();

    let other = Home::new();
    let database = rusqlite::Connection::open(other.path()).unwrap();
    database.execute_batch("CREATE TABLE theirs (a)").unwrap();
    drop(database);
    let before = other.files();
    assert!(matches!(other.set_aside(), Err(StoreError::NotOurs { .. })));
    assert_eq!(other.files(), before);
}
