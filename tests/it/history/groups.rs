//! What ShareFile's groups are and what they should be, told without the planner: from Entra ID,
//! from the settings, and from what people did by hand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use sharefile_provisioner::model::account::{Link, LinkState, Origin};
use sharefile_provisioner::model::group::GroupLink;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::Sandbox;
use sharefile_provisioner::sandbox::counts::WriteRecord;
use sharefile_provisioner::sandbox::sharefile::GroupView;
use uuid::Uuid;

use super::truth::{Complaints, Truth};
use super::ways::{Adopt, Fate, GroupWays, Ways};

/// Which living groups hold whom.
pub struct Reach {
    parents: HashMap<Uuid, Vec<Uuid>>,
    nested: bool,
}

impl Reach {
    /// Looks at Entra ID.
    pub fn of(sandbox: &Sandbox, ways: &Ways) -> Self {
        let mut parents: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for group in sandbox.entra.groups().into_iter().filter(|group| group.deleted.is_none()) {
            for member in group.members {
                parents.entry(member).or_default().push(group.id);
            }
        }
        Self { parents, nested: ways.nested }
    }

    /// Returns the groups that somebody is in: directly, or at any depth where that counts.
    pub fn above(&self, member: Uuid) -> BTreeSet<Uuid> {
        let parents = |member| self.parents.get(&member).into_iter().flatten().copied();
        let mut found = BTreeSet::new();
        let mut open: Vec<Uuid> = parents(member).collect();
        while let Some(group) = open.pop() {
            if found.insert(group) && self.nested {
                open.extend(parents(group));
            }
        }
        found
    }
}

/// A group that exists in Entra ID.
#[derive(Clone, Debug)]
pub struct Team {
    pub name: String,
    /// A row that counts assigns it.
    pub assigned: bool,
    /// Who is in it and inside.
    pub members: BTreeSet<Uuid>,
}

/// The groups of both ends at one moment.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// The living ones of Entra ID.
    pub teams: BTreeMap<Uuid, Team>,
    /// All groups of ShareFile.
    pub shared: BTreeMap<String, GroupView>,
    /// The account of the service user, who owns what this job made.
    pub service: String,
}

impl Groups {
    /// Looks at both ends; `assigned` says which groups have a row that counts.
    pub fn of(sandbox: &Sandbox, assigned: impl Fn(Uuid) -> bool) -> Self {
        let living = sandbox.entra.groups().into_iter().filter(|group| group.deleted.is_none());
        let team = |group: sharefile_provisioner::sandbox::graph::views::GroupView| {
            let name = group.attributes.get("displayName").and_then(Value::as_str);
            let name = name.unwrap_or_default().trim().to_owned();
            (group.id, Team { name, assigned: assigned(group.id), members: BTreeSet::new() })
        };
        let shared = sandbox.sharefile.groups().into_iter();
        Self {
            teams: living.map(team).collect(),
            shared: shared.map(|group| (group.id.clone(), group)).collect(),
            service: sandbox.sharefile.service_id(),
        }
    }

    fn wanted(&self, group: Uuid) -> Option<&Team> {
        self.teams.get(&group).filter(|team| team.assigned)
    }

    /// Returns what becomes of a group that is not to be kept in step.
    fn fate(&self, group: Uuid, ways: &GroupWays) -> Fate {
        if self.teams.contains_key(&group) { ways.on_unassigned } else { ways.deprovision }
    }

    /// Returns the other assigned groups of a group's name.
    fn twins(&self, group: Uuid, name: &str) -> usize {
        let twins = self
            .teams
            .iter()
            .filter(|(id, team)| **id != group && team.assigned && key(&team.name) == key(name));
        twins.count()
    }

    /// Returns the groups of others that have a name, given which groups this job has.
    fn of_others(&self, name: &str, ours: &BTreeSet<&str>) -> usize {
        let others = self.shared.values().filter(|group| {
            !group.super_group && !ours.contains(group.id.as_str()) && key(&group.name) == key(name)
        });
        others.count()
    }
}

/// Compares names as people do.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What people did to groups by hand, as far as the job must respect it: groups and accounts.
#[derive(Clone, Debug, Default)]
pub struct Hands {
    /// Members whom somebody else put into a group of the job.
    pub added: BTreeSet<(String, String)>,
    /// Members whom somebody took out of a group of the job.
    pub removed: BTreeSet<(String, String)>,
    /// Groups of the job that somebody renamed.
    pub renamed: BTreeSet<String>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug)]
pub struct Wrong {
    pub group: Uuid,
    pub person: Option<Uuid>,
    pub what: String,
}

/// What must be the case with groups once nothing more can be done.
#[derive(Clone, Debug, Default)]
pub struct GroupVerdict {
    /// Which must be held, and why.
    pub held: BTreeSet<(HoldKind, Uuid)>,
    pub wrong: Vec<Wrong>,
}

impl GroupVerdict {
    fn complain(&mut self, group: Uuid, person: Option<Uuid>, what: String) {
        self.wrong.push(Wrong { group, person, what });
    }
}

/// What the store says: which account is whose, and which group is which.
pub struct Ties<'a> {
    pub links: &'a [Link],
    pub groups: &'a [GroupLink],
}

impl Ties<'_> {
    fn person(&self, account: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.target_id.as_str() == account)
    }

    fn account(&self, person: Uuid) -> Option<&Link> {
        self.links.iter().find(|link| link.anchor.0 == person)
    }

    /// Returns the link that names a group of ShareFile.
    pub fn group(&self, id: &str) -> Option<&GroupLink> {
        self.groups.iter().find(|link| link.target_id.as_str() == id)
    }

    fn of_team(&self, group: Uuid) -> Option<&GroupLink> {
        self.groups.iter().find(|link| link.anchor.0 == group)
    }

    fn ids(&self) -> BTreeSet<&str> {
        self.groups.iter().map(|link| link.target_id.as_str()).collect()
    }
}

/// Returns what must be the case with groups.
pub fn verdict(truth: &Truth, ties: &Ties<'_>, ways: &Ways, hands: &Hands) -> GroupVerdict {
    let mut verdict = GroupVerdict::default();
    let groups = &truth.groups;
    let Some(group_ways) = &ways.groups else {
        for link in ties.groups {
            verdict.complain(link.anchor.0, None, "groups are not kept in step".to_owned());
        }
        return verdict;
    };
    for link in ties.groups.iter().filter(|link| link.part != 1) {
        verdict.complain(link.anchor.0, None, format!("part {} of few members", link.part));
    }
    let ours = ties.ids();
    for (id, team) in groups.teams.iter().filter(|(_, team)| team.assigned) {
        let Some(link) = ties.of_team(*id) else {
            let others = groups.of_others(&team.name, &ours);
            let clashes = groups.twins(*id, &team.name) > 0
                || match group_ways.adopt {
                    Adopt::Report => others > 0,
                    Adopt::Always => others > 1,
                    Adopt::Never => false,
                };
            if clashes {
                verdict.held.insert((HoldKind::NameClash, *id));
            } else {
                verdict.complain(*id, None, format!("there is no group {}", team.name));
            }
            continue;
        };
        if link.name_sent != team.name {
            let taken = group_ways.adopt != Adopt::Never
                && key(&link.name_sent) != key(&team.name)
                && groups.of_others(&team.name, &ours) > 0;
            if taken || groups.twins(*id, &team.name) > 0 {
                verdict.held.insert((HoldKind::NameClash, *id));
            } else {
                let what = format!("the group is called {}, not {}", link.name_sent, team.name);
                verdict.complain(*id, None, what);
            }
        }
        members(truth, ties, (ways, group_ways), hands, (link, Some(team)), &mut verdict);
    }
    for link in ties.groups.iter().filter(|link| groups.wanted(link.anchor.0).is_none()) {
        let there = groups.shared.contains_key(link.target_id.as_str());
        if groups.fate(link.anchor.0, group_ways) == Fate::Delete && there {
            let what = format!("the group {} is still there", link.name_sent);
            verdict.complain(link.anchor.0, None, what);
        }
        members(truth, ties, (ways, group_ways), hands, (link, None), &mut verdict);
    }
    let job_made = groups.shared.values().filter(|group| group.owner == groups.service);
    for group in job_made.filter(|group| !ours.contains(group.id.as_str())) {
        let what =
            format!("the job made the group {} ({}), and does not know it", group.name, group.id);
        verdict.complain(Uuid::nil(), None, what);
    }
    verdict
}

/// Looks at the name and the members of a linked group.
fn members(
    truth: &Truth,
    ties: &Ties<'_>,
    (ways, group_ways): (&Ways, &GroupWays),
    hands: &Hands,
    (link, team): (&GroupLink, Option<&Team>),
    verdict: &mut GroupVerdict,
) {
    let anchor = link.anchor.0;
    let id = link.target_id.as_str();
    let Some(group) = truth.groups.shared.get(id) else {
        verdict.complain(anchor, None, format!("the group {} is gone", link.name_sent));
        return;
    };
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let same = group.name == link.name_sent
        || (ways.sharefile.normalise_names && group.name == words(&link.name_sent));
    if !same && !hands.renamed.contains(id) {
        let what = format!("the group {} is called {}", link.name_sent, group.name);
        verdict.complain(anchor, None, what);
    }
    let touched = |set: &BTreeSet<(String, String)>, account: &str| {
        set.contains(&(id.to_owned(), account.to_owned()))
    };
    for person in team.map(|team| &team.members).into_iter().flatten() {
        let account = ties.account(*person).map(|link| link.target_id.as_str());
        let account = account.and_then(|account| truth.accounts.get(account));
        let Some(account) = account.filter(|account| !account.deleted) else { continue };
        let excused = truth.is_protected(account) || touched(&hands.removed, &account.id);
        if !group.members.contains(&account.id) && !excused {
            let what = format!("{} is not in the group {}", account.email, group.name);
            verdict.complain(anchor, Some(*person), what);
        }
    }
    for account in &group.members {
        if touched(&hands.added, account) {
            continue;
        }
        let owner = ties.person(account);
        let person = owner.map(|owner| owner.anchor.0);
        if team.is_some_and(|team| person.is_some_and(|person| team.members.contains(&person))) {
            continue;
        }
        let left = owner.is_some_and(|owner| truth.inside(owner.anchor.0).is_none());
        // Somebody else has to deal with who is protected first, and nobody takes them out.
        let held = left && owner.is_some_and(|owner| owner.state == LinkState::Active);
        let account_of = truth.accounts.get(account);
        let held = held || account_of.is_some_and(|account| truth.is_protected(account));
        let fate = truth.groups.fate(anchor, group_ways);
        let stays = match team {
            Some(_) => left && !group_ways.leavers_go,
            None if fate == Fate::Keep => !left || !group_ways.leavers_go,
            None => false,
        };
        if !stays && !held {
            let who = truth.accounts.get(account).map_or(account, |account| &account.email);
            verdict.complain(anchor, person, format!("{who} is in the group {}", group.name));
        }
    }
    for (_, account) in hands.added.iter().filter(|(group, _)| group == id) {
        let living = truth.accounts.get(account).is_some_and(|account| !account.deleted);
        if living && !group.members.contains(account) {
            let what = format!("{account}, put into {} by somebody else, is out", group.name);
            verdict.complain(anchor, None, what);
        }
    }
}

/// A request about groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPath<'a> {
    /// The group; `None` for a create.
    pub id: Option<&'a str>,
    /// It is about its members.
    pub contacts: bool,
}

/// Returns what a write is about, if it is about a group.
pub fn group_of(write: &WriteRecord) -> Option<GroupPath<'_>> {
    let path = write.path.split('?').next()?;
    let rest = path.strip_prefix("/sf/v3/Groups")?;
    let Some(rest) = rest.strip_prefix('(') else {
        return Some(GroupPath { id: None, contacts: false });
    };
    let (id, rest) = rest.split_once(')')?;
    Some(GroupPath { id: Some(id), contacts: rest.starts_with("/Contacts") })
}

/// Returns the accounts that a write to a group names.
pub fn named_members(write: &WriteRecord) -> BTreeSet<String> {
    let body = &write.body;
    let list = body.as_array().or_else(|| body["Contacts"].as_array());
    let id = |member: &Value| member["Id"].as_str().unwrap_or("?").to_owned();
    list.into_iter().flatten().map(id).collect()
}

/// What was true before a cycle, and what the store says before and after it.
pub struct Sides<'a> {
    pub truth: &'a Truth,
    pub before: Ties<'a>,
    pub after: Ties<'a>,
}

impl Sides<'_> {
    fn person(&self, account: &str) -> Option<Uuid> {
        let link = self.before.person(account).or_else(|| self.after.person(account));
        link.map(|link| link.anchor.0)
    }

    fn team(&self, id: &str) -> Option<Uuid> {
        let link = self.before.group(id).or_else(|| self.after.group(id));
        link.map(|link| link.anchor.0)
    }

    /// Looks at a write to a group that took effect. `pending` says for which group of Entra ID it
    /// was, where the store does not.
    pub fn judge(
        &self,
        write: &WriteRecord,
        pending: &BTreeMap<String, Uuid>,
        ways: &Ways,
        hands: &mut Hands,
        found: &mut Complaints,
    ) {
        let (Some(path), Some(group_ways)) = (group_of(write), &ways.groups) else { return };
        let mut wrong = |what: &str| {
            found.push(format!("{} {} {}: {what}", write.method, write.path, write.body));
        };
        let Some(id) = path.id else {
            let name = write.body["Name"].as_str().unwrap_or_default();
            return self.judge_create(name, &named_members(write), group_ways, &mut wrong);
        };
        let Some(anchor) = self.team(id).or_else(|| pending.get(id).copied()) else {
            return wrong("this is nobody's group");
        };
        let team = self.truth.groups.wanted(anchor);
        let fate = self.truth.groups.fate(anchor, group_ways);
        match (write.method.as_str(), path.contacts) {
            ("POST", true) => {
                for account in named_members(write) {
                    let person = self.person(&account);
                    let member =
                        |team: &Team| person.is_some_and(|one| team.members.contains(&one));
                    if !team.is_some_and(member) {
                        wrong(&format!("{account} does not belong into it"));
                    }
                    hands.added.remove(&(id.to_owned(), account.clone()));
                    hands.removed.remove(&(id.to_owned(), account));
                }
            }
            ("DELETE", true) => {
                for account in named_members(write) {
                    let Some(person) = self.person(&account) else {
                        wrong(&format!("{account} is nobody's"));
                        continue;
                    };
                    let inside = self.truth.inside(person).is_some();
                    let goes = match team {
                        Some(team) if inside => !team.members.contains(&person),
                        Some(_) => group_ways.leavers_go,
                        None => fate == Fate::Empty || (!inside && group_ways.leavers_go),
                    };
                    if !goes {
                        wrong(&format!("{person} belongs into it"));
                    }
                    if hands.added.remove(&(id.to_owned(), account.clone())) {
                        wrong(&format!("somebody else put {account} in"));
                    }
                    hands.removed.remove(&(id.to_owned(), account));
                }
            }
            ("PATCH", false) => {
                if team.is_none_or(|team| write.body["Name"].as_str() != Some(&team.name)) {
                    wrong("this is not its name");
                }
                hands.renamed.remove(id);
            }
            ("DELETE", false) if team.is_none() && fate == Fate::Delete => {}
            ("DELETE", false) => wrong("it was to stay"),
            _ => wrong("no such call"),
        }
    }

    fn judge_create(
        &self,
        name: &str,
        members: &BTreeSet<String>,
        ways: &GroupWays,
        wrong: &mut dyn FnMut(&str),
    ) {
        let groups = &self.truth.groups;
        let of_name = |(_, team): &(&Uuid, &Team)| team.assigned && team.name == name;
        let Some((anchor, team)) = groups.teams.iter().find(of_name) else {
            return wrong("nobody wants this group");
        };
        let there = |link: &&GroupLink| groups.shared.contains_key(link.target_id.as_str());
        if self.before.of_team(*anchor).filter(there).is_some() {
            wrong("there is one already");
        }
        if groups.twins(*anchor, name) > 0 {
            wrong("two are to have this name");
        }
        if ways.adopt != Adopt::Never && groups.of_others(name, &self.before.ids()) > 0 {
            wrong("somebody else has a group of this name");
        }
        for account in members {
            if !self.person(account).is_some_and(|person| team.members.contains(&person)) {
                wrong(&format!("{account} does not belong into it"));
            }
        }
    }

    /// Groups outside the job stay as they are, whatever the job makes is its own, and nothing is
    /// adopted against the rules.
    pub fn kept(
        &self,
        now: &Truth,
        pending: &BTreeMap<String, Uuid>,
        ways: &Ways,
        hands: &mut Hands,
        found: &mut Complaints,
    ) {
        let living = |account: &String| now.accounts.get(account).is_some_and(|one| !one.deleted);
        let now = &now.groups;
        for (id, was) in &self.truth.groups.shared {
            let is = now.shared.get(id);
            // Whose account is deleted is in no group any more.
            let mut stays = was.clone();
            stays.members.retain(living);
            let (before, after) = (self.before.group(id), self.after.group(id));
            match (before, after) {
                (None, None) if is != Some(&stays) && !pending.contains_key(id) => {
                    found.push(format!("the group {}, outside the job, is now {is:?}", was.name));
                }
                (Some(_), None) if is.is_some() => {
                    found.push(format!("the group {} is no longer linked, and exists", was.name));
                }
                (None, Some(link)) => self.taken(was, link, ways, hands, found),
                _ => {}
            }
        }
        for (id, group) in &now.shared {
            if !self.truth.groups.shared.contains_key(id) && group.owner != now.service {
                found.push(format!("{} made the group {}", group.owner, group.name));
            }
            if !self.truth.groups.shared.contains_key(id) && !group.shared {
                found.push(format!("the group {} is private", group.name));
            }
        }
    }

    fn taken(
        &self,
        was: &GroupView,
        link: &GroupLink,
        ways: &Ways,
        hands: &mut Hands,
        found: &mut Complaints,
    ) {
        if was.owner == self.truth.groups.service {
            return;
        }
        let adopts = ways.groups.as_ref().is_some_and(|ways| ways.adopt == Adopt::Always);
        let team = self.truth.groups.wanted(link.anchor.0);
        let fits = team.is_some_and(|team| key(&team.name) == key(&was.name));
        if !adopts || !fits || was.super_group || !matches!(link.origin, Origin::Adopted { .. }) {
            found.push(format!("the group {} ({}) was adopted", was.name, was.id));
        }
        for account in &was.members {
            let person = self.person(account);
            let belongs = |team: &Team| person.is_some_and(|one| team.members.contains(&one));
            if !team.is_some_and(belongs) {
                hands.added.insert((was.id.clone(), account.clone()));
            }
        }
    }
}
