//! Planning a million people in memory, in a process of its own so that its peak is its own.
//!
//! What the store would hand over is made up first and not timed. Timed is what a cycle does with
//! it: planning until nothing is missing any more, with the look-ups answered in between, and the
//! check that seals the plan.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sharefile_provisioner::model::account::{
    AccountKind, Detail, Link, LinkState, Origin, Seats, Shadow, TargetAccount, TargetAttribute,
    TargetUser,
};
use sharefile_provisioner::model::group::{
    GroupLink, GroupLinkState, GroupStanding, Placement, SourceGroup, TargetGroup,
};
use sharefile_provisioner::model::identity::{
    AppRole, Assignment, Membership, Presence, PrincipalKind, SourceUser,
};
use sharefile_provisioner::model::ids::{SourceAnchor, TargetId, Timestamp};
use sharefile_provisioner::model::plan::{ObjectKind, ProvisioningAction};
use sharefile_provisioner::model::row::AttributeRow;
use sharefile_provisioner::plan::map::Expression;
use sharefile_provisioner::plan::rules::{
    Adopt, Apply, Deprovision, DriftRules, DriftWord, ExtraMembers, FirstCycle, GroupFate,
    GroupRules, GuardRules, LeaverGroups, Limit, Mapping, MatchRule, Nulls, OnLeave, Overflow,
    Policy, Rules, TypeRules, WhenNull,
};
use sharefile_provisioner::plan::{
    GroupFacts, KnownAccount, Needs, PlanInput, Planned, TargetView, check::check, plan,
};
use uuid::Uuid;

use crate::cycles::time;
use crate::process::run;
use crate::verdict;

const PEOPLE: usize = 1_000_000;
const GROUPS: usize = 3_000;
/// Memberships of each person.
const GROUPS_EACH: usize = 5;

/// Seconds and megabytes.
const TIME_BAR: f64 = 5.0;
const MEMORY_BAR: f64 = 1_000.0;

/// What is known of the target before planning begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Nothing: the links say what was sent, as in a cycle after the rules changed.
    Links,
    /// The same, and groups come along: as many placements as memberships.
    Groups,
    /// Both lists, as in a full cycle: another million accounts in memory.
    Lists,
}

const VARIANTS: [(&str, Variant, &str); 3] = [
    ("--planning-links", Variant::Links, "everybody, from the links"),
    ("--planning-groups", Variant::Groups, "everybody and all groups, from the links"),
    ("--planning-lists", Variant::Lists, "everybody, with both lists read"),
];

/// Returns what an argument asks this process to plan, if it does.
pub fn child(argument: &str) -> Option<Variant> {
    VARIANTS.iter().find(|(name, ..)| *name == argument).map(|(_, variant, _)| *variant)
}

/// Starts a process for each variant and shows what it reports.
pub fn show() -> Result<()> {
    let memberships = PEOPLE * GROUPS_EACH;
    println!("\nplanning {PEOPLE} people with {memberships} memberships of {GROUPS} groups");
    for (argument, _, words) in VARIANTS {
        let own = std::env::current_exe().context("finding this program")?;
        let (status, written, used) = run(Command::new(own).arg(argument))?;
        ensure!(status.success(), "planning ended with {status}");
        let report: Value = serde_json::from_str(&written).context("reading what was planned")?;
        let seconds = report["seconds"].as_f64().unwrap_or_default();
        let memory = used.peak as f64 / 1e6;
        println!(
            "  {words}: {} wall, {} CPU, peak {memory:.0} MB ({} before planning); {} rounds, \
             {} created, {} updated, {} disabled, {} changes of groups\n    bars: < {TIME_BAR} s {}, < {MEMORY_BAR} MB {}",
            time(seconds),
            report["cpu_seconds"].as_f64().map_or("?".to_owned(), time),
            report["memory_before"].as_str().unwrap_or("?"),
            report["rounds"],
            report["created"],
            report["updated"],
            report["disabled"],
            report["of_groups"],
            verdict(seconds, TIME_BAR),
            verdict(memory, MEMORY_BAR),
        );
    }
    Ok(())
}

/// Plans, and prints what came of it.
pub fn report(variant: Variant) {
    let world = World::new(variant == Variant::Groups);
    let mut view = TargetView::default();
    if variant == Variant::Lists {
        for link in &world.links {
            view.add(known(link, Detail::Listed));
        }
        view.complete = true;
    }
    let memory_before = resident();
    let (started, cpu_before) = (Instant::now(), cpu_seconds());
    let mut rounds = 0;
    let plan = loop {
        rounds += 1;
        match plan(&world.input(&view)) {
            Planned::Plan(plan) => break plan,
            Planned::Needs(needs) => world.answer(&needs, &mut view),
        }
    };
    let checked = check(plan, &world.input(&view)).expect("a sound plan");
    let seconds = started.elapsed();
    let cpu_seconds = cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    let changes = &checked.plan().changes;
    let of_people = || changes.iter().filter(|change| change.object == ObjectKind::User);
    let count = |action| of_people().filter(|change| change.action == action).count();
    let report = json!({
        "seconds": seconds.as_secs_f64(),
        "cpu_seconds": cpu_seconds,
        "rounds": rounds,
        "memory_before": memory_before,
        "created": count(ProvisioningAction::Create),
        "updated": count(ProvisioningAction::Update),
        "disabled": count(ProvisioningAction::Disable),
        "of_groups": changes.len() - of_people().count(),
    });
    println!("{report}");
}

/// Returns how long this thread was on a processor, where Linux tells.
pub fn cpu_seconds() -> Option<f64> {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e9)
}

/// Returns the resident set as Linux tells it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or("?".to_owned(), |kilobytes| format!("{:.0} MB", kilobytes * 1.024 / 1e3))
}

/// What the store would hand over.
struct World {
    rules: Rules,
    roles: Vec<AppRole>,
    subjects: Vec<SourceAnchor>,
    users: Vec<SourceUser>,
    assignments: Vec<Assignment>,
    memberships: Vec<Membership>,
    links: Vec<Link>,
    group_subjects: Vec<SourceAnchor>,
    groups: Vec<SourceGroup>,
    group_links: Vec<GroupStanding>,
    placements: Vec<Placement>,
}

/// What happened to a person since the last cycle: to one in a hundred something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Nothing,
    Renamed,
    /// Renamed, and in one group instead of another.
    Switched,
    Moved,
    Joined,
    Left,
}

fn event(number: usize) -> Event {
    match number % 1_000 {
        0..5 => Event::Renamed,
        5..7 => Event::Switched,
        7 => Event::Moved,
        8 => Event::Joined,
        9 => Event::Left,
        _ => Event::Nothing,
    }
}

/// Returns an anchor; they rise with the number, and look as random as those of a directory.
fn anchor(number: usize) -> SourceAnchor {
    let high = (number as u128) << 100;
    let low = (number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> 28;
    SourceAnchor(Uuid::from_u128(high | low))
}

/// Groups come after all people.
fn group(number: usize) -> SourceAnchor {
    anchor(PEOPLE + number)
}

fn target_id(number: usize) -> TargetId {
    TargetId::new(anchor(number).to_string())
}

fn mail(number: usize) -> String {
    format!("given{}.family{number}@contoso.example", number % 977)
}

impl World {
    fn new(with_groups: bool) -> Self {
        let mut rules = rules();
        if with_groups {
            rules.group_attributes = vec!["displayName".to_owned()];
            rules.groups = Some(group_rules());
        }
        let role = Uuid::from_u128(77);
        let mut memberships = Vec::with_capacity(PEOPLE * GROUPS_EACH);
        let mut users = Vec::with_capacity(PEOPLE);
        let mut links = Vec::with_capacity(PEOPLE);
        for number in 0..PEOPLE {
            let user = anchor(number);
            let groups = groups_of(number);
            memberships.extend(groups.iter().map(|&of| Membership { user, group: group(of) }));
            users.push(person(number));
            if event(number) != Event::Joined {
                links.push(link(number));
            }
        }
        let direct = (0..PEOPLE).step_by(100).map(|number| (anchor(number), PrincipalKind::User));
        let grouped = (0..GROUPS).map(|number| (group(number), PrincipalKind::Group));
        let assignments = direct
            .chain(grouped)
            .map(|(principal, kind)| Assignment { principal, kind, role })
            .collect();
        let roles = vec![AppRole { id: role, value: None, display_name: Some("User".to_owned()) }];
        let subjects = (0..PEOPLE).map(anchor).collect();
        let mut world = Self {
            rules,
            roles,
            subjects,
            users,
            assignments,
            memberships,
            links,
            group_subjects: Vec::new(),
            groups: Vec::new(),
            group_links: Vec::new(),
            placements: Vec::new(),
        };
        if with_groups {
            world.place();
        }
        world
    }

    /// Puts everybody who has an account into the groups of before the changes.
    fn place(&mut self) {
        self.group_subjects = (0..GROUPS).map(group).collect();
        self.groups = (0..GROUPS).map(source_group).collect();
        self.group_links = (0..GROUPS).map(standing).collect();
        self.placements.reserve_exact(PEOPLE * GROUPS_EACH);
        for number in (0..PEOPLE).filter(|number| event(*number) != Event::Joined) {
            let mut groups = groups_of(number);
            if event(number) == Event::Switched
                && let Some(first) = groups.first_mut()
            {
                *first = (*first + 1) % GROUPS;
            }
            groups.sort_unstable();
            for of in groups {
                let link = u32::try_from(of).expect("a small number");
                self.placements.push(Placement { user: anchor(number), link });
                if let Some(standing) = self.group_links.get_mut(of) {
                    standing.placed += 1;
                }
            }
        }
    }

    fn input<'a>(&'a self, target: &'a TargetView) -> PlanInput<'a> {
        PlanInput {
            roles: &self.roles,
            subjects: &self.subjects,
            users: &self.users,
            assignments: &self.assignments,
            memberships: &self.memberships,
            groups: GroupFacts {
                subjects: &self.group_subjects,
                groups: &self.groups,
                links: &self.group_links,
                placements: &self.placements,
                ..GroupFacts::default()
            },
            links: &self.links,
            active_links: self.links.len() as u64,
            ..PlanInput::of_nobody(&self.rules, target, Timestamp(1))
        }
    }

    /// Answers as ShareFile would: newcomers have no account yet, everybody else has one.
    fn answer(&self, needs: &Needs, view: &mut TargetView) {
        if needs.tenant || needs.seats {
            view.tenant = Some(tenant());
            view.seats_fresh = true;
        }
        for address in &needs.addresses {
            view.note_absent(address);
        }
        for target_id in &needs.target_ids {
            let link = Uuid::try_parse(target_id.as_str()).ok().and_then(|id| {
                let found = self.links.binary_search_by_key(&SourceAnchor(id), |link| link.anchor);
                self.links.get(found.ok()?)
            });
            view.add(known(link.expect("a linked account"), Detail::Full));
        }
        if needs.groups.list {
            self.group_links.iter().for_each(|standing| view.groups.add(listed(standing)));
            view.groups.listed = true;
        }
        assert!(needs.groups.ids.is_empty() && needs.groups.members.is_empty(), "{needs:?}");
    }
}

fn person(number: usize) -> SourceUser {
    let event = event(number);
    let surname = match event {
        Event::Renamed | Event::Switched => format!("Renamed{number}"),
        _ => format!("Family{number}"),
    };
    let mail = match event {
        Event::Moved => format!("moved{number}@contoso.example"),
        _ => mail(number),
    };
    let given_name = format!("Given{}", number % 977);
    // In the order of the names: companyName, givenName, mail, surname.
    let attributes = [Some("Contoso"), Some(&given_name), Some(&mail), Some(&surname)];
    SourceUser {
        anchor: anchor(number),
        presence: if event == Event::Left { Presence::SoftDeleted } else { Presence::Present },
        enabled: true,
        guest: false,
        attributes: AttributeRow::pack(attributes),
    }
}

/// The groups of a person; sorted.
fn groups_of(number: usize) -> Vec<usize> {
    let mut groups: Vec<usize> =
        (0..GROUPS_EACH).map(|nth| (number * 7 + nth * 401) % GROUPS).collect();
    groups.sort_unstable();
    groups
}

fn source_group(number: usize) -> SourceGroup {
    SourceGroup {
        anchor: group(number),
        presence: Presence::Present,
        attributes: AttributeRow::pack([Some(&*format!("Group {number}"))]),
    }
}

fn standing(number: usize) -> GroupStanding {
    let name = format!("Group {number}");
    let link = GroupLink {
        anchor: group(number),
        part: 1,
        target_id: target_id(PEOPLE + number),
        origin: Origin::Created,
        state: GroupLinkState::Active,
        linked_at: Timestamp(1),
        name_sent: name.clone(),
        name_read_back: name,
        members_read_at: None,
    };
    GroupStanding { link, placed: 0, removed_today: 0 }
}

fn listed(standing: &GroupStanding) -> TargetGroup {
    TargetGroup {
        id: standing.link.target_id.clone(),
        name: standing.link.name_sent.clone(),
        shared: true,
        owner: None,
        members: Some(standing.placed),
    }
}

fn link(number: usize) -> Link {
    let (mail, given) = (mail(number), format!("Given{}", number % 977));
    let family = format!("Family{number}");
    let row = AttributeRow::pack([Some(&*mail), Some(&given), Some(&family), Some("Contoso")]);
    Link {
        anchor: anchor(number),
        target_id: target_id(number),
        origin: Origin::Created,
        state: LinkState::Active,
        linked_at: Timestamp(1),
        state_since: Timestamp(1),
        shadow: Shadow {
            sent: row.clone(),
            read_back: row,
            kind: AccountKind::Employee,
            disabled: false,
        },
        leaving: None,
    }
}

fn known(link: &Link, detail: Detail) -> KnownAccount {
    let values = link.shadow.read_back.clone();
    let account = TargetUser::plain(link.target_id.clone(), AccountKind::Employee, values);
    KnownAccount {
        account: TargetUser { detail, ..account },
        linked_to: Some(link.anchor),
        owner_left: false,
        before: Vec::new(),
    }
}

fn tenant() -> TargetAccount {
    let id = |number| TargetId::new(Uuid::from_u128(number).to_string());
    TargetAccount {
        account_id: "account".to_owned(),
        name: "contoso".to_owned(),
        plan_name: None,
        service_user: id(1),
        service_roles: Vec::new(),
        master_admin: Some(id(2)),
        billing_contact: Some(id(3)),
        super_users: vec![id(4)],
        super_group: None,
        seats: Seats { employee_max: Some(2_000_000), employee_count: 999_000 },
        employee_domains: Vec::new(),
        force_sso: false,
        by_policies: false,
        two_factor: false,
    }
}

fn group_rules() -> GroupRules {
    let name = || Expression::attribute("displayName");
    GroupRules {
        matching: vec![name()],
        name: name(),
        adopt: Adopt::Report,
        on_unassigned: GroupFate::Keep,
        deprovision: GroupFate::Keep,
        overflow: Overflow::Split,
        extra_members: ExtraMembers::Report,
        filters: Vec::new(),
        leaver_groups: LeaverGroups::Keep,
    }
}

/// As many mappings as there are attributes of an account.
fn rules() -> Rules {
    let sources = [
        (TargetAttribute::Email, "mail"),
        (TargetAttribute::FirstName, "givenName"),
        (TargetAttribute::LastName, "surname"),
        (TargetAttribute::Company, "companyName"),
    ];
    let mappings = sources.map(|(target, source)| Mapping {
        target,
        source: Expression::attribute(source),
        apply: Apply::Always,
        default: None,
        when_null: WhenNull::Keep,
    });
    let mut source_attributes: Vec<String> =
        sources.iter().map(|(_, source)| (*source).to_owned()).collect();
    source_attributes.sort();
    Rules {
        source_attributes,
        default_access: false,
        filters: Vec::new(),
        nulls: Nulls::Entra,
        on_leave: OnLeave::Deprovision,
        only: Vec::new(),
        types: TypeRules {
            default: AccountKind::Employee,
            guests: AccountKind::Client,
            roles: vec![("Client".to_owned(), AccountKind::Client)],
            expression: None,
        },
        matching: vec![MatchRule::of(TargetAttribute::Email, Expression::attribute("mail"))],
        mappings: mappings.to_vec(),
        active: None,
        deprovision: Deprovision {
            unassigned: Policy::default(),
            filtered: Policy::default(),
            disabled: Policy::default(),
            soft_deleted: Policy::default(),
            hard_deleted: Policy::default(),
        },
        welcome: false,
        nested_groups: false,
        group_attributes: Vec::new(),
        groups: None,
        drift: DriftRules {
            users: DriftWord::Report,
            attributes: Vec::new(),
            groups: DriftWord::Report,
            members: DriftWord::Report,
        },
        guard: GuardRules {
            first_cycle: FirstCycle::Apply,
            removals_per_cycle: Limit { count: 100_000, percent: 10 },
            removals_per_day: Limit { count: 100_000, percent: 25 },
            removals_per_group: Limit { count: 100_000, percent: 50 },
            creates_per_cycle: 100_000,
            address_changes_per_cycle: 100_000,
            protected: Vec::new(),
        },
    }
}
