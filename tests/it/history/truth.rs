//! What is true at both ends, and what should be, told without the planner: a small model that
//! reads the sandbox from outside and knows nothing of snapshots, shadows and deltas.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sharefile_provisioner::model::account::{Link, LinkState};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::Sandbox;
use sharefile_provisioner::sandbox::graph::views::PrincipalType;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, AccountView};
use uuid::Uuid;

use super::groups::{Groups, Hands, Reach};
use super::ways::Ways;

/// A person as Entra ID has them, reduced to what the job is about.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: Uuid,
    pub mail: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    /// Exists, may sign in, is assigned and is let in.
    pub inside: bool,
    /// The type of account that roles and user type ask for; `None` if they contradict each other.
    pub kind: Option<AccountKind>,
}

/// Both ends at one moment.
pub struct Truth {
    pub people: BTreeMap<Uuid, Person>,
    /// All accounts by id, removed ones too.
    pub accounts: BTreeMap<String, AccountView>,
    pub groups: Groups,
    protected: Vec<String>,
}

/// What people did to accounts by hand, as far as the job must respect it.
#[derive(Clone, Debug, Default)]
pub struct Hand {
    /// Accounts that somebody disabled.
    pub disabled: BTreeSet<String>,
    /// Accounts that somebody enabled after this job had disabled them.
    pub enabled: BTreeSet<String>,
    /// Values that somebody changed at accounts of this job: drift, which is not repaired yet.
    pub drifted: BTreeSet<(String, &'static str)>,
    /// Something at ShareFile changed by hand since everything was read last.
    pub unseen: bool,
    /// What people did to groups.
    pub groups: Hands,
    /// Groups of Entra ID whose group at ShareFile somebody deleted: the cycle that finds out ends
    /// the link, and a later one makes the group again.
    pub lost: BTreeSet<Uuid>,
    /// ShareFile normalised some of what was written, so that only words count.
    pub normalised: bool,
}

/// Why something is not as it should be.
pub type Complaints = Vec<String>;

/// What must be the case once everything has been read and nothing more can be done.
pub struct Verdict {
    /// Who must be held, and why.
    pub held: BTreeSet<(HoldKind, Uuid)>,
    /// What is wrong although nothing is held.
    pub wrong: Complaints,
    /// Who is held for one reason or another, or not at all: an account has their address as a
    /// further one, which no list shows, and for want of a name nobody tries to create another.
    pub unclear: BTreeSet<Uuid>,
}

impl Truth {
    /// Looks at both ends.
    pub fn of(sandbox: &Sandbox, ways: &Ways) -> Self {
        let mut rows: HashMap<Uuid, Vec<Option<String>>> = HashMap::new();
        for row in sandbox.entra.assignments() {
            let counts = !row.role.is_nil() || ways.default_access;
            if counts && row.principal_type != PrincipalType::ServicePrincipal {
                rows.entry(row.principal).or_default().push(row.role_value);
            }
        }
        let reach = Reach::of(sandbox, ways);
        let mut groups = Groups::of(sandbox, |group| rows.contains_key(&group));
        let mut people = BTreeMap::new();
        for view in sandbox.entra.people() {
            let through = reach.above(view.id);
            let held: Vec<&Option<String>> = std::iter::once(&view.id)
                .chain(&through)
                .filter_map(|principal| rows.get(principal))
                .flatten()
                .collect();
            let has = |role: &str| held.iter().any(|held| held.as_deref() == Some(role));
            let kind = match (has("Client"), ways.employee_role && has("Employee")) {
                (true, true) => None,
                (true, false) => Some(AccountKind::Client),
                (false, true) => Some(AccountKind::Employee),
                (false, false) if view.guest() => Some(AccountKind::Client),
                (false, false) => Some(AccountKind::Employee),
            };
            let text = |name: &str| {
                let text = view.text(name).map(str::trim).filter(|text| !text.is_empty())?;
                Some(text.to_owned())
            };
            let kept = |name: &str| {
                let text = text(name)?;
                let collapsed = || text.split_whitespace().collect::<Vec<_>>().join(" ");
                Some(if ways.sharefile.normalise_names { collapsed() } else { text })
            };
            let let_in = !ways.filtered || text("surname").is_some_and(|name| name != "Byron");
            let person = Person {
                id: view.id,
                mail: text("mail"),
                first_name: kept("givenName"),
                last_name: kept("surname"),
                company: kept("companyName"),
                inside: view.deleted.is_none() && view.enabled() && !held.is_empty() && let_in,
                kind,
            };
            for group in through.iter().filter(|_| person.inside) {
                if let Some(team) = groups.teams.get_mut(group) {
                    team.members.insert(view.id);
                }
            }
            people.insert(view.id, person);
        }
        let accounts = sandbox.sharefile.accounts();
        Self {
            people,
            accounts: accounts.into_iter().map(|account| (account.id.clone(), account)).collect(),
            groups,
            protected: ways.protected.clone(),
        }
    }

    /// Returns whether nobody but a person may touch an account.
    pub fn is_protected(&self, account: &AccountView) -> bool {
        let by_role = account
            .roles
            .iter()
            .any(|role| role.starts_with("Admin") || role == "MasterAdmin" || role == "SuperUser");
        let listed = addresses(account).any(|address| self.is_listed(&address));
        by_role
            || listed
            || account.service_user
            || account.master_admin
            || account.billing_contact
            || account.super_user
    }

    fn is_listed(&self, address: &str) -> bool {
        self.protected.iter().any(|listed| listed.eq_ignore_ascii_case(address))
    }

    /// Returns the account that has an address, as primary one or besides.
    pub fn holder(&self, address: &str) -> Option<&AccountView> {
        let wanted = address.to_lowercase();
        let mut living = self.accounts.values().filter(|account| !account.deleted);
        living.find(|account| addresses(account).any(|address| address == wanted))
    }

    /// Returns whether a person is inside.
    pub fn inside(&self, person: Uuid) -> Option<&Person> {
        self.people.get(&person).filter(|person| person.inside)
    }

    /// Returns how the account of somebody who is inside differs from what it should be.
    pub fn differences(
        &self,
        person: &Person,
        account: &AccountView,
        ways: &Ways,
        hand: &Hand,
    ) -> Complaints {
        let mail = person.mail.as_deref();
        let taken = mail.and_then(|mail| self.holder(mail)).is_some_and(|one| one.id != account.id);
        let mut found = Complaints::new();
        let mut expect = |name: &'static str, is: &str, wanted: Option<&str>| {
            let drifted = hand.drifted.contains(&(account.id.clone(), name));
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some(wanted) = wanted
                && is != wanted
                && !drifted
                && !(hand.normalised && words(is) == words(wanted))
            {
                found.push(format!("{}: {name} is {is:?}, not {wanted:?}", account.email));
            }
        };
        let mail = mail.filter(|_| !taken).map(str::to_lowercase);
        expect("Email", &account.email.to_lowercase(), mail.as_deref());
        expect("FirstName", &account.first_name, person.first_name.as_deref());
        expect("LastName", &account.last_name, person.last_name.as_deref());
        if ways.company {
            expect("Company", &account.company, Some(person.company.as_deref().unwrap_or("")));
        }
        found
    }

    /// Returns what must be the case once everything has been read and nothing more can be done.
    pub fn verdict(&self, links: &[Link], ways: &Ways, hand: &Hand) -> Verdict {
        let mut held = BTreeSet::new();
        let mut wrong = Complaints::new();
        let account_of: BTreeMap<Uuid, &Link> =
            links.iter().map(|link| (link.anchor.0, link)).collect();
        let employees = self
            .accounts
            .values()
            .filter(|account| !account.deleted && account.kind == AccountKind::Employee);
        let full = employees.count() >= usize::try_from(ways.licences).unwrap_or(usize::MAX);
        let mut claims: BTreeMap<String, Vec<&Person>> = BTreeMap::new();
        for link in links {
            let judged = self.judge_linked(link, (ways, full), hand, &mut held, &mut wrong);
            if let Some((person, address)) = judged {
                claims.entry(format!("address {address}")).or_default().push(person);
            }
        }
        let owner_of: BTreeMap<&str, Uuid> =
            links.iter().map(|link| (link.target_id.as_str(), link.anchor.0)).collect();
        let newcomers = self
            .people
            .values()
            .filter(|person| person.inside && !account_of.contains_key(&person.id));
        let mut unclear = BTreeSet::new();
        for person in newcomers {
            if self.only_further_address(person) {
                unclear.insert(person.id);
            }
            match self.newcomer(person, &owner_of, &account_of) {
                Ok(claim) => claims.entry(claim).or_default().push(person),
                Err(kind) => {
                    held.insert((kind, person.id));
                }
            }
        }
        for (claim, people) in claims {
            let rivals = people.len() > 1;
            for person in people {
                let client = claim.strip_prefix("account ").and_then(|id| self.accounts.get(id));
                let creates = match client {
                    Some(account) => account.kind == AccountKind::Client,
                    None => !account_of.contains_key(&person.id),
                };
                if rivals {
                    held.insert((HoldKind::SharedAccount, person.id));
                } else if creates && full && person.kind == Some(AccountKind::Employee) {
                    held.insert((HoldKind::LicenseLimitExceeded, person.id));
                    if client.is_some_and(|account| account.disabled) {
                        held.insert((HoldKind::DisabledElsewhere, person.id));
                    }
                } else if !unclear.contains(&person.id) {
                    wrong.push(format!("{} ({claim}) has no account", person.id));
                }
            }
        }
        Verdict { held, wrong, unclear }
    }

    fn only_further_address(&self, person: &Person) -> bool {
        let nameless = person.first_name.is_none() || person.last_name.is_none();
        let Some(mail) = person.mail.as_deref().filter(|_| nameless) else { return false };
        let further = |holder: &AccountView| !holder.email.trim().eq_ignore_ascii_case(mail);
        self.holder(mail).is_some_and(further)
    }

    /// Returns who still waits for which address, although no account has it.
    fn judge_linked(
        &self,
        link: &Link,
        (ways, full): (&Ways, bool),
        hand: &Hand,
        held: &mut BTreeSet<(HoldKind, Uuid)>,
        wrong: &mut Complaints,
    ) -> Option<(&Person, String)> {
        let anchor = link.anchor.0;
        let Some(account) = self.accounts.get(link.target_id.as_str()) else {
            wrong.push(format!("the linked account {} never was", link.target_id));
            return None;
        };
        if account.deleted {
            wrong.push(format!("{anchor} is linked to {}, which is gone", account.email));
            return None;
        }
        let protected = self.is_protected(account);
        let Some(person) = self.inside(anchor) else {
            if protected && (link.state == LinkState::Active || !account.disabled) {
                held.insert((HoldKind::ProtectedRemoval, anchor));
            } else if !account.disabled && hand.enabled.contains(&account.id) {
                held.insert((HoldKind::EnabledElsewhere, anchor));
            } else if !account.disabled {
                wrong.push(format!("{} left, and is not disabled", account.email));
            }
            return None;
        };
        if protected {
            held.insert((HoldKind::Protected, anchor));
            return None;
        }
        match person.kind {
            None => held.insert((HoldKind::ConflictingRoles, anchor)),
            Some(kind) if kind == account.kind => false,
            Some(AccountKind::Employee) if full => {
                held.insert((HoldKind::LicenseLimitExceeded, anchor))
            }
            Some(AccountKind::Employee) => {
                wrong.push(format!("{} should be an employee", account.email));
                false
            }
            Some(AccountKind::Client) => held.insert((HoldKind::TypeChange, anchor)),
        };
        if account.disabled {
            if hand.disabled.contains(&account.id) {
                held.insert((HoldKind::DisabledElsewhere, anchor));
            } else {
                wrong.push(format!("{} is inside, and is disabled", account.email));
            }
        }
        let mail = person.mail.as_deref().map(str::to_lowercase);
        let holder = mail.as_deref().and_then(|mail| self.holder(mail));
        match (mail, holder) {
            (Some(_), Some(holder)) if holder.id != account.id => {
                held.insert((HoldKind::SharedAccount, anchor));
                wrong.extend(self.differences(person, account, ways, hand));
            }
            (Some(mail), None) => return Some((person, mail)),
            _ => wrong.extend(self.differences(person, account, ways, hand)),
        }
        None
    }

    /// Returns what somebody who has no account lays claim to, or why they cannot have it.
    fn newcomer(
        &self,
        person: &Person,
        owner_of: &BTreeMap<&str, Uuid>,
        links: &BTreeMap<Uuid, &Link>,
    ) -> Result<String, HoldKind> {
        let kind = person.kind.ok_or(HoldKind::ConflictingRoles)?;
        let mail = person.mail.as_deref().ok_or(HoldKind::MissingValues)?;
        if let Some(account) = self.holder(mail) {
            if let Some(owner) = owner_of.get(account.id.as_str()) {
                let left = links.get(owner).is_some_and(|link| link.state != LinkState::Active);
                return Err(if left { HoldKind::Namesake } else { HoldKind::SharedAccount });
            }
            if self.is_protected(account) {
                return Err(HoldKind::Protected);
            }
            // The reverse is a promotion.
            if (account.kind, kind) == (AccountKind::Employee, AccountKind::Client) {
                return Err(HoldKind::TypeChange);
            }
            return Ok(format!("account {}", account.id));
        }
        if person.first_name.is_none() || person.last_name.is_none() {
            return Err(HoldKind::MissingValues);
        }
        if self.is_listed(mail) {
            return Err(HoldKind::Protected);
        }
        Ok(format!("address {}", mail.to_lowercase()))
    }
}

/// Returns all addresses of an account, in lower case.
pub fn addresses(account: &AccountView) -> impl Iterator<Item = String> + '_ {
    let all = std::iter::once(&account.email).chain(&account.other_addresses);
    all.map(|address| address.trim().to_lowercase())
}
