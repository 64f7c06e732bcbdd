//! Stories about the planner: a world, a change, what is planned.

mod addresses;
mod converge;
mod expressions;
mod group_guard;
mod group_names;
mod group_parts;
mod groups;
mod guard;
mod leave;
mod leave_news;
mod linked;
mod matching;
mod scope;
mod trial;

use uuid::Uuid;

use super::rules::{
    Apply, Deprovision, DriftRules, DriftWord, FirstCycle, GuardRules, Limit, Mapping, MatchRule,
    Nulls, OnLeave, Policy, Rules, TypeRules, WhenNull,
};
use super::*;
use crate::model::account::{
    AccountKind, Detail, Link, LinkState, Origin, Seats, Shadow, TargetAccount, TargetUser,
    address_key,
};
use crate::model::group::GroupEdge;
use crate::model::identity::{
    AppRole, Assignment, DEFAULT_ACCESS, Membership, Presence, PrincipalKind, SourceUser,
};
use crate::model::ids::{ContentHash, TargetId, Timestamp};
use crate::model::plan::{CycleKind, LinkAfter, ProvisioningAction, Reason};
use crate::model::row::AttributeRow;
use groups::GroupWorld;

const STAFF: Uuid = Uuid::from_u128(0xA);
const CLIENT: Uuid = Uuid::from_u128(0xB);
const OFFICE: Uuid = Uuid::from_u128(0xC);
const GROUP: u128 = 0x6000;
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn anchor(n: u128) -> SourceAnchor {
    SourceAnchor(Uuid::from_u128(n))
}

pub fn rules() -> Rules {
    let map = |target, name: &str| Mapping {
        target,
        source: map::Expression::attribute(name),
        apply: Apply::Always,
        default: None,
        when_null: WhenNull::Keep,
    };
    Rules {
        source_attributes: ["givenName", "mail", "surname"].map(str::to_owned).to_vec(),
        default_access: false,
        filters: Vec::new(),
        nulls: Nulls::Entra,
        on_leave: OnLeave::Deprovision,
        only: Vec::new(),
        types: TypeRules {
            default: AccountKind::Employee,
            guests: AccountKind::Client,
            roles: vec![
                ("Client".to_owned(), AccountKind::Client),
                ("Office".to_owned(), AccountKind::Employee),
            ],
            expression: None,
        },
        matching: vec![MatchRule::of(TargetAttribute::Email, map::Expression::attribute("mail"))],
        mappings: vec![
            map(TargetAttribute::Email, "mail"),
            map(TargetAttribute::FirstName, "givenName"),
            map(TargetAttribute::LastName, "surname"),
        ],
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
            removals_per_cycle: Limit { count: 50, percent: 10 },
            removals_per_day: Limit { count: 200, percent: 25 },
            removals_per_group: Limit { count: 100, percent: 50 },
            creates_per_cycle: 200,
            address_changes_per_cycle: 50,
            protected: vec!["owner@x.test".to_owned()],
        },
    }
}

/// A small world: what the source, the store and the target hold.
#[derive(Clone, Debug)]
struct World {
    rules: Rules,
    users: Vec<SourceUser>,
    assignments: Vec<Assignment>,
    memberships: Vec<Membership>,
    edges: Vec<GroupEdge>,
    groups: GroupWorld,
    links: Vec<Link>,
    accounts: Vec<TargetUser>,
    verify: Vec<SourceAnchor>,
    unsettled: Vec<SourceAnchor>,
    first_plan: bool,
    rules_changed: bool,
    reserved: Vec<(SourceAnchor, AttributeRow)>,
    approved: Vec<ContentHash>,
    rejected: Vec<(ContentHash, HoldKind)>,
    waiting: Vec<(ContentHash, HoldKind)>,
    tombstones: Vec<(TargetId, SourceAnchor)>,
    seats: Option<u32>,
    employee_domains: Vec<String>,
    companions: bool,
    subjects: Option<Vec<SourceAnchor>>,
    complete: bool,
    now: Timestamp,
    clock_ahead_ms: Option<i64>,
    removed_today: Vec<SourceAnchor>,
    active_a_day_ago: u64,
}

pub fn values(mail: &str, first: &str, last: &str) -> AttributeRow {
    AttributeRow::pack([Some(mail), Some(first), Some(last), None])
}

impl World {
    fn new() -> Self {
        Self {
            rules: rules(),
            users: Vec::new(),
            assignments: Vec::new(),
            memberships: Vec::new(),
            edges: Vec::new(),
            groups: GroupWorld::default(),
            links: Vec::new(),
            accounts: Vec::new(),
            verify: Vec::new(),
            unsettled: Vec::new(),
            first_plan: false,
            rules_changed: false,
            reserved: Vec::new(),
            approved: Vec::new(),
            rejected: Vec::new(),
            waiting: Vec::new(),
            tombstones: Vec::new(),
            seats: None,
            employee_domains: Vec::new(),
            companions: false,
            subjects: None,
            complete: false,
            now: NOW,
            clock_ahead_ms: Some(0),
            removed_today: Vec::new(),
            active_a_day_ago: 0,
        }
    }

    fn person(&mut self, n: u128, mail: &str) -> &mut SourceUser {
        self.users.push(SourceUser {
            anchor: anchor(n),
            presence: Presence::Present,
            enabled: true,
            guest: false,
            attributes: AttributeRow::pack([Some("Ada"), Some(mail), Some("Lovelace")]),
        });
        self.users.last_mut().expect("just added")
    }

    fn assign(&mut self, n: u128, role: Uuid) {
        let kind = if n == GROUP { PrincipalKind::Group } else { PrincipalKind::User };
        self.assignments.push(Assignment { principal: anchor(n), kind, role });
    }

    fn assigned(&mut self, n: u128, mail: &str) {
        self.person(n, mail);
        self.assign(n, STAFF);
    }

    fn account(&mut self, id: &str, mail: &str, kind: AccountKind) -> &mut TargetUser {
        let account = TargetUser::plain(TargetId::new(id), kind, values(mail, "Ada", "Lovelace"));
        self.accounts.push(TargetUser { roles: vec!["Employee".to_owned()], ..account });
        self.accounts.last_mut().expect("just added")
    }

    fn linked(&mut self, n: u128, mail: &str) {
        self.assigned(n, mail);
        self.link(n, mail);
    }

    fn link(&mut self, n: u128, mail: &str) {
        let id = format!("acc-{n}");
        self.account(&id, mail, AccountKind::Employee);
        let row = values(mail, "Ada", "Lovelace");
        self.links.push(Link {
            anchor: anchor(n),
            target_id: TargetId::new(id),
            origin: Origin::Created,
            state: LinkState::Active,
            linked_at: Timestamp(0),
            state_since: Timestamp(0),
            shadow: Shadow {
                sent: row.clone(),
                read_back: row,
                kind: AccountKind::Employee,
                disabled: false,
            },
            leaving: None,
        });
    }

    /// Gives a person another address at the source.
    fn moves(&mut self, n: u128, mail: &str) {
        for user in self.users.iter_mut().filter(|user| user.anchor == anchor(n)) {
            user.attributes = AttributeRow::pack([Some("Ada"), Some(mail), Some("Lovelace")]);
        }
    }

    fn unassign(&mut self, n: u128) {
        self.assignments.retain(|row| row.principal != anchor(n));
    }

    /// Plans, answering what is asked for from `accounts`, and counts the rounds.
    fn plan(&self) -> (Plan, TargetView) {
        self.plan_from(TargetView::default())
    }

    /// The same, with something of the target read before.
    fn plan_from(&self, mut view: TargetView) -> (Plan, TargetView) {
        let mut world = self.clone();
        world.users.sort_by_key(|source_user| source_user.anchor);
        world.assignments.sort();
        world.memberships.sort();
        world.links.sort_by_key(|link| link.anchor);
        world.groups.sort();
        let mut subjects: Vec<_> = world.users.iter().map(|user| user.anchor).collect();
        subjects.extend(world.links.iter().map(|link| link.anchor));
        subjects.sort();
        subjects.dedup();
        subjects = self.subjects.clone().unwrap_or(subjects);
        view.complete = self.complete;
        if self.complete {
            for account in &world.accounts {
                view.add(world.known(account, Detail::Listed));
            }
        }
        for _ in 0..5 {
            let roles = [
                AppRole { id: STAFF, value: None, display_name: None },
                AppRole { id: CLIENT, value: Some("Client".to_owned()), display_name: None },
                AppRole { id: OFFICE, value: Some("Office".to_owned()), display_name: None },
            ];
            let active = |link: &&Link| link.state == LinkState::Active;
            let input = PlanInput {
                kind: CycleKind::Incremental,
                now: world.now,
                clock_ahead_ms: world.clock_ahead_ms,
                rules: &world.rules,
                roles: &roles,
                subjects: &subjects,
                verify: &world.verify,
                verify_all: false,
                unsettled: &world.unsettled,
                users: &world.users,
                assignments: &world.assignments,
                memberships: &world.memberships,
                edges: &world.edges,
                links: &world.links,
                groups: world.groups.facts(),
                target: &view,
                companions: world.companions,
                active_links: world.links.iter().filter(active).count() as u64,
                removed_today: &world.removed_today,
                active_a_day_ago: world.active_a_day_ago,
                anybody_assigned: world
                    .assignments
                    .iter()
                    .any(|row| row.role != DEFAULT_ACCESS || world.rules.default_access),
                first_plan: world.first_plan,
                catching_up: false,
                rules_changed: world.rules_changed,
                reserved: &world.reserved,
                approved: &world.approved,
                waiting: &world.waiting,
                rejected: &world.rejected,
            };
            match plan(&input) {
                Planned::Plan(plan) => {
                    assert_eq!(super::plan(&input), Planned::Plan(plan.clone()), "repeatable");
                    check::check(plan.clone(), &input).expect("a sound plan");
                    return (plan, view);
                }
                Planned::Needs(needs) => {
                    subjects.extend(needs.people.iter().copied());
                    subjects.sort();
                    world.answer(&needs, &mut view);
                }
            }
        }
        panic!("planning did not come to an end");
    }

    fn known(&self, account: &TargetUser, detail: Detail) -> KnownAccount {
        let linked_to = self.links.iter().find(|link| link.target_id == account.id);
        let before = self.tombstones.iter().filter(|(id, _)| *id == account.id);
        let roles = if detail == Detail::Full { account.roles.clone() } else { Vec::new() };
        let detail = if account.detail == Detail::Reduced { Detail::Reduced } else { detail };
        KnownAccount {
            account: TargetUser { detail, roles, ..account.clone() },
            linked_to: linked_to.map(|link| link.anchor),
            owner_left: linked_to.is_some_and(|link| link.state != LinkState::Active),
            before: before.map(|(_, anchor)| *anchor).collect(),
        }
    }

    fn answer(&self, needs: &Needs, view: &mut TargetView) {
        if needs.lists {
            view.complete = true;
            for account in &self.accounts {
                view.add(self.known(account, Detail::Listed));
            }
        }
        for address in &needs.addresses {
            let mut found = false;
            for account in &self.accounts {
                let others = account.other_addresses.iter().map(String::as_str);
                let mut all = std::iter::once(account.address()).chain(others);
                if all.any(|one| address_key(one) == *address) {
                    view.add(self.known(account, Detail::Full));
                    found = true;
                }
            }
            if !found {
                view.note_absent(address);
            }
        }
        for target_id in &needs.target_ids {
            match self.accounts.iter().find(|account| account.id == *target_id) {
                Some(account) => view.add(self.known(account, Detail::Full)),
                None => view.note_gone(target_id),
            }
        }
        if needs.idle_employees {
            let idle = self.links.iter().filter(|link| link.state == LinkState::Disabled);
            let address = |link: &Link| link.shadow.sent.get(0).unwrap_or("").to_owned();
            view.idle_employees =
                Some(idle.map(|link| (link.target_id.clone(), address(link))).collect());
        }
        self.groups.answer(&needs.groups, view);
        if needs.tenant || needs.seats {
            view.seats_fresh = true;
            view.tenant = Some(TargetAccount {
                account_id: "a".to_owned(),
                name: "acme".to_owned(),
                plan_name: None,
                service_user: TargetId::new("service"),
                service_roles: Vec::new(),
                master_admin: Some(TargetId::new("master")),
                billing_contact: None,
                super_users: vec![TargetId::new("super")],
                super_group: Some(TargetId::new("g-super")),
                seats: Seats { employee_max: self.seats, employee_count: 0 },
                employee_domains: self.employee_domains.clone(),
                force_sso: false,
                by_policies: false,
                two_factor: false,
            });
        }
    }
}

fn actions(plan: &Plan) -> Vec<(&'static str, &str)> {
    plan.changes.iter().map(|change| (change.action.word(), change.label.as_str())).collect()
}

fn held(plan: &Plan) -> Vec<(HoldKind, usize)> {
    plan.holds.iter().map(|hold| (hold.kind, hold.items.len())).collect()
}
