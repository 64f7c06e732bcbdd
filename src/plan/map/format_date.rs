//! The date formats of .NET: what a format says, and dates written by it.
//!
//! Names of days and months, AM and PM are those of `en-US`; so are the standard formats of one
//! letter. The text of a date without a format is `M/d/yyyy h:mm:ss tt`.

use std::fmt::Write;

use jiff::civil::DateTime;

pub(super) use super::read_date::{Styles, parse_any};

/// The months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The days of the week.
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The most bytes of a date format.
const MOST_FORMAT: usize = 256;

/// A date and what is known about its time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub date: DateTime,
    pub zone: Zone,
}

/// What a text said about the time zone. With an offset it has been brought to UTC, as on a server
/// whose own zone is UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    Unspecified,
    Utc,
    Offset,
}

/// A date format, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DateFormat {
    pub parts: Vec<Part>,
}

/// A part of a date format. Numbers count its letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year(usize),
    Month(usize),
    MonthName {
        short: bool,
    },
    Day(usize),
    DayName {
        short: bool,
    },
    Hour(usize),
    Hour12(usize),
    Minute(usize),
    Second(usize),
    /// Digits of the fraction of a second.
    Fraction(usize),
    /// As many digits of the fraction as there are, up to a number.
    FractionIfAny(usize),
    AmPm(usize),
    Offset(usize),
    /// `Z`, an offset or nothing, by what is known.
    Kind,
    /// The letter Z outside quotes: written as it is, read as a time zone.
    Zulu,
    Literal(String),
}

impl DateFormat {
    /// Takes a format apart.
    ///
    /// # Errors
    /// Says what is no format, or no format to read dates by.
    pub fn parse(format: &str, reads: bool) -> Result<Self, String> {
        if format.len() > MOST_FORMAT {
            return Err(format!("the date format is longer than {MOST_FORMAT} bytes"));
        }
        let mut chars = format.chars();
        let expanded = match (chars.next(), chars.next()) {
            (None, _) => return Err("the date format is empty".to_owned()),
            (Some(letter), None) => Some(standard(letter)?),
            _ => None,
        };
        let mut parts = Vec::new();
        let mut rest = expanded.unwrap_or(format);
        while let Some(c) = rest.chars().next() {
            let run = rest.chars().take_while(|next| *next == c).count();
            let behind = |skip: usize| rest.get(skip..).unwrap_or("");
            match c {
                '\'' | '"' => {
                    let (literal, after) = quoted(behind(1), c)?;
                    push_literal(&mut parts, &literal);
                    rest = after;
                    continue;
                }
                '\\' => {
                    let Some(literal) = behind(1).chars().next() else {
                        return Err("the date format ends with a backslash".to_owned());
                    };
                    push_literal(&mut parts, literal.encode_utf8(&mut [0; 4]));
                    rest = behind(1 + literal.len_utf8());
                    continue;
                }
                // A percent sign only keeps one letter from being a standard format.
                '%' => {
                    if matches!(behind(1).chars().next(), None | Some('%')) {
                        return Err("`%` stands before a letter of the date format".to_owned());
                    }
                    rest = behind(1);
                    continue;
                }
                _ => {}
            }
            match part(c, run)? {
                Some(part) => {
                    parts.push(part);
                    rest = behind(run);
                }
                None => {
                    push_literal(&mut parts, c.encode_utf8(&mut [0; 4]));
                    rest = behind(c.len_utf8());
                }
            }
        }
        let format = Self { parts };
        if reads && !format.parts.iter().any(|part| !matches!(part, Part::Literal(_))) {
            return Err("the date format reads no part of a date".to_owned());
        }
        Ok(format)
    }

    /// Returns the date as text.
    pub fn write(&self, moment: Moment) -> String {
        let mut out = String::new();
        for part in &self.parts {
            write_part(part, moment, &mut out);
        }
        out
    }
}

/// Returns what a standard format of one letter stands for.
fn standard(letter: char) -> Result<&'static str, String> {
    Ok(match letter {
        'd' => "M/d/yyyy",
        'D' => "dddd, MMMM d, yyyy",
        'f' => "dddd, MMMM d, yyyy h:mm tt",
        'F' | 'U' => "dddd, MMMM d, yyyy h:mm:ss tt",
        'g' => "M/d/yyyy h:mm tt",
        'G' => "M/d/yyyy h:mm:ss tt",
        'm' | 'M' => "MMMM d",
        'o' | 'O' => "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        's' => "yyyy-MM-dd'T'HH:mm:ss",
        't' => "h:mm tt",
        'T' => "h:mm:ss tt",
        'u' => "yyyy-MM-dd HH:mm:ssZ",
        'y' | 'Y' => "MMMM yyyy",
        other => {
            return Err(format!(
                "`{other}` is no standard date format; for one letter write `%{other}`"
            ));
        }
    })
}

/// Returns the part that a run of the same letter is; none if the letter stands for itself.
fn part(letter: char, run: usize) -> Result<Option<Part>, String> {
    Ok(Some(match (letter, run) {
        ('y', _) => Part::Year(run.min(9)),
        ('M', 1 | 2) => Part::Month(run),
        ('M', _) => Part::MonthName { short: run == 3 },
        ('d', 1 | 2) => Part::Day(run),
        ('d', _) => Part::DayName { short: run == 3 },
        ('H', _) => Part::Hour(run.min(2)),
        ('h', _) => Part::Hour12(run.min(2)),
        ('m', _) => Part::Minute(run.min(2)),
        ('s', _) => Part::Second(run.min(2)),
        ('f', 1..=7) => Part::Fraction(run),
        ('F', 1..=7) => Part::FractionIfAny(run),
        ('f' | 'F', _) => return Err("a second has 7 digits behind the point".to_owned()),
        ('t', _) => Part::AmPm(run.min(2)),
        ('z', _) => Part::Offset(run.min(3)),
        ('K', 1) => Part::Kind,
        ('Z', 1) => Part::Zulu,
        ('g', _) => return Err("the era (`g`) is not supported in date formats".to_owned()),
        _ => return Ok(None),
    }))
}

/// Returns the text up to the closing quote, and what is behind it.
fn quoted(rest: &str, quote: char) -> Result<(String, &str), String> {
    let mut literal = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, escaped)) => literal.push(escaped),
                None => break,
            },
            c if c == quote => return Ok((literal, rest.get(at + 1..).unwrap_or(""))),
            c => literal.push(c),
        }
    }
    Err("a quote in the date format is not closed".to_owned())
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Literal(literal)) => literal.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}

fn write_part(part: &Part, moment: Moment, out: &mut String) {
    let date = moment.date;
    let number = |out: &mut String, value: i16, width: usize| {
        let _ = write!(out, "{value:0width$}");
    };
    let hour12 = match date.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match part {
        Part::Year(width @ (1 | 2)) => number(out, date.year() % 100, *width),
        Part::Year(width) => number(out, date.year(), *width),
        Part::Month(width) => number(out, date.month().into(), *width),
        Part::MonthName { short } => out.push_str(month_name(date, *short)),
        Part::Day(width) => number(out, date.day().into(), *width),
        Part::DayName { short } => out.push_str(day_name(date, *short)),
        Part::Hour(width) => number(out, date.hour().into(), *width),
        Part::Hour12(width) => number(out, hour12.into(), *width),
        Part::Minute(width) => number(out, date.minute().into(), *width),
        Part::Second(width) => number(out, date.second().into(), *width),
        Part::Fraction(width) => out.push_str(&fraction(date, *width)),
        Part::FractionIfAny(width) => {
            let digits = fraction(date, *width);
            let digits = digits.trim_end_matches('0');
            if digits.is_empty() && out.ends_with('.') {
                out.pop();
            }
            out.push_str(digits);
        }
        Part::AmPm(width) => {
            let text = if date.hour() < 12 { "AM" } else { "PM" };
            out.push_str(text.get(..*width).unwrap_or(text));
        }
        Part::Offset(width) => out.push_str(match width {
            1 => "+0",
            2 => "+00",
            _ => "+00:00",
        }),
        Part::Kind => out.push_str(match moment.zone {
            Zone::Unspecified => "",
            Zone::Utc => "Z",
            Zone::Offset => "+00:00",
        }),
        Part::Zulu => out.push('Z'),
        Part::Literal(text) => out.push_str(text),
    }
}

/// Returns the first digits of the fraction of the second.
fn fraction(date: DateTime, width: usize) -> String {
    let digits = format!("{:09}", date.subsec_nanosecond());
    digits.get(..width).unwrap_or("").to_owned()
}

fn month_name(date: DateTime, short: bool) -> &'static str {
    let index = usize::try_from(date.month() - 1).unwrap_or(0);
    shortened(MONTHS.get(index), short)
}

fn day_name(date: DateTime, short: bool) -> &'static str {
    let index = usize::try_from(date.weekday().to_sunday_zero_offset()).unwrap_or(0);
    shortened(DAYS.get(index), short)
}

fn shortened(name: Option<&&'static str>, short: bool) -> &'static str {
    let name = name.copied().unwrap_or("");
    if short { name.get(..3).unwrap_or(name) } else { name }
}

/// Returns the text of a date without a format: `M/d/yyyy h:mm:ss tt`.
pub(super) fn write_general(date: DateTime) -> String {
    let hour = match date.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let half = if date.hour() < 12 { "AM" } else { "PM" };
    format!(
        "{}/{}/{:04} {hour}:{:02}:{:02} {half}",
        date.month(),
        date.day(),
        date.year(),
        date.minute(),
        date.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &str) -> String {
        let date = DateTime::constant(2025, 3, 9, 14, 5, 7, 120_300_000);
        DateFormat::parse(format, false).expect(format).write(Moment { date, zone: Zone::Utc })
    }

    #[test]
    fn custom_formats() {
        for (format, expected) in [
            ("yyyy-MM-dd", "2025-03-09"),
            ("yyyyMMddHHmmss.fZ", "20250309140507.1Z"),
            ("%y yy yyy yyyyy", "25 25 2025 02025"),
            ("M/d H:m:s h", "3/9 14:5:7 2"),
            ("MM dd HH hh mm ss", "03 09 14 02 05 07"),
            ("ddd dddd MMM MMMM", "Sun Sunday Mar March"),
            ("t tt", "P PM"),
            ("f ff fffffff FFFFFFF", "1 12 1203000 1203"),
            ("z zz zzz", "+0 +00 +00:00"),
            ("yyyyK", "2025Z"),
            ("%d", "9"),
            ("'day' d \"of\" M \\d", "day 9 of 3 d"),
            ("yyyy-MM-ddTHH:mm:ssZ", "2025-03-09T14:05:07Z"),
            ("'it\\'s' yyyy", "it's 2025"),
        ] {
            assert_eq!(written(format), expected, "{format}");
        }
    }

    #[test]
    fn fractions_that_are_zero_take_their_point_with_them() {
        let date = DateTime::constant(2025, 1, 1, 0, 0, 0, 0);
        let moment = Moment { date, zone: Zone::Unspecified };
        let format = DateFormat::parse("ss.FFFK", false).expect("a format");
        assert_eq!(format.write(moment), "00");
    }

    #[test]
    fn standard_formats() {
        for (format, expected) in [
            ("d", "3/9/2025"),
            ("D", "Sunday, March 9, 2025"),
            ("G", "3/9/2025 2:05:07 PM"),
            ("o", "2025-03-09T14:05:07.1203000Z"),
            ("R", "Sun, 09 Mar 2025 14:05:07 GMT"),
            ("s", "2025-03-09T14:05:07"),
            ("t", "2:05 PM"),
            ("u", "2025-03-09 14:05:07Z"),
            ("Y", "March 2025"),
        ] {
            assert_eq!(written(format), expected, "{format}");
        }
    }

    #[test]
    fn what_is_no_format() {
        for (format, part) in [
            ("", "empty"),
            ("x", "no standard date format"),
            ("yyyy'", "not closed"),
            ("yyyy\\", "backslash"),
            ("yyyy%", "`%`"),
            ("ffffffff", "7 digits"),
            ("gg", "era"),
        ] {
            let message = DateFormat::parse(format, false).expect_err(format);
            assert!(message.contains(part), "{message}");
        }
        assert!(DateFormat::parse(&"a".repeat(256), false).is_ok());
        assert!(DateFormat::parse(&"a".repeat(257), false).is_err());
        assert!(DateFormat::parse("--", true).is_err());
        assert!(DateFormat::parse("--", false).is_ok());
    }

    #[test]
    fn the_text_of_a_date() {
        let date = DateTime::constant(2025, 3, 9, 0, 5, 7, 0);
        assert_eq!(write_general(date), "3/9/2025 12:05:07 AM");
        assert_eq!(
            write_general(DateTime::constant(1, 12, 31, 12, 0, 0, 0)),
            "12/31/0001 12:00:00 PM"
        );
    }
}
