//! The sections `[scope]`, `[users]` and `[guard]`, compiled into rules; `[groups]` is beside.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::account::{AccountKind, TargetAttribute, address_key};
use crate::plan::map::{ASSIGNED_THROUGH, Expression, INPUTS};
use crate::plan::rules::{
    Apply, DefaultValue, Deprovision, Filter, FirstCycle, GuardRules, Limit, Mapping, MatchRule,
    Nulls, OnLeave, Rules, TypeRules, WhenNull, fault, group_attributes,
};

use super::connectors::is_address;
use super::expressions::{OF_USERS, Purpose};
use super::layers::Node;
use super::problem::suggest;
use super::reader::{Reader, Section};

const KINDS: [(&str, AccountKind); 2] =
    [("client", AccountKind::Client), ("employee", AccountKind::Employee)];

const APPLY: [(&str, Apply); 2] = [("always", Apply::Always), ("on_create", Apply::OnCreate)];

const WHEN_NULL: [(&str, WhenNull); 2] = [("keep", WhenNull::Keep), ("clear", WhenNull::Clear)];

const FIRST_CYCLE: [(&str, FirstCycle); 2] =
    [("approve", FirstCycle::Approve), ("apply", FirstCycle::Apply)];

const NULLS: [(&str, Nulls); 2] = [("entra", Nulls::Entra), ("empty", Nulls::Empty)];

const ON_LEAVE: [(&str, OnLeave); 2] =
    [("deprovision", OnLeave::Deprovision), ("ignore", OnLeave::Ignore)];

/// The keys of `[scope]`.
const SCOPE: &[&str] =
    &["users", "default_access", "nested_groups", "filter", "nulls", "on_leave", "only"];

/// The keys of an entry of `users.attribute`.
const ATTRIBUTE: &[&str] = &["target", "source", "apply", "default", "default_apply", "when_null"];

/// The target of the entry that says who is disabled although the directory does not.
const ACTIVE: &str = "Active";

/// What to write for a target.
const TARGET: &str = "Name an attribute of the account, as \"Email\".";

/// What `[scope]` says.
struct ScopeRules {
    default_access: bool,
    nested_groups: bool,
    filters: Vec<Filter>,
    nulls: Nulls,
    on_leave: OnLeave,
    only: Vec<String>,
}

/// What `[users]` says.
struct UserRules {
    types: TypeRules,
    matching: Vec<MatchRule>,
    mappings: Vec<Mapping>,
    active: Option<Expression>,
    deprovision: Deprovision,
    welcome: bool,
}

/// What people are called who have no address: always read, whatever the expressions need.
const LABEL: &str = "userPrincipalName";

impl Reader<'_> {
    /// Reads the rules, and how long an approval is valid.
    pub(super) fn rules(&mut self, root: &mut Section) -> Option<(Rules, Duration)> {
        let scope = self.scope(root);
        let users = self.users(root);
        let groups = self.groups(root);
        let drift = self.drift(root);
        let guard = self.guard(root);
        let (scope, users) = (scope?, users?);
        let (groups, drift, (guard, approval_valid)) = (groups?, drift?, guard?);
        let ScopeRules { default_access, nested_groups, filters, nulls, on_leave, only } = scope;
        let parts = users.matching.iter().flat_map(|rule| &rule.parts);
        let sources = parts.map(|part| &part.source);
        let sources = sources.chain(users.mappings.iter().map(|mapping| &mapping.source));
        let sources = sources.chain(&users.types.expression).chain(&users.active);
        let read: BTreeSet<&str> = sources.flat_map(Expression::attributes).collect();
        let of_source = read.iter().filter(|name| !INPUTS.contains(name));
        let mut source_attributes: Vec<String> = of_source.map(|name| (*name).to_owned()).collect();
        let named = read.contains(ASSIGNED_THROUGH);
        let group_attributes = group_attributes(groups.as_ref(), named, &filters);
        source_attributes.push(LABEL.to_owned());
        let clauses = filters.iter().flat_map(Filter::attributes);
        source_attributes.extend(clauses.map(str::to_owned));
        if source_attributes.iter().any(|name| name.starts_with("manager.")) {
            // Whose values these are is known by the id alone.
            source_attributes.push("manager".to_owned());
        }
        source_attributes.sort();
        source_attributes.dedup();
        let rules = Rules {
            source_attributes,
            default_access,
            nulls,
            on_leave,
            only,
            types: users.types,
            matching: users.matching,
            mappings: users.mappings,
            active: users.active,
            deprovision: users.deprovision,
            welcome: users.welcome,
            nested_groups,
            group_attributes,
            filters,
            groups,
            drift,
            guard,
        };
        Some((rules, approval_valid))
    }

    fn scope(&mut self, root: &mut Section) -> Option<ScopeRules> {
        let mut section = self.section(root, "scope", SCOPE);
        let users = section.take("users");
        let users = self.word(users, (), &[("assigned", ())]);
        let default_access = section.take("default_access");
        let default_access = self.flag(default_access, false);
        let nested_groups = section.take("nested_groups");
        let nested_groups = self.flag(nested_groups, false);
        let filters = self.filters(&mut section, &OF_USERS);
        let nulls = section.take("nulls");
        let nulls = self.word(nulls, Nulls::Entra, &NULLS);
        let on_leave = section.take("on_leave");
        let on_leave = self.word(on_leave, OnLeave::Deprovision, &ON_LEAVE);
        let only = self.only(&mut section);
        users?;
        Some(ScopeRules {
            default_access: default_access?,
            nested_groups: nested_groups?,
            filters: filters?,
            nulls: nulls?,
            on_leave: on_leave?,
            only: only?,
        })
    }

    fn users(&mut self, root: &mut Section) -> Option<UserRules> {
        let known = ["type", "match", "welcome", "attribute", "deprovision"];
        let mut section = self.section(root, "users", &known);
        let types = self.types(&mut section);
        let matching = self.matching(&mut section);
        let mappings = self.mappings(&mut section);
        let welcome = section.take("welcome");
        let welcome = self.word(welcome, false, &[("none", false), ("on_create", true)]);
        let deprovision = self.deprovision(&mut section);
        let (mappings, active) = mappings?;
        Some(UserRules {
            types: types?,
            matching: matching?,
            mappings,
            active,
            deprovision: deprovision?,
            welcome: welcome?,
        })
    }

    fn types(&mut self, users: &mut Section) -> Option<TypeRules> {
        if let Some(node) = users.take_text("type") {
            let text = self.text(&node)?;
            let expression = self.expression_in(&text, &node, &OF_USERS, Purpose::Type)?;
            return Some(TypeRules {
                default: AccountKind::Employee,
                guests: AccountKind::Client,
                roles: Vec::new(),
                expression: Some(expression),
            });
        }
        let mut section = self.section(users, "type", &["default", "guests", "roles"]);
        let default = section.take("default");
        let default = self.word(default, AccountKind::Employee, &KINDS);
        let guests = section.take("guests");
        let guests = self.word(guests, AccountKind::Client, &KINDS);
        let mut roles = Vec::new();
        let mut complete = true;
        if let Some(node) = section.take("roles") {
            // Sorted by value, as the table is.
            for (value, node) in self.free_table(node).take_all() {
                match self.word(Some(node), AccountKind::Client, &KINDS) {
                    Some(kind) => roles.push((value, kind)),
                    None => complete = false,
                }
            }
        }
        let types = TypeRules { default: default?, guests: guests?, roles, expression: None };
        complete.then_some(types)
    }

    fn mappings(&mut self, users: &mut Section) -> Option<(Vec<Mapping>, Option<Expression>)> {
        let Some(node) = users.take("attribute") else {
            return Some((Vec::new(), None));
        };
        let entries = self.list(node.clone())?;
        let count = entries.len();
        let mut mappings: Vec<Mapping> = Vec::new();
        let mut targets: Vec<TargetAttribute> = Vec::new();
        let mut active: Vec<Option<Expression>> = Vec::new();
        for entry in entries {
            let mut section = self.table(entry.clone(), ATTRIBUTE);
            let named = self.required_text(&mut section, "target", TARGET);
            if named.as_ref().is_some_and(|(text, _)| text == ACTIVE) {
                if !active.is_empty() {
                    let message = format!("{ACTIVE} is mapped a second time");
                    self.wrong(&entry, &message, Some("Keep one of the entries.".to_owned()));
                }
                active.push(self.activity(&mut section));
                continue;
            }
            let names = TargetAttribute::ALL.map(TargetAttribute::name);
            let names: Vec<&str> = names.into_iter().chain([ACTIVE]).collect();
            let target = named.and_then(|(text, node)| self.named_target(&text, &node, &names));
            if let Some(target) = target {
                if targets.contains(&target) {
                    let message = format!("{} is mapped a second time", target.name());
                    self.wrong(&entry, &message, Some("Keep one of the entries.".to_owned()));
                }
                targets.push(target);
            }
            mappings.extend(self.mapping(&mut section, target));
        }
        let missing: Vec<&str> = TargetAttribute::ALL
            .into_iter()
            .filter(|target| target.required() && !targets.contains(target))
            .map(TargetAttribute::name)
            .collect();
        // An entry whose target could not be read may have been the one that is missing.
        if !missing.is_empty() && targets.len() + active.len() == count {
            let message =
                format!("no account can be created without {}: not mapped", missing.join(", "));
            let hint = "The built-in entries are gone once one of your own is given: name all.";
            self.wrong(&node, &message, Some(hint.to_owned()));
            return None;
        }
        mappings.sort_by_key(|mapping| mapping.target);
        let read = mappings.len() + active.iter().flatten().count();
        (read == count).then(|| (mappings, active.into_iter().flatten().next()))
    }

    /// Reads the entry that says who is disabled although the directory does not.
    fn activity(&mut self, section: &mut Section) -> Option<Expression> {
        let mut alone = true;
        for key in ATTRIBUTE.iter().filter(|key| !["target", "source"].contains(key)) {
            if let Some(node) = section.take(key) {
                let message = format!("{ACTIVE} has a source and nothing else: it always counts");
                self.wrong(&node, &message, Some("Remove it.".to_owned()));
                alone = false;
            }
        }
        let source = self.expression(section, &OF_USERS, Purpose::Activity);
        source.filter(|_| alone).map(|(source, _)| source)
    }

    fn mapping(
        &mut self,
        section: &mut Section,
        target: Option<TargetAttribute>,
    ) -> Option<Mapping> {
        let apply = section.take("apply");
        let apply = self.word(apply, Apply::Always, &APPLY);
        // Of an entry that is wrong already nothing is said that a right one might not deserve.
        let purpose = Purpose::Mapping(apply.unwrap_or(Apply::OnCreate), target);
        let source = self.expression(section, &OF_USERS, purpose);
        let given = section.take("default");
        let default_apply = section.take("default_apply");
        let when = self.word(default_apply.clone(), Apply::OnCreate, &APPLY);
        if let (Some(node), None) = (&default_apply, &given) {
            let message = "there is no `default` that it could apply to";
            self.wrong(node, message, Some("Add `default`, or remove it.".to_owned()));
        }
        let text = given.as_ref().map(|node| self.text(node));
        let null = section.take("when_null");
        let when_null = self.word(null.clone(), WhenNull::Keep, &WHEN_NULL);
        let (target, (source, source_node)) = (target?, source?);
        if target == TargetAttribute::Email {
            self.own_address(&source, &source_node, given.as_ref())?;
        }
        if source.uses().uniqueness && !target.is_listed() {
            let message = format!(
                "`SelectUniqueValue` cannot tell which values of {} are taken: no list of accounts \
                 shows them",
                target.name()
            );
            let hint = "Choose values of Email, FirstName, LastName or Company.".to_owned();
            self.wrong(&source_node, &message, Some(hint));
            return None;
        }
        if let (Some(node), Some(WhenNull::Clear)) = (&null, when_null)
            && target.cleared().is_none()
        {
            let message = format!("{} cannot be cleared: no account is without it", target.name());
            self.wrong(node, &message, Some("Write \"keep\".".to_owned()));
            return None;
        }
        let default = match text {
            Some(value) => Some(DefaultValue { value: value?, apply: when? }),
            None => None,
        };
        if let (Some(node), Some(why)) =
            (&given, default.as_ref().and_then(|one| fault(target, &one.value)))
        {
            self.wrong(node, &format!("{} {why}", target.name()), None);
            return None;
        }
        Some(Mapping { target, source, apply: apply?, default, when_null: when_null? })
    }

    /// Refuses what would give several people one and the same address.
    fn own_address(
        &mut self,
        source: &Expression,
        source_node: &Node,
        default: Option<&Node>,
    ) -> Option<()> {
        let (node, hint) = match default {
            _ if source.attributes().is_empty() && !source.uses().randomness => {
                (source_node, "Map an attribute.")
            }
            Some(default) => (default, "Remove `default`."),
            None => return Some(()),
        };
        let message = "everybody would get one and the same address, which only one account can \
                       have";
        self.wrong(node, message, Some(hint.to_owned()));
        None
    }

    pub(super) fn target(
        &mut self,
        section: &mut Section,
        known: &[TargetAttribute],
    ) -> Option<TargetAttribute> {
        let (text, node) = self.required_text(section, "target", TARGET)?;
        let names: Vec<&str> = known.iter().map(|target| target.name()).collect();
        self.named_target(&text, &node, &names)
    }

    /// Returns the attribute of a name, which has to be among `names`.
    fn named_target(&mut self, text: &str, node: &Node, names: &[&str]) -> Option<TargetAttribute> {
        let found = TargetAttribute::parse(text).filter(|_| names.contains(&text));
        if found.is_none() {
            let message = match TargetAttribute::parse(text) {
                Some(_) => format!("accounts cannot be looked up by {text}"),
                None => format!("`{text}` is no attribute of an account"),
            };
            self.wrong(node, &message, Some(suggest(text, names)));
        }
        found
    }

    fn guard(&mut self, root: &mut Section) -> Option<(GuardRules, Duration)> {
        let known = [
            "first_cycle",
            "removals_per_cycle",
            "removals_per_day",
            "removals_per_group",
            "creates_per_cycle",
            "address_changes_per_cycle",
            "protected",
            "approval_valid",
        ];
        let mut section = self.section(root, "guard", &known);
        let first_cycle = section.take("first_cycle");
        let first_cycle = self.word(first_cycle, FirstCycle::Approve, &FIRST_CYCLE);
        let per_cycle = Limit { count: 50, percent: 10 };
        let per_cycle = self.limit(&mut section, "removals_per_cycle", per_cycle);
        let per_day = Limit { count: 200, percent: 25 };
        let per_day = self.limit(&mut section, "removals_per_day", per_day);
        let per_group = Limit { count: 100, percent: 50 };
        let per_group = self.limit(&mut section, "removals_per_group", per_group);
        let creates = section.take("creates_per_cycle");
        let creates = self.number(creates, 200, 0..=10_000_000);
        let addresses = section.take("address_changes_per_cycle");
        let addresses = self.number(addresses, 50, 0..=10_000_000);
        let protected = self.protected(&mut section);
        let approval_valid = self.limited(
            &mut section,
            "approval_valid",
            Duration::from_secs(60)..=Duration::from_secs(31 * 86_400),
        );
        let guard = GuardRules {
            first_cycle: first_cycle?,
            removals_per_cycle: per_cycle?,
            removals_per_day: per_day?,
            removals_per_group: per_group?,
            creates_per_cycle: creates?,
            address_changes_per_cycle: addresses?,
            protected: protected?,
        };
        Some((guard, approval_valid?))
    }

    /// Reads a limit; what is not given is as `absent`.
    fn limit(&mut self, guard: &mut Section, key: &str, absent: Limit) -> Option<Limit> {
        let mut limit = self.section(guard, key, &["count", "percent"]);
        let count = limit.take("count");
        let count = self.number(count, absent.count, 0..=1_000_000);
        let percent = limit.take("percent");
        let percent = self.number(percent, absent.percent, 0..=100);
        Some(Limit { count: count?, percent: percent? })
    }

    fn protected(&mut self, guard: &mut Section) -> Option<Vec<String>> {
        let Some(node) = guard.take("protected") else {
            return Some(Vec::new());
        };
        let entries = self.list(node)?;
        let count = entries.len();
        let mut addresses = Vec::new();
        for entry in entries {
            let Some(text) = self.text(&entry) else {
                continue;
            };
            if is_address(&text) {
                addresses.push(address_key(&text));
            } else {
                let message =
                    "expected a mail address: an account that is not found is not protected";
                self.wrong(&entry, message, None);
            }
        }
        let complete = addresses.len() == count;
        addresses.sort();
        addresses.dedup();
        complete.then_some(addresses)
    }
}
