//! `users/delta` and `groups/delta` (Graph reference, section 4).
//!
//! A round replays the log between two sequence numbers; its tokens say how far it came. Nothing
//! is kept per caller, so any token can be used again, by anybody, until it is too old.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::model::ids::Timestamp;
use crate::sandbox::faults::FaultKind;

use super::Tenant;
use super::call::{Answer, Call, Refusal, Reply};
use super::page;
use super::properties::{GROUP, Property, USER};
use super::state::State;
use super::switches::ExpiredDelta;

mod content;

use content::{Page, View};

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
    /// Where this round began, replays aside.
    since: Option<u64>,
    /// Where the round before began, for replays.
    before: Option<u64>,
    /// Whether a page was sent.
    begun: bool,
    /// Whether this page was sent once already, where pages come twice.
    again: bool,
    /// Whether the link came with an answer to a repeated request.
    stray: bool,
    issued_ms: i64,
    epoch: u32,
    nonce: u64,
}

/// Answers a page of a delta round.
pub fn delta(tenant: &Tenant, call: &Call, feed: Feed) -> Reply {
    call.only(&["$select", "$filter", "$deltatoken", "$skiptoken"])?;
    let state = tenant.state();
    if let Some(token) = call.option("$skiptoken") {
        let mut round = opened(tenant, feed, token)?;
        let repeated = tenant.page_seen(round.nonce);
        if round.stray && state.switches.delta_stray_links_lost {
            let message = "The specified page token is not found.";
            return Err(Refusal::new(400, "DirectoryPageTokenNotFoundException", message));
        }
        round.stray = repeated;
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
        round.from = Some(round.to);
        round.before = Some(round.to);
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
    round.to = surfaced(tenant, &state, feed).max(round.to);
    round.since = round.from;
    if state.switches.delta_replays {
        round.from = round.before.or(round.from);
    }
    round.position = None;
    round.begun = false;
    round.again = false;
    round.stray = false;
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
        to: surfaced(tenant, state, feed),
        position: None,
        since: None,
        before: None,
        begun: false,
        again: false,
        stray: false,
        issued_ms: tenant.clock.now().0,
        epoch: tenant.epoch(),
        nonce: 0,
    })
}

/// Returns the last change that has surfaced.
fn surfaced(tenant: &Tenant, state: &State, feed: Feed) -> u64 {
    let lag = i64::try_from(state.switches.delta_lag_secs).unwrap_or(i64::MAX / 1000);
    if lag == 0 {
        return state.sequence;
    }
    let log = match feed {
        Feed::Users => &state.people_log,
        Feed::Groups => &state.groups_log,
    };
    log.last_until(tenant.clock.now().plus_ms(-lag.saturating_mul(1000)), state.sequence)
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
            let only: Vec<String> = round.only.iter().map(|id| format!("id eq '{id}'")).collect();
            let filter = match only.is_empty() {
                true => String::new(),
                false => format!("$filter={}&", only.join(" or ").replace(' ', "%20")),
            };
            let select = select.unwrap_or_default();
            let again = format!("{}{}?{select}{filter}$deltatoken=", call.base, call.path);
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
        return Ok(Answer::json(unfinished(tenant, call, round, Vec::new(), false)));
    }
    round.begun = true;
    let mut page = Page {
        state,
        view: View::of(&round, call, state),
        objects_left: state.switches.delta_page_size.max(1),
        members_left: state.switches.delta_members_per_page.max(1),
        values: Vec::new(),
    };
    let began_at = round.position;
    let mut more = page.fill(&mut round);
    let mut values = page.values;
    if state.switches.delta_unordered {
        values.reverse();
    }
    if state.switches.delta_pages_twice && !values.is_empty() && !round.again {
        // The next link leads to the same page again, and only from there further on.
        round.position = began_at;
        round.again = true;
        more = true;
    } else {
        round.again = false;
    }
    if let Some(fault) =
        tenant.faults.take(&[FaultKind::CutList], call.method.as_str(), &call.label)
    {
        values.truncate(fault.keep.unwrap_or(0));
        return Ok(Answer::json(Value::Object(envelope(call, round.feed, values))));
    }
    let body = if more {
        unfinished(tenant, call, round, values, state.switches.delta_link_loops)
    } else {
        round.before = round.since.or(Some(round.to));
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

fn unfinished(
    tenant: &Tenant,
    call: &Call,
    mut round: Round,
    values: Vec<Value>,
    loops: bool,
) -> Value {
    let mut body = envelope(call, round.feed, values);
    round.nonce = tenant.nonce();
    let token = match call.option("$skiptoken") {
        Some(asked) if loops => asked.to_owned(),
        _ => sealed(tenant, &round),
    };
    let link = format!("{}{}?$skiptoken={token}", call.base, call.path);
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
