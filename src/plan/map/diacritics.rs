//! Base letters instead of letters with diacritics.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Returns the text without diacritics, in the composed form (NFC).
///
/// Marks are taken from letters of the Latin and the Greek script. Letters that do not decompose
/// (`ø`, `ł`, `ß` and their like) are replaced by the table below. Other scripts stay as they are:
/// there a mark makes another letter (`й`, `が`) or is a vowel of its own.
pub(super) fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marked = false;
    for c in text.nfd() {
        if is_combining_mark(c) {
            if !marked {
                out.push(c);
            }
            continue;
        }
        marked = loses_marks(c);
        match replacement(c) {
            Some(base) => out.push_str(base),
            None => out.push(c),
        }
    }
    out.nfc().collect()
}

/// Returns whether a base character is a letter whose marks are dropped.
fn loses_marks(c: char) -> bool {
    c.is_alphabetic()
        && matches!(c,
            'A'..='Z' | 'a'..='z' | '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{2af}'
            | '\u{370}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}' | '\u{2c60}'..='\u{2c7f}'
            | '\u{a720}'..='\u{a7ff}' | '\u{ab30}'..='\u{ab6f}')
}

/// Returns what stands for a letter that has its diacritic built in.
fn replacement(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' => "ae",
        'Æ' => "AE",
        'ø' => "oe",
        'Ø' => "OE",
        'œ' => "oe",
        'Œ' => "OE",
        'ß' => "ss",
        'ẞ' => "SS",
        'þ' => "th",
        'Þ' => "TH",
        'ł' | 'ƚ' => "l",
        'Ł' | 'Ƚ' => "L",
        'ı' | 'ɨ' => "i",
        'Ɨ' => "I",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'ħ' => "h",
        'Ħ' => "H",
        'ŧ' | 'ⱦ' => "t",
        'Ŧ' | 'Ⱦ' => "T",
        'ǥ' => "g",
        'Ǥ' => "G",
        'ƶ' => "z",
        'Ƶ' => "Z",
        'ƀ' => "b",
        'Ƀ' => "B",
        'ȼ' => "c",
        'Ȼ' => "C",
        'ɇ' => "e",
        'Ɇ' => "E",
        'ɉ' => "j",
        'Ɉ' => "J",
        'ɍ' => "r",
        'Ɍ' => "R",
        'ʉ' => "u",
        'Ʉ' => "U",
        'ɏ' => "y",
        'Ɏ' => "Y",
        'ⱥ' => "a",
        'Ⱥ' => "A",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn names_of_europe_and_vietnam() {
        for (name, expected) in [
            ("Zoë", "Zoe"),
            ("Müller Jürgen Groß", "Muller Jurgen Gross"),
            ("Søren Kierkegård Æbelø", "Soeren Kierkegard AEbeloe"),
            ("Åsa Öberg Ärlig", "Asa Oberg Arlig"),
            ("Łukasz Wałęsa Żółć Gęślą", "Lukasz Walesa Zolc Gesla"),
            ("İbrahim Işık Çağlar Şahin", "Ibrahim Isik Caglar Sahin"),
            ("Nguyễn Văn Đức Phượng Ơ Ư", "Nguyen Van Duc Phuong O U"),
            ("Þórunn Guðrún", "THorunn Gudrun"),
            ("Đorđe Šćepanović Žižić", "Dorde Scepanovic Zizic"),
            ("Dvořák Jiří Ťapák Ďuriš", "Dvorak Jiri Tapak Duris"),
            ("Ștefan Țăran Ion", "Stefan Taran Ion"),
            ("Erdős Győző", "Erdos Gyozo"),
            ("José Peña Françoise Cœur", "Jose Pena Francoise Coeur"),
            ("Ħamrun Ŧ", "Hamrun T"),
            ("Žemaitė Ąžuolas Ģirts Ķ", "Zemaite Azuolas Girts K"),
            ("Άννα Ελευθερίου", "Αννα Ελευθεριου"),
        ] {
            assert_eq!(strip(name), expected);
        }
    }

    #[test]
    fn the_table_of_the_reference() {
        for (letters, base) in [
            ("æǣ", "aeae"),
            ("ÆǢ", "AEAE"),
            ("øœ", "oeoe"),
            ("ßẞ", "ssSS"),
            ("ıİ", "iI"),
            ("c\u{304}c\u{331}", "cc"),
            ("u̇̄ȭȱ", "uoo"),
        ] {
            assert_eq!(strip(letters), base);
        }
    }

    #[test]
    fn other_scripts_stay() {
        for text in [
            "Йосиф Ёлкин Їжак",
            "東京がぎパ",
            "한글",
            "हिन्दी",
            "สวัสดี",
            "שָׁלוֹם",
            "مُحَمَّد",
            "1\u{304}",
            "😀",
        ] {
            use unicode_normalization::UnicodeNormalization;
            assert_eq!(strip(text), text.nfc().collect::<String>(), "{text}");
        }
    }

    #[test]
    fn nothing_else_changes() {
        let text = "John.Doe-O'Neil_1@x €½ n°5";
        assert_eq!(strip(text), text);
        assert_eq!(strip(&strip("Ǻ ở")), strip("Ǻ ở"));
    }
}
