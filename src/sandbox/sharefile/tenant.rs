//! The state of the tenant, and the rules that hold whoever asks.

use std::collections::VecDeque;

use serde_json::Value;
use uuid::Uuid;

use super::SharefileOptions;
use super::book::{Book, address_key};
use super::devices::Device;
use super::domains::DomainList;
use super::groups::Group;
use super::limit::Window;
use super::policies::Policy;
use super::record::{Account, AccountKind, AccountView, Mail, NewAccount, roles_of};
use super::reports::Report;
use super::roles::RoleSet;
use super::switches::Switches;
use super::tables;
use super::token::Tokens;
use super::values::Values;
use super::zones::Zone;
use crate::model::ids::Timestamp;

/// How many mails the outbox holds before it drops the oldest.
const MAILS_KEPT: usize = 10_000;

/// How many events the activity log holds before it drops the oldest.
const EVENTS_KEPT: usize = 10_000;

/// How many reports are kept before the oldest is dropped.
const REPORTS_KEPT: usize = 200;

/// The space in which ids are derived from seed and number.
const ID_SPACE: Uuid = Uuid::from_u128(0x5f0c_9d1e_7b3a_4c52_8a6d_2e91_47b0_c3f8);

/// Something that reports tell of, by a name of `ReportActivityTypes`.
pub(super) struct Event {
    pub at: Timestamp,
    pub kind: &'static str,
    pub account_id: Uuid,
}

/// The tenant.
pub(super) struct Tenant {
    pub options: SharefileOptions,
    pub switches: Switches,
    pub account_id: Uuid,
    pub created: Timestamp,
    pub service_id: Uuid,
    pub master_admin_id: Uuid,
    pub billing_contact_id: Uuid,
    /// The id of the Super User Group (section 4).
    pub super_group_id: String,
    pub book: Book,
    pub groups: Vec<Group>,
    pub zones: Vec<Zone>,
    pub policies: Vec<Policy>,
    pub devices: Vec<Device>,
    pub reports: VecDeque<Report>,
    /// The entity `AccountPreferences`.
    pub preferences: Values,
    /// The entity `SSOAccountProvider`.
    pub single_sign_on: Values,
    pub login_domains: DomainList,
    pub folder_domains: DomainList,
    pub tokens: Tokens,
    pub window: Window,
    pub mails: VecDeque<Mail>,
    pub events: VecDeque<Event>,
    last_number: u64,
}

impl Tenant {
    /// Founds a tenant with its owner, billing contact, a super user and the service user.
    pub(super) fn found(options: SharefileOptions, now: Timestamp) -> Self {
        let mut tenant = Self {
            switches: options.switches.clone(),
            account_id: Uuid::nil(),
            created: now,
            service_id: Uuid::nil(),
            master_admin_id: Uuid::nil(),
            billing_contact_id: Uuid::nil(),
            super_group_id: String::new(),
            book: Book::default(),
            groups: Vec::new(),
            zones: Vec::new(),
            policies: Vec::new(),
            devices: Vec::new(),
            reports: VecDeque::new(),
            preferences: Values::new(tables::ACCOUNT),
            single_sign_on: Values::new(tables::SINGLE_SIGN_ON),
            login_domains: DomainList::default(),
            folder_domains: DomainList::default(),
            tokens: Tokens::default(),
            window: Window::default(),
            mails: VecDeque::new(),
            events: VecDeque::new(),
            last_number: 0,
            options,
        };
        tenant.account_id = tenant.next_id();
        tenant.super_group_id = tenant.next_group_id();
        tenant.take_options();
        tenant.seat_the_first_four(now);
        let zone_id = tenant.next_prefixed_id("zp");
        tenant.zones.push(Zone::managed(zone_id, "ShareFile-Managed Storage Zone"));
        tenant
    }

    /// Puts the options into the preferences, which are where they live from then on.
    fn take_options(&mut self) {
        let options = &self.options;
        let pairs: [(&str, Value); 7] = [
            ("UseStrictEmployeeDefinition", options.strict_employee_definition.into()),
            ("EmployeeEmailDomains", options.employee_domains.join(",").into()),
            ("RequireCompanyNameWithUserInfo", options.require_company.into()),
            ("EnableTwoFactorAuth", options.two_factor.into()),
            ("EnableSSO", options.single_sign_on.into()),
            ("ForceSSO", options.force_single_sign_on.into()),
            ("OAuth2RefreshTokenLifetimeMinutes", options.refresh_lifetime_mins.into()),
        ];
        for (name, value) in pairs {
            self.preferences.set(name, value);
        }
        let (active, forced) = (options.single_sign_on, options.force_single_sign_on);
        self.single_sign_on.set("IsActive", active);
        self.single_sign_on.set("IsDefault", active);
        self.single_sign_on.set("ForceSSO", forced);
        if active {
            let identity = format!("https://login.{}/saml/info", options.mail_domain);
            self.single_sign_on.set("EntityID", identity);
        }
    }

    fn seat_the_first_four(&mut self, now: Timestamp) {
        let domain = self.options.mail_domain.clone();
        let owner = ["MasterAdmin", "AdminManageEmployees", "CanManageUsers", "AdminBilling"];
        let owner = self.staff(&format!("owner@{domain}"), "Olivia", "Owner", &owner);
        self.master_admin_id = self.add(owner, now);
        let billing = self.staff(&format!("billing@{domain}"), "Bill", "Payer", &["AdminBilling"]);
        self.billing_contact_id = self.add(billing, now);
        let power = self.staff(&format!("super@{domain}"), "Sue", "Power", &["SuperUser"]);
        let super_user = self.add(power, now);
        self.groups.push(Group {
            id: self.super_group_id.clone(),
            name: "Super User Group".to_owned(),
            owner_id: self.master_admin_id,
            shared: true,
            members: vec![super_user],
        });
        let roles =
            ["CanChangePassword", "CanManageMySettings", "AdminManageEmployees", "CanManageUsers"];
        let address = self.options.admin_user.clone();
        let service = self.staff(&address, "ShareFile", "Provisioner", &roles);
        self.service_id = self.add(service, now);
        let password = self.options.admin_password.clone();
        let two_factor = self.options.two_factor;
        if let Some(service) = self.book.get_mut(self.service_id) {
            let more = service.more_mut();
            if two_factor {
                // Scripts cannot answer the second step: theirs is an application-specific one.
                more.app_passwords.push(password);
            } else {
                more.password = Some(password);
            }
            // Unlike anybody else's, so that copying the creator's settings shows.
            more.preferences.set("TimeZone", "W. Europe Standard Time");
            more.preferences.set("NotificationInterval", 60);
        }
    }

    fn staff(&self, email: &str, first: &str, last: &str, roles: &[&str]) -> NewAccount {
        NewAccount {
            email: email.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            company: self.options.company_name.clone(),
            kind: AccountKind::Employee,
            disabled: false,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            confirmed: true,
        }
    }

    /// Returns an id that no object of this tenant has had.
    pub(super) fn next_id(&mut self) -> Uuid {
        self.last_number += 1;
        let name = format!("{}:{}", self.options.seed, self.last_number);
        Uuid::new_v5(&ID_SPACE, name.as_bytes())
    }

    /// Returns an id for a group: shaped like a GUID, with a `g` in front (section 2.2).
    pub(super) fn next_group_id(&mut self) -> String {
        self.next_prefixed_id("g")
    }

    /// Returns an id that begins with a prefix.
    pub(super) fn next_prefixed_id(&mut self, prefix: &str) -> String {
        let id = self.next_id().to_string();
        format!("{prefix}{}", id.get(prefix.len()..).unwrap_or_default())
    }

    /// Puts an account in without asking about rights or licences, and returns its id: that of the
    /// account that has the address already, if there is one.
    pub(super) fn add(&mut self, new: NewAccount, now: Timestamp) -> Uuid {
        if let Some(holder) = self.book.holder_of(&new.email) {
            return holder.id;
        }
        let id = self.next_id();
        let mut account = Account::new(id, new.kind, &new.email, now);
        account.roles = roles_of(new.kind, RoleSet::known(&new.roles));
        account.first_name = new.first_name.into();
        account.last_name = new.last_name.into();
        account.company = self.book.company(&new.company);
        account.disabled = new.disabled;
        account.confirmed = new.confirmed;
        account.last_login = new.confirmed.then_some(now);
        self.book.insert(account);
        id
    }

    /// Returns the account of an id, a deleted one too.
    pub(super) fn by_id(&self, id: &str) -> Option<&Account> {
        self.book.get(parse_id(id)?)
    }

    /// Returns the account of an id unless it is deleted.
    pub(super) fn living(&self, id: &str) -> Option<&Account> {
        self.by_id(id).filter(|account| !account.deleted)
    }

    /// Returns the positions of the accounts of a type in the order of their creation, without
    /// deleted ones.
    pub(super) fn listed(&self, kind: AccountKind) -> Vec<u32> {
        let soft = self.switches.soft_deleted_listed;
        self.positions(|account| account.kind == kind && (soft || !account.soft_deleted))
    }

    /// Returns the positions of the living accounts that fit.
    pub(super) fn positions(&self, fits: impl Fn(&Account) -> bool) -> Vec<u32> {
        let accounts = (0_u32..).zip(self.book.all());
        let fitting = accounts.filter(|(_, account)| !account.deleted && fits(account));
        fitting.map(|(position, _)| position).collect()
    }

    /// Removes an account for good. What it owned goes to the heirs: files, and groups; groups
    /// without an heir are deleted with it (section 3.7).
    pub(super) fn remove(&mut self, id: Uuid, files_to: Option<Uuid>, groups_to: Option<Uuid>) {
        if !self.book.remove(id) {
            return;
        }
        self.hand_over(id, files_to, groups_to);
        for group in &mut self.groups {
            group.members.retain(|member| *member != id);
        }
        self.devices.retain(|device| device.user_id != id);
        self.tokens.revoke_of(id);
    }

    /// Gives what an account owns to its heirs.
    pub(super) fn hand_over(&mut self, id: Uuid, files_to: Option<Uuid>, groups_to: Option<Uuid>) {
        let files = self.book.get(id).map_or(0, |account| account.more().files);
        if files > 0 {
            if let Some(account) = self.book.get_mut(id) {
                account.more_mut().files = 0;
            }
            if let Some(heir) = files_to.and_then(|heir| self.book.get_mut(heir)) {
                let owned = heir.more().files;
                heir.more_mut().files = owned.saturating_add(files);
            }
        }
        match groups_to {
            Some(heir) => {
                for group in self.groups.iter_mut().filter(|group| group.owner_id == id) {
                    group.owner_id = heir;
                }
            }
            None => {
                let super_group_id = &self.super_group_id;
                self.groups.retain(|group| group.owner_id != id || group.id == *super_group_id);
            }
        }
    }

    /// Returns the domains that are reserved for employees.
    pub(super) fn employee_domains(&self) -> Vec<String> {
        let domains = self.preferences.text("EmployeeEmailDomains");
        let domains = domains.split([',', ';']).map(str::trim).filter(|domain| !domain.is_empty());
        domains.map(str::to_owned).collect()
    }

    /// Returns whether an address lies in one of the domains reserved for employees.
    pub(super) fn employees_only(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).trim();
        self.preferences.flag("UseStrictEmployeeDefinition")
            && self.employee_domains().iter().any(|own| own.eq_ignore_ascii_case(domain))
    }

    /// Returns whether disabling or deleting the account is refused.
    pub(super) fn is_owner(&self, id: Uuid) -> bool {
        self.master_admin_id == id || self.billing_contact_id == id
    }

    /// Returns the group of an id.
    pub(super) fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id.eq_ignore_ascii_case(id))
    }

    /// Returns the group of an id, to change it.
    pub(super) fn group_mut(&mut self, id: &str) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.id.eq_ignore_ascii_case(id))
    }

    /// Puts a mail into the outbox.
    pub(super) fn send(&mut self, mail: Mail) {
        push_bounded(&mut self.mails, mail, MAILS_KEPT);
    }

    /// Notes an event for the reports.
    pub(super) fn note(&mut self, at: Timestamp, kind: &'static str, account_id: Uuid) {
        push_bounded(&mut self.events, Event { at, kind, account_id }, EVENTS_KEPT);
    }

    /// Keeps a report.
    pub(super) fn keep_report(&mut self, report: Report) {
        push_bounded(&mut self.reports, report, REPORTS_KEPT);
    }

    /// Returns an account as the control API shows it.
    pub(super) fn view(&self, account: &Account) -> AccountView {
        let super_group = self.group(&self.super_group_id);
        AccountView {
            id: account.id.to_string(),
            email: account.email.to_string(),
            other_addresses: account.more().other_addresses.clone(),
            first_name: account.first_name.to_string(),
            last_name: account.last_name.to_string(),
            company: account.company.to_string(),
            kind: account.kind,
            disabled: account.disabled,
            deleted: account.deleted,
            confirmed: account.confirmed,
            roles: account.roles.names().map(str::to_owned).collect(),
            service_user: account.id == self.service_id,
            master_admin: account.id == self.master_admin_id,
            billing_contact: account.id == self.billing_contact_id,
            super_user: super_group.is_some_and(|group| group.members.contains(&account.id)),
            storage_quota_gb: account.storage_quota_gb,
            bandwidth: account.more().bandwidth,
            zone: self.zone_of(account),
            can_reset_password: account.more().preferences.flag("CanResetPassword"),
            can_view_my_settings: account.more().preferences.flag("CanViewMySettings"),
            policies: self.policies_of(account),
            files: account.more().files,
            created: account.created,
        }
    }

    fn zone_of(&self, account: &Account) -> Option<String> {
        let id = account.more().default_zone.as_deref()?;
        let zone = self.zones.iter().find(|zone| zone.id.eq_ignore_ascii_case(id))?;
        Some(zone.name.clone())
    }

    fn policies_of(&self, account: &Account) -> Vec<String> {
        let active = account.more().policies.iter().filter(|assigned| assigned.active);
        let policy = |id| self.policies.iter().find(|policy| policy.id == id);
        active.filter_map(|one| Some(policy(one.policy_id)?.name.clone())).collect()
    }

    /// Returns all accounts, deleted ones too, sorted by address and then by id.
    pub(super) fn views(&self) -> Vec<AccountView> {
        let mut views: Vec<_> = self.book.all().iter().map(|account| self.view(account)).collect();
        views.sort_by_cached_key(|view| (address_key(&view.email), view.id.clone()));
        views
    }
}

fn push_bounded<T>(kept: &mut VecDeque<T>, item: T, most: usize) {
    if kept.len() >= most {
        kept.pop_front();
    }
    kept.push_back(item);
}

/// Reads the id of an account: a GUID with hyphens, in any case (section 2.2).
pub(super) fn parse_id(id: &str) -> Option<Uuid> {
    (id.len() == 36).then(|| Uuid::try_parse(id).ok()).flatten()
}
