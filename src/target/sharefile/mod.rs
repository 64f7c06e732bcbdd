//! ShareFile as a target (ShareFile API reference).
//!
//! - [`settings`] is what the configuration gives.
//! - `token` signs in and learns where the API is; `api` sends with that token.
//! - `wire` and `bodies` hold the JSON shapes, `feed` reads lists piece by piece.
//! - `users`, `beside`, `removal`, `groups` and `account` are the calls of [`Target`].
//! - `error` says what a refusal means and what to do about it.
//!
//! Everything, tokens included, passes one gate.

mod account;
mod api;
mod beside;
mod bodies;
mod error;
mod feed;
mod groups;
mod removal;
pub mod settings;
mod token;
mod users;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::http::Connection;
use crate::model::account::{Activation, Seats, TargetAccount, TargetAttribute, TargetUser};
use crate::model::attribute::{Endpoint, Named};
use crate::model::group::TargetGroup;
use crate::model::ids::TargetId;
use crate::target::{NewUser, Reassign, Target, TargetError, UserChange, WindowKeeper};

pub use account::Survey;
use api::Api;
use settings::SharefileSettings;

/// A ShareFile tenant.
pub struct Sharefile {
    api: Api,
}

impl Sharefile {
    /// Prepares the connector; nothing is sent yet.
    ///
    /// # Errors
    /// When subdomain or domain cannot be part of a host name, or when the HTTP client cannot be
    /// set up.
    pub fn new(settings: SharefileSettings, clock: Arc<dyn Clock>) -> Result<Self, TargetError> {
        Ok(Self { api: Api::new(settings, clock)? })
    }

    /// Reads what `test` shows: the tenant as it is, and what the service user lacks.
    ///
    /// # Errors
    /// When signing in or reading fails.
    pub async fn survey(&self) -> Result<Survey, TargetError> {
        account::survey(&self.api).await
    }

    /// Returns how the connections were over which answers came so far.
    pub fn connections(&self) -> Vec<Connection> {
        self.api.connections()
    }
}

#[async_trait]
impl Target for Sharefile {
    async fn account(&self) -> Result<TargetAccount, TargetError> {
        account::read(&self.api).await
    }

    async fn seats(&self) -> Result<Seats, TargetError> {
        account::seats(&self.api).await
    }

    async fn list_users(
        &self,
        sink: &mut (dyn FnMut(TargetUser) + Send),
    ) -> Result<(), TargetError> {
        users::list(&self.api, sink).await
    }

    async fn list_activations(
        &self,
        sink: &mut (dyn FnMut(Activation) + Send),
    ) -> Result<(), TargetError> {
        users::list_activations(&self.api, sink).await
    }

    async fn find_by_address(&self, address: &str) -> Result<Option<TargetUser>, TargetError> {
        users::find_by_address(&self.api, address).await
    }

    async fn read_user(&self, target_id: &TargetId) -> Result<Option<TargetUser>, TargetError> {
        users::read(&self.api, target_id).await
    }

    async fn create_user(&self, user: &NewUser) -> Result<TargetUser, TargetError> {
        users::create(&self.api, user).await
    }

    async fn change_user(
        &self,
        target_id: &TargetId,
        change: &UserChange,
    ) -> Result<TargetUser, TargetError> {
        users::change(&self.api, target_id, change).await
    }

    async fn set_values(
        &self,
        target_id: &TargetId,
        endpoint: Endpoint,
        values: &[(TargetAttribute, Option<String>)],
    ) -> Result<Vec<(TargetAttribute, Option<String>)>, TargetError> {
        beside::set(&self.api, target_id, endpoint, values).await
    }

    async fn names(&self, target: TargetAttribute) -> Result<Vec<Named>, TargetError> {
        beside::names(&self.api, target).await
    }

    async fn downgrade_users(
        &self,
        target_ids: &[TargetId],
        reassign: &Reassign,
    ) -> Result<(), TargetError> {
        removal::downgrade(&self.api, target_ids, reassign).await
    }

    async fn delete_user(
        &self,
        target_id: &TargetId,
        reassign: &Reassign,
    ) -> Result<(), TargetError> {
        removal::delete(&self.api, target_id, reassign).await
    }

    async fn welcome(&self, target_id: &TargetId) -> Result<(), TargetError> {
        users::welcome(&self.api, target_id).await
    }

    async fn list_groups(&self) -> Result<Vec<TargetGroup>, TargetError> {
        groups::list(&self.api).await
    }

    async fn read_group(&self, target_id: &TargetId) -> Result<Option<TargetGroup>, TargetError> {
        groups::read(&self.api, target_id).await
    }

    async fn group_members(
        &self,
        target_id: &TargetId,
    ) -> Result<Option<Vec<TargetId>>, TargetError> {
        groups::members(&self.api, target_id).await
    }

    async fn create_group(
        &self,
        name: &str,
        members: &[TargetId],
    ) -> Result<TargetGroup, TargetError> {
        groups::create(&self.api, name, members).await
    }

    async fn rename_group(
        &self,
        target_id: &TargetId,
        name: &str,
    ) -> Result<TargetGroup, TargetError> {
        groups::rename(&self.api, target_id, name).await
    }

    async fn add_members(
        &self,
        target_id: &TargetId,
        members: &[TargetId],
    ) -> Result<Vec<TargetId>, TargetError> {
        groups::add(&self.api, target_id, members).await
    }

    async fn remove_members(
        &self,
        target_id: &TargetId,
        members: &[TargetId],
    ) -> Result<Vec<TargetId>, TargetError> {
        groups::remove(&self.api, target_id, members).await
    }

    async fn delete_group(&self, target_id: &TargetId) -> Result<(), TargetError> {
        groups::delete(&self.api, target_id).await
    }

    fn requests(&self) -> u64 {
        self.api.sent()
    }

    fn keep_window(&self, keeper: Arc<dyn WindowKeeper>) {
        self.api.gate().keep_with(keeper);
    }

    async fn settle_window(&self) {
        self.api.gate().settle().await;
    }
}

impl std::fmt::Debug for Sharefile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharefile").field("requests", &self.requests()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
