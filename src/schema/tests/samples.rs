//! Three schemas in the shape that Graph documents.

use super::super::{Imported, Kind, report};
use super::{imported, is_sound};

fn sample(text: &str) -> Imported {
    // Exports write an empty text where there is no default.
    assert!(text.to_lowercase().contains("\"defaultvalue\": \"\""));
    let imported = imported(text);
    is_sound(&imported.configuration);
    assert!(!imported.configuration.contains("default = \"\""), "{}", imported.configuration);
    imported
}

#[test]
fn trees_without_text() {
    let imported = sample(include_str!("../../../tests/data/schemas/trees-only.json"));
    assert!(!imported.blocks());
    insta::assert_snapshot!("trees_configuration", imported.configuration);
    insta::assert_snapshot!("trees_findings", report(&imported.findings));
}

#[test]
fn text_without_trees() {
    let imported = sample(include_str!("../../../tests/data/schemas/text-only.json"));
    assert!(!imported.blocks());
    insta::assert_snapshot!("text_configuration", imported.configuration);
    insta::assert_snapshot!("text_findings", report(&imported.findings));
}

#[test]
fn everything_that_the_shape_allows() {
    let imported = sample(include_str!("../../../tests/data/schemas/everything.json"));
    assert!(!imported.blocks());
    insta::assert_snapshot!("everything_configuration", imported.configuration);
    insta::assert_snapshot!("everything_findings", report(&imported.findings));
}

#[test]
fn a_schema_means_the_same_in_every_encoding_and_wrapper() {
    let text = include_str!("../../../tests/data/schemas/trees-only.json");
    let plain = sample(text);
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bytes = [&[0xFF, 0xFE], units.as_slice()].concat();
    let wide = super::super::import(&bytes, "sample.json", &super::VOCABULARY).unwrap();
    assert_eq!(wide, plain);
    for wrapper in [r#"{"schema": X}"#, r#"{"value": [{"schema": X}]}"#, "[X]", r#"{"Value": X}"#] {
        let wrapped = sample(&wrapper.replace('X', text));
        assert_eq!(wrapped.configuration, plain.configuration, "{wrapper}");
    }
    // PowerShell's objects have keys that begin with a capital.
    let capital = regex_free_capitals(text);
    let capital = sample(&capital);
    let lines = |imported: &Imported| {
        let kinds = imported.findings.iter().map(|finding| finding.kind);
        kinds.filter(|kind| *kind != Kind::Meaningless).count()
    };
    assert_eq!(capital.configuration, plain.configuration);
    assert_eq!(lines(&capital), lines(&plain));
}

/// Makes the first letter of every key a capital.
fn regex_free_capitals(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let start = line.len() - line.trim_start().len();
        match line[start..].strip_prefix('"') {
            Some(rest) if rest.contains("\":") => {
                let (first, rest) = rest.split_at(1);
                format!("{}\"{}{rest}", &line[..start], first.to_uppercase())
            }
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
