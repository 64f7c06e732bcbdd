//! From the bytes of a file to its text.
//!
//! The portal writes UTF-8. Windows PowerShell writes UTF-16 with a byte order mark when output is
//! redirected into a file.

use super::SchemaError;

/// How large a file is at most, in bytes.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Returns the text, without a byte order mark.
///
/// # Errors
/// Refuses files that are too large, empty, or no text.
pub(super) fn decode(bytes: &[u8]) -> Result<String, SchemaError> {
    if bytes.len() > MOST_BYTES {
        return Err(SchemaError::TooLarge { most: MOST_BYTES });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(SchemaError::Empty);
    }
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // JSON begins with an ASCII character, so a zero tells which half is which.
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, SchemaError> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned).map_err(|error| SchemaError::NotText { at: error.valid_up_to() })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, SchemaError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text = String::from_utf16(&pairs.iter().copied().map(unit).collect::<Vec<u16>>());
    match (text, rest) {
        (Ok(text), []) => Ok(text),
        _ => Err(SchemaError::NotText { at: bytes.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_a_text_is_read() {
        let text = "{\"Größe\": 1}";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(&[0xEF, 0xBB, 0xBF], text.as_bytes()),
            marked(&[0xFF, 0xFE], &little),
            marked(&[0xFE, 0xFF], &big),
            little.clone(),
            big,
        ] {
            assert_eq!(decode(&bytes).unwrap(), text, "{bytes:?}");
        }
        assert!(matches!(decode(&little[..3]), Err(SchemaError::NotText { .. })));
        assert!(matches!(decode(b"{\xFF}"), Err(SchemaError::NotText { at: 1 })));
        assert!(matches!(decode(&vec![b' '; MOST_BYTES + 1]), Err(SchemaError::TooLarge { .. })));
    }
}
