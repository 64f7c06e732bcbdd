//! People as commands ask for them, and what is behind accounts and groups.

use rusqlite::{Connection, Row};

use crate::model::account::{AccountKind, Link, LinkState, TargetAttribute};
use crate::model::group::GroupLinkState;
use crate::model::identity::Presence;
use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::row::AttributeRow;

use super::codec::Coded;
use super::error::{StoreError, Trouble};
use super::{Store, links};

/// A person whom a command may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// The person.
    pub anchor: SourceAnchor,
    /// The live link, if there is one.
    pub link: Option<Link>,
    /// What people call the person.
    pub label: String,
}

/// An account, and what the job knows of who is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTie {
    /// The account.
    pub target_id: TargetId,
    /// The address that was last sent.
    pub address: String,
    /// The kind as last read.
    pub kind: AccountKind,
    /// The person.
    pub anchor: SourceAnchor,
    /// What this job last made of the link.
    pub state: LinkState,
    /// Whether the person can be read; `None` if the snapshot has nobody of that id.
    pub presence: Option<Presence>,
}

/// A group at the target, and what the job knows of the group behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTie {
    /// The group at the target.
    pub target_id: TargetId,
    /// The group at the source.
    pub anchor: SourceAnchor,
    /// What this job last made of the link.
    pub state: GroupLinkState,
    /// Whether the group can be read; `None` if the snapshot has none of that id.
    pub presence: Option<Presence>,
}

/// Some people of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Who; sorted.
    pub anchors: Vec<SourceAnchor>,
    /// How many people there are.
    pub of: u64,
}

impl Store {
    /// Returns the first people of the snapshot by id, at most `most`.
    pub async fn first_people(&self, most: u32) -> Result<Sample, StoreError> {
        self.read("reading who is in the snapshot", move |connection| {
            let of = links::count(connection, "SELECT count(*) FROM person")?;
            let mut select =
                connection.prepare_cached("SELECT anchor FROM person ORDER BY anchor LIMIT ?1")?;
            let anchors = select.query_map([most], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(Sample { anchors, of })
        })
        .await
    }

    /// Returns everybody who goes by `who`: an id of either end, an address or a full name as the
    /// account has it, or a value of the attributes in `columns` of the snapshot. Case does not
    /// count. Sorted by anchor.
    pub async fn people_known_as(
        &self,
        who: String,
        columns: Vec<usize>,
    ) -> Result<Vec<KnownPerson>, StoreError> {
        self.read("looking for a person", move |connection| known_as(connection, &who, &columns))
            .await
    }

    /// Returns whom the accounts of this job belong to; sorted by anchor.
    pub async fn account_ties(&self) -> Result<Vec<AccountTie>, StoreError> {
        self.read("reading who is behind accounts", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT link.target_id, link.sent, link.anchor, link.state, person.presence, \
                 link.kind \
                 FROM link LEFT JOIN person ON person.anchor = link.anchor ORDER BY link.anchor",
            )?;
            let ties = select.query_map([], account_tie)?.collect::<Result<_, _>>()?;
            Ok(ties)
        })
        .await
    }

    /// Returns which groups of the source the groups of this job belong to; sorted by anchor.
    pub async fn group_ties(&self) -> Result<Vec<GroupTie>, StoreError> {
        self.read("reading what is behind groups", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT tie.target_id, tie.anchor, tie.state, source_group.presence \
                 FROM group_link AS tie \
                 LEFT JOIN source_group ON source_group.anchor = tie.anchor \
                 ORDER BY tie.anchor, tie.part",
            )?;
            let ties = select.query_map([], group_tie)?.collect::<Result<_, _>>()?;
            Ok(ties)
        })
        .await
    }
}

fn known_as(
    connection: &Connection,
    who: &str,
    columns: &[usize],
) -> Result<Vec<KnownPerson>, Trouble> {
    let wanted = who.trim().to_lowercase();
    let mut select = connection.prepare_cached(
        "SELECT anchor, attributes, NULL, NULL, NULL FROM person \
         UNION ALL SELECT anchor, NULL, target_key, sent, read_back FROM link",
    )?;
    let mut rows = select.query([])?;
    let mut found: Vec<(SourceAnchor, Option<String>)> = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(label) = goes_by(row, &wanted, columns)? {
            found.push((row.get(0)?, label));
        }
    }
    // Where there is a link, its address is what people call the person.
    found.sort_unstable_by_key(|(anchor, label)| (*anchor, label.is_none()));
    found.dedup_by_key(|(anchor, _)| *anchor);
    let known = found.into_iter().map(|(anchor, label)| {
        let link = links::of(connection, anchor)?;
        let sent = link.as_ref().and_then(|link| address_of(&link.shadow.sent));
        let label = sent.or(label).unwrap_or_else(|| anchor.to_string());
        Ok(KnownPerson { anchor, link, label })
    });
    known.collect()
}

/// Returns whether a row names `wanted`, which is in lower case, and an address if it holds one.
fn goes_by(
    row: &Row<'_>,
    wanted: &str,
    columns: &[usize],
) -> rusqlite::Result<Option<Option<String>>> {
    let is = |text: &str| text.trim().to_lowercase() == wanted;
    let anchor: SourceAnchor = row.get(0)?;
    if let Some(attributes) = row.get::<_, Option<AttributeRow>>(1)? {
        let values = || columns.iter().filter_map(|column| attributes.get(*column));
        let label = values().find(|value| value.contains('@')).map(str::to_owned);
        return Ok((is(&anchor.to_string()) || values().any(is)).then_some(label));
    }
    let key: String = row.get(2)?;
    let values: [AttributeRow; 2] = [row.get(3)?, row.get(4)?];
    let named = values.iter().any(|values| {
        address_of(values).is_some_and(|address| is(&address)) || is(&full_name(values))
    });
    Ok((named || is(&key) || is(&anchor.to_string())).then(|| address_of(&values[0])))
}

fn address_of(values: &AttributeRow) -> Option<String> {
    values.get(TargetAttribute::Email.index()).map(str::to_owned)
}

fn full_name(values: &AttributeRow) -> String {
    let parts = [TargetAttribute::FirstName, TargetAttribute::LastName];
    let parts = parts.iter().filter_map(|part| values.get(part.index()));
    parts.collect::<Vec<_>>().join(" ")
}

fn account_tie(row: &Row<'_>) -> rusqlite::Result<AccountTie> {
    let sent: AttributeRow = row.get(1)?;
    Ok(AccountTie {
        target_id: TargetId::new(row.get::<_, String>(0)?),
        address: address_of(&sent).unwrap_or_default(),
        kind: row.get::<_, Coded<_>>(5)?.0,
        anchor: row.get(2)?,
        state: row.get::<_, Coded<_>>(3)?.0,
        presence: row.get::<_, Option<Coded<_>>>(4)?.map(|Coded(presence)| presence),
    })
}

fn group_tie(row: &Row<'_>) -> rusqlite::Result<GroupTie> {
    Ok(GroupTie {
        target_id: TargetId::new(row.get::<_, String>(0)?),
        anchor: row.get(1)?,
        state: row.get::<_, Coded<_>>(2)?.0,
        presence: row.get::<_, Option<Coded<_>>>(3)?.map(|Coded(presence)| presence),
    })
}
