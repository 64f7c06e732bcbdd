//! Tests of the store as its callers see it.

mod aside;
mod histories;
mod holding;
mod importing;
mod journaling;
mod leaving;
mod nesting;
mod opening;
mod recording;
mod requesting;

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::model::account::{AccountKind, Link, LinkState, Origin, Shadow};
use crate::model::group::{GroupEdge, SourceGroup};
use crate::model::identity::{
    Assignment, DEFAULT_ACCESS, Membership, Presence, PrincipalKind, SourceUser,
};
use crate::model::ids::{
    ChangeId, ContentHash, CycleId, SourceAnchor, TargetId, Timestamp, Watermark,
};
use crate::model::outcome::{LogEntry, OutcomeStatus};
use crate::model::plan::{LinkAfter, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write};
use crate::model::row::AttributeRow;

use super::*;

/// A state directory of its own, removed at the end.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("store.db")
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Store, StoreError> {
        let lease = Lease::acquire(self.dir.path(), "a test")?;
        Store::open(&self.path(), lease)
    }

    /// Names and hashes of the contents of all files but the lock.
    fn files(&self) -> Vec<(String, u128)> {
        let mut files: Vec<(String, u128)> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap() != "store.lock")
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, xxhash_rust::xxh3::xxh3_128(&std::fs::read(&path).unwrap()))
            })
            .collect();
        files.sort();
        files
    }

    /// What would be on the disk if the power went now.
    fn after_crash(&self) -> Self {
        let other = Self::new();
        for name in ["store.db", "store.db-wal"] {
            let from = self.dir.path().join(name);
            if from.exists() {
                std::fs::copy(from, other.dir.path().join(name)).unwrap();
            }
        }
        other
    }
}

fn raw(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

fn anchor(number: u128) -> SourceAnchor {
    SourceAnchor(Uuid::from_u128(number))
}

/// Groups have numbers of their own.
fn group(number: u128) -> SourceAnchor {
    anchor(0x1000_0000 + number)
}

fn hash(number: u128) -> ContentHash {
    ContentHash(number)
}

fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}

fn person(number: u128, name: &str) -> SourceUser {
    SourceUser {
        anchor: anchor(number),
        presence: Presence::Present,
        enabled: true,
        guest: false,
        attributes: AttributeRow::pack([Some(name), None]),
    }
}

fn direct(number: u128) -> Assignment {
    Assignment { principal: anchor(number), kind: PrincipalKind::User, role: DEFAULT_ACCESS }
}

fn by_group(number: u128) -> Assignment {
    Assignment { principal: group(number), kind: PrincipalKind::Group, role: DEFAULT_ACCESS }
}

fn in_role(assignment: Assignment, role: u128) -> Assignment {
    Assignment { role: Uuid::from_u128(role), ..assignment }
}

fn member(user: u128, of: u128) -> Membership {
    Membership { user: anchor(user), group: group(of) }
}

fn full(
    users: Vec<SourceUser>,
    assignments: Vec<Assignment>,
    memberships: Vec<Membership>,
) -> SnapshotUpdate {
    SnapshotUpdate::Full {
        users,
        assignments,
        memberships,
        groups: Vec::new(),
        edges: Vec::new(),
        plan_groups: false,
        watermark: Watermark("full".to_owned()),
        query_hash: "query".to_owned(),
    }
}

/// A delta in which nothing changed.
#[derive(Clone, Default)]
struct Delta {
    users: Vec<SourceUser>,
    assignments: Option<Vec<Assignment>>,
    added: Vec<Membership>,
    removed: Vec<Membership>,
    groups: Vec<SourceGroup>,
    edges_added: Vec<GroupEdge>,
    edges_removed: Vec<GroupEdge>,
    groups_gone: Vec<SourceAnchor>,
    plan_groups: bool,
}

impl From<Delta> for SnapshotUpdate {
    fn from(delta: Delta) -> Self {
        Self::Delta {
            users: delta.users,
            assignments: delta.assignments,
            added: delta.added,
            removed: delta.removed,
            groups: delta.groups,
            edges_added: delta.edges_added,
            edges_removed: delta.edges_removed,
            groups_gone: delta.groups_gone,
            plan_groups: delta.plan_groups,
            watermark: Watermark("delta".to_owned()),
        }
    }
}

fn link(person: u128, account: &str) -> Link {
    let values = AttributeRow::pack([Some("ada@contoso.com"), Some("Ada"), Some("Byron"), None]);
    Link {
        anchor: anchor(person),
        target_id: TargetId::new(account),
        origin: Origin::Adopted { rule: "Email = [mail]".to_owned() },
        state: LinkState::Active,
        linked_at: at(10),
        state_since: at(20),
        shadow: Shadow {
            sent: values.clone(),
            read_back: values.with(3, Some("Contoso")),
            kind: AccountKind::Client,
            disabled: false,
        },
        leaving: None,
    }
}

fn change(person: u128, number: u128) -> PlannedChange {
    let values = AttributeRow::pack([Some("ada@contoso.com"), Some("Ada"), Some("Byron"), None]);
    PlannedChange {
        id: ChangeId(3),
        object: ObjectKind::User,
        anchor: anchor(person),
        label: "Ada@contoso.com".to_owned(),
        target_id: None,
        action: ProvisioningAction::Create,
        reasons: vec![Reason::NoAccount],
        modified: Vec::new(),
        write: Write::Create { kind: AccountKind::Employee, values: values.clone() },
        link: LinkAfter::Keep {
            target_id: None,
            origin: Origin::Created,
            state: LinkState::Active,
            sent: values,
            leaving: None,
        },
        more: false,
        ids: Vec::new(),
        unfinished: false,
        counted: false,
        phase: 0,
        after: None,
        before: None,
        hash: hash(number),
        seen: Some(hash(99)),
    }
}

fn intent(person: u128, number: u128) -> Intent {
    Intent {
        cycle: CycleId(1),
        change: change(person, number),
        lookup_was_empty: true,
        at: at(100),
    }
}

fn entry(person: u128, status: OutcomeStatus) -> LogEntry {
    LogEntry {
        cycle: CycleId(1),
        change: ChangeId(3),
        at: at(200),
        duration_ms: 7,
        action: ProvisioningAction::Create,
        status,
        object: ObjectKind::User,
        anchor: anchor(person),
        label: "Ada Ørsted".to_owned(),
        target_id: None,
        reasons: vec!["No account matches.".to_owned()],
        modified: Vec::new(),
        error: None,
        initiated_by: "schedule".to_owned(),
        approved: false,
    }
}

fn success(person: u128, link: LinkChange) -> Settlement {
    Settlement { log: entry(person, OutcomeStatus::Success), link, settled: true, verify: false }
}

/// Records a link the way it comes about: through the journal.
async fn put(store: &Store, link: Link) {
    let person = link.anchor.0.as_u128();
    let seq = store.intend(intent(person, person)).await.unwrap();
    store.settle(seq, success(person, LinkChange::Put(Box::new(link)))).await.unwrap();
}

/// Returns people and groups who are marked; with groups, nobody who is in them.
async fn waiting(store: &Store) -> Vec<Subject> {
    let marked = store
        .read("reading who is marked", |connection| Ok(planning::waiting_subjects(connection)?));
    marked.await.unwrap()
}

fn subject(person: u128, verify: bool) -> Subject {
    Subject { anchor: anchor(person), verify }
}

/// Notes that everybody is done.
async fn settle_all(store: &Store) {
    let anchors = waiting(store).await.into_iter().map(|subject| subject.anchor).collect();
    store.settle_looked_at(anchors, vec![], vec![], Timestamp(0)).await.unwrap();
}
