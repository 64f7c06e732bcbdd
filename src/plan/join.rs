//! Join: a person in scope who has no account yet, to an account that is taken over or created.

use std::borrow::Cow;

use crate::model::account::{
    AccountKind, Detail, Link, LinkState, Origin, TargetAttribute, address_key,
};
use crate::model::plan::{HoldKind, ObjectKind, ProvisioningAction, Reason, Write};
use crate::model::row::AttributeRow;

use super::change::{
    Parts, describe, differences, full_name, keep, label_of, modified, naming, promoted_property,
    shadow_of,
};
use super::decision::Decision;
use super::diff::Differ;
use super::fit::Takes;
use super::input::{KnownAccount, Lookup};
use super::map::values::{FREE, Unmapped};
use super::matching::Match;
use super::named::{beside, sent_to_client};
use super::person::Person;
use super::scope::Entitlement;
use super::unique::Chosen;

impl Differ<'_> {
    /// A person in scope without a live account: matched and adopted, or created.
    pub(super) fn unlinked(
        &self,
        user: &Person<'_>,
        entitlement: &Entitlement,
        gone: Option<&Link>,
        out: &mut Decision,
    ) {
        let kind = self.kind_of(user, entitlement);
        let takes = self.takes(*kind.as_ref().unwrap_or(&AccountKind::Employee));
        let created = self.mapper.for_create(user, (takes, FREE));
        let label = match &created {
            Ok(row) => label_of(row, user.anchor),
            Err(_) => self.name_of(user),
        };
        let kind = match kind {
            Ok(kind) => kind,
            Err(untyped) => return out.hold_untyped(user.anchor, &label, &untyped),
        };
        match self.matcher.find(user, &mut out.listed) {
            Match::Unknown(addresses) => out.addresses = addresses,
            Match::Unlisted => out.lists = true,
            Match::Missing { rule, sources } => {
                out.hold_matchless(user.anchor, &label, &rule, &sources);
            }
            Match::Failed { address, why } => {
                out.hold_unanswered(user.anchor, &label, &address, why);
            }
            Match::Undecided { rule, why } => out.hold_unmatched(user.anchor, &label, &rule, &why),
            Match::Matched { known, rule, ask } => {
                out.wants = Some(known.account.id.clone());
                if ask {
                    let found = describe(known);
                    out.ask = Some(format!("`{rule}` matches {found}, which would be taken over"));
                }
                self.adopt(user, known, rule, kind, &label, out);
            }
            Match::Ambiguous { rule, candidates } => {
                let names: Vec<String> = candidates.iter().map(|known| describe(known)).collect();
                let detail = format!("`{rule}` matches {}", names.join(" and "));
                out.hold(HoldKind::Ambiguous, user.anchor, &label, detail);
            }
            found @ (Match::Unmatched | Match::Others { .. }) => {
                if let Some(values) = self.values_of_new(user, (created, takes), &label, out) {
                    self.create(user, (values, kind), &found, gone, out);
                }
            }
        }
    }

    /// Returns the values of a new account, given what the mappings say if nothing is taken;
    /// otherwise it was noted what stands in the way.
    fn values_of_new(
        &self,
        user: &Person<'_>,
        (created, takes): (Result<AttributeRow, Unmapped<'_>>, Takes),
        label: &str,
        out: &mut Decision,
    ) -> Option<AttributeRow> {
        out.listed |= self.unique.needs_lists();
        let chosen = match created {
            _ if self.unique.is_used() => self.unique.choose(&self.mapper, user, takes),
            Ok(values) => Chosen::Values(values),
            Err(unmapped) => Chosen::Unmapped(unmapped),
        };
        match chosen {
            Chosen::Values(values) => return Some(values),
            Chosen::Unmapped(unmapped) => self.unmapped(user.anchor, label, &unmapped, out),
            Chosen::NoneLeft(why) => out.hold(HoldKind::SharedAccount, user.anchor, label, why),
            Chosen::Asks { addresses, lists } => {
                out.addresses = addresses;
                out.lists = lists;
            }
            Chosen::Failed { address, why } => {
                out.hold_unanswered(user.anchor, label, &address, &why);
            }
        }
        None
    }

    /// No account is taken over: one is created, unless somebody has the address.
    fn create(
        &self,
        user: &Person<'_>,
        (values, kind): (AttributeRow, AccountKind),
        matched: &Match<'_>,
        gone: Option<&Link>,
        out: &mut Decision,
    ) {
        let address = values.get(TargetAttribute::Email.index()).unwrap_or("");
        match self.input.target.by_address(address) {
            Lookup::Absent => {}
            Lookup::Unknown => {
                out.addresses.insert(address_key(address));
                return;
            }
            Lookup::Failed(why) => {
                return out.hold_unanswered(user.anchor, address, address, why);
            }
            Lookup::Found(found) => {
                let names: Vec<String> = found.iter().map(|known| describe(known)).collect();
                let why = match matched {
                    Match::Others { rule, .. } => format!("`{rule}` takes over no account"),
                    _ => "no matching rule finds an account".to_owned(),
                };
                let detail = format!("{why}, but the address belongs to {}", names.join(" and "));
                return out.hold(HoldKind::SharedAccount, user.anchor, address, detail);
            }
        }
        if let Some(why) = self.protection.of_address(address) {
            let detail = format!("no account is created for {address}: {why}");
            return out.hold(HoldKind::Protected, user.anchor, address, detail);
        }
        if kind == AccountKind::Client && self.employees_only(address) {
            return out.hold_domain(user.anchor, address, address);
        }
        let mut reasons = vec![Reason::NoAccount];
        if gone.is_some() {
            reasons.insert(0, Reason::AccountGone);
        }
        let all: Vec<_> = TargetAttribute::ALL
            .into_iter()
            .filter_map(|target| Some((target, Some(values.get(target.index())?.to_owned()))))
            .collect();
        let Some(ids) = self.ids(user.anchor, address, &all, out) else { return };
        let change = self.change(Parts {
            object: ObjectKind::User,
            anchor: user.anchor,
            label: label_of(&values, user.anchor),
            target_id: None,
            action: ProvisioningAction::Create,
            reasons,
            modified: modified(&AttributeRow::default(), &all, |target| {
                self.input.rules.hides(target)
            }),
            write: Write::Create { kind, values: values.clone() },
            link: keep(None, Origin::Created, LinkState::Active, values),
            before: None,
        });
        out.change = Some(naming(change, ids));
    }

    /// An account matched: it is adopted if nothing speaks against it.
    fn adopt(
        &self,
        user: &Person<'_>,
        known: &KnownAccount,
        rule: String,
        kind: AccountKind,
        label: &str,
        out: &mut Decision,
    ) {
        let account = &known.account;
        if let Some(other) = known.linked_to.filter(|other| *other != user.anchor) {
            let what = format!("`{rule}` matches {}", describe(known));
            if !known.owner_left {
                let detail = format!("{what}, which is the account of {other}");
                return out.hold(HoldKind::SharedAccount, user.anchor, label, detail);
            }
            let who = format!(
                "{} ({other}), who left",
                full_name(known, |target| self.input.rules.hides(target))
            );
            return out.hold_namesake(user.anchor, label, &what, &who, &self.name_of(user));
        }
        if let Some(other) = known.before.iter().find(|other| **other != user.anchor) {
            let what = format!("`{rule}` matches {}", describe(known));
            let who = format!(
                "{} ({other}) once",
                full_name(known, |target| self.input.rules.hides(target))
            );
            return out.hold_namesake(user.anchor, label, &what, &who, &self.name_of(user));
        }
        match account.detail {
            Detail::Full => {}
            Detail::Listed => {
                if let Some(why) = self.input.target.unreadable(&account.id) {
                    return out.hold_unread(user.anchor, label, &account.id, why);
                }
                out.target_ids.insert(account.id.clone());
                return;
            }
            Detail::Reduced => {
                let detail = format!("{} shows only a reduced record", describe(known));
                return out.hold(HoldKind::NotReadable, user.anchor, label, detail);
            }
        }
        if let Some(why) = self.protection.of_account(account) {
            let detail = format!("{} is not adopted: {why}", describe(known));
            return out.hold(HoldKind::Protected, user.anchor, label, detail);
        }
        let promote = kind == AccountKind::Employee && account.kind == AccountKind::Client;
        if account.kind != kind && !promote {
            return out.hold_type(user.anchor, label, &account.id, account.kind, kind);
        }
        let has = match promote {
            true => Cow::Owned(sent_to_client(&account.values)),
            false => Cow::Borrowed(&account.values),
        };
        let sent = match self.mapper.for_update(user, &has, self.takes(kind)) {
            Ok(sent) => sent,
            Err(unmapped) => return self.unmapped(user.anchor, label, &unmapped, out),
        };
        if account.disabled {
            out.hold_disabled(user.anchor, label, &account.id);
        }
        let set = differences(&has, &sent);
        let (had, set) = beside(&has, set, (Some(account), promote));
        let client = kind == AccountKind::Client;
        self.contest(user.anchor, &account.id, label, (&set, client), out);
        let Some(ids) = self.ids(user.anchor, label, &set, out) else { return };
        if !out.addresses.is_empty() {
            return;
        }
        let mut reasons = vec![Reason::Matched { rule: rule.clone() }];
        if promote {
            reasons.push(Reason::BecomesEmployee);
        }
        if !set.is_empty() {
            reasons.push(Reason::ValuesDiffer);
        }
        let nothing = set.is_empty() && !promote;
        let mut modified = modified(&had, &set, |target| self.input.rules.hides(target));
        modified.extend(promote.then(promoted_property));
        let change = self.change(Parts {
            object: ObjectKind::User,
            anchor: user.anchor,
            label: label_of(&sent, user.anchor),
            target_id: Some(account.id.clone()),
            action: if nothing { ProvisioningAction::Other } else { ProvisioningAction::Update },
            reasons,
            modified,
            write: if nothing {
                Write::Nothing
            } else {
                Write::Update { target_id: account.id.clone(), values: set, enable: false, promote }
            },
            link: keep(
                Some(account.id.clone()),
                Origin::Adopted { rule },
                LinkState::Active,
                sent.into_owned(),
            ),
            before: Some(shadow_of(account, has.into_owned())),
        });
        out.change = Some(naming(change, ids));
    }

    pub(super) fn name_of(&self, user: &Person<'_>) -> String {
        ["userPrincipalName", "mail", "displayName"]
            .into_iter()
            .filter_map(|name| user.attributes.get(self.input.rules.source_index(name)?))
            .find(|value| !value.trim().is_empty())
            .map_or_else(|| user.anchor.to_string(), str::to_owned)
    }
}
