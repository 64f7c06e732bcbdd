//! What planning decided for one person, and the holds that one person can meet.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_128;

use crate::model::account::{AccountKind, TargetAttribute};
use crate::model::ids::{ContentHash, SourceAnchor, TargetId, Timestamp};
use crate::model::plan::{Drift, HeldItem, HoldKind, LeaveEvent, PlannedChange};

use super::map::values::Unmapped;
use super::rules::Mapping;
use super::scope::Untyped;

/// What planning decided for one person.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The change, if there is one.
    pub change: Option<PlannedChange>,
    /// What remains to be noted if the change is withheld: the account of before is gone, or the
    /// person is back.
    pub otherwise: Option<PlannedChange>,
    /// Of a linked person who is out of scope, the events that the source did not show before.
    pub news: Vec<LeaveEvent>,
    /// What others changed of the account, and stays.
    pub drift: Vec<Drift>,
    /// What is withheld.
    pub held: Vec<(HoldKind, HeldItem)>,
    /// The person is in scope.
    pub in_scope: bool,
    /// The person has nothing but Default Access.
    pub default_access_only: bool,
    /// The job is tried on others only.
    pub left_out: bool,
    /// The person is to be left alone, as an expression or a filter says.
    pub let_alone: bool,
    /// The person could not be read.
    pub unread: bool,
    /// What an interrupted write made of the account is not known.
    pub unsettled: bool,
    /// When a filter says something else, though nothing changes but the time.
    pub look_again: Option<Timestamp>,
    /// Addresses to look up before anything can be decided.
    pub addresses: BTreeSet<String>,
    /// The lists of accounts have to be read before anything can be decided.
    pub lists: bool,
    /// The lists were looked through for this person, for whom nothing less would do.
    pub listed: bool,
    /// Accounts to read before anything can be decided.
    pub target_ids: BTreeSet<TargetId>,
    /// Attributes of which it has to be known what they can name.
    pub names: BTreeSet<TargetAttribute>,
    /// The tenant has to be known.
    pub tenant: bool,
    /// The account that a matching rule found.
    pub wants: Option<TargetId>,
    /// A person is to be asked before the change is made, and what to say then.
    pub ask: Option<String>,
    /// The change needs an address that is not known to be free.
    pub contested: Option<Contested>,
}

/// An address that a change needs and that is not known to be free.
#[derive(Clone, Debug)]
pub struct Contested {
    /// The account that has it; `None` if nobody could tell who has it.
    pub holder: Option<TargetId>,
    /// The cause to wait for, unless the holder gives the address up in the same plan.
    pub kind: HoldKind,
    /// What to say then.
    pub hold: HeldItem,
}

impl Decision {
    /// Nothing can be decided before an interrupted write was looked up.
    pub fn of_unsettled() -> Self {
        Self { unsettled: true, ..Self::default() }
    }

    /// Returns whether something has to be known before anything can be decided.
    pub fn asks(&self) -> bool {
        let of_accounts = !self.addresses.is_empty() || !self.target_ids.is_empty();
        of_accounts || self.lists || !self.names.is_empty() || self.tenant
    }

    /// Returns whether the person is left as they are, groups included.
    pub fn rests(&self) -> bool {
        self.unread || self.left_out || self.let_alone || self.unsettled
    }

    pub fn hold(&mut self, kind: HoldKind, anchor: SourceAnchor, label: &str, detail: String) {
        self.held.push((kind, held(kind, anchor, label, detail)));
    }

    /// Notes that the new address of an account belongs to another one.
    pub fn contest(&mut self, anchor: SourceAnchor, label: &str, holder: TargetId, detail: String) {
        let kind = HoldKind::SharedAccount;
        let hold = held(kind, anchor, label, detail);
        self.contested = Some(Contested { holder: Some(holder), kind, hold });
    }

    /// Notes that the account may not have the address, whoever has it now.
    pub fn contest_domain(&mut self, anchor: SourceAnchor, label: &str, address: &str) {
        let kind = HoldKind::EmployeeDomain;
        let hold = held(kind, anchor, label, clients_barred(address));
        self.contested = Some(Contested { holder: None, kind, hold });
    }

    pub fn hold_domain(&mut self, anchor: SourceAnchor, label: &str, address: &str) {
        self.hold(HoldKind::EmployeeDomain, anchor, label, clients_barred(address));
    }

    /// Notes that nobody could tell whether the new address of an account is free.
    pub fn contest_unanswered(
        &mut self,
        anchor: SourceAnchor,
        label: &str,
        address: &str,
        why: &str,
    ) {
        let kind = HoldKind::NotReadable;
        let hold = held(kind, anchor, label, unanswered(address, why));
        self.contested = Some(Contested { holder: None, kind, hold });
    }

    /// Withholds what depends on the type of the account, which cannot be told.
    pub fn hold_untyped(&mut self, anchor: SourceAnchor, label: &str, untyped: &Untyped) {
        let kind = match untyped {
            Untyped::Roles(_) => HoldKind::ConflictingRoles,
            Untyped::Expression(_) => HoldKind::MappingFailed,
        };
        self.hold(kind, anchor, label, untyped.why());
    }

    pub fn hold_type(
        &mut self,
        anchor: SourceAnchor,
        label: &str,
        target_id: &TargetId,
        is: AccountKind,
        wanted: AccountKind,
    ) {
        let detail = format!("account {target_id} is {}, the rules say {}", a(is), a(wanted));
        self.hold(HoldKind::TypeChange, anchor, label, detail);
    }

    /// Withholds an account that is or was somebody else's: the two may be one person.
    pub fn hold_namesake(
        &mut self,
        anchor: SourceAnchor,
        label: &str,
        what: &str,
        owner: &str,
        newcomer: &str,
    ) {
        let detail = format!(
            "{what}, the account of {owner}; now {newcomer} ({anchor}) has the address: same \
             person, or namesake?"
        );
        self.hold(HoldKind::Namesake, anchor, label, detail);
    }

    pub fn hold_disabled(&mut self, anchor: SourceAnchor, label: &str, target_id: &TargetId) {
        let detail =
            format!("account {target_id} was disabled by somebody else and stays disabled");
        self.hold(HoldKind::DisabledElsewhere, anchor, label, detail);
    }

    /// Withholds what concerns an account that could not be read.
    pub fn hold_unread(
        &mut self,
        anchor: SourceAnchor,
        label: &str,
        target_id: &TargetId,
        why: &str,
    ) {
        let detail = format!("account {target_id} could not be read: {why}");
        self.hold(HoldKind::NotReadable, anchor, label, detail);
    }

    /// Withholds what depends on who has an address, which could not be looked up.
    pub fn hold_unanswered(&mut self, anchor: SourceAnchor, label: &str, address: &str, why: &str) {
        self.hold(HoldKind::NotReadable, anchor, label, unanswered(address, why));
    }

    /// Withholds everything of a person whose values cannot be told.
    pub fn hold_unmapped(&mut self, anchor: SourceAnchor, label: &str, unmapped: &Unmapped<'_>) {
        if !unmapped.missing.is_empty() {
            let names: Vec<String> = unmapped.missing.iter().map(|one| one.text()).collect();
            let detail = format!("no value for {}", names.join(", "));
            self.hold(HoldKind::MissingValues, anchor, label, detail);
        }
        if !unmapped.failed.is_empty() {
            let failures = unmapped.failed.iter();
            let failures: Vec<String> = failures
                .map(|(mapping, why)| format!("{}: {why}", mapping.target.name()))
                .collect();
            self.hold(HoldKind::MappingFailed, anchor, label, failures.join("; "));
        }
        if !unmapped.unfit.is_empty() {
            let unfit = unmapped.unfit.iter();
            let unfit: Vec<String> =
                unfit.map(|(mapping, why)| format!("{} {why}", mapping.target.name())).collect();
            self.hold(HoldKind::InvalidValue, anchor, label, unfit.join("; "));
        }
    }

    /// Withholds a person whom a required rule cannot match.
    pub fn hold_matchless(
        &mut self,
        anchor: SourceAnchor,
        label: &str,
        rule: &str,
        sources: &[String],
    ) {
        let detail =
            format!("`{rule}` is required, and there is no value for {}", sources.join(", "));
        self.hold(HoldKind::MissingValues, anchor, label, detail);
    }

    /// Withholds what depends on a matching rule that cannot be evaluated.
    pub fn hold_unmatched(&mut self, anchor: SourceAnchor, label: &str, rule: &str, why: &str) {
        self.hold(HoldKind::MappingFailed, anchor, label, format!("`{rule}`: {why}"));
    }

    /// Leaves an account as it is whose person no filter lets in any more, as the rules say.
    pub fn keep_as_it_is(&mut self, anchor: SourceAnchor, label: &str, why: String) {
        self.let_alone = true;
        self.hold(HoldKind::KeptAsIs, anchor, label, why);
    }

    /// Leaves a person alone of whom the filters cannot tell.
    pub fn cannot_tell(&mut self, anchor: SourceAnchor, label: &str, why: &str) {
        self.let_alone = true;
        self.hold(HoldKind::FilterUndecided, anchor, label, why.to_owned());
    }

    /// Leaves a person alone, groups included, as an expression says.
    pub fn leave_alone(&mut self, anchor: SourceAnchor, label: &str, mapping: &Mapping) {
        self.let_alone = true;
        let detail = format!("left alone by {}", mapping.text());
        self.hold(HoldKind::LeftAlone, anchor, label, detail);
    }
}

fn clients_barred(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
    format!("{address} cannot be the address of a client: people of {domain} must be employees")
}

fn unanswered(address: &str, why: &str) -> String {
    format!("who has the address {address} could not be looked up: {why}")
}

/// Returns the item of a hold for one object; the hash identifies it from plan to plan.
pub fn held(kind: HoldKind, anchor: SourceAnchor, label: &str, detail: String) -> HeldItem {
    let content = format!("{}\0{anchor}\0{detail}", kind.name());
    let hash = ContentHash(xxh3_128(content.as_bytes()));
    HeldItem { anchor, label: label.to_owned(), detail, hash, change: None }
}

fn a(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Employee => "an employee",
        AccountKind::Client => "a client",
    }
}
