//! Letters: capitals and small letters, cultures, diacritics.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::diacritics;
use super::eval::{Outcome, Scope};
use super::syntax::Ready;

/// Whose letters are meant where letter case is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Culture {
    /// Every character by itself, the same everywhere. As in .NET, `İ` and `ı` stay.
    Invariant,
    /// One letter is one letter, in every language but the Turkic ones.
    Other,
    /// `i` and `İ`, `ı` and `I` belong together.
    Turkic,
}

/// The languages with two letters in their code (ISO 639-1).
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce \
    ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv \
    ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr \
    ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn \
    no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn \
    so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ug uk ur uz ve vi vo wa wo xh \
    yi yo za zh zu";

/// The languages with three letters that .NET names cultures after.
const LONG_LANGUAGES: &str = "agq arn asa ast bas bem bez bin brx byn ccp ceb cgg chr ckb dav dje \
    doi dsb dua dyo ebu ewo fil fur gsw guz haw hsb ibb jgo jmc kab kam kde kea kgp khq kln kok \
    ksb ksf ksh kxv lag lij lkt lmo lrc luo luy mai mas mer mfe mgh mgo mni moh mua mzn naq nds \
    nmg nnh nqo nso nus nyn pap pcm prg prs qps quc quz rof rwk sah saq sat sbp seh ses shi skr \
    sma smj smn sms ssy swc syr szl teo tig twq tzm vai vec vun wae wal xnr xog yav yrl zgh";

impl Culture {
    /// Returns the culture of an RFC 4646 name as `en`, `en-US` or `az-Latn-AZ`; letter case does
    /// not matter. An empty name is the invariant culture.
    pub fn named(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::Invariant);
        }
        let mut parts = name.split('-');
        let language = parts.next().unwrap_or("").to_ascii_lowercase();
        let known = LANGUAGES.split(' ').chain(LONG_LANGUAGES.split(' '));
        if !known.into_iter().any(|one| one == language) {
            return None;
        }
        let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let mut parts = parts.peekable();
        parts.next_if(|part| part.len() == 4 && letters(part));
        let region = |part: &&str| match part.len() {
            2 => letters(part),
            3 => digits(part),
            _ => false,
        };
        parts.next_if(region);
        let variant = |part: &str| {
            (5..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        if !parts.all(variant) {
            return None;
        }
        Some(if matches!(&*language, "tr" | "az") { Self::Turkic } else { Self::Other })
    }

    fn lower(self, c: char) -> char {
        match (self, c) {
            (Self::Turkic, 'I') => 'ı',
            (Self::Turkic | Self::Other, 'İ') => 'i',
            (Self::Invariant, 'İ') => 'İ',
            _ => single(c, c.to_lowercase()),
        }
    }

    fn upper(self, c: char) -> char {
        match (self, c) {
            (Self::Turkic, 'i') => 'İ',
            (Self::Invariant, 'ı') => 'ı',
            _ => single(c, c.to_uppercase()),
        }
    }
}

/// Returns the one character that `c` becomes; `c` itself where it would become several, as `ß`.
fn single(c: char, mut becomes: impl Iterator<Item = char>) -> char {
    match (becomes.next(), becomes.next()) {
        (Some(other), None) => other,
        _ => c,
    }
}

/// `ToLower(source, culture)`
pub(super) fn to_lower<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    change(scope, Culture::lower)
}

/// `ToUpper(source, culture)`
pub(super) fn to_upper<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    change(scope, Culture::upper)
}

fn change<'a>(scope: &mut Scope<'_, 'a>, to: fn(Culture, char) -> char) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let culture = match scope.ready() {
        Ready::Culture(culture) => *culture,
        _ => {
            let name = scope.text_or_empty(1)?;
            let shown = scope.quote(&name);
            Culture::named(&name)
                .ok_or_else(|| scope.fault(format!("there is no culture {shown}")))?
        }
    };
    scope.each_of(0, source, |_, text| {
        Ok(match text.chars().all(|c| to(culture, c) == c) {
            true => text,
            false => Cow::Owned(text.chars().map(|c| to(culture, c)).collect()),
        })
    })
}

/// `PCase(source, wordSeparators)`
pub(super) fn proper_case<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let separators = scope.text(1)?.filter(|separators| !separators.is_empty());
    let separators = separators.map(|chars| chars.chars().collect::<BTreeSet<char>>());
    scope.each_of(0, source, |_, text| {
        let separates = |c: char| match &separators {
            Some(separators) => separators.contains(&c),
            None => separates_words(c),
        };
        let mut starts = true;
        let cased = text.chars().map(|c| {
            let cased =
                if starts { Culture::Invariant.upper(c) } else { Culture::Invariant.lower(c) };
            // Digits before the first letter do not use up the capital.
            starts = separates(c) || (starts && !c.is_alphabetic());
            cased
        });
        Ok(Cow::Owned(cased.collect()))
    })
}

/// Returns whether a character stands between words if no others are given: blanks, control
/// and format characters, punctuation and symbols.
fn separates_words(c: char) -> bool {
    !c.is_alphanumeric() && !unicode_normalization::char::is_combining_mark(c)
}

/// `NormalizeDiacritics(source)`
pub(super) fn without_diacritics<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    scope.each(0, |_, text| {
        Ok(if text.is_ascii() { text } else { Cow::Owned(diacritics::strip(&text)) })
    })
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::testing::{NOBODY, error, list, text, texts, value};
    use super::*;

    #[test]
    fn letter_case_without_a_culture() {
        assert_eq!(text("ToLower(\"ÀB ΣΣ\")", &NOBODY), "àb σσ");
        assert_eq!(text("ToUpper(\"straße ﬁ\")", &NOBODY), "STRAßE ﬁ");
        assert_eq!(text("ToLower(\"Iİ\")", &NOBODY), "iİ");
        assert_eq!(text("ToUpper(\"iı\", \"\")", &NOBODY), "Iı");
        assert_eq!(text("ToLower(\"ABC\", )", &NOBODY), "abc");
        assert_eq!(value("ToLower([no])", &NOBODY), Value::Null);
        assert_eq!(list("ToUpper([m])", &texts("m", &["a", "b"])), ["A", "B"]);
    }

    #[test]
    fn letter_case_of_cultures() {
        assert_eq!(text("ToLower(\"DIYARBAKIR İ\", \"tr-TR\")", &NOBODY), "dıyarbakır i");
        assert_eq!(text("ToUpper(\"istanbul ı\", \"az-Latn-AZ\")", &NOBODY), "İSTANBUL I");
        assert_eq!(text("ToLower(\"İI\", \"en-US\")", &NOBODY), "ii");
        assert_eq!(text("ToUpper(\"iı\", \"de\")", &NOBODY), "II");
        assert_eq!(text("ToUpper([s], [c])", &[("s", "i"), ("c", "tr")]), "İ");
        assert!(error("ToUpper([s], [c])", &[("s", "i"), ("c", "xx")]).contains("no culture"));
    }

    #[test]
    fn names_of_cultures() {
        for name in ["en", "EN-us", "lt", "zh-Hans-CN", "es-419", "fil-PH", "ca-ES-valencia"] {
            assert!(Culture::named(name).is_some(), "{name}");
        }
        for name in ["xx", "english", "en_US", "en-", "en-USA", "en-US-x", "-", " en", "e"] {
            assert!(Culture::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn proper_case() {
        for (expression, expected) in [
            ("PCase(\"pABLO gONçALVES (sECOND)\")", "Pablo Gonçalves (Second)"),
            ("PCase(\"st john's hospital\")", "St John'S Hospital"),
            ("PCase(\"PINTO-DE'SILVA\",\" '-\")", "Pinto-De'Silva"),
            ("PCase(\"mary-ann o'neil\", \" \")", "Mary-ann O'neil"),
            ("PCase(\"a_b+c$d`e©f\")", "A_B+C$D`E©F"),
            ("PCase(\"3rd x2y\")", "3Rd X2y"),
            ("PCase(\"zoe\u{308}y\")", "Zoe\u{308}y"),
            ("PCase(\"\")", ""),
            ("PCase(\"ab cd\", \"\")", "Ab Cd"),
        ] {
            assert_eq!(text(expression, &NOBODY), expected, "{expression}");
        }
        assert_eq!(value("PCase([no])", &NOBODY), Value::Null);
    }
}
