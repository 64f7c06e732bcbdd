//! Answers of the wrong form, thousands of them, through whole cycles: nobody is removed who should
//! not be, nothing is written twice, whatever fails says so clearly, and the next cycle without
//! damage puts everything right.
//!
//! A trial follows from its seed alone. The guard is wide open: it must not be what saves us. What
//! a damaged answer *says* may well be believed where no client could know better (somebody else's
//! id in a change feed, for example), so that values are compared after the clean cycle alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sharefile_provisioner::cycle::{Asked, Turned};
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::counts::WriteRecord;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::dice::Dice;
use sharefile_provisioner::sandbox::sharefile::{
    AccountKind, AccountView, NewAccount, SharefileOptions,
};
use uuid::Uuid;

use crate::world::{World, asked, disables};

/// Rounds of a trial, each with changes and damage; then everything must be right again.
const ROUNDS: usize = 12;

/// Cycles in which the damage of one round may happen.
const CYCLES: usize = 4;

/// Where damage is done; the empty text stands for anywhere.
const PLACES: [&str; 20] = [
    "",
    "/v1.0/",
    "/sf/v3/",
    "oauth2",
    "/oauth/token",
    "servicePrincipals",
    "appRoleAssignedTo",
    "users/delta",
    "groups/delta",
    "/members",
    "$batch",
    "GET /v1.0/users",
    "GET /v1.0/groups",
    "Accounts/Employees",
    "Accounts/Clients",
    "Accounts/Preferences",
    "GET /sf/v3/Accounts",
    "GET /sf/v3/Users",
    "POST /sf/v3/Users",
    "PATCH /sf/v3/Users",
];

/// What came of all trials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Answers that were damaged.
    pub answers: u64,
    /// Cycles that met damage.
    pub cycles: u64,
    /// Those of them that failed as a whole.
    pub failed: u64,
    /// Those of them in which some objects failed.
    pub partly: u64,
    /// Writes that took effect.
    pub writes: u64,
    /// People who left and were disabled.
    pub removals: u64,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.cycles += other.cycles;
        self.failed += other.failed;
        self.partly += other.partly;
        self.writes += other.writes;
        self.removals += other.removals;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, cycles, failed, partly, writes, removals } = self;
        write!(
            f,
            "{answers} malformed answers in {cycles} cycles, of which {failed} failed and {partly} \
             more had objects that failed; {writes} writes, {removals} leavers disabled"
        )
    }
}

/// Runs trials from the seed `first` on, on all processors, until `answers` answers were damaged.
/// Returns what came of them, and what is wrong, by seed.
pub fn try_all(first: u64, answers: u64) -> (Figures, Vec<(u64, String)>) {
    let next = AtomicU64::new(first);
    let sum = Mutex::new((Figures::default(), Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, |workers| workers.get());
    let sum_now = || sum.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while sum_now().0.answers < answers && sum_now().1.len() < 10 {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    match attempt(seed) {
                        Ok(figures) => sum_now().0.add(&figures),
                        Err(what) => sum_now().1.push((seed, what)),
                    }
                }
            });
        }
    });
    let (figures, mut broken) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    broken.sort();
    (figures, broken)
}

/// One trial, on one thread.
fn attempt(seed: u64) -> Result<Figures, String> {
    let tried = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut trial = Trial::begin(seed).await;
            for _ in 0..ROUNDS {
                trial.round().await?;
            }
            trial.heals().await?;
            Ok(trial.figures)
        })
    }));
    tried.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panicked: {}", text.unwrap_or("without a word")))
    })
}

/// Somebody whom the trial knows.
#[derive(Clone, Debug)]
struct Person {
    id: Uuid,
    name: String,
    surname: String,
    inside: bool,
}

impl Person {
    fn address(&self) -> String {
        format!("{}@contoso.example", self.name.to_lowercase())
    }
}

struct Trial {
    world: World,
    dice: Dice,
    people: Vec<Person>,
    groups: Vec<Uuid>,
    /// Accounts that are none of the job's business, as they were.
    others: Vec<AccountView>,
    figures: Figures,
    /// What was done lately, for whoever has to find out.
    trace: Vec<String>,
}

impl Trial {
    /// A company that both ends agree on: people assigned directly and through groups, a guest, an
    /// account that was there before, and accounts that nobody has.
    async fn begin(seed: u64) -> Self {
        let sharefile = SharefileOptions { employee_max: 1_000_000, ..SharefileOptions::default() };
        let options = SandboxOptions {
            users: 0,
            groups: 0,
            seed,
            existing_accounts: false,
            sharefile,
            ..SandboxOptions::default()
        };
        let mut world = World::with(options).await;
        // One request at a time: the damage follows from the seed.
        world.set("sharefile.in_flight", "1");
        world.set("guard.removals_per_cycle", "{ count = 1000, percent = 100 }");
        world.set("guard.removals_per_day", "{ count = 1000, percent = 100 }");
        for (name, kind) in [("visitor", AccountKind::Client), ("stranger", AccountKind::Employee)]
        {
            world.sandbox.sharefile.add_account(account(name, kind));
        }
        world.sandbox.sharefile.add_account(account("m1", AccountKind::Employee));
        let others = world.all_accounts();
        let others = others.into_iter().filter(|one| !one.email.starts_with("m1@")).collect();
        let dice = Dice::new(seed);
        let mut trial = Self {
            world,
            dice,
            people: Vec::new(),
            groups: Vec::new(),
            others,
            figures: Figures::default(),
            trace: Vec::new(),
        };
        for number in 0..8 {
            trial.join(&format!("D{number}"), None);
        }
        for group in 0..2 {
            trial.groups.push(trial.world.group(&format!("Group {group}"), &[]));
            for number in 0..4 {
                trial.join(&format!("M{}", group * 4 + number), Some(group));
            }
        }
        trial.world.cycle().await;
        let wrong = trial.differences();
        assert!(wrong.is_empty(), "to begin with: {wrong:?}");
        trial
    }

    /// Somebody new, in a group or assigned directly.
    fn join(&mut self, name: &str, group: Option<usize>) {
        let id = match group.and_then(|group| self.groups.get(group)) {
            Some(group) => {
                let id = self.world.person(name);
                self.world.sandbox.entra.add_member(*group, id).expect("a member");
                id
            }
            None => self.world.join(name),
        };
        let (name, surname) = (name.to_owned(), "Tester".to_owned());
        self.people.push(Person { id, name, surname, inside: true });
    }

    fn say(&mut self, what: String) {
        self.trace.push(what);
    }

    /// Something happens in Entra ID.
    fn happen(&mut self) {
        let inside: Vec<usize> =
            (0..self.people.len()).filter(|at| self.people[*at].inside).collect();
        let at = self.dice.pick(&inside).copied().unwrap_or_default();
        let (id, name) = (self.people[at].id, self.people[at].name.clone());
        let entra = self.world.sandbox.entra.clone();
        match self.dice.below(10) {
            0..=3 => {
                let surname = format!("Tester-{}", self.dice.letters(6));
                entra.set_person(id, "surname", surname.as_str()).expect("an edit");
                self.say(format!("{name} becomes {surname}"));
                self.people[at].surname = surname;
            }
            4..=6 => {
                let name = format!("J{}", self.people.len());
                let group = self.dice.below(3);
                self.say(format!("{name} joins, by way {group}"));
                self.join(&name, Some(group));
            }
            7 if inside.len() > 10 => {
                self.say(format!("{name} is disabled in Entra ID"));
                entra.set_enabled(id, false).expect("an edit");
                self.people[at].inside = false;
            }
            8 if inside.len() > 10 => {
                self.say(format!("{name} is deleted in Entra ID"));
                entra.soft_delete_person(id).expect("a deletion");
                self.people[at].inside = false;
            }
            _ if inside.len() > 10 => {
                self.say(format!("{name} is in no group and not assigned any more"));
                entra.unassign_principal(id);
                for group in &self.groups {
                    // Fails for who is not in it.
                    let _ = entra.remove_member(*group, id);
                }
                self.people[at].inside = false;
            }
            _ => {}
        }
    }

    /// Changes, then cycles until the damage is done.
    async fn round(&mut self) -> Result<(), String> {
        for _ in 0..=self.dice.below(3) {
            self.happen();
        }
        let place = self.dice.pick(&PLACES).copied().unwrap_or_default();
        let (after, times, seed) = (self.dice.below(3), 1 + self.dice.below(4), self.dice.bits());
        // Nobody knows how many rows the list of assignments has: a row that is lost in two reads
        // is taken for gone, as it must be.
        let times = if ["", "/v1.0/", "appRoleAssignedTo"].contains(&place) { 1 } else { times };
        let count = |number: usize| u32::try_from(number).expect("small");
        let fault = Fault::new(FaultKind::Malformed).at(place).after(count(after));
        let fault = fault.times(count(times)).seed(seed);
        self.say(format!("* {times} answers after {after} at {place:?}, from {seed}"));
        self.world.sandbox.faults.add(fault);
        let mut made = BTreeSet::new();
        for _ in 0..CYCLES {
            self.cycle(&mut made).await?;
            if self.world.sandbox.faults.list().is_empty() {
                break;
            }
        }
        self.world.sandbox.faults.clear();
        Ok(())
    }

    /// One cycle with damage, and what must hold after it. `made` are the writes of the round.
    async fn cycle(&mut self, made: &mut BTreeSet<String>) -> Result<(), String> {
        self.world.clock.advance(Duration::from_secs(20 * 60));
        self.world.sandbox.counts.reset();
        let seen = self.world.court.judge().spoilt().len();
        let full = self.dice.chance(600);
        let turned = self.world.turn(Asked { full, ..asked() }).await;
        let spoilt = self.world.court.judge().spoilt().split_off(seen);
        let (state, error) = (turned.report.state, turned.report.error.as_ref());
        self.say(format!("  cycle, full {full}: {state:?}, {:?}", turned.report.counts));
        spoilt.iter().for_each(|answer| self.say(format!("    answered {answer}")));
        if let Some(error) = error {
            self.say(format!("    said {error:?}"));
        }
        if !spoilt.is_empty() {
            self.figures.answers += spoilt.len() as u64;
            self.figures.cycles += 1;
            self.figures.failed += u64::from(state == CycleState::Failed);
            let partly = state != CycleState::Failed && turned.report.counts.failed > 0;
            self.figures.partly += u64::from(partly);
        }
        let mut wrong = self.unclear(&turned, !spoilt.is_empty()).await;
        self.judge_writes(made, &mut wrong);
        self.judge_others(&mut wrong);
        self.verdict(wrong)
    }

    fn verdict(&self, wrong: Vec<String>) -> Result<(), String> {
        if wrong.is_empty() {
            return Ok(());
        }
        let late = self.trace.len().saturating_sub(40);
        Err(format!("{}\n{}", wrong.join("\n"), self.trace[late..].join("\n")))
    }

    /// Whatever failed says what was attempted and what to do, in few words, and no secrets.
    async fn unclear(&self, turned: &Turned, damaged: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut said: Vec<String> = turned.report.notes.clone();
        if let Some(error) = &turned.report.error {
            if !damaged {
                wrong.push("the cycle failed without damage".to_owned());
            }
            if error.remedy.len() < 10 {
                wrong.push(format!("no remedy: {error:?}"));
            }
            if !names_a_place(&error.message) {
                wrong.push(format!("the message names no place: {}", error.message));
            }
            said.extend([error.message.clone(), error.remedy.clone()]);
        }
        for entry in self.world.entries().await {
            said.extend(entry.error.into_iter().map(|error| error.reason));
        }
        let key = self.world.sandbox.credentials();
        let secrets = [key.client_secret, key.sharefile_client_secret, key.admin_password];
        for said in said {
            if said.chars().count() > 1_200 {
                let begin: String = said.chars().take(200).collect();
                wrong.push(format!("a message of {} bytes: {begin}", said.len()));
            }
            if said.chars().any(|letter| letter.is_control() && letter != '\n') {
                wrong.push(format!("a message with control characters: {said:?}"));
            }
            let token = said.contains("eyJ") || said.contains("Bearer ");
            if token || secrets.iter().any(|secret| said.contains(secret.as_str())) {
                wrong.push(format!("a message with a secret: {said}"));
            }
        }
        wrong
    }

    /// Nobody is disabled who is inside, nobody's account is deleted, and nothing is written twice.
    fn judge_writes(&mut self, made: &mut BTreeSet<String>, wrong: &mut Vec<String>) {
        let accounts: BTreeMap<String, AccountView> =
            self.world.all_accounts().into_iter().map(|one| (one.id.clone(), one)).collect();
        let inside: BTreeSet<String> = self
            .people
            .iter()
            .filter(|person| person.inside)
            .map(|person| person.address())
            .collect();
        let done = |write: &WriteRecord| (200..300).contains(&write.status);
        for write in self.world.writes().into_iter().filter(done) {
            self.figures.writes += 1;
            let WriteRecord { method, path, body, .. } = &write;
            if method == "DELETE" {
                wrong.push(format!("{path} was deleted"));
            }
            if !made.insert(format!("{method} {path} {body}")) {
                wrong.push(format!("{method} {path} {body} was made twice"));
            }
            if disables(&write) == Some(true) {
                self.figures.removals += 1;
                let id = path.split(['(', ')']).nth(1).unwrap_or_default();
                let email = accounts.get(id).map(|one| one.email.to_lowercase());
                if email.is_none_or(|email| inside.contains(&email)) {
                    wrong.push(format!("{path} was disabled: {:?}", accounts.get(id)));
                }
            }
        }
        let mut addresses = BTreeSet::new();
        for account in accounts.values().filter(|account| !account.deleted) {
            if !addresses.insert(account.email.to_lowercase()) {
                wrong.push(format!("two accounts of {}", account.email));
            }
        }
    }

    /// Accounts outside the job stay as they are, and nobody gets mail.
    fn judge_others(&self, wrong: &mut Vec<String>) {
        let accounts = self.world.all_accounts();
        for other in &self.others {
            let now = accounts.iter().find(|account| account.id == other.id);
            if now != Some(other) {
                wrong.push(format!("{} was {other:?} and is {now:?}", other.email));
            }
        }
        if let Some(mail) = self.world.sandbox.sharefile.mails().first() {
            wrong.push(format!("{} got mail", mail.to));
        }
    }

    /// The next clean cycle that reads everything puts everything right.
    async fn heals(&mut self) -> Result<(), String> {
        // What failed several times is tried again after a day.
        self.world.clock.advance(Duration::from_secs(30 * 3600));
        let turned = self.world.turn(Asked { full: true, approve: true, ..asked() }).await;
        let report = &turned.report;
        self.say(format!(
            "a clean cycle: {:?} {:?} {:?}",
            report.state, report.counts, report.error
        ));
        let mut wrong = self.differences();
        if report.state != CycleState::Complete {
            wrong.push(format!("the clean cycle was {:?}", report.state));
        }
        for hold in &turned.holds {
            wrong.push(format!("still held: {:?} {:?}", hold.kind, hold.items));
        }
        self.judge_others(&mut wrong);
        self.verdict(wrong)
    }

    /// Everybody inside has an account with their values, and nobody else has one that is in use.
    fn differences(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let accounts = self.world.all_accounts();
        for person in &self.people {
            let account = accounts
                .iter()
                .find(|one| !one.deleted && one.email.eq_ignore_ascii_case(&person.address()));
            match (person.inside, account) {
                (true, Some(account)) => {
                    let is = (account.disabled, account.first_name.as_str(), &account.last_name);
                    if is != (false, person.name.as_str(), &person.surname) {
                        wrong.push(format!("{person:?} has {account:?}"));
                    }
                }
                (true, None) => wrong.push(format!("{person:?} has no account")),
                (false, Some(account)) if !account.disabled => {
                    wrong.push(format!("{person:?} left and has {account:?}"));
                }
                (false, _) => {}
            }
        }
        let known = self.people.len() + self.others.len();
        if accounts.len() > known {
            wrong.push(format!("{} accounts for {known} people", accounts.len()));
        }
        wrong
    }
}

fn account(name: &str, kind: AccountKind) -> NewAccount {
    NewAccount {
        email: format!("{name}@contoso.example"),
        first_name: name.to_uppercase(),
        last_name: "Tester".to_owned(),
        company: String::new(),
        kind,
        disabled: false,
        roles: Vec::new(),
        confirmed: true,
    }
}

/// Returns whether a message says what was attempted, and then what went wrong.
fn names_a_place(message: &str) -> bool {
    let pinned = message.starts_with("the store belongs to ");
    pinned
        || message.split_once(": ").is_some_and(|(place, what)| place.len() > 8 && what.len() > 8)
}
