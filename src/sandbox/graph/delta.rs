//! `users/delta` and `groups/delta` (Graph reference, section 4).
//!
//! A round replays the log between two sequence numbers; its tokens say how far it came. Nothing
//! is kept per caller, so any token can be used again, by anybody, until it is too old.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::model::ids::Timestamp;
use crate::sandbox::faults::FaultKind;

use super::call::{Answer, Call, Refusal, Reply};
use super::log::Summary;
use super::page;
use super::properties::{GROUP, Property, USER};
use super::state::State;
use super::switches::ExpiredDelta;
use super::{Tenant, objects};

/// Ids in a `$filter`, at most.
const MOST_IDS: usize = 50;

/// Which objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Feed {
    /// People.
    Users,
    /// Groups and their members.
    Groups,
}

impl Feed {
    fn table(self) -> &'static [Property] {
        match self {
            Self::Users => USER,
            Self::Groups => GROUP,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Groups => "group",
        }
    }
}

/// What a token holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Round {
    feed: Feed,
    /// Selected names; `None` is the usual set.
    select: Option<Vec<String>>,
    /// Only these objects; empty is all.
    only: Vec<Uuid>,
    /// Changes after this; `None` lists what is there.
    from: Option<u64>,
    /// Changes up to this.
    to: u64,
    /// The last object that was sent and, if its members go on, the last member.
    position: Option<(Uuid, Option<Uuid>)>,
    /// Whether a page was sent.
    begun: bool,
    issued_ms: i64,
    epoch: u32,
    nonce: u64,
}

/// Answers a page of a delta round.
pub fn delta(tenant: &Tenant, call: &Call, feed: Feed) -> Reply {
    call.only(&["$select", "$filter", "$deltatoken", "$skiptoken"])?;
    let state = tenant.state();
    if let Some(token) = call.option("$skiptoken") {
        let round = opened(tenant, feed, token)?;
        if expired(&round, &state, tenant.clock.now()) {
            let message = "The specified page token value has expired.";
            return Err(Refusal::new(400, "Directory_ExpiredPageToken", message));
        }
        return answer(tenant, call, &state, round);
    }
    let token = call.option("$deltatoken").unwrap_or_default();
    if token.is_empty() || token.eq_ignore_ascii_case("latest") {
        let mut round = fresh(tenant, call, &state, feed)?;
        if token.is_empty() {
            return answer(tenant, call, &state, round);
        }
        round.from = Some(state.sequence);
        return Ok(Answer::json(finished(tenant, call, round, Vec::new())));
    }
    let ended = tenant.faults.take(&[FaultKind::ExpiredDelta], call.method.as_str(), &call.label);
    let mut round = opened(tenant, feed, token)?;
    if let Some(fault) = ended {
        let gone = fault.status == Some(410);
        let usual = state.switches.expired_delta;
        let how = match (gone, usual) {
            (true, ExpiredDelta::SyncStateNotFound) => ExpiredDelta::GoneWithLocation,
            _ => usual,
        };
        return Err(sync_state_lost(call, &round, how));
    }
    if expired(&round, &state, tenant.clock.now()) {
        return Err(sync_state_lost(call, &round, state.switches.expired_delta));
    }
    round.to = state.sequence;
    round.position = None;
    round.begun = false;
    answer(tenant, call, &state, round)
}

fn fresh(tenant: &Tenant, call: &Call, state: &State, feed: Feed) -> Result<Round, Refusal> {
    let select = match call.option("$select") {
        None => None,
        Some(text) => {
            let names = page::split(text);
            for name in &names {
                let relation = match feed {
                    Feed::Users => name == "manager",
                    Feed::Groups => name == "members" || name == "owners",
                };
                if !relation {
                    page::check(call, feed.table(), feed.kind(), name)?;
                }
            }
            Some(names)
        }
    };
    Ok(Round {
        feed,
        select,
        only: call.option("$filter").map(only_ids).transpose()?.unwrap_or_default(),
        from: None,
        to: state.sequence,
        position: None,
        begun: false,
        issued_ms: tenant.clock.now().0,
        epoch: tenant.epoch(),
        nonce: 0,
    })
}

/// Reads `id eq 'x' or id eq 'y'`, the only filter that a delta takes.
fn only_ids(text: &str) -> Result<Vec<Uuid>, Refusal> {
    let refusal = || {
        Refusal::unsupported(
            "Only 'id eq' clauses joined by 'or' are supported in the filter of a delta query.",
        )
    };
    let mut ids = Vec::new();
    for clause in text.split(" or ") {
        let literal = clause.trim().strip_prefix("id eq ").ok_or_else(refusal)?;
        let bare = literal.trim().trim_matches('\'');
        ids.push(Uuid::try_parse(bare).map_err(|_| refusal())?);
    }
    if ids.len() > MOST_IDS {
        return Err(Refusal::bad("A delta query can be filtered by at most 50 ids."));
    }
    Ok(ids)
}

fn opened(tenant: &Tenant, feed: Feed, token: &str) -> Result<Round, Refusal> {
    let held = tenant.sealer.open(token);
    let round: Option<Round> = held.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    round.filter(|round| round.feed == feed).ok_or_else(|| Refusal::bad("Badly formed token."))
}

fn expired(round: &Round, state: &State, now: Timestamp) -> bool {
    let life_ms = state.switches.delta_token_secs.saturating_mul(1000);
    now.ms_since(Timestamp(round.issued_ms)) > life_ms
}

fn sync_state_lost(call: &Call, round: &Round, how: ExpiredDelta) -> Refusal {
    let message = "The sync state generation is not found. The delta token is expired and data must be synchronized again.";
    match how {
        ExpiredDelta::SyncStateNotFound => Refusal::new(400, "syncStateNotFound", message),
        ExpiredDelta::Gone => Refusal::new(410, "SyncStateNotFound", message),
        ExpiredDelta::GoneWithLocation => {
            let select = round.select.as_ref().map(|names| format!("$select={}&", names.join(",")));
            let again =
                format!("{}{}?{}$deltatoken=", call.base, call.path, select.unwrap_or_default());
            Refusal::new(410, "resyncRequired", message).header("Location", again)
        }
    }
}

fn answer(tenant: &Tenant, call: &Call, state: &State, mut round: Round) -> Reply {
    if round.epoch != tenant.epoch() {
        return Err(sync_state_lost(call, &round, state.switches.expired_delta));
    }
    if state.switches.delta_empty_page && !round.begun {
        round.begun = true;
        return Ok(Answer::json(unfinished(tenant, call, round, Vec::new())));
    }
    round.begun = true;
    let minimal = call.header("prefer").is_some_and(|text| text.contains("return=minimal"));
    let mut page = Page {
        state,
        view: View::of(&round, minimal),
        objects_left: state.switches.delta_page_size.max(1),
        members_left: state.switches.delta_members_per_page.max(1),
        values: Vec::new(),
    };
    let more = page.fill(&mut round);
    let mut values = page.values;
    if let Some(fault) =
        tenant.faults.take(&[FaultKind::CutList], call.method.as_str(), &call.label)
    {
        values.truncate(fault.keep.unwrap_or(0));
        return Ok(Answer::json(Value::Object(envelope(call, round.feed, values))));
    }
    let body = if more {
        unfinished(tenant, call, round, values)
    } else {
        round.from = Some(round.to);
        finished(tenant, call, round, values)
    };
    Ok(Answer::json(body))
}

fn envelope(call: &Call, feed: Feed, values: Vec<Value>) -> Map<String, Value> {
    let set = match feed {
        Feed::Users => "users",
        Feed::Groups => "groups",
    };
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        json!(format!("{}/v1.0/$metadata#{set}/$delta", call.base)),
    );
    body.insert("value".into(), Value::Array(values));
    body
}

fn unfinished(tenant: &Tenant, call: &Call, mut round: Round, values: Vec<Value>) -> Value {
    let mut body = envelope(call, round.feed, values);
    round.nonce = tenant.nonce();
    let link = format!("{}{}?$skiptoken={}", call.base, call.path, sealed(tenant, &round));
    body.insert("@odata.nextLink".into(), json!(link));
    Value::Object(body)
}

fn finished(tenant: &Tenant, call: &Call, mut round: Round, values: Vec<Value>) -> Value {
    let mut body = envelope(call, round.feed, values);
    round.position = None;
    round.issued_ms = tenant.clock.now().0;
    round.nonce = tenant.nonce();
    let link = format!("{}{}?$deltatoken={}", call.base, call.path, sealed(tenant, &round));
    body.insert("@odata.deltaLink".into(), json!(link));
    Value::Object(body)
}

fn sealed(tenant: &Tenant, round: &Round) -> String {
    tenant.sealer.seal(&serde_json::to_vec(round).unwrap_or_default())
}

/// What of an object a round shows.
struct View {
    names: Vec<String>,
    members: bool,
    minimal: bool,
}

impl View {
    fn of(round: &Round, minimal: bool) -> Self {
        let (mut names, mut members) = match &round.select {
            None => (page::defaults(round.feed.table()), round.feed == Feed::Groups),
            Some(names) => (names.clone(), names.iter().any(|name| name == "members")),
        };
        members &= round.feed == Feed::Groups;
        names.retain(|name| !matches!(name.as_str(), "id" | "members" | "owners" | "manager"));
        Self { names, members, minimal }
    }

    fn concerns(&self, summary: &Summary) -> bool {
        summary.existence
            || (self.members && !summary.members.is_empty())
            || summary.properties.iter().any(|changed| self.names.iter().any(|n| n == changed))
    }
}

/// A page that is being filled.
struct Page<'a> {
    state: &'a State,
    view: View,
    objects_left: usize,
    members_left: usize,
    values: Vec<Value>,
}

impl Page<'_> {
    /// Fills the page and moves the round's position. Returns whether something is left.
    fn fill(&mut self, round: &mut Round) -> bool {
        match round.from {
            None => {
                let start = round.position.map_or(Uuid::nil(), |(id, _)| id);
                let state = self.state;
                let ids: Box<dyn Iterator<Item = Uuid>> = match round.feed {
                    Feed::Users => Box::new(
                        state
                            .people
                            .range(start..)
                            .filter(|(_, person)| person.deleted.is_none())
                            .map(|(id, _)| *id),
                    ),
                    Feed::Groups => Box::new(
                        state
                            .groups
                            .range(start..)
                            .filter(|(_, group)| group.deleted.is_none())
                            .map(|(id, _)| *id),
                    ),
                };
                self.take(round, ids.map(|id| (id, None)))
            }
            Some(from) => {
                let log = match round.feed {
                    Feed::Users => &self.state.people_log,
                    Feed::Groups => &self.state.groups_log,
                };
                let changed = log.between(from, round.to).into_iter();
                self.take(round, changed.map(|(id, summary)| (id, Some(summary))))
            }
        }
    }

    fn take(
        &mut self,
        round: &mut Round,
        objects: impl Iterator<Item = (Uuid, Option<Summary>)>,
    ) -> bool {
        let began_at = round.position;
        let only = round.only.clone();
        for (id, summary) in objects {
            let resume = match began_at {
                Some((last, None)) if id <= last => continue,
                Some((last, Some(_))) if id < last => continue,
                Some((last, Some(member))) if id == last => Some(member),
                _ => None,
            };
            let meant = only.is_empty() || only.contains(&id);
            if !meant || summary.as_ref().is_some_and(|summary| !self.view.concerns(summary)) {
                continue;
            }
            if self.objects_left == 0 || self.members_left == 0 {
                return true;
            }
            let unfinished_at = self.put(round.feed, id, summary.as_ref(), resume);
            round.position = Some((id, unfinished_at));
            self.objects_left -= 1;
            if unfinished_at.is_some() {
                return true;
            }
        }
        false
    }

    /// Puts one object onto the page. Returns the last member if others are left.
    fn put(
        &mut self,
        feed: Feed,
        id: Uuid,
        summary: Option<&Summary>,
        resume: Option<Uuid>,
    ) -> Option<Uuid> {
        let mut shown = Map::new();
        shown.insert("id".into(), json!(id.to_string()));
        let deleted = match feed {
            Feed::Users => self.state.people.get(&id).map(|held| held.deleted.is_some()),
            Feed::Groups => self.state.groups.get(&id).map(|held| held.deleted.is_some()),
        };
        let reason = match deleted {
            None => Some("deleted"),
            Some(true) => Some("changed"),
            Some(false) => None,
        };
        let mut left = None;
        if let Some(reason) = reason {
            shown.insert("@removed".into(), json!({ "reason": reason }));
        } else {
            self.put_properties(feed, id, summary, &mut shown);
            if feed == Feed::Groups && self.view.members {
                left = self.put_members(id, summary, resume, &mut shown);
            }
        }
        self.values.push(Value::Object(shown));
        left
    }

    /// Puts the selected properties that ever had a value; with `return=minimal` only changed ones.
    fn put_properties(
        &self,
        feed: Feed,
        id: Uuid,
        summary: Option<&Summary>,
        shown: &mut Map<String, Value>,
    ) {
        for name in &self.view.names {
            let skipped = self.view.minimal
                && summary.is_some_and(|summary| {
                    !summary.appeared && !summary.properties.iter().any(|known| known == name)
                });
            if skipped {
                continue;
            }
            let (attributes, cleared, value) = match feed {
                Feed::Users => match self.state.people.get(&id) {
                    None => continue,
                    Some(held) => (
                        &held.attributes,
                        &held.cleared,
                        objects::person_property(self.state, id, held, name),
                    ),
                },
                Feed::Groups => match self.state.groups.get(&id) {
                    None => continue,
                    Some(held) => {
                        (&held.attributes, &held.cleared, objects::group_property(id, held, name))
                    }
                },
            };
            let had = attributes.get(name).is_some() || cleared.iter().any(|known| known == name);
            if had {
                shown.insert(name.clone(), value);
            }
        }
    }

    /// Puts as many members as fit. Members in the recycle bin are not mentioned.
    fn put_members(
        &mut self,
        id: Uuid,
        summary: Option<&Summary>,
        resume: Option<Uuid>,
        shown: &mut Map<String, Value>,
    ) -> Option<Uuid> {
        let group = self.state.groups.get(&id)?;
        let mut changes: BTreeMap<Uuid, bool> = match summary {
            Some(summary) => summary.members.clone(),
            None => BTreeMap::new(),
        };
        if summary.is_none_or(|summary| summary.appeared) {
            changes.extend(group.members.iter().map(|member| (*member, true)));
        }
        let mut elements = Vec::new();
        let mut last = None;
        let mut left = false;
        for (member, added) in changes {
            if resume.is_some_and(|resume| member <= resume) || (added && !self.shown(member)) {
                continue;
            }
            if self.members_left == 0 {
                left = true;
                break;
            }
            self.members_left -= 1;
            elements.push(self.member(member, added));
            last = Some(member);
        }
        if !elements.is_empty() {
            shown.insert("members@delta".into(), Value::Array(elements));
        }
        last.filter(|_| left)
    }

    fn shown(&self, member: Uuid) -> bool {
        let person = self.state.people.get(&member).map(|held| held.deleted.is_none());
        let group = self.state.groups.get(&member).map(|held| held.deleted.is_none());
        person.or(group).unwrap_or(false)
    }

    fn member(&self, member: Uuid, added: bool) -> Value {
        let kind = if self.state.groups.contains_key(&member) { "group" } else { "user" };
        let mut element = Map::new();
        element.insert("@odata.type".into(), json!(format!("#microsoft.graph.{kind}")));
        element.insert("id".into(), json!(member.to_string()));
        if !added {
            element.insert("@removed".into(), json!({"reason": "deleted"}));
        }
        Value::Object(element)
    }
}
