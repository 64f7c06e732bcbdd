//! Filters: who of those who are assigned is let in, by what they are like.
//!
//! A filter is a list of clauses, all of which have to hold; one filter that holds is enough. They
//! are Entra ID's, and so is what they mean: texts compare exactly, and an attribute without a value
//! holds in no clause but `IS NULL`, unless the rules say that it compares as an empty text. What
//! Entra ID lacks is here as well: lists of values, of which any or all have to pass; dates, whose
//! answer changes with time ([`Filters::next_change`]); and the groups through which a person comes.
//!
//! What cannot be told is neither a yes nor a no: whoever's verdict depends on it is left alone.

mod dates;
mod test;

use serde::{Deserialize, Serialize};

use crate::model::group::SourceGroup;
use crate::model::identity::{Assignment, DEFAULT_ACCESS, Presence, PrincipalKind};
use crate::model::ids::{SourceAnchor, Timestamp};

use super::groups::name_key;
use super::leave::doubt;
use super::map::{Attribute, Attributes};
use super::rules::{GroupRules, Rules};

pub use dates::{Side, When};
pub use test::{GroupName, OPERATORS, Operand, Operator, Test};

/// The attribute of a clause that asks for a group.
pub const MEMBER_OF: &str = "memberOf";

/// Clauses that have to hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// What people call it, if it has a name.
    pub name: Option<String>,
    /// At least one.
    pub clauses: Vec<Clause>,
}

/// One condition on one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clause {
    /// The source attribute; [`MEMBER_OF`] where a group is asked for.
    pub attribute: String,
    /// What has to be true of its value.
    pub test: Test,
    /// Of how many of its values.
    pub many: Many,
}

/// Of how many values of an attribute a clause has to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Many {
    /// Of one at least.
    #[default]
    Any,
    /// Of each.
    All,
}

/// What a missing value means in a clause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// Nothing holds of it, as in Entra ID.
    #[default]
    Entra,
    /// It compares as an empty text.
    Empty,
}

impl Filter {
    /// Returns the source attributes that the clauses read.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let reads = self.clauses.iter().filter(|clause| clause.test.group().is_none());
        reads.map(|clause| clause.attribute.as_str())
    }
}

/// Returns whether one of some filters names a group by its name, so that names have to be read.
pub fn name_groups(filters: &[Filter]) -> bool {
    let mut clauses = filters.iter().flat_map(|filter| &filter.clauses);
    clauses.any(|clause| matches!(clause.test.group(), Some(GroupName::Named(_))))
}

/// What the filters say of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One of them holds, or there is none.
    In,
    /// None holds.
    Out,
    /// It depends on what is not known, for this reason.
    Unknown(String),
}

/// Whether a clause or a filter holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Unknown(String),
}

/// The filters of the rules; what does not depend on the object is prepared once.
pub struct Filters<'a> {
    filters: Vec<(&'a Filter, Vec<Prepared<'a>>)>,
    nulls: Nulls,
    time: Time,
    /// A clause compares a date with now.
    dated: bool,
}

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// By the clock of this host.
    pub now: Timestamp,
    /// How many milliseconds that clock is ahead of the source's; `None` if that is not known.
    pub ahead_ms: Option<i64>,
}

/// The assigned groups, as far as clauses ask for them.
#[derive(Clone, Copy, Debug)]
pub struct Assigned<'a> {
    /// Assignment rows, sorted by principal.
    pub assignments: &'a [Assignment],
    /// What is known of groups.
    pub groups: &'a [SourceGroup],
}

struct Prepared<'a> {
    clause: &'a Clause,
    /// Where the attribute is in a row.
    place: Option<usize>,
    /// The assigned groups that it asks for.
    groups: Asked,
}

/// The assigned groups that a clause asks for.
#[derive(Default)]
struct Asked {
    /// Those that it means; sorted.
    meant: Vec<SourceAnchor>,
    /// Those that it may mean: nobody knows what they are called. Sorted.
    nameless: Vec<SourceAnchor>,
}

impl<'a> Filters<'a> {
    /// Prepares the filters for people.
    pub fn of_people(rules: &'a Rules, known: Assigned<'_>, time: Time) -> Self {
        let assigned = |group: &GroupName| assigned(rules, known, group);
        Self::new(rules, &rules.filters, (&rules.source_attributes, time), assigned)
    }

    /// Prepares the filters for groups, which come through none.
    pub fn of_groups(rules: &'a Rules, groups: &'a GroupRules, time: Time) -> Self {
        Self::new(rules, &groups.filters, (&rules.group_attributes, time), |_| Asked::default())
    }

    fn new(
        rules: &Rules,
        filters: &'a [Filter],
        (names, time): (&[String], Time),
        assigned: impl Fn(&GroupName) -> Asked,
    ) -> Self {
        let prepare = |clause: &'a Clause| Prepared {
            clause,
            place: names.binary_search(&clause.attribute).ok(),
            groups: clause.test.group().map(&assigned).unwrap_or_default(),
        };
        let mut clauses = filters.iter().flat_map(|filter| &filter.clauses);
        let dated = clauses.any(|clause| clause.test.moves());
        let prepared = |filter: &'a Filter| (filter, filter.clauses.iter().map(prepare).collect());
        Self { filters: filters.iter().map(prepared).collect(), nulls: rules.nulls, time, dated }
    }

    /// Returns whether an object is let in: by one filter, or because there is none. `groups` are
    /// those through which a person comes; sorted.
    pub fn verdict(&self, row: &dyn Attributes, groups: &[SourceAnchor]) -> Verdict {
        let mut unknown = None;
        for (_, clauses) in &self.filters {
            match self.failing(clauses, row, groups) {
                (Truth::Yes, _) => return Verdict::In,
                (Truth::No, _) => {}
                (Truth::Unknown(why), _) => unknown = unknown.or(Some(why)),
            }
        }
        match unknown {
            _ if self.filters.is_empty() => Verdict::In,
            Some(why) => Verdict::Unknown(why),
            None => Verdict::Out,
        }
    }

    /// Returns why nobody lets an object in: of each filter its name, or its number, and the first
    /// clause that does not hold.
    pub fn why_out(&self, row: &dyn Attributes, groups: &[SourceAnchor]) -> String {
        let one = |(number, (filter, clauses)): (usize, &(&Filter, Vec<Prepared<'_>>))| {
            let (_, clause) = self.failing(clauses, row, groups);
            let clause = clause?;
            let name = name_of(filter, number);
            Some(format!("filter {name} wants {}", clause.text()))
        };
        self.filters.iter().enumerate().filter_map(one).collect::<Vec<_>>().join(", ")
    }

    /// Returns the clauses with "not" that let an object out only because nobody knows the value, in
    /// words, with the attribute: each once, and none of a filter that does not hold anyway.
    pub fn blind(&self, row: &dyn Attributes, groups: &[SourceAnchor]) -> Vec<(String, &'a str)> {
        if self.nulls == Nulls::Empty {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (number, (filter, clauses)) in self.filters.iter().enumerate() {
            let (blind, others): (Vec<_>, Vec<_>) = clauses
                .iter()
                .partition(|one| one.clause.test.is_negative() && texts(row, one.place).is_empty());
            if others.iter().all(|one| self.clause(one, row, groups) == Truth::Yes) {
                let name = name_of(filter, number);
                let wants = |one: &&Prepared<'a>| {
                    let wants = format!("filter {name} wants {}", one.clause.text());
                    (wants, one.clause.attribute.as_str())
                };
                found.extend(blind.iter().map(wants));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns the next instant at which a clause says something else of an object, though nothing
    /// changes but the time.
    pub fn next_change(&self, row: &dyn Attributes) -> Option<Timestamp> {
        if !self.dated {
            return None;
        }
        let clauses = self.filters.iter().flat_map(|(_, clauses)| clauses);
        let changes = clauses.flat_map(|one| {
            let texts = texts(row, one.place);
            let next = |text: &String| one.clause.test.changes(text, self.time.now);
            texts.iter().filter_map(next).collect::<Vec<_>>()
        });
        changes.min()
    }

    /// Returns whether all clauses hold, with the first that does not.
    fn failing(
        &self,
        clauses: &[Prepared<'a>],
        row: &dyn Attributes,
        groups: &[SourceAnchor],
    ) -> (Truth, Option<&'a Clause>) {
        let mut unknown = None;
        for one in clauses {
            match self.clause(one, row, groups) {
                Truth::Yes => {}
                Truth::No => return (Truth::No, Some(one.clause)),
                Truth::Unknown(why) => {
                    unknown = unknown.or(Some((Truth::Unknown(why), Some(one.clause))));
                }
            }
        }
        unknown.unwrap_or((Truth::Yes, None))
    }

    fn clause(
        &self,
        Prepared { clause, place, groups: asked }: &Prepared<'_>,
        row: &dyn Attributes,
        groups: &[SourceAnchor],
    ) -> Truth {
        let test = &clause.test;
        if let Some(group) = test.group() {
            return match asked.comes(group, groups) {
                Err(why) => Truth::Unknown(why),
                Ok(comes) if comes == matches!(test, Test::MemberOf(_)) => Truth::Yes,
                Ok(_) => Truth::No,
            };
        }
        let values = texts(row, *place);
        if values.is_empty() {
            return match (test, self.nulls) {
                (Test::IsNull, _) => Truth::Yes,
                (Test::IsNotNull, _) | (_, Nulls::Entra) => Truth::No,
                (_, Nulls::Empty) => self.of_value(clause, ""),
            };
        }
        let decides = match clause.many {
            Many::Any => Truth::Yes,
            Many::All => Truth::No,
        };
        let mut unknown = None;
        for value in &values {
            match self.of_value(clause, value) {
                one if one == decides => return decides,
                Truth::Unknown(why) => unknown = unknown.or(Some(Truth::Unknown(why))),
                _ => {}
            }
        }
        unknown.unwrap_or(match clause.many {
            Many::Any => Truth::No,
            Many::All => Truth::Yes,
        })
    }

    /// Returns whether a clause holds of a value. What depends on the time cannot be told where the
    /// clocks disagree about it.
    fn of_value(&self, clause: &Clause, value: &str) -> Truth {
        let Time { now, ahead_ms } = self.time;
        let at = |now| match clause.test.holds(value, now) {
            Ok(true) => Truth::Yes,
            Ok(false) => Truth::No,
            Err(why) => Truth::Unknown(format!("{}: {why}", clause.text())),
        };
        let here = at(now);
        let doubt = doubt(ahead_ms).filter(|_| clause.test.moves());
        match doubt {
            Some(why) if ahead_ms.map(|ahead| at(now.plus_ms(-ahead))) != Some(here.clone()) => {
                let clause = clause.text();
                Truth::Unknown(format!("{clause}, by the clock of this host, {why}"))
            }
            _ => here,
        }
    }
}

impl Asked {
    /// Returns whether a person who comes through `groups`, sorted, comes through one that is meant.
    ///
    /// # Errors
    /// Why that cannot be told.
    fn comes(&self, name: &GroupName, groups: &[SourceAnchor]) -> Result<bool, String> {
        let through =
            |asked: &[SourceAnchor]| asked.iter().any(|group| groups.binary_search(group).is_ok());
        let name = name.text();
        if through(&self.meant) {
            Ok(true)
        } else if through(&self.nameless) {
            Err(format!("a group that could not be read may be {name}; its id would be certain"))
        } else if self.meant.is_empty() {
            Err(format!("no assigned group is {name}"))
        } else {
            Ok(false)
        }
    }
}

impl Clause {
    /// Returns the clause in words.
    fn text(&self) -> String {
        let test = self.test.text();
        match (self.test.group(), self.many) {
            (Some(_), _) => test,
            // What is usual is not said.
            (None, Many::Any) if self.test.is_negative() => {
                format!("one of {} {test}", self.attribute)
            }
            (None, Many::All) if !self.test.is_negative() => {
                format!("all of {} {test}", self.attribute)
            }
            (None, _) => format!("{} {test}", self.attribute),
        }
    }
}

/// Returns what people call a filter: its name, or its number.
fn name_of(filter: &Filter, number: usize) -> String {
    match &filter.name {
        Some(name) => format!("`{name}`"),
        None => (number + 1).to_string(),
    }
}

/// Returns the values of an attribute. A blank one is none, as it is for mappings.
fn texts(row: &dyn Attributes, place: Option<usize>) -> Vec<String> {
    let all = match place.map(|place| row.attribute(place)) {
        None | Some(Attribute::Null) => Vec::new(),
        Some(Attribute::Text(text)) => vec![text],
        Some(Attribute::Texts(texts)) => texts,
    };
    let mut kept: Vec<String> = all.iter().map(|text| text.trim().to_owned()).collect();
    kept.retain(|text| !text.is_empty());
    kept
}

/// Returns the groups of that name or id that are assigned by a row that counts.
fn assigned(rules: &Rules, known: Assigned<'_>, wanted: &GroupName) -> Asked {
    let counts = |group: SourceAnchor| {
        let first = known.assignments.partition_point(|row| row.principal < group);
        let rows = known.assignments.iter().skip(first).take_while(|row| row.principal == group);
        let mut rows = rows.filter(|row| row.kind == PrincipalKind::Group);
        rows.any(|row| row.role != DEFAULT_ACCESS || rules.default_access)
    };
    match wanted {
        GroupName::Id(group) => {
            let meant = Some(*group).filter(|group| counts(*group)).into_iter().collect();
            Asked { meant, nameless: Vec::new() }
        }
        GroupName::Named(name) => {
            let attributes = &rules.group_attributes;
            let place = attributes.binary_search_by(|one| one.as_str().cmp(DISPLAY_NAME)).ok();
            let key = name_key(name);
            let named = known.groups.iter().filter(|group| {
                let own = place.and_then(|place| group.attributes.get(place));
                group.presence == Presence::Present && own.is_some_and(|own| name_key(own) == key)
            });
            let meant = named.map(|group| group.anchor).filter(|group| counts(*group)).collect();
            let unread = known.groups.iter().filter(|group| group.presence == Presence::Unread);
            let nameless = unread.map(|group| group.anchor).filter(|group| counts(*group));
            Asked { meant, nameless: nameless.collect() }
        }
    }
}

/// What a group is called by.
pub const DISPLAY_NAME: &str = "displayName";

#[cfg(test)]
mod tests;
