//! Base64 and hexadecimal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt::Write;

use super::eval::{Outcome, Scope};

/// How the bytes behind Base64 are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Unicode,
    Ascii,
    Utf8,
}

impl Encoding {
    /// The names, for messages.
    pub const LIST: &str = "`Unicode`, `ASCII` or `UTF8`";

    /// Returns the encoding of that name; letter case does not matter.
    pub fn named(name: &str) -> Option<Self> {
        match &*name.to_ascii_lowercase() {
            "" | "unicode" | "utf16" | "utf-16" => Some(Self::Unicode),
            "ascii" | "us-ascii" => Some(Self::Ascii),
            "utf8" | "utf-8" => Some(Self::Utf8),
            _ => None,
        }
    }

    /// Returns the name.
    fn name(self) -> &'static str {
        match self {
            Self::Unicode => "Unicode",
            Self::Ascii => "ASCII",
            Self::Utf8 => "UTF8",
        }
    }

    fn decode(self, bytes: Vec<u8>) -> Option<String> {
        match self {
            Self::Utf8 => String::from_utf8(bytes).ok(),
            Self::Ascii => bytes.is_ascii().then(|| String::from_utf8(bytes).ok()).flatten(),
            Self::Unicode => {
                let (units, []) = bytes.as_chunks::<2>() else { return None };
                let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
                String::from_utf16(&units).ok()
            }
        }
    }
}

/// `ConvertToBase64(source)`
pub(super) fn to_base64<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    scope.each(0, |_, text| {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Ok(Cow::Owned(STANDARD.encode(bytes)))
    })
}

/// `ConvertFromBase64(source, encoding)`
pub(super) fn from_base64<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let name = scope.text_or_empty(1)?;
    let Some(encoding) = Encoding::named(&name) else {
        let shown = scope.quote(&name);
        return Err(scope.fault(format!("there is no encoding {shown}")));
    };
    scope.each_of(0, source, |scope, text| {
        let decoded = STANDARD.decode(text.trim()).ok().and_then(|bytes| encoding.decode(bytes));
        match decoded {
            Some(decoded) => Ok(Cow::Owned(decoded)),
            None => {
                let shown = scope.quote(&text);
                let encoding = encoding.name();
                Err(scope.fault(format!("{shown} is no {encoding} text in Base64")))
            }
        }
    })
}

/// `ConvertToUTF8Hex(source)`
pub(super) fn to_hex<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    scope.each(0, |_, text| {
        let mut out = String::with_capacity(text.len() * 2);
        for byte in text.bytes() {
            let _ = write!(out, "{byte:02X}");
        }
        Ok(Cow::Owned(out))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::testing::{NOBODY, error, text, value};

    #[test]
    fn there_and_back() {
        let hello = "SABlAGwAbABvACAAdwBvAHIAbABkACEA";
        assert_eq!(text("ConvertToBase64(\"Hello world!\")", &NOBODY), hello);
        assert_eq!(text("ConvertFromBase64([s])", &[("s", hello)]), "Hello world!");
        assert_eq!(text("ConvertFromBase64(ConvertToBase64(\"é😀\"))", &NOBODY), "é😀");
        assert_eq!(
            text("ConvertFromBase64(\"SGVsbG8gd29ybGQh\", \"ASCII\")", &NOBODY),
            "Hello world!"
        );
        assert_eq!(text("ConvertFromBase64(\"w6k=\", \"UTF8\")", &NOBODY), "é");
        assert_eq!(text("ConvertToUTF8Hex(\"é\")", &NOBODY), "C3A9");
        assert_eq!(value("ConvertToBase64([no])", &NOBODY), Value::Null);
    }

    #[test]
    fn results_are_bounded() {
        let long = "x".repeat(140_000);
        for expression in ["ConvertToUTF8Hex([a])", "ConvertToBase64([a])", "Append([a], [a])"] {
            assert!(error(expression, &[("a", &long)]).contains("longer than 256 KiB"));
        }
    }

    #[test]
    fn what_is_no_base64() {
        assert!(error("ConvertFromBase64(\"!\")", &NOBODY).contains("no Unicode text in Base64"));
        assert!(error("ConvertFromBase64(\"w6k=\", \"ASCII\")", &NOBODY).contains("no ASCII text"));
        assert!(error("ConvertFromBase64(\"SGVs\")", &NOBODY).contains("no Unicode text"));
        assert!(
            error("ConvertFromBase64([a], \"latin\")", &NOBODY).contains("no encoding `latin`")
        );
    }
}
