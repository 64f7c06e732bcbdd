//! The configuration as commented TOML.

use super::draft::{ClauseDraft, Draft, Entry, FilterDraft, GroupDraft, Rule, ScopeDraft};
use super::findings::{Finding, Kind};
use super::page::{Page, quoted};

/// How many findings are named at the head of the file.
const MOST_NAMED: usize = 100;

/// What a schema does not say about Entra ID.
const ENTRA: &[&str] = &[
    "[entra]",
    "tenant = \"contoso.onmicrosoft.com\"",
    "client_id = \"11111111-2222-3333-4444-555555555555\"",
    "application = \"Citrix ShareFile\"",
    "credential = { client_secret = { file = \"entra-secret\" } }",
];

/// What a schema does not say about ShareFile.
const SHAREFILE: &[&str] = &[
    "[sharefile]",
    "subdomain = \"contoso\"",
    "domain = \"sharefile.com\"",
    "admin_user = \"provisioner@contoso.com\"",
    "admin_password = { file = \"sharefile-password\" }",
    "client_id = \"aBcDeFgHiJkLmNoPqRsTuVwXyZ012345\"",
    "client_secret = { file = \"sharefile-client-secret\" }",
];

/// Writes the configuration.
pub(super) fn write(draft: &Draft, origin: &str, findings: &[Finding]) -> String {
    let mut page = Page::default();
    head(draft, origin, findings, &mut page);
    template(&mut page);
    scope(&draft.scope, &mut page);
    users(draft, &mut page);
    groups(&draft.groups, &mut page);
    guard(draft, &mut page);
    page.finish()
}

fn head(draft: &Draft, origin: &str, findings: &[Finding], page: &mut Page) {
    page.comment(&format!("Made from the synchronization schema {origin}."));
    comments(&draft.about, page);
    if !draft.warnings.is_empty() {
        page.comment("");
        comments(&draft.warnings, page);
    }
    page.comment("");
    page.comment(
        "Fill in [entra] and [sharefile], or keep them in a file of their own beside this one; then \
         run `sharefile-provisioner check`, and `sharefile-provisioner plan` to see what would \
         happen. Stop provisioning in Entra ID first: two services must not write the same accounts.",
    );
    let told = |finding: &&Finding| !matches!(finding.kind, Kind::Meaningless | Kind::Decide);
    let told: Vec<&Finding> = findings.iter().filter(told).collect();
    if told.is_empty() {
        return;
    }
    page.comment("");
    page.comment("What is different from the schema:");
    for finding in told.iter().take(MOST_NAMED) {
        let at = finding.places.first().map_or(0, |place| place.line);
        let blocks = if finding.kind == Kind::Blocks { "TO DECIDE: " } else { "" };
        page.comment(&format!("- {blocks}{} (line {at}): {}.", finding.subject, finding.reason));
    }
    if let Some(more @ 1..) = told.len().checked_sub(MOST_NAMED) {
        page.comment(&format!("- and {more} more, which the report has."));
    }
}

fn template(page: &mut Page) {
    page.gap();
    page.comment("Not in a schema: who reads. Permissions: Application.Read.All, User.Read.All,");
    page.comment("GroupMember.Read.All. The application is the one whose assignments count.");
    ENTRA.iter().for_each(|line| page.line(&format!("# {line}")));
    page.gap();
    page.comment("Not in a schema: the ShareFile account, the service user and the API key.");
    SHAREFILE.iter().for_each(|line| page.line(&format!("# {line}")));
}

fn scope(scope: &ScopeDraft, page: &mut Page) {
    page.gap();
    page.line("[scope]");
    page.comment(
        "Whether Entra ID provisioned assigned people only (\"Sync only assigned users and \
         groups\") is not in a schema. Here those who are assigned get an account.",
    );
    page.line("users = \"assigned\"");
    comments(&scope.comments, page);
    if scope.ignore_leavers {
        page.line("on_leave = \"ignore\"");
    }
    filters("scope.filter", scope, page);
}

fn filters(table: &str, scope: &ScopeDraft, page: &mut Page) {
    scope.filters.iter().for_each(|filter| self::filter(table, filter, page));
}

fn filter(table: &str, filter: &FilterDraft, page: &mut Page) {
    page.gap();
    comments(&filter.comments, page);
    page.line(&format!("[[{table}]]"));
    page.line(&format!("name = {}", quoted(&filter.name)));
    page.line("clauses = [");
    page.indent(true);
    filter.clauses.iter().for_each(|clause| page.line(&format!("{},", self::clause(clause))));
    page.indent(false);
    page.line("]");
}

/// Writes a filter alone.
pub(super) fn one_filter(table: &str, filter: &FilterDraft) -> String {
    let mut page = Page::default();
    self::filter(table, filter, &mut page);
    page.finish()
}

/// Writes an entry of a list of attributes alone.
pub(super) fn one_attribute(table: &str, entry: &Entry) -> String {
    let mut page = Page::default();
    attribute(table, entry, &mut page);
    page.finish()
}

fn clause(clause: &ClauseDraft) -> String {
    let mut line = format!(
        "{{ attribute = {}, operator = {}",
        quoted(&clause.attribute),
        quoted(&clause.operator)
    );
    if let Some(value) = &clause.value {
        line.push_str(&format!(", value = {}", quoted(value)));
    }
    line.push_str(" }");
    line
}

fn users(draft: &Draft, page: &mut Page) {
    page.gap();
    page.line("[users]");
    match &draft.account_type {
        Some((written, lines)) => {
            comments(lines, page);
            page.line(&format!("type = {}", quoted(&written.text)));
        }
        None => {
            page.comment(
                "Not in the schema: the type of an account. This is what it is by itself.",
            );
            page.line("type = { default = \"employee\", guests = \"client\" }");
        }
    }
    matching(&draft.matching, page);
    draft.attributes.iter().for_each(|entry| attribute("users.attribute", entry, page));
    deprovision(draft, page);
}

fn matching(rules: &[(i64, Rule)], page: &mut Page) {
    if rules.is_empty() {
        return;
    }
    page.line("match = [");
    page.indent(true);
    for (_, rule) in rules {
        comments(&rule.comments, page);
        let (target, source) = (quoted(&rule.target), quoted(&rule.source.text));
        page.line(&format!("{{ target = {target}, source = {source} }},"));
    }
    page.indent(false);
    page.line("]");
}

fn attribute(table: &str, entry: &Entry, page: &mut Page) {
    page.gap();
    comments(&entry.comments, page);
    page.comment_out(entry.commented);
    page.line(&format!("[[{table}]]"));
    page.line(&format!("target = {}", quoted(&entry.target)));
    let source = match &entry.source {
        Ok(written) => &written.text,
        Err(text) => text,
    };
    page.line(&format!("source = {}", quoted(source)));
    if entry.on_create {
        page.line("apply = \"on_create\"");
    }
    if let Some(default) = &entry.default {
        page.line(&format!("default = {}", quoted(default)));
        page.comment("Entra ID gives the default to new accounts only.");
        page.line("default_apply = \"on_create\"");
    }
    if entry.clear {
        page.comment("flowNullValues: people without a value lose the one that the account has.");
        page.line("when_null = \"clear\"");
    }
    page.comment_out(false);
}

fn deprovision(draft: &Draft, page: &mut Page) {
    page.gap();
    comments(&draft.deprovision, page);
    page.line("[users.deprovision]");
    let word = if draft.leave_alone { "leave" } else { "disable" };
    for event in ["unassigned", "filtered", "disabled", "soft_deleted", "hard_deleted"] {
        page.line(&format!("{event} = {}", quoted(word)));
    }
}

fn groups(groups: &GroupDraft, page: &mut Page) {
    page.gap();
    comments(&groups.comments, page);
    page.line("[groups]");
    page.line(&format!("enabled = {}", groups.enabled));
    matching(&groups.matching, page);
    if !groups.leaving.is_empty() {
        comments(&groups.leaving, page);
        page.line("on_unassigned = \"keep\"");
        page.line("deprovision = \"keep\"");
    }
    groups.attributes.iter().for_each(|entry| attribute("groups.attribute", entry, page));
    comments(&groups.scope.comments, page);
    filters("groups.filter", &groups.scope, page);
}

fn guard(draft: &Draft, page: &mut Page) {
    if !draft.no_creates && draft.removals.is_none() {
        return;
    }
    page.gap();
    page.line("[guard]");
    if draft.no_creates {
        page.comment("The mapping has no Add: every new account waits for approval.");
        page.line("creates_per_cycle = 0");
    }
    if let Some(count) = draft.removals {
        page.comment("From the job's setting QuarantineTooManyDeletesThreshold.");
        page.line(&format!(
            "removals_per_cycle = {{ count = {}, percent = 100 }}",
            count.min(1_000_000)
        ));
    }
}

fn comments(lines: &[String], page: &mut Page) {
    lines.iter().for_each(|line| page.comment(line));
}
