//! The ways of one history: how the job is configured, and how both ends behave where their
//! documentation leaves it open.

use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::graph::switches::{ExpiredDelta, Switches as GraphSwitches};
use sharefile_provisioner::sandbox::sharefile::SharefileOptions;
use sharefile_provisioner::sandbox::sharefile::switches::{DuplicateAnswer, Switches};

use super::dice::Dice;
use crate::world::World;

/// What becomes of a group that is no longer assigned, or no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Keep,
    Empty,
    Delete,
}

/// What becomes of a group that has the name of one that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopt {
    Report,
    Always,
    Never,
}

/// What becomes of assigned groups.
#[derive(Clone, Debug)]
pub struct GroupWays {
    /// What becomes of a group that is no longer assigned.
    pub on_unassigned: Fate,
    /// What becomes of a group that is deleted in Entra ID.
    pub deprovision: Fate,
    /// What becomes of groups of others that have the name of an assigned one.
    pub adopt: Adopt,
    /// Whoever leaves leaves the groups as well.
    pub leavers_go: bool,
    /// So many members may leave one group in a day, and so many in a hundred.
    pub removals: Option<(usize, usize)>,
}

impl GroupWays {
    fn draw(dice: &mut Dice) -> Self {
        let fates = [(2, Fate::Keep), (1, Fate::Empty), (1, Fate::Delete)];
        Self {
            on_unassigned: dice.weighed(&fates),
            deprovision: dice.weighed(&fates),
            adopt: dice.weighed(&[(2, Adopt::Report), (1, Adopt::Always), (1, Adopt::Never)]),
            leavers_go: dice.chance(40),
            removals: dice.weighed(&[(2, None), (1, Some((3, 100))), (1, Some((100, 30)))]),
        }
    }

    fn config(&self) -> String {
        let word = |way: &dyn std::fmt::Debug| format!("{way:?}").to_lowercase();
        format!(
            "[groups]\nenabled = true\non_unassigned = \"{}\"\ndeprovision = \"{}\"\n\
             adopt = \"{}\"\nleaver_groups = \"{}\"\n",
            word(&self.on_unassigned),
            word(&self.deprovision),
            word(&self.adopt),
            if self.leavers_go { "remove" } else { "keep" },
        )
    }
}

/// What the service user needs for people and groups.
const ROLES: [&str; 4] =
    ["AdminManageEmployees", "CanManageUsers", "AdminCreateSharedGroups", "AdminSharedDistGroups"];

/// How a history goes, apart from what happens in it.
#[derive(Clone, Debug)]
pub struct Ways {
    /// The limits of the guard are as by default, and the first plan waits for approval.
    pub careful: bool,
    /// The role `Employee` asks for an employee, so that roles can contradict each other.
    pub employee_role: bool,
    /// The company is mapped, and cleared where there is none.
    pub company: bool,
    /// Rows of Default Access count.
    pub default_access: bool,
    /// A filter lets in nobody of a certain name, and nobody without one.
    pub filtered: bool,
    /// Addresses that the configuration protects.
    pub protected: Vec<String>,
    /// Requests to ShareFile under way at once.
    pub in_flight: usize,
    /// In how many of a hundred steps somebody changes accounts by hand.
    pub hands: usize,
    /// In how many of a hundred cases an address is one that somebody has or had.
    pub crowd: usize,
    /// Accounts of leavers are deleted some days later, or at once.
    pub deletes: bool,
    /// Members of groups in assigned groups count.
    pub nested: bool,
    /// What becomes of assigned groups, where they are kept in step.
    pub groups: Option<GroupWays>,
    /// How many employees ShareFile takes.
    pub licences: u32,
    /// How ShareFile behaves.
    pub sharefile: Switches,
    /// How Graph behaves.
    pub graph: GraphSwitches,
}

impl Ways {
    /// Everything as by default, with the company mapped and no limits to the guard.
    pub fn plain() -> Self {
        Self {
            careful: false,
            employee_role: false,
            company: true,
            default_access: false,
            filtered: false,
            protected: Vec::new(),
            in_flight: 8,
            hands: 0,
            crowd: 0,
            deletes: false,
            nested: false,
            groups: None,
            licences: 100_000,
            sharefile: Switches::default(),
            graph: GraphSwitches::default(),
        }
    }

    /// Draws the ways of a history.
    pub fn draw(dice: &mut Dice) -> Self {
        let sharefile = Switches {
            duplicates: dice
                .weighed(&[(3, DuplicateAnswer::Conflict), (1, DuplicateAnswer::NotFound)]),
            deleted_stay_readable: dice.chance(25),
            keep_old_address: dice.chance(20),
            normalise_names: dice.chance(20),
            page_size: dice.weighed(&[(3, None), (1, Some(4))]),
            ..Switches::default()
        };
        let graph = GraphSwitches {
            delta_page_size: dice.weighed(&[(2, 200), (1, 3)]),
            delta_members_per_page: dice.weighed(&[(2, 500), (1, 2)]),
            delta_empty_page: dice.chance(25),
            expired_delta: dice.weighed(&[
                (2, ExpiredDelta::SyncStateNotFound),
                (1, ExpiredDelta::GoneWithLocation),
                (1, ExpiredDelta::Gone),
            ]),
            assignments_of_deleted: dice.chance(20),
            security_groups_recycled: dice.chance(20),
            batch_reversed: dice.chance(25),
            ..GraphSwitches::default()
        };
        Self {
            careful: dice.chance(30),
            employee_role: dice.chance(40),
            company: dice.chance(60),
            default_access: dice.chance(20),
            protected: if dice.chance(50) {
                vec!["vip@contoso.example".to_owned()]
            } else {
                Vec::new()
            },
            in_flight: dice.weighed(&[(1, 1), (1, 8)]),
            hands: dice.weighed(&[(3, 10), (1, 35)]),
            crowd: dice.weighed(&[(3, 15), (1, 60)]),
            deletes: dice.chance(30),
            nested: dice.chance(40),
            groups: dice.chance(50).then(|| GroupWays::draw(dice)),
            // Four of them are taken by the tenant's own people.
            licences: dice.weighed(&[(6, 100_000), (1, 4 + 12)]),
            filtered: dice.chance(25),
            sharefile,
            graph,
        }
    }

    /// Returns a world with nobody in it that goes these ways, its ids made from `seed`.
    pub async fn world(&self, seed: u64) -> World {
        let world = World::light(SandboxOptions {
            users: 0,
            groups: 0,
            seed,
            existing_accounts: false,
            sharefile: self.sharefile_options(),
            ..SandboxOptions::default()
        })
        .await;
        world.sandbox.entra.set_switches(self.graph.clone());
        if self.groups.is_some() {
            world.sandbox.sharefile.set_service_roles(&ROLES);
        }
        let folder = world.folder.path().join("config.d");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("history.toml"), self.config()).expect("a file");
        world
    }

    /// Returns the ShareFile tenant of the history.
    fn sharefile_options(&self) -> SharefileOptions {
        SharefileOptions {
            employee_max: self.licences,
            switches: self.sharefile.clone(),
            ..SharefileOptions::default()
        }
    }

    /// Returns what of the configuration differs from that of all other stories.
    fn config(&self) -> String {
        let mut text = String::new();
        text.push_str(&format!("[sharefile]\nin_flight = {}\n", self.in_flight));
        text.push_str(&format!(
            "[scope]\ndefault_access = {}\nnested_groups = {}\n",
            self.default_access, self.nested
        ));
        if self.filtered {
            text.push_str(
                "filter = [{ clauses = [{ attribute = \"surname\", operator = \"NOT EQUALS\", \
                 value = \"Byron\" }] }]\n",
            );
        }
        if self.employee_role {
            text.push_str(
                "[users.type]\nroles = { Client = \"client\", Employee = \"employee\" }\n",
            );
        }
        if self.company {
            for (target, source) in
                [("Email", "mail"), ("FirstName", "givenName"), ("LastName", "surname")]
            {
                text.push_str(&format!(
                    "[[users.attribute]]\ntarget = \"{target}\"\nsource = \"[{source}]\"\n"
                ));
            }
            text.push_str(
                "[[users.attribute]]\ntarget = \"Company\"\nsource = \"[companyName]\"\n\
                 when_null = \"clear\"\n",
            );
        }
        if self.deletes {
            // The service user is always there, and nobody edits it.
            let to = SharefileOptions::default().admin_user;
            let heirs = format!("reassign_items_to = \"{to}\", reassign_groups_to = \"{to}\"");
            text.push_str("[users.deprovision]\n");
            for (event, days) in [("unassigned", 2), ("soft_deleted", 3)] {
                text.push_str(&format!(
                    "{event} = {{ after = \"{days}d\", next = \"delete\", {heirs} }}\n"
                ));
            }
            text.push_str(&format!("hard_deleted = {{ then = \"delete\", {heirs} }}\n"));
        }
        text.push_str(&format!("[guard]\nprotected = {:?}\n", self.protected));
        if self.careful {
            text.push_str("first_cycle = \"approve\"\n");
        } else {
            text.push_str("removals_per_cycle = { count = 1000, percent = 100 }\n");
            text.push_str("removals_per_day = { count = 1000, percent = 100 }\n");
        }
        if let Some(groups) = &self.groups {
            if let Some((count, percent)) = groups.removals {
                text.push_str(&format!(
                    "removals_per_group = {{ count = {count}, percent = {percent} }}\n"
                ));
            }
            text.push_str(&groups.config());
        }
        text
    }
}
