//! What changed since a watermark: two change feeds, each read to its end (Graph reference,
//! section 4).

use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::ODataQuery;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::http::Answer;
use crate::model::ids::Watermark;
use crate::model::outcome::ErrorCategory;
use crate::source::{Changes, SourceError};

use super::attributes::Selection;
use super::error::Call;
use super::group_selection::GroupSelection;
use super::merge::Merge;
use super::paging::{PageError, Pager};
use super::permission::Permission;
use super::request::Transport;
use super::wire::{ErrorBody, GroupDelta, Page, Record};

/// What is read of people and of groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selected<'a> {
    pub(super) people: &'a Selection,
    pub(super) groups: &'a GroupSelection,
    /// Groups in groups are read too.
    pub(super) nested_groups: bool,
}

/// What a watermark holds. The links carry the selection that they were made for; it is kept here
/// too, because they are opaque.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    users: String,
    groups: String,
    select: String,
    /// Of groups; `None` is what was read of them before attributes were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group_select: Option<String>,
}

impl Mark {
    fn fits(&self, selected: Selected<'_>) -> bool {
        self.select == select(selected) && self.group_select == group_select(selected)
    }
}

fn select(selected: Selected<'_>) -> String {
    selected.people.of_feed().join(",")
}

fn group_select(selected: Selected<'_>) -> Option<String> {
    let more = selected.groups.selects_more();
    more.then(|| selected.groups.of_feed().join(","))
}

/// How old the link is that leads to a page.
#[derive(Clone, Copy, Debug)]
enum LinkAge {
    /// An earlier cycle kept it.
    Kept,
    /// It came in the same round, or a round begins without one.
    Fresh,
}

/// How a round of a feed ended.
enum Round {
    /// All pages were read; the next round begins at this link.
    Complete(String),
    /// The feed does not go on from the link.
    Expired(String),
}

/// Returns a watermark that means "from now".
pub(super) async fn start(
    transport: &Transport,
    selected: Selected<'_>,
) -> Result<Watermark, SourceError> {
    let users = Call::new("starting the change feed of people", Permission::User);
    let groups = Call::new("starting the change feed of groups", Permission::GroupMember);
    let latest_users = transport.sdk().users().delta().select(&selected.people.of_feed());
    let latest_groups = transport.sdk().groups().delta().select(&selected.groups.of_feed());
    let (users, groups) = tokio::try_join!(
        begin(transport, &users, latest_users),
        begin(transport, &groups, latest_groups)
    )?;
    let (select, group_select) = (select(selected), group_select(selected));
    Ok(written(&Mark { users, groups, select, group_select }))
}

/// Returns the link from which a feed goes on from now.
async fn begin(
    transport: &Transport,
    call: &Call,
    handler: RequestHandler,
) -> Result<String, SourceError> {
    let handler = handler.append_query_pair("$deltatoken", "latest");
    let mut pager = Pager::new(transport, call);
    let first = pager.fetch::<serde_json::Value>(handler).await;
    // Objects in the answer are of no use: the full read that follows sees them as they are then.
    match round(&mut pager, call, (LinkAge::Fresh, first), |_| Ok(())).await? {
        Round::Complete(link) => Ok(link),
        Round::Expired(why) => Err(call.unexpected(why)),
    }
}

/// Returns what changed since `watermark`.
pub(super) async fn changes(
    transport: &Transport,
    selected: Selected<'_>,
    watermark: &Watermark,
) -> Result<Changes, SourceError> {
    let Ok(mark) = serde_json::from_str::<Mark>(&watermark.0) else {
        return Ok(expired("the watermark is not readable"));
    };
    if !mark.fits(selected) {
        return Ok(expired("the rules now read other attributes"));
    }
    let at_home = |link: &str| url::Url::parse(link).is_ok_and(|url| transport.leads_home(&url));
    if !at_home(&mark.users) || !at_home(&mark.groups) {
        return Ok(expired("the watermark is of another Graph than the configured one"));
    }
    let (users, groups) = tokio::try_join!(
        users_since(transport, selected.people, &mark.users),
        groups_since(transport, selected.groups, &mark.groups)
    )?;
    let (mut merge, users) = users;
    let (groups_merge, groups) = groups;
    merge.append(groups_merge);
    let (users, groups) = match (users, groups) {
        (Round::Complete(users), Round::Complete(groups)) => (users, groups),
        (Round::Expired(why), _) | (_, Round::Expired(why)) => return Ok(Changes::Expired { why }),
    };
    let mut delta = merge.finish(written(&Mark { users, groups, ..mark }));
    if !selected.nested_groups {
        delta.edges.clear();
    }
    Ok(Changes::Delta(delta))
}

async fn users_since(
    transport: &Transport,
    selection: &Selection,
    link: &str,
) -> Result<(Merge, Round), SourceError> {
    let call = Call::new("reading what changed about people", Permission::User);
    let mut merge = Merge::default();
    let mut pager = Pager::new(transport, &call);
    let first = (LinkAge::Kept, pager.follow::<Record>(link).await);
    let round = round(&mut pager, &call, first, |record| merge.user(&record, selection)).await?;
    Ok((merge, round))
}

async fn groups_since(
    transport: &Transport,
    selection: &GroupSelection,
    link: &str,
) -> Result<(Merge, Round), SourceError> {
    let call = Call::new("reading what changed about groups", Permission::GroupMember);
    let mut merge = Merge::default();
    let mut pager = Pager::new(transport, &call);
    let first = (LinkAge::Kept, pager.follow::<GroupDelta>(link).await);
    let round = round(&mut pager, &call, first, |group| {
        merge.group(group, selection);
        Ok(())
    })
    .await?;
    Ok((merge, round))
}

/// Reads a feed from its first page to its delta link, handing each object to `sink`. Pages may
/// be empty and still go on.
async fn round<T: DeserializeOwned>(
    pager: &mut Pager<'_>,
    call: &Call,
    first: (LinkAge, Result<Page<T>, PageError>),
    mut sink: impl FnMut(T) -> Result<(), String>,
) -> Result<Round, SourceError> {
    let (mut age, mut page) = first;
    loop {
        let current = match page {
            Ok(current) => current,
            Err(PageError::Refused(answer)) => match expiry(&answer, age) {
                Some(why) => return Ok(Round::Expired(why)),
                None => return Err(PageError::Refused(answer).into_error(call)),
            },
            Err(PageError::Failed(error)) => return Err(error),
        };
        for object in current.value {
            sink(object).map_err(|what| call.unexpected(what))?;
        }
        match (current.next_link, current.delta_link) {
            (Some(next), _) => (age, page) = (LinkAge::Fresh, pager.follow(&next).await),
            (None, Some(link)) => return Ok(Round::Complete(link)),
            (None, None) => {
                return Err(call.failed(
                    ErrorCategory::Transient,
                    "the list was cut short: the change feed has no link to go on from",
                    "Nothing was removed. The next cycle reads again; if it stays, report it to \
                     Microsoft.",
                ));
            }
        }
    }
}

/// Returns why the feed does not go on, if the refusal says so: any 410, and 400 or 404 with a
/// code that names the token (section 4, client rule). A kept link that came damaged is refused
/// without naming it, and would be in every cycle to come: reading everything is safe, and ends
/// it, so that any code will do there.
fn expiry(answer: &Answer, age: LinkAge) -> Option<String> {
    let codes = answer.json::<ErrorBody>().map(|body| body.error.codes()).unwrap_or_default();
    let named = codes.iter().find(|code| names_expiry(code));
    let why = |code: &str| format!("Graph no longer accepts the delta link ({code})");
    match (answer.status, age) {
        (StatusCode::GONE, _) => {
            let first = codes.first().filter(|code| !code.is_empty());
            Some(why(named.or(first).map_or("HTTP 410", String::as_str)))
        }
        (StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND, LinkAge::Kept) => {
            let code = codes.iter().find(|code| !code.is_empty())?;
            Some(format!("Graph does not accept the delta link ({code})"))
        }
        (StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND, LinkAge::Fresh) => {
            named.map(|code| why(code))
        }
        _ => None,
    }
}

fn names_expiry(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    code == "syncstatenotfound"
        || code.starts_with("resync")
        || code == "directory_expiredpagetoken"
        || code == "directorypagetokennotfoundexception"
}

fn expired(why: &str) -> Changes {
    Changes::Expired { why: why.to_owned() }
}

fn written(mark: &Mark) -> Watermark {
    Watermark(serde_json::to_string(mark).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn refused(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn tells_links_that_lead_nowhere_from_other_refusals() {
        let damaged = r#"{"error":{"code":"Request_BadRequest","message":"Badly formed token."}}"#;
        let nested = r#"{"error":{"code":"UnknownError","message":"","innerError":
            {"code":"resyncApplyDifferences"}}}"#;
        for (status, body, kept, fresh) in [
            (400, r#"{"error":{"code":"syncStateNotFound","message":"x"}}"#, true, true),
            (400, r#"{"error":{"code":"SyncStateNotFound"}}"#, true, true),
            (400, r#"{"error":{"code":"Directory_ExpiredPageToken"}}"#, true, true),
            (404, r#"{"error":{"code":"DirectoryPageTokenNotFoundException"}}"#, true, true),
            (404, nested, true, true),
            (410, "", true, true),
            (410, r#"{"error":{"code":"resyncRequired"}}"#, true, true),
            (400, damaged, true, false),
            (400, r#"{"error":{"code":"Request_BadRequest"}}"#, true, false),
            (404, r#"{"error":{"code":"UnknownError","message":""}}"#, true, false),
            (400, "{}", false, false),
            (404, "{}", false, false),
            (404, "<html>", false, false),
            (403, r#"{"error":{"code":"syncStateNotFound"}}"#, false, false),
            (403, damaged, false, false),
            (503, damaged, false, false),
        ] {
            let answer = refused(status, body);
            let found = [LinkAge::Kept, LinkAge::Fresh].map(|age| expiry(&answer, age).is_some());
            assert_eq!(found, [kept, fresh], "{status} {body}");
        }
    }
}
