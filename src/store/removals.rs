//! How many accounts were lately taken back, for the limit of a day.

use rusqlite::{Connection, params};

use crate::model::account::LinkState;
use crate::model::ids::{SourceAnchor, Timestamp};

use super::codec::Coded;
use super::error::{StoreError, Trouble};
use super::{Store, links};

/// What was taken back since some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Whose account was disabled, downgraded or deleted, or may have been by a write whose outcome
    /// is not known, without a person's approval; sorted, unique.
    pub people: Vec<SourceAnchor>,
    /// Groups that were deleted or emptied, or may have been, without a person's approval; sorted,
    /// unique.
    pub groups: Vec<SourceAnchor>,
    /// Links that were active then; if nothing was taken back, those that are now.
    pub active_then: u64,
}

impl Store {
    /// Returns what was taken back since `since`, by the provisioning log and the journal. What a
    /// clock that was set back noted in the future counts as well.
    pub async fn removals(&self, since: Timestamp) -> Result<Removals, StoreError> {
        self.read("reading what was lately removed", move |connection| removals(connection, since))
            .await
    }
}

/// A removal in the words of the log; groups are not meant.
const PEOPLE: &str = "\
    SELECT anchor FROM log WHERE at >= ?1 AND action IN ('disable', 'delete', 'stagedDelete') \
        AND status IN ('success', 'warning') AND NOT ifnull(entry ->> '$.approved', 0) \
        AND ifnull(entry ->> '$.object', 'user') = 'user' \
    UNION \
    SELECT anchor FROM intent WHERE settled_at IS NULL \
        AND action IN ('disable', 'delete', 'stagedDelete') \
        AND ifnull(body ->> '$.change.object', 'user') = 'user' \
        AND NOT EXISTS (SELECT 1 FROM hold_item JOIN hold ON hold.id = hold_item.hold \
            WHERE hold_item.hash = intent.change_hash AND hold_item.anchor = intent.anchor \
            AND hold.state = 'approved') \
    ORDER BY anchor";

const GROUPS: &str = "\
    SELECT anchor FROM group_removal WHERE at >= ?1 \
    UNION \
    SELECT anchor FROM intent WHERE settled_at IS NULL AND ifnull(body ->> '$.change.counted', 0) \
    ORDER BY anchor";

fn removals(connection: &Connection, since: Timestamp) -> Result<Removals, Trouble> {
    let people: Vec<SourceAnchor> = connection
        .prepare_cached(PEOPLE)?
        .query_map([since], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let groups: Vec<SourceAnchor> = connection
        .prepare_cached(GROUPS)?
        .query_map([since], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if people.is_empty() {
        // Then nobody asks how many there were, and a look at every link is saved.
        let active_then = links::with_state(connection, LinkState::Active)?;
        return Ok(Removals { people, groups, active_then });
    }
    // Whoever lost the account since then had it then; of all others, whose link is as it was.
    let unchanged: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM link \
             WHERE state = ?1 AND linked_at < ?2 AND state_since < ?2",
        )?
        .query_row(params![Coded(LinkState::Active), since], |row| row.get(0))?;
    let active_then = unchanged.unsigned_abs() + people.len() as u64;
    Ok(Removals { people, groups, active_then })
}
