//! What limits a whole rule besides its mappings: containers and groups.

use super::draft::{ClauseDraft, FilterDraft, GroupDraft, ScopeDraft};
use super::filters::{DAMAGED, MOST_FILTERS, Reader, name_apart, product};
use super::findings::{Findings, Kind};
use super::mapping::Of;
use super::vocabulary::Vocabulary;
use super::wire::{Rule, RuleLimit};

/// What a clause that asks for a group is on.
const MEMBER_OF: &str = "memberOf";

/// What lets in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Container,
    Group,
}

impl By {
    fn subject(self) -> &'static str {
        match self {
            Self::Container => "filter by container",
            Self::Group => "filter by group",
        }
    }

    /// The key of the rule.
    fn key(self) -> &'static str {
        match self {
            Self::Container => "containerFilter",
            Self::Group => "groupFilter",
        }
    }

    /// Makes the clause for people.
    fn clause(self, name: &str) -> ClauseDraft {
        let (attribute, operator, value) = match self {
            Self::Container => {
                ("onPremisesDistinguishedName", "ENDS_WITH", format!(",{}", name.trim()))
            }
            Self::Group => (MEMBER_OF, "MEMBER OF", common_name(name)),
        };
        ClauseDraft {
            attribute: attribute.to_owned(),
            operator: operator.to_owned(),
            value: Some(value),
        }
    }

    /// Says who is let in.
    fn only(self, names: &[String]) -> String {
        let whom = match self {
            Self::Container => "objects in",
            Self::Group => "members of",
        };
        format!("only {whom} {} are in scope", names.join(" or "))
    }

    /// Says what became of it, and what to do.
    fn became(self, names: &[String]) -> (String, String) {
        let only = self.only(names);
        match self {
            Self::Container => (
                format!("{only}, which became a clause on their distinguished name"),
                "It lets in synchronised people alone, and letter case counts.".to_owned(),
            ),
            Self::Group => {
                let found: Vec<String> =
                    names.iter().map(|name| format!("`{}`", common_name(name))).collect();
                let reason = format!(
                    "{only}, which became a clause with MEMBER OF, by the name {} alone",
                    found.join(" or ")
                );
                let advice = "The id of a group is certain, its name is not: another group may \
                              have it. Assign those groups to the application: of others the \
                              members are not known, and whoever depends on one is held.";
                (reason, advice.to_owned())
            }
        }
    }
}

/// Returns what limits a rule.
fn limits(rule: &Rule) -> impl Iterator<Item = (By, &RuleLimit)> {
    let both = [(By::Container, &rule.containers), (By::Group, &rule.groups)];
    let there = both.into_iter().filter_map(|(by, limit)| Some((by, limit.as_ref()?)));
    there.filter(|(_, limit)| limit.damaged || !limit.names.is_empty())
}

/// Lets in no people whom the rule as a whole does not.
pub(super) fn limit_people(
    draft: &mut ScopeDraft,
    rule: &Rule,
    vocabulary: &Vocabulary,
    findings: &mut Findings,
) {
    for (by, limit) in limits(rule) {
        draft.others.push(by.key());
        one_at_least(&mut draft.filters);
        let clauses: Vec<ClauseDraft> = limit.names.iter().map(|name| by.clause(name)).collect();
        let many = draft.filters.len() * clauses.len() > MOST_FILTERS;
        let why = match () {
            () if limit.damaged => Some(DAMAGED.to_owned()),
            () if many => Some(format!("it would become more than {MOST_FILTERS} filters")),
            () => clauses.iter().find_map(|clause| vocabulary.refuses_clause(Of::Users, clause)),
        };
        if let Some(why) = why {
            let mut reader = Reader { of: Of::Users, vocabulary, findings };
            reader.undecided(&limit.place, by.subject(), &why, &mut draft.filters);
            continue;
        }
        let alternatives: Vec<_> = clauses.into_iter().map(|clause| vec![clause]).collect();
        draft.filters = product(&draft.filters, &alternatives);
        let comment = format!("With the {} of the rule (line {}).", by.subject(), limit.place.line);
        draft.filters.iter_mut().for_each(|filter| filter.comments.push(comment.clone()));
        name_apart(&mut draft.filters);
        let (reason, advice) = by.became(&limit.names);
        findings.add(Kind::Changed, &limit.place, by.subject(), reason, advice);
    }
}

/// Lets in no groups before somebody has decided which of them the rule as a whole lets in: groups
/// have neither a distinguished name nor groups that they are in.
pub(super) fn limit_groups(
    draft: &mut GroupDraft,
    rule: &Rule,
    vocabulary: &Vocabulary,
    findings: &mut Findings,
) {
    for (by, limit) in limits(rule) {
        let subject = format!("{}, for groups", by.subject());
        let why = if limit.damaged {
            DAMAGED.to_owned()
        } else {
            format!("{}, and no clause on a group can say that", by.only(&limit.names))
        };
        if draft.enabled && vocabulary.group_filters {
            one_at_least(&mut draft.scope.filters);
            let mut reader = Reader { of: Of::Groups, vocabulary, findings };
            reader.undecided(&limit.place, &subject, &why, &mut draft.scope.filters);
            continue;
        }
        let advice = "Assign only groups that should exist in ShareFile.";
        draft.comments.push(format!("Not carried over: {why} (line {}).", limit.place.line));
        findings.add(Kind::Lost, &limit.place, subject, why, advice);
    }
}

fn one_at_least(filters: &mut Vec<FilterDraft>) {
    if filters.is_empty() {
        let name = "Limit of the rule".to_owned();
        filters.push(FilterDraft { name, ..FilterDraft::default() });
    }
}

/// Returns the name at the beginning of a distinguished name, or any other name as it is.
fn common_name(name: &str) -> String {
    let name = name.trim();
    let rest = name.get(..3).filter(|start| start.eq_ignore_ascii_case("CN=")).and(name.get(3..));
    let Some(rest) = rest else {
        return name.to_owned();
    };
    let mut found: Vec<u8> = Vec::new();
    let mut bytes = rest.as_bytes().iter();
    while let Some(byte) = bytes.next().filter(|byte| **byte != b',') {
        if *byte != b'\\' {
            found.push(*byte);
            continue;
        }
        // A byte of UTF-8 as two hexadecimal digits, or what is meant as it stands (RFC 4514).
        let escaped = bytes.as_slice();
        let digits = escaped.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|one| one.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            found.push(byte);
            bytes.nth(1);
        } else {
            found.extend(bytes.next());
        }
    }
    String::from_utf8_lossy(&found).into_owned()
}
