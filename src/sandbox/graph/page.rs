//! Lists: `$select`, `$top`, pages and their links.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::sandbox::faults::{FaultKind, Faults};

use super::call::{Answer, Call, Refusal, Reply};
use super::properties::{self, Property};
use super::query::Query;
use super::switches::LargeTop;

/// Rows on a page, at most (Graph reference, sections 2 and 5).
const LARGEST_PAGE: usize = 999;
/// Rows on a page when nobody asks.
const USUAL_PAGE: usize = 100;
/// Bytes of the seal that makes links opaque and tamper-proof.
const SEAL: usize = 8;

/// Makes opaque tokens and reads them again.
#[derive(Clone, Debug)]
pub struct Sealer {
    key: [u8; 32],
}

impl Sealer {
    /// Seals with `key`.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    fn tag(&self, payload: &[u8]) -> Vec<u8> {
        let digest = Sha256::new().chain_update(self.key).chain_update(payload).finalize();
        digest.iter().take(SEAL).copied().collect()
    }

    /// Returns a token that holds `payload`.
    pub fn seal(&self, payload: &[u8]) -> String {
        let mut bytes = self.tag(payload);
        bytes.extend_from_slice(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns what a token holds, or `None` if it is not one of ours.
    pub fn open(&self, token: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, payload) = bytes.split_at_checked(SEAL)?;
        (self.tag(payload) == tag).then(|| payload.to_vec())
    }
}

/// Which rows of a list are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Rows, at most.
    pub top: usize,
    /// Only rows whose key is larger.
    pub after: Option<u128>,
}

impl Window {
    /// Reads `$top` and `$skiptoken`.
    pub fn of(call: &Call, sealer: &Sealer, large: LargeTop) -> Result<Self, Refusal> {
        let top = match call.option("$top") {
            None => USUAL_PAGE,
            Some(text) => {
                let size = || {
                    Refusal::unsupported(format!(
                        "Invalid page size specified: '{text}'. Must be between 1 and 999 inclusive."
                    ))
                };
                match (text.parse::<usize>(), large) {
                    (Ok(top), _) if (1..=LARGEST_PAGE).contains(&top) => top,
                    (Ok(top), LargeTop::Clamp) if top > LARGEST_PAGE => LARGEST_PAGE,
                    _ => return Err(size()),
                }
            }
        };
        let after = match call.option("$skiptoken") {
            None => None,
            Some(token) => Some(position(sealer, token).ok_or_else(|| {
                let message = "The specified page token value is invalid or has expired.";
                Refusal::new(400, "Directory_ExpiredPageToken", message)
            })?),
        };
        Ok(Self { top, after })
    }
}

impl Window {
    /// Returns whether this page says how many rows there are in all: the first one, if asked.
    pub fn counts(&self, call: &Call) -> bool {
        self.after.is_none() && call.counted()
    }
}

/// Rows with rising keys.
pub type Rows<'a, Row> = Box<dyn Iterator<Item = (u128, Row)> + 'a>;

/// Sorts rows if the query asks for it; their keys are then their places, from 1.
pub fn ordered<'a, Row: 'a>(
    rows: Rows<'a, Row>,
    query: &Query,
    value: impl Fn(&Row, &str) -> Value,
) -> Rows<'a, Row> {
    if query.order.is_none() {
        return rows;
    }
    let mut sorted: Vec<Row> = rows.map(|(_, row)| row).collect();
    query.sort(&mut sorted, value);
    Box::new((1_u128..).zip(sorted))
}

fn position(sealer: &Sealer, token: &str) -> Option<u128> {
    let payload: [u8; 16] = sealer.open(token)?.try_into().ok()?;
    Some(u128::from_be_bytes(payload))
}

/// What a list is made of.
pub struct Listing<'a, Rows, Show> {
    /// What `@odata.context` names.
    pub context: &'a str,
    /// The rows with rising keys.
    pub rows: Rows,
    /// Turns a row into JSON.
    pub show: Show,
    /// How many rows there are in all, if the caller asked and may know.
    pub count: Option<usize>,
}

/// Answers with one page of a list.
pub fn list<Row, Rows, Show>(
    call: &Call,
    faults: &Faults,
    sealer: &Sealer,
    window: Window,
    listing: Listing<'_, Rows, Show>,
) -> Reply
where
    Rows: Iterator<Item = (u128, Row)>,
    Show: Fn(Row) -> Value,
{
    let mut rows =
        listing.rows.filter(|(key, _)| window.after.is_none_or(|after| *key > after)).peekable();
    let mut values = Vec::new();
    let mut last = 0;
    while values.len() < window.top {
        let Some((key, row)) = rows.next() else {
            break;
        };
        last = key;
        values.push((listing.show)(row));
    }
    let more = rows.peek().is_some();
    let cut = faults.take(&[FaultKind::CutList], call.method.as_str(), &call.label);
    if let Some(fault) = &cut {
        values.truncate(fault.keep.unwrap_or(0));
    }
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        json!(format!("{}/v1.0/$metadata#{}", call.base, listing.context)),
    );
    if let (Some(count), None) = (listing.count, window.after) {
        body.insert("@odata.count".into(), json!(count));
    }
    if more && cut.is_none() {
        let token = sealer.seal(&last.to_be_bytes());
        body.insert("@odata.nextLink".into(), json!(call.next_link(&token)));
    }
    body.insert("value".into(), Value::Array(values));
    Ok(Answer::json(Value::Object(body)))
}

/// Reads `$select`, or returns the properties that come without it.
///
/// # Errors
/// 400 for a property that the metadata does not have, 501 for one that the directory does not
/// hold, 403 for one that needs a permission of its own.
pub fn select(call: &Call, table: &'static [Property], kind: &str) -> Result<Vec<String>, Refusal> {
    match call.option("$select") {
        None => Ok(defaults(table)),
        Some(text) => {
            let names: Vec<String> = split(text);
            for name in &names {
                check(call, table, kind, name)?;
            }
            Ok(names)
        }
    }
}

/// Returns the properties that come without `$select`.
pub fn defaults(table: &'static [Property]) -> Vec<String> {
    let shown = table.iter().filter(|property| property.default);
    shown.map(|property| property.name.to_owned()).collect()
}

/// Splits a `$select` at its commas.
pub fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Refuses a property that cannot be selected.
pub fn check(
    call: &Call,
    table: &'static [Property],
    kind: &str,
    name: &str,
) -> Result<(), Refusal> {
    if name == "signInActivity" && !call.may(&["AuditLog.Read.All"]) {
        return Err(Refusal::denied());
    }
    match properties::find(table, name) {
        Some(property) if !property.kept => Err(Refusal::new(
            501,
            "NotImplemented",
            format!("The property '{name}' is not held by the directory."),
        )),
        Some(_) => Ok(()),
        None if properties::is_extension(name) => Ok(()),
        None => Err(Refusal::new(
            400,
            "BadRequest",
            format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
            ),
        )),
    }
}
