//! Lists, read piece by piece (ShareFile API reference, section 2.3).
//!
//! Thousands of rows come in one answer, perhaps without any page (section 7), so a list is cut
//! into rows as its bytes arrive; no more than one row is held. The members of the envelope may
//! come in any order.

use serde::de::DeserializeOwned;

use super::api::{Api, Call};
use super::error::Attempt;
use crate::http::{HttpError, unquoted};
use crate::model::outcome::ErrorCategory;
use crate::target::TargetError;

/// No row, and no member beside the rows, is larger.
const LARGEST_PIECE: usize = 1 << 20;

/// A list that seems to have more pages goes round in circles.
const MOST_PAGES: usize = 100_000;

/// Reads a list to its end and hands each row to `sink`; some of them twice where a page broke off
/// in the middle, or fewer rows came than the list says it has, and it was read again.
///
/// # Errors
/// Also when fewer rows came than the list says it has, or when a body ended early: a row that
/// was not read must not look like a row that is gone.
pub(super) async fn read<T: DeserializeOwned>(
    api: &Api,
    attempt: &Attempt,
    call: &Call,
    sink: &mut (dyn FnMut(T) + Send),
) -> Result<(), TargetError> {
    match read_once(api, attempt, call, sink).await? {
        Length::Whole => return Ok(()),
        // Somebody may have left between the count and the last row: read once more before crying.
        Length::Short => {}
    }
    api.back_off(1).await;
    match read_once(api, attempt, call, sink).await? {
        Length::Whole => Ok(()),
        Length::Short => Err(cut_short(attempt, "it has fewer rows than it says")),
    }
}

/// Whether a list has as many rows as it says.
enum Length {
    Whole,
    Short,
}

async fn read_once<T: DeserializeOwned>(
    api: &Api,
    attempt: &Attempt,
    call: &Call,
    sink: &mut (dyn FnMut(T) + Send),
) -> Result<Length, TargetError> {
    let mut rows = 0_u64;
    let mut next_link: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let end = whole_page(api, attempt, (call, next_link.as_deref()), &mut rows, sink).await?;
        match end.next_link {
            None => {
                // Whether the count is the page's or the total is unknown (section 2.3); rows of
                // all pages satisfy both.
                let short = end.count.is_some_and(|count| rows < count);
                return Ok(if short { Length::Short } else { Length::Whole });
            }
            Some(link) if next_link.as_ref() == Some(&link) => {
                return Err(cut_short(attempt, "its pages go round in circles"));
            }
            link => next_link = link,
        }
    }
    Err(cut_short(attempt, "its pages do not end"))
}

/// Reads a page, and reads it again if its body breaks off, as often as any other read.
async fn whole_page<T: DeserializeOwned>(
    api: &Api,
    attempt: &Attempt,
    (call, next_link): (&Call, Option<&str>),
    rows: &mut u64,
    sink: &mut (dyn FnMut(T) + Send),
) -> Result<FeedEnd, TargetError> {
    let before = *rows;
    let mut failed = 0;
    loop {
        let response = api.open(attempt, call, next_link).await?;
        match read_page(attempt, response, rows, sink).await {
            Ok(end) => return Ok(end),
            Err(PageFault::Failed(error)) => return Err(error),
            Err(PageFault::BrokeOff(error)) => {
                failed += 1;
                if !api.back_off(failed).await {
                    return Err(error);
                }
                *rows = before;
            }
        }
    }
}

/// Why a page could not be read.
enum PageFault {
    /// Its body broke off.
    BrokeOff(TargetError),
    /// Anything else.
    Failed(TargetError),
}

async fn read_page<T: DeserializeOwned>(
    attempt: &Attempt,
    mut response: reqwest::Response,
    rows: &mut u64,
    sink: &mut (dyn FnMut(T) + Send),
) -> Result<FeedEnd, PageFault> {
    let host = response.url().host_str().unwrap_or("ShareFile").to_owned();
    let mut splitter = Splitter::default();
    loop {
        let chunk = response.chunk().await.map_err(|error| {
            let mut made = attempt.no_answer(HttpError::interrupted(host.as_str(), error));
            made.message = format!("the list was cut short after {rows} rows: {}", made.message);
            made.code = "ListCutShort".to_owned();
            PageFault::BrokeOff(made)
        })?;
        let Some(chunk) = chunk else {
            return splitter.finish().map_err(|fault| match fault {
                FeedFault::Ended => PageFault::BrokeOff(fault_error(attempt, fault)),
                _ => PageFault::Failed(fault_error(attempt, fault)),
            });
        };
        let mut unreadable = None;
        splitter
            .push(&chunk, &mut |row| match serde_json::from_slice(row) {
                Ok(row) => {
                    *rows += 1;
                    sink(row);
                }
                Err(error) => {
                    unreadable.get_or_insert(error);
                }
            })
            .map_err(|fault| PageFault::Failed(fault_error(attempt, fault)))?;
        if let Some(error) = unreadable {
            return Err(PageFault::Failed(row_error(attempt, *rows, unquoted(error))));
        }
    }
}

fn cut_short(attempt: &Attempt, why: &str) -> TargetError {
    attempt.error(
        ErrorCategory::Transient,
        "ListCutShort",
        format!("the list was cut short: {why}"),
        "Nothing was removed for it. Usually this passes; if it stays, report it.",
    )
}

fn row_error(attempt: &Attempt, row: u64, error: serde_json::Error) -> TargetError {
    let mut made = attempt.error(
        ErrorCategory::Bug,
        "UnreadableAnswer",
        format!("the row after {row} rows has an unexpected shape"),
        "Report this, with the cause named here: ShareFile answers differently than it used to.",
    );
    made.cause = Some(error.into());
    made
}

fn fault_error(attempt: &Attempt, fault: FeedFault) -> TargetError {
    match fault {
        FeedFault::Ended => cut_short(attempt, "it ends in the middle"),
        FeedFault::Html => attempt.error(
            ErrorCategory::Transient,
            "HtmlAnswer",
            "a web page came where a list was expected",
            "A proxy, gateway or firewall answers in ShareFile's place: check what lies between \
             this host and ShareFile.",
        ),
        FeedFault::NoList | FeedFault::Malformed | FeedFault::TooLarge => {
            let mut made = attempt.error(
                ErrorCategory::Bug,
                "UnreadableAnswer",
                "what came is no list",
                "Report this, with the cause named here.",
            );
            made.cause = Some(fault.into());
            made
        }
    }
}

/// What is known at the end of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct FeedEnd {
    count: Option<u64>,
    next_link: Option<String>,
}

/// Why a body is no list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum FeedFault {
    #[error("the body ends in the middle")]
    Ended,
    #[error("the body is a web page")]
    Html,
    #[error("the body has no array \"value\"")]
    NoList,
    #[error("the body is no JSON object")]
    Malformed,
    #[error("a row or member is larger than {LARGEST_PIECE} bytes")]
    TooLarge,
}

/// Cuts a list into its rows as bytes arrive. What it hands out is a JSON value's extent; whether
/// the value is well-formed is up to who reads it.
#[derive(Default)]
struct Splitter {
    place: Place,
    piece: Vec<u8>,
    scan: Scan,
    member: String,
    listed: bool,
    end: FeedEnd,
}

/// Where in the envelope the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    /// Before a name, or before the end of an object.
    Name,
    InName,
    Colon,
    Value,
    InValue,
    AfterValue,
    Rows,
    InRow,
    End,
}

/// How far a JSON value has been scanned.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    depth: u32,
    in_text: bool,
    escaped: bool,
}

/// Whether a byte still belongs to the value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Inside,
    Last,
    Past,
}

impl Scan {
    fn step(&mut self, byte: u8) -> Extent {
        if self.in_text {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_text = false;
                return if self.depth == 0 { Extent::Last } else { Extent::Inside };
            }
            return Extent::Inside;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' | b',' if self.depth == 0 => return Extent::Past,
            b'}' | b']' => {
                self.depth -= 1;
                if self.depth == 0 {
                    return Extent::Last;
                }
            }
            byte if byte.is_ascii_whitespace() && self.depth == 0 => return Extent::Past,
            _ => {}
        }
        Extent::Inside
    }
}

impl Splitter {
    /// Takes the next bytes and hands every row that ends in them to `row`.
    fn push(&mut self, bytes: &[u8], row: &mut dyn FnMut(&[u8])) -> Result<(), FeedFault> {
        for &byte in bytes {
            // A value without a closing mark, such as a number, ends with a byte that is not its
            // own: that byte is looked at a second time.
            while !self.take(byte, row)? {}
        }
        Ok(())
    }

    /// Says what the list told about itself, once all bytes were taken.
    fn finish(self) -> Result<FeedEnd, FeedFault> {
        match self.place {
            Place::End if self.listed => Ok(self.end),
            Place::End => Err(FeedFault::NoList),
            _ => Err(FeedFault::Ended),
        }
    }

    /// Takes a byte; returns whether it was used up.
    fn take(&mut self, byte: u8, row: &mut dyn FnMut(&[u8])) -> Result<bool, FeedFault> {
        match self.place {
            Place::InName | Place::InValue | Place::InRow => return self.grow(byte, row),
            _ if byte.is_ascii_whitespace() => {}
            // A byte order mark.
            Place::Start if matches!(byte, 0xef | 0xbb | 0xbf) => {}
            Place::Start if byte == b'<' => return Err(FeedFault::Html),
            Place::Start if byte == b'{' => self.place = Place::Name,
            Place::Name if byte == b'}' => self.place = Place::End,
            Place::Name if byte == b'"' => return self.begin(Place::InName),
            Place::Colon if byte == b':' => self.place = Place::Value,
            Place::Value if self.member == "value" => {
                if byte != b'[' {
                    return Err(FeedFault::NoList);
                }
                self.listed = true;
                self.place = Place::Rows;
            }
            Place::Value => return self.begin(Place::InValue),
            Place::Rows if byte == b']' => self.place = Place::AfterValue,
            Place::Rows if byte == b',' => {}
            Place::Rows => return self.begin(Place::InRow),
            Place::AfterValue if byte == b',' => self.place = Place::Name,
            Place::AfterValue if byte == b'}' => self.place = Place::End,
            _ => return Err(FeedFault::Malformed),
        }
        Ok(true)
    }

    fn begin(&mut self, place: Place) -> Result<bool, FeedFault> {
        self.place = place;
        self.piece.clear();
        self.scan = Scan::default();
        Ok(false)
    }

    fn grow(&mut self, byte: u8, row: &mut dyn FnMut(&[u8])) -> Result<bool, FeedFault> {
        let extent = self.scan.step(byte);
        if extent != Extent::Past {
            if self.piece.len() >= LARGEST_PIECE {
                return Err(FeedFault::TooLarge);
            }
            self.piece.push(byte);
        } else if self.piece.is_empty() {
            return Err(FeedFault::Malformed);
        }
        if extent != Extent::Inside {
            self.complete(row)?;
        }
        Ok(extent != Extent::Past)
    }

    fn complete(&mut self, row: &mut dyn FnMut(&[u8])) -> Result<(), FeedFault> {
        match self.place {
            Place::InRow => {
                row(&self.piece);
                self.place = Place::Rows;
            }
            Place::InName => {
                self.member =
                    serde_json::from_slice(&self.piece).map_err(|_| FeedFault::Malformed)?;
                self.place = Place::Colon;
            }
            _ => {
                self.note()?;
                self.place = Place::AfterValue;
            }
        }
        Ok(())
    }

    /// Keeps what a member beside the rows says. The documentation spells the link in two ways
    /// (section 2.3).
    fn note(&mut self) -> Result<(), FeedFault> {
        let malformed = |_| FeedFault::Malformed;
        if self.member.eq_ignore_ascii_case("odata.nextlink") {
            let link: Option<String> = serde_json::from_slice(&self.piece).map_err(malformed)?;
            self.end.next_link = link.filter(|link| !link.is_empty());
        } else if self.member.eq_ignore_ascii_case("odata.count") {
            let count: serde_json::Value =
                serde_json::from_slice(&self.piece).map_err(malformed)?;
            let text = count.as_str().and_then(|text| text.parse().ok());
            self.end.count = count.as_u64().or(text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits `body`, given in chunks of `size` bytes.
    fn split(body: &str, size: usize) -> Result<(Vec<String>, FeedEnd), FeedFault> {
        let mut rows = Vec::new();
        let mut splitter = Splitter::default();
        for chunk in body.as_bytes().chunks(size) {
            splitter.push(chunk, &mut |row| {
                rows.push(String::from_utf8(row.to_vec()).unwrap());
            })?;
        }
        Ok((rows, splitter.finish()?))
    }

    const LIST: &str = "\u{feff} {\"odata.metadata\":\"x}]\\\"\", \"nested\":{\"value\":[9]},\
        \"value\" : [ {\"Id\":\"a\",\"FirstName\":\"J\\\\\\\"],}\"} , {\"Id\":[{}]},7, null ,\
        \"text\"], \"odata.count\":5 , \"odata.nextlink\":\"https://x/y?a={}\",\"url\":null}\n";

    #[test]
    fn splits_rows_wherever_the_bytes_are_cut() {
        for size in 1..LIST.len() {
            let (rows, end) = split(LIST, size).unwrap();
            let expected =
                [r#"{"Id":"a","FirstName":"J\\\"],}"}"#, r#"{"Id":[{}]}"#, "7", "null", "\"text\""];
            assert_eq!(rows, expected);
            assert_eq!(end.count, Some(5));
            assert_eq!(end.next_link.as_deref(), Some("https://x/y?a={}"));
        }
    }

    #[test]
    fn members_come_in_any_order_and_may_be_absent() {
        let (rows, end) = split(r#"{"odata.count":"2","value":[1,2]}"#, 3).unwrap();
        assert_eq!((rows.len(), end.count, end.next_link), (2, Some(2), None));
        let (rows, end) = split(r#"{"value":[],"odata.nextLink":null}"#, 7).unwrap();
        assert_eq!((rows.len(), end), (0, FeedEnd::default()));
    }

    #[test]
    fn a_body_that_ends_early_is_no_list() {
        let whole = r#"{"odata.count":2,"value":[{"Id":"a"},{"Id":"b"}],"odata.nextLink":"x"}"#;
        for end in 0..whole.len() {
            let cut = whole.get(..end).unwrap();
            assert_eq!(split(cut, 8).unwrap_err(), FeedFault::Ended, "{cut}");
        }
    }

    #[test]
    fn tells_what_is_no_list() {
        for (body, fault) in [
            ("<html>", FeedFault::Html),
            ("{}", FeedFault::NoList),
            (r#"{"value":null}"#, FeedFault::NoList),
            (r#"{"value":{}}"#, FeedFault::NoList),
            ("[1]", FeedFault::Malformed),
            (r#"{"value":[1]}x"#, FeedFault::Malformed),
            (r#"{"value":[1}"#, FeedFault::Malformed),
            (r#"{"value":[1] "a":1}"#, FeedFault::Malformed),
            (r#"{"a":}"#, FeedFault::Malformed),
            (r#"{"odata.nextLink":5,"value":[]}"#, FeedFault::Malformed),
        ] {
            assert_eq!(split(body, 5).unwrap_err(), fault, "{body}");
        }
        let large = format!("{{\"value\":[\"{}\"]}}", "x".repeat(LARGEST_PIECE));
        assert_eq!(split(&large, 4096).unwrap_err(), FeedFault::TooLarge);
    }
}
