//! Functions on dates. Inside, a date is a point in time in UTC between the years 1 and 9999.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Span};

use super::datum::Datum;
use super::error::{Failure, Fault};
use super::eval::{Outcome, Scope};
use super::format_date::{DateFormat, Moment, Styles, Zone};
use super::read_date::in_range;
use super::syntax::Ready;

/// What dates are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interval {
    Years,
    Months,
    Weeks,
    Days,
    Hours,
    Minutes,
    Seconds,
}

impl Interval {
    /// The names, for messages.
    pub const LIST: &str =
        "`yyyy` years, `m` months, `ww` weeks, `d` days, `h` hours, `n` minutes or `s` seconds";

    const ALL: [Self; 7] = [
        Self::Years,
        Self::Months,
        Self::Weeks,
        Self::Days,
        Self::Hours,
        Self::Minutes,
        Self::Seconds,
    ];

    /// Returns the interval of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.name() == name)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Years => "yyyy",
            Self::Months => "m",
            Self::Weeks => "ww",
            Self::Days => "d",
            Self::Hours => "h",
            Self::Minutes => "n",
            Self::Seconds => "s",
        }
    }

    /// Returns the seconds of an interval that always has as many.
    fn seconds(self) -> Option<i64> {
        match self {
            Self::Years | Self::Months => None,
            Self::Weeks => Some(7 * 86_400),
            Self::Days => Some(86_400),
            Self::Hours => Some(3_600),
            Self::Minutes => Some(60),
            Self::Seconds => Some(1),
        }
    }
}

impl Scope<'_, '_> {
    fn interval(&mut self, index: usize) -> Result<Interval, Fault> {
        let name = self.text_or_empty(index)?;
        Interval::named(&name).ok_or_else(|| {
            let shown = self.quote(&name);
            self.fault(format!("there is no interval {shown}"))
        })
    }
}

/// `Now()`
pub(super) fn now<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let now = scope.evaluator.given.now;
    let date = now.map(|now| jiff::tz::Offset::UTC.to_datetime(now));
    match date.and_then(in_range) {
        Some(date) => Ok(Datum::Date(date)),
        None => Err(scope.fault_of(Failure::NotGiven, "the time is not known")),
    }
}

/// `CDate(expression)`
pub(super) fn to_date<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    scope.date(0).map(Datum::Date)
}

/// `DateAdd(interval, value, dateTime)`
///
/// A day that a month does not have becomes its last.
pub(super) fn add<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let interval = scope.interval(0)?;
    let value = scope.whole(1)?;
    let date = scope.date(2)?;
    let later = match interval.seconds() {
        Some(seconds) => value
            .checked_mul(seconds)
            .and_then(|seconds| date.checked_add(SignedDuration::from_secs(seconds)).ok()),
        None => {
            let span = match interval {
                Interval::Years => Span::new().try_years(value),
                _ => Span::new().try_months(value),
            };
            span.ok().and_then(|span| date.checked_add(span).ok())
        }
    };
    match later.and_then(in_range) {
        Some(later) => Ok(Datum::Date(later)),
        None => Err(scope.fault(format!(
            "{} and {} times `{}` is not between the years 1 and 9999",
            scope.show(&Datum::Date(date)),
            scope.show(&Datum::Int(value)),
            interval.name()
        ))),
    }
}

/// `DateDiff(interval, date1, date2)`
pub(super) fn difference<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let interval = scope.interval(0)?;
    let from = scope.date(1)?;
    let until = scope.date(2)?;
    let months = |date: DateTime| i64::from(date.year()) * 12 + i64::from(date.month());
    Ok(Datum::Int(match interval {
        Interval::Years => i64::from(until.year()) - i64::from(from.year()),
        Interval::Months => months(until) - months(from),
        Interval::Weeks => week(until.date()) - week(from.date()),
        other => {
            let elapsed = ticks(until) - ticks(from);
            elapsed / (other.seconds().unwrap_or(1) * TICKS_PER_SECOND)
        }
    }))
}

/// Returns the number of the week, which starts on Sunday.
fn week(date: Date) -> i64 {
    // January 1 of the year 1 was a Monday, so the day before it started a week.
    (days(date) + 1).div_euclid(7)
}

/// Returns the days since January 1 of the year 1.
fn days(date: Date) -> i64 {
    i64::from(Date::constant(1, 1, 1).until(date).map_or(0, |span| span.get_days()))
}

/// A tick is 100 nanoseconds.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// Returns the ticks since January 1 of the year 1.
fn ticks(date: DateTime) -> i64 {
    let seconds = days(date.date()) * 86_400
        + i64::from(date.hour()) * 3_600
        + i64::from(date.minute()) * 60
        + i64::from(date.second());
    seconds * TICKS_PER_SECOND + i64::from(date.subsec_nanosecond()) / 100
}

/// Where file times start.
const FILE_TIME: DateTime = DateTime::constant(1601, 1, 1, 0, 0, 0, 0);

/// `DateFromNum(value)`
pub(super) fn from_number<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let value = scope.whole(0)?;
    let date = (value >= 0).then(|| {
        let nanoseconds = i32::try_from(value % TICKS_PER_SECOND * 100).unwrap_or(0);
        FILE_TIME.checked_add(SignedDuration::new(value / TICKS_PER_SECOND, nanoseconds)).ok()
    });
    match date.flatten().and_then(in_range) {
        Some(date) => Ok(Datum::Date(date)),
        None => {
            let shown = scope.show(&Datum::Int(value));
            Err(scope.fault(format!("{shown} is no file time of the years 1601 to 9999")))
        }
    }
}

/// `NumFromDate(value)`
pub(super) fn to_number<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let date = scope.date(0)?;
    match ticks(date) - ticks(FILE_TIME) {
        number @ 0.. => Ok(Datum::Int(number)),
        _ => {
            let shown = scope.show(&Datum::Date(date));
            Err(scope.fault(format!("{shown} is before 1601, where file times start")))
        }
    }
}

/// `FormatDateTime(source, dateTimeStyles, inputFormat, outputFormat)`
///
/// A date that has not been text before is written without being read. Null and an empty text
/// give null.
pub(super) fn format<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let styles = scope.text_or_empty(1)?;
    let styles = Styles::parse(&styles).map_err(|message| scope.fault(scope.detail(message)))?;
    let prepared = match scope.ready() {
        Ready::Formats(formats) => (formats.0.as_ref(), formats.1.as_ref()),
        _ => (None, None),
    };
    let mut compiled = (None, None);
    let input = dated(scope, 2, prepared.0, &mut compiled.0)?;
    let output = dated(scope, 3, prepared.1, &mut compiled.1)?;
    if let Datum::Date(date) = source {
        return Ok(Datum::text(output.write(Moment { date, zone: Zone::Utc })));
    }
    let text = match scope.one_text(0, source)? {
        Some(text) if !text.is_empty() => text,
        _ => return Ok(Datum::Null),
    };
    match input.read(&text, styles) {
        Some(moment) => Ok(Datum::text(output.write(moment))),
        None => {
            let shown = scope.quote(&text);
            let format = scope.text_or_empty(2)?;
            let format = scope.quote(&format);
            Err(scope.fault(format!("{shown} is no date of the format {format}")))
        }
    }
}

/// Returns the prepared format, or that of the argument.
fn dated<'f>(
    scope: &mut Scope<'_, '_>,
    index: usize,
    prepared: Option<&'f DateFormat>,
    compiled: &'f mut Option<DateFormat>,
) -> Result<&'f DateFormat, Fault> {
    let text = scope.text_or_empty(index)?;
    match prepared {
        Some(format) => Ok(format),
        None => {
            let format = DateFormat::parse(&text, index == 2);
            Ok(compiled.insert(format.map_err(|message| scope.fault(scope.detail(message)))?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::testing::{NOBODY, error, text, value};

    #[test]
    fn dates_from_text() {
        assert_eq!(text("CDate([d])", &[("d", "2020-03-16-07:00")]), "3/16/2020 7:00:00 AM");
        assert_eq!(text("CDate(Now())", &NOBODY), text("Now()", &NOBODY));
        assert!(error("CDate(\"not a date\")", &NOBODY).contains("not a date"));
        assert!(error("CDate([d])", &[("d", "x")]).contains("`CDate`: \"x\" is no date"));
        assert!(error("CDate([no])", &NOBODY).contains("null is no date"));
    }

    #[test]
    fn adding() {
        for (arguments, expected) in [
            ("\"d\", 7, CDate(\"2012-03-16-07:00\")", "3/23/2012 7:00:00 AM"),
            ("\"d\", -10, CDate(\"2012-03-16-07:00\")", "3/6/2012 7:00:00 AM"),
            ("\"ww\", 2, CDate(\"2012-03-16-07:00\")", "3/30/2012 7:00:00 AM"),
            ("\"m\", 10, CDate(\"2012-03-16-07:00\")", "1/16/2013 7:00:00 AM"),
            ("\"yyyy\", 2, CDate(\"2012-03-16-07:00\")", "3/16/2014 7:00:00 AM"),
            ("\"h\", \"3\", CDate(\"2012-03-16-07:00\")", "3/16/2012 10:00:00 AM"),
            ("\"n\", 90, CDate(\"2012-03-16-07:00\")", "3/16/2012 8:30:00 AM"),
            ("\"s\", -1, CDate(\"2012-01-01\")", "12/31/2011 11:59:59 PM"),
            ("\"m\", 1, CDate(\"2021-01-31\")", "2/28/2021 12:00:00 AM"),
            ("\"yyyy\", -1, CDate(\"2020-02-29\")", "2/28/2019 12:00:00 AM"),
            ("\"d\", 1, [d]", "1/2/2020 12:00:00 AM"),
        ] {
            let expression = format!("DateAdd({arguments})");
            assert_eq!(text(&expression, &[("d", "2020-01-01")]), expected, "{expression}");
        }
    }

    #[test]
    fn adding_stays_within_the_years() {
        for value in ["9999999", "-9999999", "9223372036854775807", "-9223372036854775808"] {
            for interval in ["yyyy", "m", "ww", "d"] {
                let expression = format!("DateAdd(\"{interval}\", {value}, Now())");
                let message = error(&expression, &NOBODY);
                assert!(message.contains("between the years 1 and 9999"), "{message}");
            }
        }
        assert!(
            error("DateAdd(\"s\", 1, CDate(\"9999-12-31T23:59:59\"))", &NOBODY).contains("years")
        );
        assert!(error("DateAdd(\"d\", 1, \"2020-01-01\")", &NOBODY).contains("is a date"));
        assert!(error("DateAdd(\"day\", 1, Now())", &NOBODY).contains("no interval `day`"));
        assert!(error("DateAdd([d], 1, Now())", &[("d", "D")]).contains("no interval \"D\""));
        assert!(error("DateAdd(\"d\", 1.5, Now())", &NOBODY).contains("whole number"));
    }

    #[test]
    fn differences() {
        for (interval, from, until, expected) in [
            ("d", "2021-08-25T17:41:18Z", "2012-03-16-07:00", "-3449"),
            ("yyyy", "2021-08-25T17:41:18Z", "2012-03-16-07:00", "-9"),
            ("m", "2021-08-25T17:41:18Z", "2012-03-16-07:00", "-113"),
            ("m", "2021-01-31", "2021-02-01", "1"),
            ("yyyy", "2020-12-31", "2021-01-01", "1"),
            ("d", "2021-08-24T12:00:00", "2021-08-25T11:59:59", "0"),
            ("d", "2021-08-25T11:59:59", "2021-08-24T12:00:00", "0"),
            ("h", "2021-08-24", "2021-08-25", "24"),
            ("n", "2021-08-24", "2021-08-25", "1440"),
            ("s", "2021-08-24", "2021-08-25", "86400"),
            // Saturday to Sunday is another week, Sunday to Saturday is not.
            ("ww", "2021-08-21", "2021-08-22", "1"),
            ("ww", "2021-08-22", "2021-08-28", "0"),
            ("ww", "2021-08-22", "2021-08-21", "-1"),
            ("ww", "0001-01-01", "0001-01-07", "1"),
            ("s", "0001-01-01", "9999-12-31T23:59:59", "315537897599"),
        ] {
            let expression = format!("DateDiff(\"{interval}\", CDate([a]), CDate([b]))");
            let person = [("a", from), ("b", until)];
            assert_eq!(text(&expression, &person), expected, "{interval} {from} {until}");
        }
    }

    #[test]
    fn file_times() {
        let ticks = "129699324000000000";
        assert_eq!(text("DateFromNum(129699324000000000)", &NOBODY), "1/1/2012 11:00:00 PM");
        assert_eq!(text("DateFromNum([n])", &[("n", ticks)]), "1/1/2012 11:00:00 PM");
        assert_eq!(text("NumFromDate(\"2012-01-01 23:00:00\")", &NOBODY), ticks);
        assert_eq!(text("NumFromDate(CDate(\"2012-01-01 23:00:00\"))", &NOBODY), ticks);
        assert_eq!(text("NumFromDate(\"1601-01-01\")", &NOBODY), "0");
        assert_eq!(text("DateFromNum(0)", &NOBODY), "1/1/1601 12:00:00 AM");
        assert_eq!(text("NumFromDate(DateFromNum(15))", &NOBODY), "15");
        assert!(error("DateFromNum(-1)", &NOBODY).contains("no file time"));
        assert!(error("DateFromNum(9223372036854775807)", &NOBODY).contains("no file time"));
        assert!(error("NumFromDate(\"1600-12-31\")", &NOBODY).contains("before 1601"));
        assert!(error("NumFromDate([no])", &NOBODY).contains("null is no date"));
    }

    #[test]
    fn formats() {
        let d = [("d", "2020-12-31-08:00"), ("e", ""), ("f", "yyyy-MM-ddzzz"), ("o", "dd/MM/yy")];
        for (expression, expected) in [
            ("FormatDateTime([d], , \"yyyy-MM-ddzzz\", \"yyyy-MM-dd\")", "2020-12-31"),
            ("FormatDateTime([d], \"yyyy-MM-ddzzz\", \"dddd\")", "Thursday"),
            ("FormatDateTime([d], \"None\", [f], [o], )", "31/12/20"),
            (
                "FormatDateTime(CDate([d]), , \"yyyy\", \"yyyy-MM-ddTHH:mm:ssK\")",
                "2020-12-31T08:00:00Z",
            ),
            ("FormatDateTime(Now(), , \"M/d/yyyy h:mm:ss tt\", \"yyyy\")", "2025"),
        ] {
            assert_eq!(text(expression, &d), expected, "{expression}");
        }
        assert_eq!(value("FormatDateTime([no], \"yyyy\", \"yyyy\")", &d), Value::Null);
        assert_eq!(value("FormatDateTime([e], \"yyyy\", \"yyyy\")", &d), Value::Null);
    }

    #[test]
    fn formats_that_do_not_fit() {
        let message =
            error("FormatDateTime([d], , \"yyyy-MM-dd\", \"yyyy\")", &[("d", "31/12/2025")]);
        assert!(
            message.contains("\"31/12/2025\" is no date of the format \"yyyy-MM-dd\""),
            "{message}"
        );
        for (wrong, part) in [
            ("FormatDateTime([d], , \"yyyy\")", "outputFormat"),
            ("FormatDateTime([d], \"yyyy\")", "3 to 4 arguments"),
            ("FormatDateTime([d], \"Sloppy\", \"yyyy\", \"yyyy\")", "no date-time style"),
            ("FormatDateTime([d], , \"yyyy'\", \"yyyy\")", "not closed"),
            ("FormatDateTime([d], , [no], \"yyyy\")", "empty"),
        ] {
            let message = error(wrong, &NOBODY);
            assert!(message.contains(part), "{wrong}: {message}");
        }
    }
}
