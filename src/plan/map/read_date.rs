//! Reads dates: by a format of .NET, or in one of the forms that need none.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

use super::format_date::{DAYS, DateFormat, MONTHS, Moment, Part, Zone};

/// How strictly a text follows its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Styles {
    leading: bool,
    trailing: bool,
    inner: bool,
    to_utc: bool,
    assume_utc: bool,
}

impl Default for Styles {
    /// Round trip, white space before and behind.
    fn default() -> Self {
        Self { leading: true, trailing: true, inner: false, to_utc: false, assume_utc: false }
    }
}

impl Styles {
    /// Reads names of `DateTimeStyles` of .NET, separated by commas. None means the default.
    ///
    /// # Errors
    /// Names what is no style.
    pub fn parse(names: &str) -> Result<Self, String> {
        let mut names = names.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
        if names.peek().is_none() {
            return Ok(Self::default());
        }
        let none = Self { leading: false, trailing: false, ..Self::default() };
        names.try_fold(none, |styles, name| {
            Ok(match name {
                // The own zone is UTC, and a missing date is never today's.
                "None" | "RoundtripKind" | "NoCurrentDateDefault" | "AssumeLocal" => styles,
                "AllowLeadingWhite" => Self { leading: true, ..styles },
                "AllowTrailingWhite" => Self { trailing: true, ..styles },
                "AllowInnerWhite" => Self { inner: true, ..styles },
                "AllowWhiteSpaces" => Self { leading: true, trailing: true, inner: true, ..styles },
                "AdjustToUniversal" => Self { to_utc: true, ..styles },
                "AssumeUniversal" => Self { assume_utc: true, ..styles },
                other => return Err(format!("there is no date-time style `{other}`")),
            })
        })
    }
}

/// The rest of a text that is read from its start.
struct Cursor<'t>(&'t str);

impl Cursor<'_> {
    /// Takes a number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i32> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length < least {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        digits.parse().ok()
    }

    /// Takes a text if it is next.
    fn eat(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a text if it is next, in any letter case.
    fn eat_folded(&mut self, text: &str) -> bool {
        let same = self.0.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text));
        if same {
            self.0 = self.0.get(text.len()..).unwrap_or("");
        }
        same
    }

    /// Takes white space, and returns whether there was any.
    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_start();
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some
    }

    /// Takes one of the names, written out or with its first three letters, and returns its number
    /// from 0.
    fn name(&mut self, names: &[&str], short: bool) -> Option<i32> {
        let place = names.iter().position(|name| {
            let name = if short { name.get(..3).unwrap_or(name) } else { name };
            self.eat_folded(name)
        });
        place.and_then(|place| i32::try_from(place).ok())
    }

    /// Takes up to seven digits of a fraction, at least one, and returns nanoseconds.
    fn fraction(&mut self, least: usize, most: usize) -> Option<i32> {
        let before = self.0.len();
        let number = self.number(least, most)?;
        let digits = u32::try_from(before - self.0.len()).ok()?;
        number.checked_mul(10_i32.checked_pow(9_u32.checked_sub(digits)?)?)
    }

    /// Takes an offset as `+2`, `-08`, `+0530` or `+05:30`, and returns its seconds. `hours` is
    /// the least and the most of digits for the hours.
    fn offset(&mut self, hours: (usize, usize), minutes: bool) -> Option<i32> {
        let sign = match (self.eat("+"), self.0.starts_with('-')) {
            (true, _) => 1,
            (false, true) => {
                self.eat("-");
                -1
            }
            _ => return None,
        };
        let hour = self.number(hours.0, hours.1)?;
        let minute = match minutes {
            true if self.eat(":") => self.number(2, 2)?,
            true if self.0.starts_with(|c: char| c.is_ascii_digit()) => self.number(2, 2)?,
            _ => 0,
        };
        (hour <= 14 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
    }
}

/// The parts of a date as far as they are read.
#[derive(Default)]
struct Fields {
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    weekday: Option<i32>,
    hour: Option<i32>,
    twelve: bool,
    minute: Option<i32>,
    second: Option<i32>,
    nanosecond: Option<i32>,
    afternoon: Option<bool>,
    zone: Option<(Zone, i32)>,
}

/// Sets a part; it fails if it is there already and different.
fn set<T: PartialEq>(field: &mut Option<T>, value: T) -> Option<()> {
    match field {
        Some(there) if *there != value => None,
        _ => {
            *field = Some(value);
            Some(())
        }
    }
}

impl Fields {
    /// Puts the parts together. What is missing is the first of its kind.
    fn finish(self, assume_utc: bool) -> Option<Moment> {
        let small = |value: Option<i32>, default: i32| i8::try_from(value.unwrap_or(default)).ok();
        let year = self.year.unwrap_or(1);
        let date = Date::new(i16::try_from(year).ok()?, small(self.month, 1)?, small(self.day, 1)?);
        let date = date.ok()?;
        let weekday = i32::from(date.weekday().to_sunday_zero_offset());
        if self.weekday.is_some_and(|named| named != weekday) {
            return None;
        }
        let hour = self.hour.unwrap_or(0);
        let hour = match (self.twelve, self.afternoon) {
            (true, _) if !(0..=12).contains(&hour) => return None,
            (true, Some(true)) => hour % 12 + 12,
            (true, _) => hour % 12,
            (false, Some(afternoon)) if afternoon != (hour >= 12) => return None,
            (false, _) => hour,
        };
        let time = jiff::civil::Time::new(
            small(Some(hour), 0)?,
            small(self.minute, 0)?,
            small(self.second, 0)?,
            self.nanosecond.unwrap_or(0),
        );
        // Second 60 would be taken as 59.
        if self.second.is_some_and(|second| second > 59) {
            return None;
        }
        let wall = DateTime::from_parts(date, time.ok()?);
        let unzoned = if assume_utc { Zone::Offset } else { Zone::Unspecified };
        let (zone, offset) = self.zone.unwrap_or((unzoned, 0));
        let date = wall.checked_sub(SignedDuration::from_secs(offset.into())).ok()?;
        in_range(date).map(|date| Moment { date, zone })
    }
}

/// Returns the date if it is one that .NET has: of the years 1 to 9999.
pub(super) fn in_range(date: DateTime) -> Option<DateTime> {
    (1..=9999).contains(&date.year()).then_some(date)
}

impl DateFormat {
    /// Reads a date; none if the text does not have this format.
    pub fn read(&self, text: &str, styles: Styles) -> Option<Moment> {
        let mut cursor = Cursor(text);
        if styles.leading || styles.inner {
            cursor.blanks();
        }
        let mut fields = Fields::default();
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            if styles.inner {
                cursor.blanks();
            }
            let fraction_next = matches!(parts.peek(), Some(Part::FractionIfAny(_)));
            read_part(part, fraction_next, styles, &mut cursor, &mut fields)?;
        }
        if styles.trailing || styles.inner {
            cursor.blanks();
        }
        if !cursor.0.is_empty() {
            return None;
        }
        let moment = fields.finish(styles.assume_utc)?;
        let utc = styles.to_utc && moment.zone != Zone::Unspecified;
        Some(if utc { Moment { zone: Zone::Utc, ..moment } } else { moment })
    }
}

fn read_part(
    part: &Part,
    fraction_next: bool,
    styles: Styles,
    cursor: &mut Cursor<'_>,
    fields: &mut Fields,
) -> Option<()> {
    let least = |width: usize| width;
    let most = |width: usize| width.max(2);
    match *part {
        Part::Year(width @ (1 | 2)) => {
            let year = cursor.number(least(width), 2)?;
            set(&mut fields.year, if year < 50 { 2000 + year } else { 1900 + year })
        }
        Part::Year(width) => {
            let width = width.clamp(4, 5);
            set(&mut fields.year, cursor.number(width, width)?)
        }
        Part::Month(width) => set(&mut fields.month, cursor.number(width, most(width))?),
        Part::MonthName { short } => set(&mut fields.month, cursor.name(&MONTHS, short)? + 1),
        Part::Day(width) => set(&mut fields.day, cursor.number(width, most(width))?),
        Part::DayName { short } => set(&mut fields.weekday, cursor.name(&DAYS, short)?),
        Part::Hour(width) => set(&mut fields.hour, cursor.number(width, most(width))?),
        Part::Hour12(width) => {
            fields.twelve = true;
            set(&mut fields.hour, cursor.number(width, most(width))?)
        }
        Part::Minute(width) => set(&mut fields.minute, cursor.number(width, most(width))?),
        Part::Second(width) => set(&mut fields.second, cursor.number(width, most(width))?),
        Part::Fraction(width) => set(&mut fields.nanosecond, cursor.fraction(width, width)?),
        Part::FractionIfAny(width) => match cursor.fraction(1, width) {
            Some(nanosecond) => set(&mut fields.nanosecond, nanosecond),
            None => Some(()),
        },
        Part::AmPm(width) => {
            let marks = if width == 1 { ["A", "P"] } else { ["AM", "PM"] };
            let [morning, afternoon] = marks.map(|mark| cursor.eat_folded(mark));
            (morning || afternoon).then_some(())?;
            set(&mut fields.afternoon, afternoon)
        }
        Part::Offset(width) => {
            let hours = if width == 1 { (1, 2) } else { (2, 2) };
            let offset = cursor.offset(hours, width == 3)?;
            set(&mut fields.zone, (Zone::Offset, offset))
        }
        Part::Kind if cursor.eat("Z") => set(&mut fields.zone, (Zone::Utc, 0)),
        Part::Kind if cursor.0.starts_with(['+', '-']) => {
            let offset = cursor.offset((2, 2), true)?;
            set(&mut fields.zone, (Zone::Offset, offset))
        }
        Part::Kind => Some(()),
        Part::Zulu => {
            (cursor.eat("Z") || cursor.eat("GMT")).then_some(())?;
            set(&mut fields.zone, (Zone::Utc, 0))
        }
        Part::Literal(ref text) => read_literal(text, fraction_next, styles, cursor),
    }
}

/// Takes the characters of a literal. A point before digits that may be missing may be missing
/// with them.
fn read_literal(
    text: &str,
    fraction_next: bool,
    styles: Styles,
    cursor: &mut Cursor<'_>,
) -> Option<()> {
    if cursor.eat(text) {
        return Some(());
    }
    if styles.inner {
        let mut chars = text.chars().filter(|c| !c.is_whitespace());
        return chars.try_for_each(|c| {
            cursor.blanks();
            cursor.eat(c.encode_utf8(&mut [0; 4])).then_some(())
        });
    }
    let without_point = text.strip_suffix('.').filter(|_| fraction_next)?;
    cursor.eat(without_point).then_some(())
}

/// Reads a date in one of the forms that need no format: `2025-01-31`, `2025/01/31`, `1/31/2025`,
/// `1-31-2025`, `31 January 2025`, `Jan 31, 2025`, each with or without a time behind a blank or a
/// `T` (`8:30`, `08:30:00.5`, `8:30 PM`) and an offset (`Z`, `GMT`, `+02:00`, `-8`). Without an
/// offset it is UTC; the result is UTC.
pub(super) fn parse_any(text: &str) -> Option<DateTime> {
    let mut cursor = Cursor(text.trim());
    let mut fields = Fields::default();
    read_day(&mut cursor, &mut fields)?;
    // An offset may follow the day, as a time may; `-07:00` is an offset and ` 07:00` a time.
    let marked = cursor.eat_folded("T");
    let apart = marked || cursor.blanks();
    if marked || (apart && cursor.0.starts_with(|c: char| c.is_ascii_digit())) {
        read_time(&mut cursor, &mut fields)?;
        cursor.blanks();
    }
    if cursor.eat_folded("Z") || cursor.eat_folded("UTC") || cursor.eat_folded("GMT") {
        fields.zone = Some((Zone::Utc, 0));
    } else if !cursor.0.is_empty() {
        fields.zone = Some((Zone::Offset, cursor.offset((1, 2), true)?));
    }
    if !cursor.0.is_empty() {
        return None;
    }
    Some(fields.finish(false)?.date)
}

fn read_day(cursor: &mut Cursor<'_>, fields: &mut Fields) -> Option<()> {
    // The name of the day may stand before everything, and has to be right.
    let named = cursor.name(&DAYS, false).or_else(|| cursor.name(&DAYS, true));
    if named.is_some() {
        cursor.eat(",");
        cursor.blanks();
        fields.weekday = named;
    }
    let month = |cursor: &mut Cursor<'_>| {
        let named = cursor.name(&MONTHS, false).or_else(|| cursor.name(&MONTHS, true));
        cursor.eat(".");
        named.map(|month| month + 1)
    };
    if let Some(named) = month(cursor) {
        fields.month = Some(named);
        cursor.blanks();
        fields.day = Some(cursor.number(1, 2)?);
        cursor.eat(",");
        cursor.blanks().then_some(())?;
        fields.year = Some(cursor.number(4, 4)?);
        return Some(());
    }
    let digits = cursor.0.bytes().take_while(u8::is_ascii_digit).count();
    let first = cursor.number(1, 4)?;
    let separator = match cursor.0.chars().next()? {
        '-' if !month_is_next(cursor) => "-",
        '/' => "/",
        _ => {
            // Day, month by name, year.
            if !cursor.eat("-") {
                cursor.blanks().then_some(())?;
            }
            fields.day = Some(first);
            fields.month = Some(month(cursor)?);
            if !cursor.eat("-") {
                cursor.eat(",");
                cursor.blanks().then_some(())?;
            }
            fields.year = Some(cursor.number(4, 4)?);
            return Some(());
        }
    };
    cursor.eat(separator).then_some(())?;
    let second = cursor.number(1, 2)?;
    cursor.eat(separator).then_some(())?;
    if digits == 4 {
        fields.year = Some(first);
        fields.month = Some(second);
        fields.day = Some(cursor.number(1, 2)?);
    } else {
        (digits <= 2).then_some(())?;
        fields.month = Some(first);
        fields.day = Some(second);
        fields.year = Some(cursor.number(4, 4)?);
    }
    Some(())
}

/// Returns whether a hyphen with the name of a month is next, as in `31-Jan-2025`.
fn month_is_next(cursor: &Cursor<'_>) -> bool {
    cursor.0.chars().nth(1).is_some_and(char::is_alphabetic)
}

fn read_time(cursor: &mut Cursor<'_>, fields: &mut Fields) -> Option<()> {
    fields.hour = Some(cursor.number(1, 2)?);
    let clock = cursor.eat(":");
    if clock {
        fields.minute = Some(cursor.number(2, 2)?);
        if cursor.eat(":") {
            fields.second = Some(cursor.number(2, 2)?);
            if cursor.eat(".") || cursor.eat(",") {
                fields.nanosecond = Some(cursor.fraction(1, 7)?);
                // .NET has no more than seven digits either; the others do not count.
                let rest = cursor.0.trim_start_matches(|c: char| c.is_ascii_digit());
                cursor.0 = rest;
            }
        }
    }
    let before = cursor.0;
    cursor.blanks();
    let [morning, afternoon] = ["AM", "PM"].map(|mark| cursor.eat_folded(mark));
    match (morning, afternoon) {
        (false, false) => {
            cursor.0 = before;
            clock.then_some(())
        }
        (_, afternoon) => {
            fields.twelve = true;
            fields.afternoon = Some(afternoon);
            fields.hour.filter(|hour| *hour > 0).map(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::format_date::write_general;
    use super::*;

    fn any(text: &str) -> Option<String> {
        parse_any(text).map(write_general)
    }

    fn read(text: &str, format: &str) -> Option<String> {
        let format = DateFormat::parse(format, true).expect(format);
        format.read(text, Styles::default()).map(|moment| write_general(moment.date))
    }

    #[test]
    fn dates_in_the_usual_forms() {
        for (text, expected) in [
            ("2020-03-16-07:00", "3/16/2020 7:00:00 AM"),
            ("2020-03-16+08:00", "3/15/2020 4:00:00 PM"),
            ("2020-03-16Z", "3/16/2020 12:00:00 AM"),
            ("2020-03-16", "3/16/2020 12:00:00 AM"),
            (" 2020-3-6 ", "3/6/2020 12:00:00 AM"),
            ("2020/03/16", "3/16/2020 12:00:00 AM"),
            ("3/16/2020", "3/16/2020 12:00:00 AM"),
            ("03-16-2020", "3/16/2020 12:00:00 AM"),
            ("2020-03-16T08:30:15Z", "3/16/2020 8:30:15 AM"),
            ("2020-03-16T08:30:15.1234567+05:30", "3/16/2020 3:00:15 AM"),
            ("2020-03-16T08:30:15.123456789Z", "3/16/2020 8:30:15 AM"),
            ("2020-03-16 23:59:59-08:00", "3/17/2020 7:59:59 AM"),
            ("2020-03-16 08:30", "3/16/2020 8:30:00 AM"),
            ("3/16/2020 12:00:00 AM", "3/16/2020 12:00:00 AM"),
            ("3/16/2020 12:30:00 PM", "3/16/2020 12:30:00 PM"),
            ("2013-01-10 4:00 PM -8", "1/11/2013 12:00:00 AM"),
            ("16 Mar 2020", "3/16/2020 12:00:00 AM"),
            ("2020-03-16 GMT", "3/16/2020 12:00:00 AM"),
            ("16-March-2020", "3/16/2020 12:00:00 AM"),
            ("March 16, 2020 5 PM", "3/16/2020 5:00:00 PM"),
            ("Mon, 16 Mar 2020 08:30:00 GMT", "3/16/2020 8:30:00 AM"),
            ("9999-12-31T23:59:59Z", "12/31/9999 11:59:59 PM"),
            ("0001-01-01", "1/1/0001 12:00:00 AM"),
        ] {
            assert_eq!(any(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "not a date",
            "2020",
            "20200316",
            "2020-13-01",
            "2021-02-29",
            "31/12/2025",
            "31.12.2025",
            "2020-03-16T",
            "2020-03-16 25:00",
            "2020-03-16 08:30:60",
            "2020-03-16 13:00 PM",
            "2020-03-16 0:30 AM",
            "2020-03-16 8",
            "2020-03-16 x",
            "2020-03-16+15:00",
            "2020-03-16+",
            "Tue, 16 Mar 2020",
            "1/2/20",
            "0000-01-01",
            "0001-01-01+01:00",
            "9999-12-31T23:59:59-04:00",
            "２０２０-03-16",
            "5 5 5",
        ] {
            assert_eq!(any(text), None, "{text}");
        }
    }

    #[test]
    fn dates_by_format() {
        for (text, format, expected) in [
            ("20150123105347.1Z", "yyyyMMddHHmmss.fZ", "1/23/2015 10:53:47 AM"),
            ("12/31/2025 12:00:00 AM", "M/d/yyyy hh:mm:ss tt", "12/31/2025 12:00:00 AM"),
            ("8/15/2025 12:00:00 am", "M/d/yyyy hh:mm:ss tt", "8/15/2025 12:00:00 AM"),
            ("2020-12-31-08:00", "yyyy-MM-ddzzz", "12/31/2020 8:00:00 AM"),
            ("  2020-12-31 ", "yyyy-MM-dd", "12/31/2020 12:00:00 AM"),
            ("31.12.49", "dd.MM.yy", "12/31/2049 12:00:00 AM"),
            ("31.12.50", "dd.MM.yy", "12/31/1950 12:00:00 AM"),
            ("Monday, 16 march 2020", "dddd, d MMMM yyyy", "3/16/2020 12:00:00 AM"),
            ("16-Mar-2020", "dd-MMM-yyyy", "3/16/2020 12:00:00 AM"),
            ("10:30:00", "HH:mm:ss.FFF", "1/1/0001 10:30:00 AM"),
            ("10:30:00.5", "HH:mm:ss.FFF", "1/1/0001 10:30:00 AM"),
            ("12:15", "hh:mm", "1/1/0001 12:15:00 AM"),
            ("2020-12-31T10:00:00+02:00", "yyyy-MM-ddTHH:mm:ssK", "12/31/2020 8:00:00 AM"),
            ("2020-12-31T10:00:00", "yyyy-MM-ddTHH:mm:ssK", "12/31/2020 10:00:00 AM"),
            ("2020-03-16T08:30:15.1234567Z", "o", "3/16/2020 8:30:15 AM"),
            ("3/16/2020", "d", "3/16/2020 12:00:00 AM"),
        ] {
            assert_eq!(read(text, format).as_deref(), Some(expected), "{text} {format}");
        }
    }

    #[test]
    fn texts_of_another_format() {
        for (text, format) in [
            ("31/12/2025", "yyyy-MM-dd"),
            ("2020-1-31", "yyyy-MM-dd"),
            ("2020-01-31x", "yyyy-MM-dd"),
            ("2020-13-31", "yyyy-MM-dd"),
            ("2020-02-30", "yyyy-MM-dd"),
            ("13:00 PM", "hh:mm tt"),
            ("10:00 PM", "HH:mm tt"),
            ("Tuesday 16/3/2020", "dddd d/M/yyyy"),
            ("1 2", "d %d"),
            ("2020-12-31 10:00", "yyyy-MM-dd zzz"),
            ("", "yyyy"),
        ] {
            assert_eq!(read(text, format), None, "{text} {format}");
        }
    }

    #[test]
    fn styles() {
        let format = DateFormat::parse("yyyy-MM-dd HH:mmK", true).expect("a format");
        let read = |text: &str, styles: &str| {
            let styles = Styles::parse(styles).expect("styles");
            format.read(text, styles).map(|moment| moment.zone)
        };
        assert_eq!(read(" 2020-01-01 10:00 ", ""), Some(Zone::Unspecified));
        assert_eq!(read(" 2020-01-01 10:00", "None"), None);
        assert_eq!(read("2020-01-01 10:00 ", "AllowLeadingWhite"), None);
        assert_eq!(read("2020 - 01-01  10 :00", "AllowWhiteSpaces"), Some(Zone::Unspecified));
        assert_eq!(read("2020-01-01 10:00+02:00", "AdjustToUniversal"), Some(Zone::Utc));
        assert_eq!(read("2020-01-01 10:00", "AssumeUniversal, AdjustToUniversal"), Some(Zone::Utc));
        assert!(Styles::parse("Sloppy").is_err());
    }
}
