//! From the scoping filter of a schema to the filters of a configuration.
//!
//! In both, one filter that holds is enough and all clauses of a filter have to hold. A filter that
//! cannot be carried over as a whole is never made wider or narrower in silence: it gets a clause
//! that no configuration accepts, so that a person decides before anything is planned.

use std::collections::HashMap;

use super::draft::{ClauseDraft, FilterDraft, ScopeDraft};
use super::findings::{Findings, Kind, Place};
use super::mapping::{Of, unknown};
use super::vocabulary::{Vocabulary, folded};
use super::wire::{Clause, FilterGroup, Scope};

/// The operator of the clause that makes a configuration not load.
pub(super) const UNDECIDED: &str = "NOT CARRIED OVER";

/// Makes a filter that no configuration accepts, with a comment that says why.
pub(super) fn undecided(of: Of, comment: String) -> FilterDraft {
    let attribute = if of == Of::Users { "userPrincipalName" } else { "displayName" };
    let clause = ClauseDraft {
        attribute: attribute.to_owned(),
        operator: UNDECIDED.to_owned(),
        value: None,
    };
    FilterDraft { name: "To decide".to_owned(), clauses: vec![clause], comments: vec![comment] }
}

/// How many filters two lists of filters are multiplied to at most.
pub(super) const MOST_FILTERS: usize = 200;

/// Operators that take no value, folded.
const UNARY: [&str; 4] = ["istrue", "isfalse", "isnull", "isnotnull"];

/// Operators that compare with a whole number, folded.
const NUMERIC: [&str; 4] = ["greaterthan", "greaterthanorequals", "&", "!&"];

/// Converts the scope of an object mapping.
pub(super) fn filters(
    scope: &Scope,
    of: Of,
    vocabulary: &Vocabulary,
    findings: &mut Findings,
) -> ScopeDraft {
    let mut reader = Reader { of, vocabulary, findings };
    let groups = reader.groups(&scope.groups);
    let input = reader.groups(&scope.input);
    let category = reader.groups(&scope.category);
    if let Some(group) = scope.category.first().filter(|_| !category.is_empty()) {
        let reason = "filters by category are experimental in Entra ID; here they have to hold \
                      besides the others, and are left like any other";
        let advice = "Look at who is let in.";
        reader.findings.add(Kind::Changed, &group.place, "category filter", reason, advice);
    }
    let mut draft = ScopeDraft::default();
    let parts = [("groups", &groups), ("categoryFilterGroups", &category)];
    draft.others = parts.iter().filter(|(_, part)| !part.is_empty()).map(|(key, _)| *key).collect();
    draft.input = (!input.is_empty()).then(|| scope.place.clone());
    let filters = reader.both(&scope.place, groups, input);
    draft.filters = reader.both(&scope.place, filters, category);
    if scope.damaged {
        if draft.filters.is_empty() {
            let name = "Filter".to_owned();
            draft.filters.push(FilterDraft { name, ..FilterDraft::default() });
        }
        reader.undecided(&scope.place, "filter", DAMAGED, &mut draft.filters);
    }
    name_apart(&mut draft.filters);
    draft
}

/// Whoever leaves filters of input is left alone; everything else that people leave has to be known
/// before.
pub(super) fn leavers(
    draft: &mut ScopeDraft,
    of: Of,
    vocabulary: &Vocabulary,
    findings: &mut Findings,
) {
    let Some(place) = draft.input.take() else {
        return;
    };
    if !vocabulary.on_leave || of == Of::Groups {
        let reason = "whoever leaves inputFilterGroups is left alone in Entra ID, and is \
                      deprovisioned here";
        let advice = "Write filtered = \"leave\" in [users.deprovision] if nobody should be.";
        findings.add(Kind::Lost, &place, "filter of input", reason, advice);
        return;
    }
    draft.ignore_leavers = true;
    draft.comments.push("inputFilterGroups: whoever leaves them is left alone.".to_owned());
    let others: Vec<String> = draft.others.iter().map(|key| format!("`{key}`")).collect();
    let Some((last, others)) = others.split_last() else {
        return;
    };
    let named = |word: &str| match others {
        [] => last.clone(),
        _ => format!("{} {word} {last}", others.join(", ")),
    };
    let reason = format!(
        "whoever leaves {} is deprovisioned in Entra ID, and whoever leaves `inputFilterGroups` is \
         not; here nobody is, whichever of them is left",
        named("or")
    );
    let advice = "Write on_leave = \"deprovision\" in [scope] to deprovision whoever leaves any.";
    findings.add(Kind::Changed, &place, "filter", reason, advice);
    draft.comments.push(format!("Changed: the same now counts for {}.", named("and")));
}

/// Why something that could not be read as a whole has to be decided.
pub(super) const DAMAGED: &str =
    "a part of it is unreadable or unknown, so that it might let in others";

/// What the parts of the conversion share.
pub(super) struct Reader<'r, 'v> {
    pub of: Of,
    pub vocabulary: &'r Vocabulary<'v>,
    pub findings: &'r mut Findings,
}

impl Reader<'_, '_> {
    /// Converts a list of groups; no filters let everybody in.
    fn groups(&mut self, groups: &[FilterGroup]) -> Vec<FilterDraft> {
        if let Some(open) = groups.iter().find(|group| group.clauses.is_empty() && !group.damaged) {
            let reason = "a group without clauses lets everybody in, so that the other groups of \
                          the list decide nothing; no filter was written";
            let advice = "Look at the scope in the portal: it is probably not what was meant.";
            self.findings.add(Kind::Changed, &open.place, "filter group", reason, advice);
            return Vec::new();
        }
        let groups = groups.iter().enumerate();
        groups.flat_map(|(index, group)| self.group(group, index)).collect()
    }

    /// Converts a group; several if a clause compares with several values.
    fn group(&mut self, group: &FilterGroup, index: usize) -> Vec<FilterDraft> {
        let name = group.name.clone().unwrap_or_else(|| format!("Filter {}", index + 1));
        let origin = format!("From the filter group {name} (line {}).", group.place.line);
        let mut filters = vec![FilterDraft { name, clauses: Vec::new(), comments: vec![origin] }];
        if group.damaged {
            self.undecided(&group.place, "filter group", DAMAGED, &mut filters);
        }
        for clause in &group.clauses {
            let alternatives = self.clause(clause, &mut filters);
            if filters.len() * alternatives.len().max(1) > MOST_FILTERS {
                let reason = format!("it would become more than {MOST_FILTERS} filters");
                self.undecided(&clause.place, &subject(clause), &reason, &mut filters);
                continue;
            }
            filters = product(&filters, &alternatives);
        }
        filters
    }

    /// Adds a clause that makes the configuration not load, and says why.
    pub(super) fn undecided(
        &mut self,
        place: &Place,
        subject: &str,
        reason: &str,
        filters: &mut [FilterDraft],
    ) {
        let advice = "Put the right clause in the place of the one with the operator \
                      \"NOT CARRIED OVER\".";
        self.findings.add(Kind::Blocks, place, subject, reason, advice);
        let comment = format!("NOT CARRIED OVER: {reason} (line {}).", place.line);
        let FilterDraft { clauses, comments, .. } = undecided(self.of, comment);
        for filter in filters {
            filter.comments.extend_from_slice(&comments);
            if !clauses.iter().all(|clause| filter.clauses.contains(clause)) {
                filter.clauses.extend_from_slice(&clauses);
            }
        }
    }

    /// Converts a clause into alternatives of which one has to hold; each is a list of clauses
    /// that hold together.
    fn clause(&mut self, clause: &Clause, filters: &mut [FilterDraft]) -> Vec<Vec<ClauseDraft>> {
        let what = subject(clause);
        let Some(operator) = self.vocabulary.operator(&clause.operator) else {
            let reason = format!("`{}` is no operator of this project", clause.operator);
            self.undecided(&clause.place, &what, &reason, filters);
            return Vec::new();
        };
        let attribute = clause.attribute.trim();
        let bare = attribute.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let attribute = bare.unwrap_or(attribute);
        if let Some(reason) = unknown(attribute, self.of, self.vocabulary) {
            self.undecided(&clause.place, &what, &reason, filters);
            return Vec::new();
        }
        let made = |value: Option<String>| ClauseDraft {
            attribute: attribute.to_owned(),
            operator: operator.to_owned(),
            value,
        };
        let name = folded(operator);
        if UNARY.contains(&name.as_str()) {
            if !clause.values.is_empty() {
                let reason = "the operator takes no value; the one that is there was left out";
                self.findings.add(Kind::Changed, &clause.place, what.clone(), reason, "");
            }
            let made = made(None);
            if let Some(reason) = self.vocabulary.refuses_clause(self.of, &made) {
                self.undecided(&clause.place, &what, &reason, filters);
                return Vec::new();
            }
            return vec![vec![made]];
        }
        if clause.values.is_empty() {
            let reason = "there is no value to compare with";
            self.undecided(&clause.place, &what, reason, filters);
            return Vec::new();
        }
        let whole = |value: &&String| value.trim().parse::<i64>().is_err();
        if NUMERIC.contains(&name.as_str())
            && let Some(value) = clause.values.iter().find(whole)
        {
            let reason =
                format!("the operator compares with a whole number, and `{value}` is none");
            self.undecided(&clause.place, &what, &reason, filters);
            return Vec::new();
        }
        let clauses: Vec<ClauseDraft> =
            clause.values.iter().map(|value| made(Some(value.clone()))).collect();
        let refused = |clause| self.vocabulary.refuses_clause(self.of, clause);
        if let Some(reason) = clauses.iter().find_map(refused) {
            self.undecided(&clause.place, &what, &reason, filters);
            return Vec::new();
        }
        if clauses.len() == 1 {
            return vec![clauses];
        }
        let negated = name.starts_with("not") || name.starts_with('!');
        let reason = format!(
            "it compares with {} values, of which {} is taken to be enough",
            clauses.len(),
            if negated { "none that is equal" } else { "one that is equal" }
        );
        let advice = "The portal compares with one value; look at what was written.";
        self.findings.add(Kind::Changed, &clause.place, what, reason, advice);
        if negated { vec![clauses] } else { clauses.into_iter().map(|one| vec![one]).collect() }
    }

    /// Whoever is in scope passes one of each, unless there is none.
    fn both(
        &mut self,
        place: &Place,
        groups: Vec<FilterDraft>,
        input: Vec<FilterDraft>,
    ) -> Vec<FilterDraft> {
        if groups.is_empty() || input.is_empty() {
            return [groups, input].concat();
        }
        if groups.len() * input.len() > MOST_FILTERS {
            let mut filters = groups;
            let reason = format!(
                "its sets of groups have to hold together, which would become more than \
                 {MOST_FILTERS} filters"
            );
            self.undecided(place, "filter", &reason, &mut filters);
            return filters;
        }
        let mut filters = Vec::new();
        for one in &groups {
            for other in &input {
                filters.push(FilterDraft {
                    name: format!("{} / {}", one.name, other.name),
                    clauses: [one.clauses.as_slice(), &other.clauses].concat(),
                    comments: [one.comments.as_slice(), &other.comments].concat(),
                });
            }
        }
        filters
    }
}

/// Gives equal names a number, so that a reason names one filter.
pub(super) fn name_apart(filters: &mut [FilterDraft]) {
    let mut known: HashMap<String, usize> = HashMap::new();
    for filter in filters {
        let count = known.entry(filter.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            filter.name = format!("{} ({count})", filter.name);
        }
    }
}

fn subject(clause: &Clause) -> String {
    format!("filter clause on `{}`", clause.attribute)
}

/// Returns every filter with every one of the alternatives; without any the filters as they are.
pub(super) fn product(
    filters: &[FilterDraft],
    alternatives: &[Vec<ClauseDraft>],
) -> Vec<FilterDraft> {
    if alternatives.is_empty() {
        return filters.to_vec();
    }
    let mut more = Vec::with_capacity(filters.len() * alternatives.len());
    for filter in filters {
        for clauses in alternatives {
            let mut filter = filter.clone();
            filter.clauses.extend_from_slice(clauses);
            more.push(filter);
        }
    }
    more
}
