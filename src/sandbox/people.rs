//! A company that could exist, made from a seed.
//!
//! Pure: the same seed, sizes and options give the same people, groups, assignments and accounts.
//! Names come from [`super::names`]; no two people share an address.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::graph::attributes::{Attributes, Name as Property};
use super::graph::dice::Dice;
use super::graph::views::{NewGroup, NewPerson};
use super::graph::{Tenant, TenantError};
use super::names::{CULTURES, Culture, DEPARTMENTS, Name, OFFICES, PARTNERS, TITLES, TOPICS};

/// The domain of the company's own addresses.
pub const DOMAIN: &str = "contoso.com";

/// What a company should be like.
#[derive(Clone, Debug)]
pub struct CompanyOptions {
    /// All of it follows from this.
    pub seed: u64,
    /// How many people.
    pub users: usize,
    /// How many groups.
    pub groups: usize,
    /// The initial domain of the tenant, for guests.
    pub tenant_domain: String,
    /// Whether some people have an account at the target already.
    pub existing_accounts: bool,
    /// How many of a hundred people have one that agrees with the directory.
    pub accounts_in_step: u8,
}

/// Which role an assignment gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The role without a value that everybody has.
    User,
    /// Marks clients.
    Client,
    /// Marks employees.
    Employee,
    /// No role at all.
    DefaultAccess,
}

impl Role {
    /// Returns the name by which the tenant finds it.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Client => "Client",
            Self::Employee => "Employee",
            Self::DefaultAccess => "default",
        }
    }
}

/// An account that the target has before anything is provisioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingAccount {
    /// The address, with the case that it has at the target.
    pub email: String,
    /// The given name.
    pub first_name: String,
    /// The family name.
    pub last_name: String,
    /// The company.
    pub company: String,
    /// A client, not an employee.
    pub client: bool,
    /// Cannot sign in.
    pub disabled: bool,
}

/// A company.
#[derive(Clone, Debug, Default)]
pub struct Company {
    /// Everybody, with ids.
    pub people: Vec<NewPerson>,
    /// Its groups, with ids.
    pub groups: Vec<NewGroup>,
    /// Who is in which group, as indexes: group, person.
    pub members: Vec<(usize, usize)>,
    /// Groups within groups, as indexes: outer, inner.
    pub nested: Vec<(usize, usize)>,
    /// Groups that are assigned, as indexes.
    pub group_assignments: Vec<(usize, Role)>,
    /// People who are assigned on their own, as indexes.
    pub person_assignments: Vec<(usize, Role)>,
    /// Applications that are assigned: their rows are application permissions.
    pub service_principals: Vec<&'static str>,
    /// Accounts that exist already.
    pub accounts: Vec<ExistingAccount>,
}

/// What the generator needs to know of a person it has made.
struct Sketch {
    guest: bool,
    department: usize,
}

/// Makes a company.
pub fn company(options: &CompanyOptions) -> Company {
    // Ids of the tenant itself come from the seed too; these must be others.
    let mut dice = Dice::new(options.seed.rotate_left(32) ^ 0x9e0b);
    let mut company = Company::default();
    let mut taken = HashMap::new();
    let mut sketches = Vec::with_capacity(options.users);
    for number in 0..options.users {
        let (person, sketch) = person(&mut dice, &mut taken, number, &options.tenant_domain);
        company.people.push(person);
        sketches.push(sketch);
    }
    managers(&mut company, &sketches);
    groups(&mut dice, &mut company, options.groups);
    memberships(&mut dice, &mut company, &sketches);
    assignments(&mut dice, &mut company, &sketches);
    if options.existing_accounts {
        accounts(&mut company);
    }
    if options.accounts_in_step > 0 {
        accounts_in_step(&mut company, options.accounts_in_step.into());
    }
    company
}

fn culture(dice: &mut Dice) -> Option<&'static Culture> {
    let total = CULTURES.iter().map(|culture| culture.weight).sum();
    let mut left = dice.below(total);
    for culture in CULTURES {
        match left.checked_sub(culture.weight) {
            Some(rest) => left = rest,
            None => return Some(culture),
        }
    }
    CULTURES.first()
}

fn person(
    dice: &mut Dice,
    taken: &mut HashMap<String, u32>,
    number: usize,
    tenant_domain: &str,
) -> (NewPerson, Sketch) {
    const NOBODY: Name = Name { written: "Alex", address: "alex" };
    let home = culture(dice);
    let given = home.and_then(|home| dice.pick(home.given));
    let family = home.and_then(|home| dice.pick(home.family));
    let (given, family) = (*given.unwrap_or(&NOBODY), *family.unwrap_or(&NOBODY));
    let guest = dice.chance(60);
    let names = addresses(dice, taken, (given, family), guest, number, tenant_domain);
    let department = dice.below(DEPARTMENTS.len());
    let mut list: Vec<(Property, Value)> = Vec::with_capacity(24);
    let mut put = |name: &'static str, value: Value| list.push((Cow::Borrowed(name), value));
    put("userPrincipalName", json!(names.upn));
    put("displayName", json!(display_name(home, given, family)));
    put("surname", json!(family.written));
    if !dice.chance(8) {
        put("givenName", json!(given.written));
    }
    if guest || !dice.chance(20) {
        put("mail", json!(names.mail));
    }
    put("mailNickname", json!(names.local));
    put("accountEnabled", json!(!dice.chance(40)));
    put("userType", json!(if guest { "Guest" } else { "Member" }));
    if guest {
        put("creationType", json!("Invitation"));
        put("externalUserState", json!("Accepted"));
        put("companyName", json!(names.company));
        put("otherMails", json!([names.mail]));
    } else {
        put("companyName", json!(names.company));
        put("employeeId", json!(format!("{:06}", number + 1)));
        work(dice, department, &mut put);
    }
    if let Some(home) = home {
        put("country", json!(home.country));
        put("usageLocation", json!(home.code));
        put("preferredLanguage", json!(home.language));
    }
    let attributes = Attributes::from_list(list);
    let person = NewPerson { id: Some(dice.uuid()), attributes, manager: None };
    (person, Sketch { guest, department })
}

/// How a person is reached and signs in.
struct Addresses {
    mail: String,
    local: String,
    upn: String,
    company: String,
}

fn addresses(
    dice: &mut Dice,
    taken: &mut HashMap<String, u32>,
    (given, family): (Name, Name),
    guest: bool,
    number: usize,
    tenant_domain: &str,
) -> Addresses {
    let partner = dice.pick(PARTNERS).copied().unwrap_or(DOMAIN);
    let domain = if guest { partner } else { DOMAIN };
    let mail = unique(taken, &format!("{}.{}", given.address, family.address), domain);
    let local = mail.split('@').next().unwrap_or_default().to_owned();
    let upn = if guest {
        format!("{}#EXT#@{tenant_domain}", mail.replace('@', "_"))
    } else if dice.chance(50) {
        // Some sign in with another name than their address.
        format!("u{:06}@{DOMAIN}", number + 1)
    } else {
        mail.clone()
    };
    let company = match guest {
        true => domain.split('.').next().unwrap_or(domain),
        false => "Contoso",
    };
    Addresses {
        mail: if dice.chance(80) { capitalised(&mail) } else { mail },
        local,
        upn,
        company: company.to_owned(),
    }
}

fn work(dice: &mut Dice, department: usize, put: &mut impl FnMut(&'static str, Value)) {
    put("department", json!(DEPARTMENTS.get(department)));
    put("jobTitle", json!(dice.pick(TITLES)));
    put("officeLocation", json!(dice.pick(OFFICES)));
    if dice.chance(700) {
        put("businessPhones", json!([format!("+41 44 555 {:04}", dice.below(10_000))]));
    }
    if dice.chance(500) {
        put("mobilePhone", json!(format!("+41 79 555 {:04}", dice.below(10_000))));
    }
    if dice.chance(300) {
        let centre = format!("CC-{:03}", dice.below(1000));
        put("onPremisesExtensionAttributes", json!({"extensionAttribute1": centre}));
    }
}

fn display_name(home: Option<&Culture>, given: Name, family: Name) -> String {
    let family_first = home.is_some_and(|home| ["CN", "JP", "KR", "HU", "VN"].contains(&home.code));
    let spaced = home.is_none_or(|home| !["CN", "JP", "KR"].contains(&home.code));
    match (family_first, spaced) {
        (true, true) => format!("{} {}", family.written, given.written),
        (true, false) => format!("{}{}", family.written, given.written),
        (false, _) => format!("{} {}", given.written, family.written),
    }
}

/// Returns an address that nobody has yet.
fn unique(taken: &mut HashMap<String, u32>, local: &str, domain: &str) -> String {
    let count = taken.entry(format!("{local}@{domain}")).or_insert(0);
    *count += 1;
    match *count {
        1 => format!("{local}@{domain}"),
        more => format!("{local}{more}@{domain}"),
    }
}

/// Returns `Ada.Lovelace@…` for `ada.lovelace@…`.
fn capitalised(mail: &str) -> String {
    let mut first = true;
    mail.chars()
        .map(|letter| {
            let upper = std::mem::replace(&mut first, matches!(letter, '.' | '-'));
            if upper { letter.to_ascii_uppercase() } else { letter }
        })
        .collect::<String>()
        .split_once('@')
        .map(|(local, domain)| format!("{local}@{}", domain.to_ascii_lowercase()))
        .unwrap_or_default()
}

/// The first employee of a department leads it, the first of all leads those, and guests have
/// nobody.
fn managers(company: &mut Company, sketches: &[Sketch]) {
    let mut heads: HashMap<usize, Option<Uuid>> = HashMap::new();
    let mut first = None;
    for (person, sketch) in company.people.iter_mut().zip(sketches) {
        if sketch.guest {
            continue;
        }
        person.manager = match heads.get(&sketch.department) {
            Some(head) => *head,
            None => {
                heads.insert(sketch.department, person.id);
                first
            }
        };
        first = first.or(person.id);
    }
}

fn groups(dice: &mut Dice, company: &mut Company, count: usize) {
    for number in 0..count {
        let subject = match DEPARTMENTS.get(number) {
            _ if number == 0 => "ShareFile Partners".to_owned(),
            Some(department) => format!("ShareFile {department}"),
            None => {
                let topic = dice.pick(TOPICS).copied().unwrap_or("Team");
                format!("{topic} {number:03}")
            }
        };
        let unified = number % 10 == 9;
        let mut group =
            NewGroup::named(&subject).with("description", format!("Access for {subject}"));
        if unified {
            group = group
                .with("groupTypes", json!(["Unified"]))
                .with("mailEnabled", true)
                .with("mail", format!("group{number}@{DOMAIN}"))
                .with("visibility", "Private");
        }
        group.id = Some(dice.uuid());
        company.groups.push(group);
    }
    if count > 3 {
        company.nested.push((1, count - 1));
    }
}

/// Guests are partners; everybody else is in the group of their department, and often in others.
fn memberships(dice: &mut Dice, company: &mut Company, sketches: &[Sketch]) {
    let count = company.groups.len();
    if count == 0 {
        return;
    }
    for (index, sketch) in sketches.iter().enumerate() {
        let mut of = Vec::new();
        match () {
            // One person is in every group but that of the partners, whose role is another.
            () if index == 0 => of.extend(1..count),
            () if sketch.guest => of.push(0),
            // Some are in no group: most of those are assigned on their own.
            () if dice.chance(80) => {}
            () => {
                of.push(1 + (sketch.department % count.saturating_sub(1).max(1)));
                while of.len() < 5 && dice.chance(500) {
                    of.push(1 + dice.below(count.saturating_sub(1).max(1)));
                }
            }
        }
        of.retain(|group| *group < count);
        if of.is_empty() && count == 1 && !sketch.guest && index % 12 != 0 {
            of.push(0);
        }
        of.sort_unstable();
        of.dedup();
        company.members.extend(of.into_iter().map(|group| (group, index)));
    }
}

fn assignments(dice: &mut Dice, company: &mut Company, sketches: &[Sketch]) {
    let count = company.groups.len();
    for group in 0..count {
        // One group in eight has nothing to do with the application.
        if group % 8 != 7 {
            let role = if group == 0 && count > 1 { Role::Client } else { Role::User };
            company.group_assignments.push((group, role));
        }
    }
    let mut grouped = vec![false; sketches.len()];
    for (_, person) in &company.members {
        if let Some(known) = grouped.get_mut(*person) {
            *known = true;
        }
    }
    for (index, sketch) in sketches.iter().enumerate() {
        let in_group = grouped.get(index).copied().unwrap_or(false);
        let role = match (in_group, sketch.guest) {
            (false, true) => Some(Role::Client),
            (false, false) if dice.chance(150) => Some(Role::DefaultAccess),
            (false, false) if dice.chance(100) => None,
            (false, false) if dice.chance(200) => Some(Role::Employee),
            (false, false) => Some(Role::User),
            // Some have a row of their own besides that of a group.
            (true, false) if dice.chance(20) => Some(Role::User),
            (true, false) if dice.chance(10) => Some(Role::DefaultAccess),
            (true, _) => None,
        };
        if let Some(role) = role {
            company.person_assignments.push((index, role));
        }
    }
    if !sketches.is_empty() {
        company.service_principals = vec!["Contoso Intranet", "Backup Robot"];
    }
}

/// Gives about one person in sixteen an account, each kind in turn, and adds accounts of nobody.
fn accounts(company: &mut Company) {
    let mut kind = 0;
    for person in company.people.iter().skip(2).step_by(16) {
        let text = |name: &str| person.attributes.text(name).unwrap_or_default().to_owned();
        let mail = text("mail");
        if mail.is_empty() {
            continue;
        }
        let guest = text("userType") == "Guest";
        kind = (kind + 1) % 4;
        company.accounts.push(ExistingAccount {
            // Every other one is spelled in another case than in the directory.
            email: if kind % 2 == 0 { mail.to_uppercase() } else { mail },
            first_name: text("givenName"),
            last_name: text("surname"),
            company: "Contoso".to_owned(),
            client: guest || kind == 3,
            disabled: kind == 2,
        });
    }
    for (email, first_name, last_name, client, disabled) in [
        ("former.colleague@contoso.com", "Former", "Colleague", false, false),
        ("gone@contoso.com", "Gone", "Long Ago", false, true),
        ("buyer@wingtiptoys.com", "Kundin", "Große", true, false),
    ] {
        company.accounts.push(ExistingAccount {
            email: email.to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            company: "Contoso".to_owned(),
            client,
            disabled,
        });
    }
}

/// Gives `percent` of the people who have an address an account with the values of the directory,
/// unless they have one.
fn accounts_in_step(company: &mut Company, percent: usize) {
    let taken: HashSet<String> =
        company.accounts.iter().map(|account| account.email.to_lowercase()).collect();
    let in_step = company.people.iter().enumerate().filter_map(|(index, person)| {
        let text = |name: &str| person.attributes.text(name).unwrap_or_default().to_owned();
        let email = text("mail");
        let wanted = index % 100 < percent && !email.is_empty();
        (wanted && !taken.contains(&email.to_lowercase())).then(|| ExistingAccount {
            email,
            first_name: text("givenName"),
            last_name: text("surname"),
            company: text("companyName"),
            client: text("userType") == "Guest",
            disabled: false,
        })
    });
    company.accounts.extend(in_step);
}

/// Puts a company into a tenant, without the accounts. The people leave the company, so that a
/// large one is not held twice.
///
/// # Errors
/// When the tenant holds people or groups with the same names or ids already.
pub fn settle(company: &mut Company, tenant: &Tenant) -> Result<(), TenantError> {
    let mut people: Vec<Uuid> = Vec::with_capacity(company.people.len());
    for person in company.people.drain(..) {
        people.push(tenant.add_person(person)?);
    }
    // Nobody can have read the tenant yet, and a million entries are a lot.
    tenant.forget_changes();
    let mut groups: Vec<Uuid> = Vec::with_capacity(company.groups.len());
    for group in &company.groups {
        groups.push(tenant.add_group(group.clone())?);
    }
    let pair = |of: &[Uuid], with: &[Uuid], left: usize, right: usize| {
        of.get(left).copied().zip(with.get(right).copied())
    };
    for (group, person) in &company.members {
        if let Some((group, person)) = pair(&groups, &people, *group, *person) {
            tenant.add_member(group, person)?;
        }
    }
    for (outer, inner) in &company.nested {
        if let Some((outer, inner)) = pair(&groups, &groups, *outer, *inner) {
            tenant.add_member(outer, inner)?;
        }
    }
    let rows = company.group_assignments.iter().map(|(index, role)| (groups.get(*index), role));
    let own = company.person_assignments.iter().map(|(index, role)| (people.get(*index), role));
    for (principal, role) in rows.chain(own) {
        if let Some(principal) = principal {
            tenant.assign(*principal, tenant.role(role.name())?)?;
        }
    }
    for name in &company.service_principals {
        let principal = tenant.add_application(name);
        tenant.assign(principal, tenant.role(Role::User.name())?)?;
    }
    tenant.forget_changes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn options(users: usize, groups: usize) -> CompanyOptions {
        CompanyOptions {
            seed: 7,
            users,
            groups,
            tenant_domain: "contoso.onmicrosoft.com".to_owned(),
            existing_accounts: true,
            accounts_in_step: 0,
        }
    }

    fn text<'a>(person: &'a NewPerson, name: &str) -> Option<&'a str> {
        person.attributes.text(name)
    }

    #[test]
    fn the_same_seed_gives_the_same_company() {
        let show = |company: &Company| format!("{company:?}");
        assert_eq!(show(&company(&options(50, 5))), show(&company(&options(50, 5))));
        let other = CompanyOptions { seed: 8, ..options(50, 5) };
        assert_ne!(show(&company(&options(50, 5))), show(&company(&other)));
    }

    #[test]
    fn accounts_in_step_agree_with_the_directory() {
        let sizes = CompanyOptions { existing_accounts: false, ..options(2_000, 9) };
        let company = company(&CompanyOptions { accounts_in_step: 99, ..sizes });
        let held: BTreeSet<&str> =
            company.accounts.iter().map(|account| account.email.as_str()).collect();
        assert_eq!(held.len(), company.accounts.len(), "one account each");
        let without =
            |person: &&NewPerson| text(person, "mail").is_some_and(|mail| !held.contains(mail));
        let beyond = company.people.iter().skip(99).step_by(100);
        let expected = beyond.filter(|person| text(person, "mail").is_some()).count();
        assert_eq!(company.people.iter().filter(without).count(), expected);
        assert!((15..=20).contains(&expected), "one in a hundred, of those who have an address");
        let guests = company.accounts.iter().filter(|account| account.client);
        assert!(
            guests.clone().count() > 50 && guests.clone().all(|guest| guest.company != "Contoso")
        );
    }

    #[test]
    fn a_company_has_all_kinds_of_people() {
        let company = company(&options(3000, 40));
        let mails: Vec<String> =
            company.people.iter().filter_map(|p| text(p, "mail")).map(str::to_lowercase).collect();
        let upns: BTreeSet<&str> =
            company.people.iter().filter_map(|p| text(p, "userPrincipalName")).collect();
        assert_eq!(mails.iter().collect::<BTreeSet<_>>().len(), mails.len());
        assert_eq!(upns.len(), 3000);
        assert!(mails.len() < 3000);
        let any = |test: &dyn Fn(&NewPerson) -> bool| company.people.iter().any(test);
        assert!(any(&|p| text(p, "userType") == Some("Guest")));
        assert!(any(&|p| text(p, "surname").is_some_and(|name| name.contains('\''))));
        assert!(any(&|p| text(p, "surname").is_some_and(|name| name.contains(' '))));
        assert!(any(&|p| text(p, "surname").is_some_and(|name| name.contains('כ'))));
        assert!(any(&|p| text(p, "displayName").is_some_and(|name| name.contains('王'))));
        assert!(any(&|p| p.attributes.flag("accountEnabled") == Some(false)));
        assert!(company.person_assignments.iter().any(|(_, role)| *role == Role::DefaultAccess));
        assert!(company.accounts.iter().any(|account| account.client && !account.disabled));
        assert!(company.accounts.iter().any(|account| account.disabled));
        let led = company.people.iter().filter(|person| person.manager.is_some()).count();
        assert!(led > 2500 && led < 2900, "guests and the first have nobody: {led}");
        let first = company.members.iter().filter(|(_, person)| *person == 0).count();
        assert_eq!(first, 39);
    }

    #[test]
    fn small_companies_can_be_made() {
        for (users, groups) in [(0, 0), (1, 0), (5, 1), (3, 2), (0, 4)] {
            let company = company(&options(users, groups));
            assert_eq!((company.people.len(), company.groups.len()), (users, groups));
        }
    }

    #[test]
    fn addresses_keep_their_domain_in_lower_case() {
        assert_eq!(capitalised("ada.o'neil@contoso.com"), "Ada.O'neil@contoso.com");
    }
}
