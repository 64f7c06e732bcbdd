//! Links between people and accounts, and what remains of those that ended.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::model::account::{AccountKind, Link, LinkState, Origin, Shadow, TargetAttribute};
use crate::model::ids::{SourceAnchor, TargetId, Timestamp};
use crate::model::leaving::{ComingStage, Leaving};
use crate::model::row::AttributeRow;

use super::codec::{Coded, Json};
use super::error::{StoreError, Trouble};
use super::{Store, groups};

/// Who has an account, and who once had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// The account, as it was asked for.
    pub target_id: TargetId,
    /// The person whose live link names it.
    pub live: Option<SourceAnchor>,
    /// That person left, as the link remembers, whether or not the account was taken back.
    pub left: bool,
    /// People whose links to it ended; sorted.
    pub before: Vec<SourceAnchor>,
}

/// What was read of an account beside its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The account.
    pub target_id: TargetId,
    /// Employee or client.
    pub kind: AccountKind,
    /// The account cannot sign in.
    pub disabled: bool,
}

/// How much the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreCounts {
    /// People in the snapshot.
    pub people: u64,
    /// Links to accounts in use.
    pub links_active: u64,
    /// Links to accounts that this job disabled.
    pub links_disabled: u64,
    /// Links to accounts of people who left, which somebody else had disabled.
    pub links_released: u64,
    /// Links to employees that this job made clients, because their people left.
    pub links_downgraded: u64,
    /// People who have to be planned.
    pub subjects: u64,
    /// Writes whose outcome is not known.
    pub open_intents: u64,
}

impl Store {
    /// Returns all live links, sorted by anchor.
    pub async fn links(&self) -> Result<Vec<Link>, StoreError> {
        self.read("reading the links", all).await
    }

    /// Returns everybody who has a live link, sorted.
    pub async fn linked_anchors(&self) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read("reading who is linked", |connection| Ok(linked(connection)?)).await
    }

    /// Notes kind and state of linked accounts as they were read. Values are left alone: what was
    /// read back after the last write tells drift.
    pub async fn note_seen(&self, seen: Vec<Seen>) -> Result<(), StoreError> {
        self.write("noting what was read of accounts", move |connection| {
            let mut update = connection
                .prepare_cached("UPDATE link SET kind = ?2, disabled = ?3 WHERE target_key = ?1")?;
            for account in seen {
                let key = account.target_id.key();
                update.execute(params![key, Coded(account.kind), account.disabled])?;
            }
            Ok(())
        })
        .await
    }

    /// Returns who has, or had, the accounts: one entry for each that anybody has or had, in the
    /// order in which they were asked for.
    pub async fn owners(&self, target_ids: Vec<TargetId>) -> Result<Vec<Owner>, StoreError> {
        self.read("reading who owns accounts", move |connection| owners(connection, target_ids))
            .await
    }

    /// Returns the ways in which the links of this job came to be, each once.
    pub async fn origins(&self) -> Result<Vec<Origin>, StoreError> {
        self.read("reading how links came to be", |connection| {
            let mut select = connection.prepare_cached("SELECT DISTINCT origin FROM link")?;
            let origins = select.query_map([], |row| Ok(row.get::<_, Json<Origin>>(0)?.0))?;
            Ok(origins.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Returns the employees whom this job disabled, with the addresses that count as sent.
    pub async fn idle_employees(&self) -> Result<Vec<(TargetId, String)>, StoreError> {
        self.read("reading who holds a licence", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT target_id, sent FROM link WHERE state = ?1 AND kind = ?2 AND disabled",
            )?;
            let (state, kind) = (Coded(LinkState::Disabled), Coded(AccountKind::Employee));
            let links = select.query_map(params![state, kind], |row| {
                let (target_id, sent): (String, AttributeRow) = (row.get(0)?, row.get(1)?);
                let address = sent.get(TargetAttribute::Email.index()).unwrap_or("");
                Ok((TargetId::new(target_id), address.to_owned()))
            })?;
            Ok(links.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Returns what is to come for people who left, the soonest first.
    pub async fn next_stages(&self) -> Result<Vec<ComingStage>, StoreError> {
        self.read("reading what is to come for people who left", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT anchor, sent, leaving FROM link WHERE due_at IS NOT NULL",
            )?;
            let mut rows = select.query([])?;
            let mut coming: Vec<ComingStage> = Vec::new();
            while let Some(row) = rows.next()? {
                coming.extend(coming_from(row)?);
            }
            coming.sort_by(|a, b| (a.at, a.stage, &a.label).cmp(&(b.at, b.stage, &b.label)));
            Ok(coming)
        })
        .await
    }

    /// Puts off what is due for people whose stage is held for a cause that only somebody's doing
    /// takes away: it is looked at again at `until`, or when everything is read. Dates stay.
    pub async fn put_off(
        &self,
        anchors: Vec<SourceAnchor>,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("putting off what is held", move |connection| {
            let mut update = connection
                .prepare_cached("UPDATE link SET due_at = ?2 WHERE anchor = ?1 AND due_at < ?2")?;
            for anchor in anchors {
                update.execute(params![anchor, until])?;
            }
            Ok(())
        })
        .await
    }

    /// Returns how much the store holds.
    pub async fn counts(&self) -> Result<StoreCounts, StoreError> {
        self.read("counting", |connection| {
            Ok(StoreCounts {
                people: count(connection, "SELECT count(*) FROM person")?,
                links_active: with_state(connection, LinkState::Active)?,
                links_disabled: with_state(connection, LinkState::Disabled)?,
                links_released: with_state(connection, LinkState::Released)?,
                links_downgraded: with_state(connection, LinkState::Downgraded)?,
                subjects: count(connection, "SELECT count(*) FROM subject")?,
                open_intents: count(
                    connection,
                    "SELECT count(*) FROM intent WHERE settled_at IS NULL",
                )?,
            })
        })
        .await
    }
}

fn coming_from(row: &Row<'_>) -> rusqlite::Result<Vec<ComingStage>> {
    let anchor: SourceAnchor = row.get(0)?;
    let sent: AttributeRow = row.get(1)?;
    let Leaving { since, next, .. } = row.get::<_, Json<Leaving>>(2)?.0;
    let address = sent.get(TargetAttribute::Email.index());
    let label = address.map_or_else(|| anchor.to_string(), str::to_owned);
    let coming = next.into_iter().map(|next| ComingStage {
        anchor,
        label: label.clone(),
        since,
        event: next.event,
        stage: next.stage,
        at: next.at,
    });
    Ok(coming.collect())
}

/// Returns the number that a `SELECT count(*)` without parameters answers.
pub(super) fn count(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let count: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Returns how many live links are in a state.
pub(super) fn with_state(connection: &Connection, state: LinkState) -> rusqlite::Result<u64> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM link WHERE state = ?1")?
        .query_row([Coded(state)], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Returns for whom something is due at `now`.
pub(super) fn due(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached("SELECT anchor FROM link WHERE due_at <= ?1")?
        .query_map([now], |row| row.get(0))?
        .collect()
}

/// Returns everybody who has a live link, sorted.
pub(super) fn linked(connection: &Connection) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached("SELECT anchor FROM link ORDER BY anchor")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Returns all live links, sorted by anchor.
pub(super) fn all(connection: &Connection) -> Result<Vec<Link>, Trouble> {
    let mut links = Vec::with_capacity(
        usize::try_from(count(connection, "SELECT count(*) FROM link")?).unwrap_or(0),
    );
    let mut select =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM link ORDER BY anchor"))?;
    for link in select.query_map([], link_from)? {
        links.push(link?);
    }
    Ok(links)
}

/// Returns the live link of a person.
pub(super) fn of(connection: &Connection, anchor: SourceAnchor) -> Result<Option<Link>, Trouble> {
    Ok(connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM link WHERE anchor = ?1"))?
        .query_row([anchor], link_from)
        .optional()?)
}

/// Makes `link` the live link of its person. A link of the same person to another account ends;
/// one to the same account keeps the time it was made, and its state the time it began.
pub(super) fn put(connection: &Connection, link: &Link, at: Timestamp) -> Result<(), Trouble> {
    let key = link.target_id.key();
    let owner: Option<SourceAnchor> = connection
        .prepare_cached("SELECT anchor FROM link WHERE target_key = ?1")?
        .query_row([&key], |row| row.get(0))
        .optional()?;
    if let Some(owner) = owner.filter(|owner| *owner != link.anchor) {
        let (target_id, anchor) = (link.target_id.clone(), link.anchor);
        return Err(StoreError::LinkTaken { target_id, owner, anchor }.into());
    }
    if owner.is_none() {
        end(connection, link.anchor, at)?;
    }
    connection
        .prepare_cached("DELETE FROM tombstone WHERE target_key = ?1 AND anchor = ?2")?
        .execute(params![key, link.anchor])?;
    let shadow = &link.shadow;
    connection
        .prepare_cached(&format!(
            "INSERT INTO link ({COLUMNS}, target_key) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT (anchor) DO UPDATE SET \
             target_id = excluded.target_id, origin = excluded.origin, state = excluded.state, \
             state_since = CASE WHEN state = excluded.state THEN state_since \
                           ELSE excluded.state_since END, \
             sent = excluded.sent, read_back = excluded.read_back, kind = excluded.kind, \
             disabled = excluded.disabled, leaving = excluded.leaving, due_at = excluded.due_at"
        ))?
        .execute(params![
            link.anchor,
            link.target_id.as_str(),
            Json(&link.origin),
            Coded(link.state),
            link.linked_at,
            link.state_since,
            shadow.sent,
            shadow.read_back,
            Coded(shadow.kind),
            shadow.disabled,
            link.leaving.as_deref().map(Json),
            link.leaving.as_ref().and_then(|leaving| leaving.due_at()),
            key,
        ])?;
    Ok(())
}

/// Does the same after a call that set only `written`. What was read back of other values of the same
/// account stays, unless it is there now what was sent.
pub(super) fn put_written(
    connection: &Connection,
    link: &Link,
    written: &[TargetAttribute],
    at: Timestamp,
) -> Result<(), Trouble> {
    let mut link = link.clone();
    let known = of(connection, link.anchor)?.filter(|known| known.target_id == link.target_id);
    for target in TargetAttribute::ALL {
        let index = target.index();
        let before = known.as_ref().and_then(|known| known.shadow.read_back.get(index));
        let now = link.shadow.read_back.get(index);
        let arrived = written.contains(&target) || now == link.shadow.sent.get(index);
        if before.is_some() && before != now && !arrived {
            link.shadow.read_back = link.shadow.read_back.with(index, before);
        }
    }
    put(connection, &link, at)
}

/// Notes that a person is back: nothing is to come any more.
pub(super) fn note_back(connection: &Connection, anchor: SourceAnchor) -> Result<(), Trouble> {
    let leaving: Option<Json<Leaving>> = connection
        .prepare_cached("SELECT leaving FROM link WHERE anchor = ?1 AND leaving IS NOT NULL")?
        .query_row([anchor], |row| row.get(0))
        .optional()?;
    if let Some(Json(leaving)) = leaving {
        connection
            .prepare_cached("UPDATE link SET leaving = ?2, due_at = NULL WHERE anchor = ?1")?
            .execute(params![anchor, Json(leaving.returned())])?;
    }
    Ok(())
}

/// Ends the live link of a person, if there is one, and leaves a tombstone. The account is in no
/// group any more.
pub(super) fn end(
    connection: &Connection,
    anchor: SourceAnchor,
    at: Timestamp,
) -> Result<(), Trouble> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO tombstone (target_key, anchor, target_id, ended_at) \
             SELECT target_key, anchor, target_id, ?2 FROM link WHERE anchor = ?1",
        )?
        .execute(params![anchor, at])?;
    connection.prepare_cached("DELETE FROM link WHERE anchor = ?1")?.execute([anchor])?;
    groups::forget(connection, anchor)?;
    Ok(())
}

const COLUMNS: &str = "anchor, target_id, origin, state, linked_at, state_since, sent, read_back, \
     kind, disabled, leaving, due_at";

fn link_from(row: &Row<'_>) -> rusqlite::Result<Link> {
    let target_id: String = row.get(1)?;
    Ok(Link {
        anchor: row.get(0)?,
        target_id: TargetId::new(target_id),
        origin: row.get::<_, Json<_>>(2)?.0,
        state: row.get::<_, Coded<_>>(3)?.0,
        linked_at: row.get(4)?,
        state_since: row.get(5)?,
        shadow: Shadow {
            sent: row.get(6)?,
            read_back: row.get(7)?,
            kind: row.get::<_, Coded<_>>(8)?.0,
            disabled: row.get(9)?,
        },
        leaving: row.get::<_, Option<Json<Leaving>>>(10)?.map(|Json(leaving)| Box::new(leaving)),
    })
}

fn owners(connection: &Connection, target_ids: Vec<TargetId>) -> Result<Vec<Owner>, Trouble> {
    let mut live = connection
        .prepare_cached("SELECT anchor, state, leaving FROM link WHERE target_key = ?1")?;
    let mut before = connection
        .prepare_cached("SELECT anchor FROM tombstone WHERE target_key = ?1 ORDER BY anchor")?;
    let mut owners = Vec::new();
    for target_id in target_ids {
        let key = target_id.key();
        let link = live.query_row([&key], |row| {
            let Coded(state): Coded<LinkState> = row.get(1)?;
            let leaving = row.get::<_, Option<Json<Leaving>>>(2)?;
            let left = state != LinkState::Active || leaving.is_some_and(|Json(one)| !one.back);
            Ok((row.get::<_, SourceAnchor>(0)?, left))
        });
        let link = link.optional()?;
        let left = link.is_some_and(|(_, left)| left);
        let live = link.map(|(anchor, _)| anchor);
        let before: Vec<SourceAnchor> =
            before.query_map([&key], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if live.is_some() || !before.is_empty() {
            owners.push(Owner { target_id, live, left, before });
        }
    }
    Ok(owners)
}
