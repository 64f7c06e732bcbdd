//! What happens in Entra ID between cycles.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sharefile_provisioner::sandbox::Sandbox;
use sharefile_provisioner::sandbox::graph::views::{GroupView, NewGroup, NewPerson};
use uuid::Uuid;

use super::dice::Dice;

/// Names as people have them.
const NAMES: [(&str, &str); 12] = [
    ("Ada", "Byron"),
    ("Zoë", "Ó Briain"),
    ("José", "Muñoz d'Ávila"),
    ("Łukasz", "Żółć"),
    ("نور", "الهدى"),
    ("明", "山田"),
    ("  Ann  Marie ", "van  der  Berg"),
    ("O", "L\u{2019}Étoile-\"Quote\""),
    ("J\u{fc}rgen", "Gro\u{df}"),
    ("<b>Bob</b>", "Tables'); --"),
    ("👩‍🚀", "Emoji"),
    ("Jean\u{301}", "Decomposed"),
];

const ROLES: [(usize, &str); 4] = [(70, "User"), (14, "Client"), (8, "Employee"), (8, "default")];

/// Entra ID, and what was used up in it.
pub struct Directory {
    /// How many people there may be at once.
    pub most: usize,
    /// In how many of a hundred cases an address is one that somebody has or had.
    crowd: usize,
    /// People who came back from the recycle bin since everything was read last.
    pub restored: BTreeSet<Uuid>,
    numbers: usize,
}

impl Directory {
    /// An empty directory.
    pub fn new(most: usize, crowd: usize) -> Self {
        Self { most, crowd, restored: BTreeSet::new(), numbers: 0 }
    }

    fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    /// Returns an address that nobody had before.
    pub fn fresh_address(&mut self) -> String {
        format!("p{}@contoso.example", self.number())
    }

    /// Returns the address that the next newcomer may well get.
    pub fn coming_address(&self) -> String {
        format!("p{}@contoso.example", self.numbers + 2)
    }

    /// Lets something happen, and says what.
    pub fn step(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> String {
        loop {
            let step = dice.weighed::<fn(&mut Self, &Sandbox, &mut Dice) -> Option<String>>(&[
                (20, Self::join),
                (14, edit_names),
                (12, Self::edit_mail),
                (10, switch),
                (12, assign),
                (8, unassign),
                (14, Self::membership),
                (4, crowd),
                (8, Self::groups),
                (5, Self::rename),
                (12, Self::bin),
            ]);
            if let Some(said) = step(self, sandbox, dice) {
                return said;
            }
        }
    }

    /// Makes a group, assigned in a role.
    pub fn found_group(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> String {
        let number = self.number();
        let name = self.group_name(sandbox, dice, number);
        let mut group = NewGroup::named(&name);
        let unified = dice.chance(40);
        if unified {
            group = group.with("groupTypes", json!(["Unified"]));
        }
        let id = sandbox.entra.add_group(group).expect("a group");
        let mut said = format!("group {name} ({}) is founded", short(id));
        if unified {
            said.push_str(", a Microsoft 365 one");
        }
        if dice.chance(70) {
            said.push_str(&give_role(sandbox, dice, id));
        }
        said
    }

    /// Returns the name that the next new group may well get.
    pub fn coming_group(&self) -> String {
        format!("Group {}", self.numbers + 1)
    }

    /// Returns a name for a group, mostly a new one, sometimes one that another group has.
    fn group_name(&self, sandbox: &Sandbox, dice: &mut Dice, number: usize) -> String {
        let taken = match dice.below(10) {
            0 => dice.pick(&sandbox.entra.groups()).and_then(name_of),
            1 => dice.pick(&sandbox.sharefile.groups()).map(|group| group.name.clone()),
            _ => None,
        };
        match (taken, dice.below(10)) {
            (Some(name), 0..=3) => recased(dice, &name),
            (Some(name), _) => name,
            (None, 0) => format!("  Züge &  <Gleise> \"{number}\" "),
            (None, _) => format!("Group {number}"),
        }
    }

    fn rename(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
        let id = any_group(sandbox, dice)?;
        let number = self.number();
        let name = self.group_name(sandbox, dice, number);
        let patch = Map::from_iter([("displayName".to_owned(), Value::from(name.clone()))]);
        sandbox.entra.edit_group(id, &patch).expect("a group");
        Some(format!("group {} is now called {name}", short(id)))
    }

    /// Lets somebody join, unless there are enough already.
    pub fn join(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
        if sandbox.entra.people().len() >= self.most {
            return None;
        }
        let (given, surname) = dice.pick(&NAMES).copied()?;
        let mail = self.address(sandbox, dice);
        let upn = format!("u{}@contoso.onmicrosoft.com", self.number());
        let mut person = NewPerson::default()
            .with("userPrincipalName", upn.clone())
            .with("displayName", format!("{given} {surname}"))
            .with("accountEnabled", !dice.chance(8))
            .with("userType", if dice.chance(15) { "Guest" } else { "Member" });
        if !dice.chance(5) {
            person = person.with("givenName", given);
        }
        if !dice.chance(5) {
            person = person.with("surname", surname);
        }
        if dice.chance(60) {
            person = person.with("companyName", format!("Company {}", dice.below(3)));
        }
        if let Some(mail) = &mail {
            person = person.with("mail", mail.clone());
        }
        let id = sandbox.entra.add_person(person).expect("a person");
        let mut said = format!("{} joins as {upn} with {mail:?}", short(id));
        match dice.below(10) {
            0..=4 => said.push_str(&give_role(sandbox, dice, id)),
            5..=8 => {
                if let Some(group) = any_group(sandbox, dice) {
                    sandbox.entra.add_member(group, id).expect("a member");
                    said.push_str(&format!(", a member of {}", short(group)));
                }
            }
            _ => {}
        }
        Some(said)
    }

    /// Returns an address, mostly a new one, sometimes one that somebody has or had, or none.
    fn address(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
        let fresh = self.fresh_address();
        if dice.chance(self.crowd) {
            let people = sandbox.entra.people();
            let accounts = sandbox.sharefile.accounts();
            return match dice.below(2) {
                0 => dice.pick(&people)?.mail().map(str::to_owned),
                _ => dice.pick(&accounts).cloned().map(|one| recased(dice, &one.email)),
            };
        }
        match dice.below(100) {
            0..=79 => Some(fresh),
            80..=85 => Some(format!("  {} ", fresh.to_uppercase())),
            86..=94 => None,
            95..=96 => Some("vip@contoso.example".to_owned()),
            _ => Some(format!("no address {}", self.numbers)),
        }
    }

    fn edit_mail(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
        let id = anybody(sandbox, dice)?;
        if dice.chance(15) {
            // Two people change places.
            let other = anybody(sandbox, dice)?;
            let (one, two) = (mail_of(sandbox, id), mail_of(sandbox, other));
            set(sandbox, id, "mail", two.map_or(Value::Null, Value::from));
            set(sandbox, other, "mail", one.map_or(Value::Null, Value::from));
            return Some(format!("{} and {} swap addresses", short(id), short(other)));
        }
        let mail = match mail_of(sandbox, id) {
            Some(mail) if dice.chance(10) => Some(recased(dice, &mail)),
            _ => self.address(sandbox, dice),
        };
        set(sandbox, id, "mail", mail.clone().map_or(Value::Null, Value::from));
        Some(format!("{} gets the address {mail:?}", short(id)))
    }

    fn membership(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
        let chosen = any_group(sandbox, dice)?;
        let group = sandbox.entra.group(&chosen.to_string())?;
        if dice.chance(5) {
            // Members of members are members where that counts.
            let inner = any_group(sandbox, dice)?;
            sandbox.entra.add_member(group.id, inner).expect("a member");
            return Some(format!("group {} goes into group {}", short(inner), short(group.id)));
        }
        if dice.chance(15) {
            return move_over(sandbox, dice, &group);
        }
        if dice.chance(45)
            && let Some(member) = dice.pick(&group.members)
            && sandbox.entra.person(&member.to_string()).is_none_or(|one| one.deleted.is_none())
        {
            sandbox.entra.remove_member(group.id, *member).expect("a group");
            return Some(format!("{} leaves group {}", short(*member), short(group.id)));
        }
        let id = anybody(sandbox, dice)?;
        sandbox.entra.add_member(group.id, id).expect("a member");
        Some(format!("{} enters group {}", short(id), short(group.id)))
    }

    fn groups(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
        let groups = sandbox.entra.groups();
        if groups.len() < 2 || (groups.len() < 6 && dice.chance(20)) {
            return Some(self.found_group(sandbox, dice));
        }
        let group = dice.pick(&groups)?;
        let id = group.id;
        if group.deleted.is_some() {
            sandbox.entra.restore_group(id).expect("a group in the bin");
            return Some(format!("group {} is restored", short(id)));
        }
        let taken = || sandbox.entra.assignments().iter().any(|row| row.principal == id);
        match dice.below(10) {
            0..=2 => {
                sandbox.entra.delete_group(id).expect("a group");
                Some(format!("group {} is deleted", short(id)))
            }
            3..=5 if taken() => {
                sandbox.entra.unassign_principal(id);
                Some(format!("group {} is no longer assigned", short(id)))
            }
            _ => Some(format!("group {} changes{}", short(id), give_role(sandbox, dice, id))),
        }
    }

    fn bin(&mut self, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
        let people = sandbox.entra.people();
        let (deleted, living): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|person| person.deleted.is_some());
        match dice.below(10) {
            0..=4 => {
                let id = dice.pick(&deleted)?.id;
                sandbox.entra.restore_person(id).expect("a person in the bin");
                self.restored.insert(id);
                Some(format!("{} is restored", short(id)))
            }
            5 => {
                let id = dice.pick(&deleted).or_else(|| living.first())?.id;
                sandbox.entra.hard_delete_person(id).expect("a person");
                Some(format!("{} is gone for good", short(id)))
            }
            _ => {
                let id = dice.pick(&living)?.id;
                sandbox.entra.soft_delete_person(id).expect("a person");
                Some(format!("{} goes to the recycle bin", short(id)))
            }
        }
    }

    /// Gives everybody whose address is none a proper one: ShareFile would refuse it for ever.
    pub fn repair_addresses(&mut self, sandbox: &Sandbox) {
        for person in sandbox.entra.people() {
            if person.mail().is_some_and(|mail| !mail.contains('@')) {
                let fresh = self.fresh_address();
                set(sandbox, person.id, "mail", Value::from(fresh));
            }
        }
    }
}

/// Somebody leaves a group for another one.
fn move_over(sandbox: &Sandbox, dice: &mut Dice, group: &GroupView) -> Option<String> {
    let people: Vec<Uuid> = living(sandbox).collect();
    let inside: Vec<Uuid> =
        group.members.iter().filter(|one| people.contains(one)).copied().collect();
    let id = *dice.pick(&inside)?;
    let other = any_group(sandbox, dice)?;
    sandbox.entra.remove_member(group.id, id).expect("a group");
    sandbox.entra.add_member(other, id).expect("a member");
    Some(format!("{} leaves group {} for group {}", short(id), short(group.id), short(other)))
}

/// Many people enter a group at once, or leave it.
fn crowd(_: &mut Directory, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
    let group = any_group(sandbox, dice)?;
    let enter = dice.chance(60);
    let mut moved = 0;
    for id in living(sandbox).collect::<Vec<_>>() {
        if dice.chance(50) {
            let done = match enter {
                true => sandbox.entra.add_member(group, id),
                false => sandbox.entra.remove_member(group, id),
            };
            done.expect("a group and a member");
            moved += 1;
        }
    }
    let how = if enter { "enter" } else { "leave" };
    Some(format!("{moved} people {how} group {}", short(group)))
}

fn living(sandbox: &Sandbox) -> impl Iterator<Item = Uuid> {
    let people = sandbox.entra.people().into_iter();
    people.filter(|person| person.deleted.is_none()).map(|person| person.id)
}

fn name_of(group: &GroupView) -> Option<String> {
    group.attributes.get("displayName").and_then(Value::as_str).map(str::to_owned)
}

fn edit_names(_: &mut Directory, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
    let id = anybody(sandbox, dice)?;
    let (given, surname) = dice.pick(&NAMES).copied()?;
    let company = format!("Company {}", dice.below(3));
    let (name, value) = match dice.below(10) {
        0..=3 => ("surname", Value::from(surname)),
        4..=6 => ("givenName", Value::from(given)),
        7 => ("companyName", Value::from(company)),
        8 => ("companyName", Value::Null),
        _ => (dice.pick(&["surname", "givenName"]).copied()?, Value::Null),
    };
    set(sandbox, id, name, value.clone());
    Some(format!("{} gets the {name} {value}", short(id)))
}

fn switch(_: &mut Directory, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
    let people = sandbox.entra.people();
    let person = dice.pick(&people).filter(|person| person.deleted.is_none())?;
    // More come back than go, so that most are inside.
    if person.enabled() && dice.chance(40) {
        return None;
    }
    let enabled = !person.enabled();
    sandbox.entra.set_enabled(person.id, enabled).expect("a person");
    Some(format!("{} is {}", short(person.id), if enabled { "enabled" } else { "disabled" }))
}

fn assign(_: &mut Directory, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
    let id = anybody(sandbox, dice)?;
    Some(format!("{}{}", short(id), give_role(sandbox, dice, id)))
}

fn unassign(_: &mut Directory, sandbox: &Sandbox, dice: &mut Dice) -> Option<String> {
    let rows = sandbox.entra.assignments();
    let row = dice.pick(&rows)?;
    if dice.chance(50) {
        sandbox.entra.unassign(&row.id).expect("a row");
        return Some(format!("{} loses one role", short(row.principal)));
    }
    sandbox.entra.unassign_principal(row.principal);
    Some(format!("{} loses all roles", short(row.principal)))
}

fn give_role(sandbox: &Sandbox, dice: &mut Dice, principal: Uuid) -> String {
    let name = dice.weighed(&ROLES);
    let role = sandbox.entra.role(name).expect("a role");
    match sandbox.entra.assign(principal, role) {
        Ok(_) => format!(", assigned as {name}"),
        Err(_) => format!(", assigned as {name} already"),
    }
}

fn anybody(sandbox: &Sandbox, dice: &mut Dice) -> Option<Uuid> {
    let mut people = sandbox.entra.people();
    // Nobody can edit, assign or add who is in the recycle bin.
    people.retain(|person| person.deleted.is_none());
    dice.pick(&people).map(|person| person.id)
}

fn any_group(sandbox: &Sandbox, dice: &mut Dice) -> Option<Uuid> {
    let mut groups = sandbox.entra.groups();
    groups.retain(|group| group.deleted.is_none());
    dice.pick(&groups).map(|group| group.id)
}

fn mail_of(sandbox: &Sandbox, id: Uuid) -> Option<String> {
    sandbox.entra.person(&id.to_string())?.mail().map(str::to_owned)
}

fn set(sandbox: &Sandbox, id: Uuid, name: &str, value: Value) {
    let patch = Map::from_iter([(name.to_owned(), value)]);
    sandbox.entra.edit_person(id, &patch).expect("an edit");
}

/// Returns an address or a name in another case, or as it is.
pub fn recased(dice: &mut Dice, text: &str) -> String {
    match dice.below(3) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        _ => text.to_owned(),
    }
}

/// Returns an id as stories tell it.
pub fn short(id: Uuid) -> String {
    id.to_string().get(..8).unwrap_or_default().to_owned()
}
