//! Answers what planning asks for, with as few requests to the target as possible.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tracing::warn;

use crate::model::account::{Detail, TargetUser};
use crate::model::ids::TargetId;
use crate::plan::groups::GroupNeeds;
use crate::plan::{KnownAccount, Needs, TargetView};
use crate::store::{Owner, Store};
use crate::target::{Target, TargetError};

use super::failure::CycleFailure;

/// From so many addresses on, reading the two lists costs less than looking each of them up.
const LISTS_INSTEAD: usize = 100;

/// So many failures before anything was answered mean that the target fails, not some objects.
const ALL_FAIL: u32 = 3;

/// Tells an object that cannot be read from a target that answers nothing.
#[derive(Default)]
pub(super) struct Failing {
    answered: u32,
    failed: u32,
}

impl Failing {
    /// Returns whether enough was asked, and nothing was answered.
    pub(super) fn is_mute(&self) -> bool {
        self.answered == 0 && self.failed >= ALL_FAIL
    }

    /// Passes an answer on; of a failure that concerns one object the reason alone.
    ///
    /// # Errors
    /// A failure that concerns everything.
    fn look_at<T>(
        &mut self,
        answer: Result<T, TargetError>,
    ) -> Result<Result<T, String>, CycleFailure> {
        match answer {
            Err(error) if self.answered == 0 && self.failed + 1 >= ALL_FAIL => Err(error.into()),
            answer => self.look_past(answer),
        }
    }

    /// Does the same where it does not matter how many fail: nobody is removed for the sake of a group
    /// that is not shown, and nobody has to stay.
    ///
    /// # Errors
    /// A failure that concerns everything.
    fn look_past<T>(
        &mut self,
        answer: Result<T, TargetError>,
    ) -> Result<Result<T, String>, CycleFailure> {
        match answer {
            Ok(answer) => {
                self.answered += 1;
                Ok(Ok(answer))
            }
            Err(error) if error.concerns_one_object() => {
                self.failed += 1;
                Ok(Err(chain(&error)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns a failure with its causes, on one line.
fn chain(error: &TargetError) -> String {
    let mut text = error.message.clone();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Answers look-ups.
pub struct Lookups<'a> {
    /// Is asked.
    pub target: &'a dyn Target,
    /// Knows who owns which account.
    pub store: &'a Store,
    /// Requests under way at once.
    pub in_flight: usize,
}

impl Lookups<'_> {
    /// Reads both lists to the end.
    ///
    /// # Errors
    /// The target's, also for a list that was cut short; or the store's.
    pub async fn lists(&self, view: &mut TargetView) -> Result<(), CycleFailure> {
        let mut accounts = Vec::new();
        self.target
            .list_users(&mut |account| {
                if !account.deleted {
                    accounts.push(account);
                }
            })
            .await?;
        // What shows nothing but an id is there, and nothing else is known of it.
        accounts.retain(|account| {
            let reduced = account.detail == Detail::Reduced;
            if reduced {
                view.note_there(&account.id);
            }
            !reduced
        });
        // A full record that is at hand already says more than the list does.
        accounts.retain(|account| view.by_id(&account.id).is_none());
        self.add(accounts, view).await?;
        view.complete = true;
        Ok(())
    }

    /// Answers everything that is missing, except the tenant itself.
    ///
    /// # Errors
    /// The target's or the store's.
    pub async fn answer(&self, needs: &Needs, view: &mut TargetView) -> Result<(), CycleFailure> {
        if (needs.lists || needs.addresses.len() > LISTS_INSTEAD) && !view.complete {
            self.lists(view).await?;
        } else {
            self.addresses(needs, view).await?;
        }
        self.ids(needs, view).await?;
        self.names(needs, view).await?;
        self.groups(&needs.groups, view).await
    }

    /// Reads what zones and policies are called.
    async fn names(&self, needs: &Needs, view: &mut TargetView) -> Result<(), CycleFailure> {
        let mut failing = Failing::default();
        for &target in &needs.names {
            let names = failing.look_past(self.target.names(target).await)?;
            view.names.insert(target, names);
        }
        Ok(())
    }

    /// Reads the list of groups, groups by id, and the members of groups.
    ///
    /// # Errors
    /// The target's.
    pub async fn groups(
        &self,
        needs: &GroupNeeds,
        view: &mut TargetView,
    ) -> Result<(), CycleFailure> {
        if needs.list {
            for group in self.target.list_groups().await? {
                view.groups.add(group);
            }
            view.groups.listed = true;
        }
        let mut failing = Failing::default();
        for id in &needs.ids {
            self.group(id, view, &mut failing).await?;
        }
        for id in &needs.members {
            self.members(id, view, &mut failing).await?;
        }
        Ok(())
    }

    /// Reads a group by id.
    async fn group(
        &self,
        id: &TargetId,
        view: &mut TargetView,
        failing: &mut Failing,
    ) -> Result<(), CycleFailure> {
        match failing.look_past(self.target.read_group(id).await)? {
            Ok(Some(group)) => view.groups.add(group),
            Ok(None) => view.groups.note_gone(id),
            Err(why) => {
                warn!(target.id = %id, "a group could not be read: {why}");
                view.groups.note_unreadable(id, why);
            }
        }
        Ok(())
    }

    /// Reads the members of a group. One whose members are not found is asked for itself: only if it
    /// is not there either is it gone.
    ///
    /// # Errors
    /// A failure of the target that concerns everything.
    pub(super) async fn members(
        &self,
        id: &TargetId,
        view: &mut TargetView,
        failing: &mut Failing,
    ) -> Result<(), CycleFailure> {
        let why = match failing.look_past(self.target.group_members(id).await)? {
            Ok(Some(members)) => {
                view.groups.add_members(id.clone(), members);
                return Ok(());
            }
            Ok(None) => "the group is there, and a list of its members is not".to_owned(),
            Err(why) => {
                warn!(target.id = %id, "the members of a group could not be read: {why}");
                view.groups.note_members_unread(id, why);
                return Ok(());
            }
        };
        self.group(id, view, failing).await?;
        if !view.groups.is_gone(id) {
            view.groups.note_members_unread(id, why);
        }
        Ok(())
    }

    async fn addresses(&self, needs: &Needs, view: &mut TargetView) -> Result<(), CycleFailure> {
        let mut found = Vec::new();
        let mut failing = Failing::default();
        let mut running = FuturesUnordered::new();
        let mut asked = needs.addresses.iter();
        loop {
            while running.len() < self.in_flight.max(1)
                && let Some(address) = asked.next()
            {
                running.push(async move { (address, self.target.find_by_address(address).await) });
            }
            let Some((address, answer)) = running.next().await else { break };
            match failing.look_at(answer)? {
                Ok(Some(mut account)) if !account.deleted => {
                    // A reduced record may not show the address that it was found by.
                    account.other_addresses.push(address.clone());
                    found.push(account);
                }
                Ok(_) => view.note_absent(address),
                Err(why) => {
                    warn!("an address could not be looked up: {why}");
                    view.note_unanswered(address, why);
                }
            }
        }
        drop(running);
        self.add(found, view).await
    }

    async fn ids(&self, needs: &Needs, view: &mut TargetView) -> Result<(), CycleFailure> {
        let mut found = Vec::new();
        let mut failing = Failing::default();
        let mut running = FuturesUnordered::new();
        let mut asked = needs.target_ids.iter();
        loop {
            while running.len() < self.in_flight.max(1)
                && let Some(target_id) = asked.next()
            {
                running.push(async move { (target_id, self.target.read_user(target_id).await) });
            }
            let Some((target_id, answer)) = running.next().await else { break };
            match failing.look_at(answer)? {
                Ok(Some(account)) => found.push(account),
                Ok(None) => view.note_gone(target_id),
                Err(why) => {
                    warn!(target.id = %target_id, "an account could not be read: {why}");
                    view.note_unreadable(target_id, why);
                }
            }
        }
        drop(running);
        self.add(found, view).await
    }

    async fn add(
        &self,
        mut accounts: Vec<TargetUser>,
        view: &mut TargetView,
    ) -> Result<(), CycleFailure> {
        // The order in which answers arrive must not matter to the plan.
        accounts.sort_by(|left, right| left.id.cmp(&right.id));
        let ids: Vec<TargetId> = accounts.iter().map(|account| account.id.clone()).collect();
        let mut owners = if ids.is_empty() { Vec::new() } else { self.store.owners(ids).await? };
        owners.sort_by(|left, right| left.target_id.cmp(&right.target_id));
        for account in accounts {
            let owner = owners
                .binary_search_by(|owner: &Owner| owner.target_id.cmp(&account.id))
                .ok()
                .and_then(|index| owners.get(index));
            view.add(KnownAccount {
                linked_to: owner.and_then(|owner| owner.live),
                owner_left: owner.is_some_and(|owner| owner.left),
                before: owner.map(|owner| owner.before.clone()).unwrap_or_default(),
                account,
            });
        }
        Ok(())
    }
}
