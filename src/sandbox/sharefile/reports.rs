//! `Reports`, the only audit surface (ShareFile API reference, section 5.1).
//!
//! A record is pending, then running, then done, by the clock of the sandbox. The layout of its
//! data is unknown: here it is an array of rows, one for each event of an activity report and one
//! for each account of a user summary.

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Call, Members, Refusal};
use super::feed::{self, Answer, Rows};
use super::record::{Account, AccountKind};
use super::rights;
use super::roles::Role;
use super::tenant::{Tenant, parse_id};
use super::wire::{self, date, date_or_never};
use crate::model::ids::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// How many records a report keeps.
const RECORDS_KEPT: usize = 20;

const TYPES: &[&str] = &[
    "Access",
    "Activity",
    "Storage",
    "Messaging",
    "BandwidthDetail",
    "BandwidthSummary",
    "EncryptedEmail",
    "StorageSummary",
    "UserSummary",
    "AccessChange",
    "SharesSend",
    "SharesRequest",
];
const OBJECTS: &[&str] = &["Account", "Folder", "User", "Group"];
const DATES: &[&str] = &[
    "Specific",
    "Today",
    "Yesterday",
    "ThisWeek",
    "LastWeek",
    "ThisMonth",
    "LastMonth",
    "Last30Days",
];
const FREQUENCIES: &[&str] = &["Once", "Daily", "Weekly", "Monthly"];

/// A report.
pub(super) struct Report {
    id: Uuid,
    title: String,
    kind: &'static str,
    object: &'static str,
    object_id: String,
    dates: &'static str,
    frequency: &'static str,
    activities: Vec<String>,
    start: Timestamp,
    end: Timestamp,
    filter: Summary,
    creator_id: Uuid,
    created: Timestamp,
    records: Vec<Record>,
}

/// One run of a report.
struct Record {
    id: Uuid,
    started: Timestamp,
    /// What it found when it was started.
    rows: Vec<Value>,
}

/// Whom a user summary is about (entity `UserSummaryReportFilter`).
struct Summary {
    employees: bool,
    clients: bool,
    logged_in: bool,
    not_logged_in: bool,
    disabled: bool,
}

impl Summary {
    fn read(body: Option<&Members>) -> Result<Self, Refusal> {
        let flag = |name: &str| match body {
            Some(body) => Ok(body.boolean(name)?.unwrap_or(true)),
            None => Ok(true),
        };
        Ok(Self {
            employees: flag("includeemployees")?,
            clients: flag("includeclients")?,
            logged_in: flag("includeusersthathaveloggedin")?,
            not_logged_in: flag("includeusersthathavenotloggedin")?,
            disabled: flag("includedisabledusers")?,
        })
    }

    fn includes(&self, account: &Account) -> bool {
        let kind = match account.kind {
            AccountKind::Employee => self.employees,
            AccountKind::Client => self.clients,
        };
        let login = if account.last_login.is_some() { self.logged_in } else { self.not_logged_in };
        kind && login && (self.disabled || !account.disabled)
    }
}

fn require_right(tenant: &Tenant, call: &Call<'_>) -> Result<(), Refusal> {
    rights::require_account_role(tenant, call, Role::AdminReporting)
}

/// Reads a word of an enumeration.
fn word(
    body: &Members,
    member: &str,
    words: &'static [&'static str],
    absent: Option<&'static str>,
) -> Result<&'static str, Refusal> {
    let wrong = || Refusal::bad_request(&format!("{member} is missing or not known."));
    match body.text(member)? {
        None => absent.ok_or_else(wrong),
        Some(text) => {
            let known = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            known.copied().ok_or_else(wrong)
        }
    }
}

fn time(body: &Members, member: &str) -> Result<Option<Timestamp>, Refusal> {
    let wrong = |_| Refusal::wrong_type(member);
    let time = body.text(member)?.map(|text| text.parse::<jiff::Timestamp>().map_err(wrong));
    Ok(time.transpose()?.map(|time| Timestamp(time.as_millisecond())))
}

/// Returns the days that a word means. Weeks begin on Sundays, and days in UTC.
fn span(
    dates: &str,
    now: Timestamp,
    given: (Option<Timestamp>, Option<Timestamp>),
) -> (Timestamp, Timestamp) {
    let day = now.0.div_euclid(DAY_MS);
    // The first day of 1970 was a Thursday.
    let week = day - (day + 4).rem_euclid(7);
    let today = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
    let today = today.to_zoned(jiff::tz::TimeZone::UTC).date();
    let month = day - i64::from(today.day()) + 1;
    let before = today.first_of_month().yesterday().map_or(30, |last| last.day());
    let days = |from: i64, to: i64| (Timestamp(from * DAY_MS), Timestamp(to * DAY_MS));
    match dates {
        "Today" => days(day, day + 1),
        "Yesterday" => days(day - 1, day),
        "ThisWeek" => days(week, week + 7),
        "LastWeek" => days(week - 7, week),
        "ThisMonth" => days(month, day + 1),
        "LastMonth" => days(month - i64::from(before), month),
        "Specific" => (given.0.unwrap_or(Timestamp(0)), given.1.unwrap_or(now)),
        _ => days(day - 30, day + 1),
    }
}

/// `POST /Reports`, and with `runOnCreate=true` its first run.
pub(super) fn create(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    require_right(tenant, call)?;
    let run = call.flag("runoncreate")?;
    let body = call.body()?;
    let given = (time(&body, "startdate")?, time(&body, "enddate")?);
    let dates = word(&body, "dateoption", DATES, Some("Last30Days"))?;
    let (start, end) = span(dates, call.now, given);
    let activities = body.text("activitytypes")?.unwrap_or_default().split(',');
    let activities = activities.map(str::trim).filter(|name| !name.is_empty());
    let account_id = tenant.account_id.to_string();
    let mut report = Report {
        id: tenant.next_id(),
        title: body.text("title")?.unwrap_or_default().to_owned(),
        kind: word(&body, "reporttype", TYPES, None)?,
        object: word(&body, "objecttype", OBJECTS, Some("Account"))?,
        object_id: body.text("objectid")?.unwrap_or(&account_id).to_owned(),
        dates,
        frequency: word(&body, "frequency", FREQUENCIES, Some("Once"))?,
        activities: activities.map(str::to_owned).collect(),
        start,
        end,
        filter: Summary::read(body.object("filter")?.as_ref())?,
        creator_id: call.caller_id,
        created: call.now,
        records: Vec::new(),
    };
    if run {
        let record = run_of(tenant, call, &report);
        report.records.push(record);
    }
    let shown = entity(tenant, call, &report);
    tenant.keep_report(report);
    Ok(Answer::Json(shown))
}

fn run_of(tenant: &mut Tenant, call: &Call<'_>, report: &Report) -> Record {
    Record { id: tenant.next_id(), started: call.now, rows: rows(tenant, report) }
}

fn rows(tenant: &Tenant, report: &Report) -> Vec<Value> {
    match report.kind {
        "Activity" => activity_rows(tenant, report),
        "UserSummary" => {
            let accounts = tenant.book.all().iter();
            let accounts = accounts.filter(|a| !a.deleted && report.filter.includes(a));
            accounts.map(summary_row).collect()
        }
        // The tenant has neither files nor messages of which the others could tell.
        _ => Vec::new(),
    }
}

fn activity_rows(tenant: &Tenant, report: &Report) -> Vec<Value> {
    let about = (report.object == "User").then(|| parse_id(&report.object_id)).flatten();
    let events = tenant.events.iter().filter(|event| {
        let wanted = report.activities.iter().any(|name| name.eq_ignore_ascii_case(event.kind));
        (report.activities.is_empty() || wanted)
            && (report.start..report.end).contains(&event.at)
            && about.is_none_or(|about| about == event.account_id)
    });
    let rows = events.map(|event| {
        let account = tenant.book.get(event.account_id);
        json!({
            "Date": date(event.at),
            "Activity": event.kind,
            "UserId": event.account_id,
            "Email": account.map(|account| &account.email),
            "IPAddress": "127.0.0.1",
        })
    });
    rows.collect()
}

fn summary_row(account: &Account) -> Value {
    json!({
        "UserId": account.id,
        "Email": account.email,
        "FirstName": account.first_name,
        "LastName": account.last_name,
        "Company": &*account.company,
        "IsEmployee": account.kind == AccountKind::Employee,
        "IsDisabled": account.disabled,
        "LastLogin": date_or_never(account.last_login),
        "DateCreated": date(account.created),
    })
}

fn entity(tenant: &Tenant, call: &Call<'_>, report: &Report) -> Value {
    let mut members = json!({
        "AccountId": tenant.account_id,
        "Title": report.title,
        "ReportType": report.kind,
        "ObjectType": report.object,
        "ObjectId": report.object_id,
        "DateOption": report.dates,
        "ActivityTypes": report.activities.join(","),
        "StartDate": date(report.start),
        "EndDate": date(report.end),
        "IsRecurring": report.frequency != "Once",
        "IsScheduled": false,
        "IncludeSubFolders": false,
        "SaveToFolder": false,
        "CreatorId": report.creator_id,
        "CreateDate": date(report.created),
        "Frequency": report.frequency,
        "EmailNotice": false,
    });
    if let Some(last) = report.records.last() {
        wire::put(&mut members, "LastRunDate", date(last.started));
    }
    if call.expands("Records") {
        let records = report.records.iter().map(|record| record_entity(tenant, call, record));
        wire::put(&mut members, "Records", records.collect::<Vec<_>>());
    }
    wire::entity(&call.base, "Reports", "Report", report.id, members)
}

/// Returns the status of a run, and when it ends.
fn status(tenant: &Tenant, call: &Call<'_>, record: &Record) -> (&'static str, Timestamp) {
    let takes_ms = i64::from(tenant.switches.report_secs) * 1_000;
    let ends = record.started.plus_ms(takes_ms);
    let status = if call.now >= ends {
        "Success"
    } else if call.now >= record.started.plus_ms(takes_ms / 2) {
        "Running"
    } else {
        "Pending"
    };
    (status, ends)
}

fn record_entity(tenant: &Tenant, call: &Call<'_>, record: &Record) -> Value {
    let (status, ends) = status(tenant, call, record);
    let done = status == "Success";
    let members = json!({
        "StartRunTime": date(record.started),
        "EndRunTime": date_or_never(done.then_some(ends)),
        "Status": status,
        "HasData": done && !record.rows.is_empty(),
        "Message": "",
    });
    wire::entity(&call.base, "ReportRecords", "ReportRecord", record.id, members)
}

fn find(tenant: &Tenant, call: &Call<'_>) -> Result<usize, Refusal> {
    require_right(tenant, call)?;
    let id = parse_id(call.id(0)).ok_or_else(Refusal::not_found)?;
    tenant.reports.iter().position(|report| report.id == id).ok_or_else(Refusal::not_found)
}

fn find_record<'t>(tenant: &'t Tenant, call: &Call<'_>) -> Result<&'t Record, Refusal> {
    require_right(tenant, call)?;
    let id = parse_id(call.id(0)).ok_or_else(Refusal::not_found)?;
    let mut records = tenant.reports.iter().flat_map(|report| &report.records);
    records.find(|record| record.id == id).ok_or_else(Refusal::not_found)
}

/// `GET /Reports`.
pub(super) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    require_right(tenant, call)?;
    let rows = tenant.reports.iter().map(|report| entity(tenant, call, report)).collect();
    feed::feed(tenant, call, "Reports", "Reports", Rows::Ready(rows))
}

/// `GET /Reports(id)`.
pub(super) fn read(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let place = find(tenant, call)?;
    let report = tenant.reports.get(place).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Json(entity(tenant, call, report)))
}

/// `GET /Reports(id)/Run`: runs it again.
pub(super) fn run(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let place = find(tenant, call)?;
    let id = tenant.next_id();
    let report = tenant.reports.get(place).ok_or_else(Refusal::not_found)?;
    let record = Record { id, started: call.now, rows: rows(tenant, report) };
    let shown = record_entity(tenant, call, &record);
    if let Some(report) = tenant.reports.get_mut(place) {
        if report.records.len() >= RECORDS_KEPT {
            report.records.remove(0);
        }
        report.records.push(record);
    }
    Ok(Answer::Json(shown))
}

/// `GET /Reports(id)/Records`.
pub(super) fn records(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let place = find(tenant, call)?;
    let report = tenant.reports.get(place).ok_or_else(Refusal::not_found)?;
    let rows = report.records.iter().map(|record| record_entity(tenant, call, record)).collect();
    let path = format!("Reports({})/Records", report.id);
    feed::feed(tenant, call, "ReportRecords", &path, Rows::Ready(rows))
}

/// `GET /Reports/Record(id)`.
pub(super) fn record(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let record = find_record(tenant, call)?;
    Ok(Answer::Json(record_entity(tenant, call, record)))
}

/// `GET /Reports/Records(id)/JsonData`: 404 until the run is done.
pub(super) fn json_data(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let record = find_record(tenant, call)?;
    if status(tenant, call, record).0 != "Success" {
        return Err(Refusal::not_found());
    }
    Ok(Answer::Json(Value::from(record.rows.clone())))
}

/// `DELETE /Reports(id)`.
pub(super) fn delete(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let place = find(tenant, call)?;
    tenant.reports.remove(place);
    Ok(Answer::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_days() {
        // Sunday, 2026-11-22, at noon.
        let noon = 1_795_348_800_000;
        let midnight = 1_795_305_600_000;
        let span = |dates| {
            let (start, end) = span(dates, Timestamp(noon), (None, None));
            ((start.0 - midnight) / DAY_MS, (end.0 - midnight) / DAY_MS)
        };
        assert_eq!(span("Today"), (0, 1));
        assert_eq!(span("Yesterday"), (-1, 0));
        assert_eq!(span("ThisWeek"), (0, 7));
        assert_eq!(span("LastWeek"), (-7, 0));
        assert_eq!(span("ThisMonth"), (-21, 1));
        assert_eq!(span("LastMonth"), (-52, -21));
        assert_eq!(span("Last30Days"), (-30, 1));
    }
}
