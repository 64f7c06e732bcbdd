//! Microsoft Graph as a source (Graph reference, sections 1 to 6 and 8).
//!
//! Requests are built by graph-rs-sdk and sent by our own client: `request` moves them to the
//! configured cloud, `token` signs in, `paging` follows pages, `batch` bundles reads. Above these,
//! one file for each question: `describe`, `assignments`, `users`, `members`, `delta`, `checkup`;
//! `managers` adds who leads people; `direct` asks for people and members without the index that filters and casts read from.

mod assertion;
mod assignments;
mod attribute_names;
mod attributes;
mod batch;
mod checkup;
mod delta;
mod describe;
mod direct;
mod error;
mod find;
mod group_selection;
mod groups;
mod managed_identity;
mod managers;
mod members;
mod merge;
mod paging;
mod permission;
mod proof;
mod request;
pub mod settings;
mod synchronization;
mod token;
mod token_refusal;
mod users;
mod wire;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

pub use attribute_names::{
    KNOWN_ATTRIBUTES, KNOWN_GROUP_ATTRIBUTES, attribute_kind, group_attribute_kind,
};
pub use attributes::AttributeSource;
pub use checkup::{CredentialEnd, PermissionFact, SignedIn};
pub use synchronization::SynchronizationJob;

use crate::clock::Clock;
use crate::model::group::SourceGroup;
use crate::model::identity::{Assignment, SourceUser};
use crate::model::ids::{SourceAnchor, Watermark};
use crate::model::outcome::ErrorCategory;
use crate::source::{
    Changes, CountedAssignments, GroupMembers, MembersNow, Source, SourceApplication, SourceError,
};

use self::attributes::Selection;
use self::delta::Selected;
use self::group_selection::GroupSelection;
use self::managers::Freshness;
use self::request::Transport;
use self::settings::{Credential, GraphSettings};

/// A tenant of Entra ID, read through Microsoft Graph.
pub struct Graph {
    transport: Transport,
    selection: Selection,
    group_selection: GroupSelection,
    nested_groups: bool,
    application: String,
    tenant: String,
    client_id: String,
    credential: Credential,
}

impl Graph {
    /// Prepares reading; nothing is sent yet.
    ///
    /// # Errors
    /// Names an address, id, certificate or attribute that cannot be right.
    pub fn new(settings: GraphSettings, clock: Arc<dyn Clock>) -> Result<Self, SourceError> {
        let selection = Selection::new(&settings.attributes).map_err(|name| {
            error::failed(
                "preparing to read from Graph",
                ErrorCategory::Rejected,
                format!("'{name}' is no attribute of a person that can be read"),
                "Use a property of Graph's user resource, or an alias of Entra's provisioning \
                 schema.",
            )
        })?;
        let group_selection = GroupSelection::new(&settings.group_attributes).map_err(|name| {
            error::failed(
                "preparing to read from Graph",
                ErrorCategory::Rejected,
                format!("'{name}' is no attribute of a group that can be read"),
                "Use a property of Graph's group resource.",
            )
        })?;
        let transport = Transport::new(&settings, clock)?;
        Ok(Self {
            transport,
            selection,
            group_selection,
            nested_groups: settings.nested_groups,
            application: settings.application,
            tenant: settings.tenant,
            client_id: settings.client_id,
            credential: settings.credential,
        })
    }
}

impl Graph {
    /// Returns everybody whose sign-in name, address or display name is `who`, with the sign-in
    /// name. An id is taken as it is.
    ///
    /// # Errors
    /// Graph's.
    pub async fn find_people(&self, who: &str) -> Result<Vec<(SourceAnchor, String)>, SourceError> {
        find::people(&self.transport, who).await
    }

    fn selected(&self) -> Selected<'_> {
        Selected {
            people: &self.selection,
            groups: &self.group_selection,
            nested_groups: self.nested_groups,
        }
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph")
            .field("tenant", &self.tenant)
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for Graph {
    async fn describe(&self) -> Result<SourceApplication, SourceError> {
        describe::find(&self.transport, &self.application, &self.tenant).await
    }

    async fn start(&self) -> Result<Watermark, SourceError> {
        delta::start(&self.transport, self.selected()).await
    }

    async fn assignments(&self, application: SourceAnchor) -> Result<Vec<Assignment>, SourceError> {
        assignments::read(&self.transport, application).await
    }

    async fn counted_assignments(
        &self,
        application: SourceAnchor,
    ) -> Result<CountedAssignments, SourceError> {
        assignments::counted(&self.transport, application).await
    }

    async fn members(&self, groups: &[SourceAnchor]) -> Result<GroupMembers, SourceError> {
        let (transport, selection) = (&self.transport, &self.selection);
        let mut found = members::read(transport, selection, self.nested_groups, groups).await?;
        managers::fill(transport, selection, &mut found.users, Freshness::Listed).await?;
        Ok(found)
    }

    async fn members_now(&self, groups: &[SourceAnchor]) -> Result<MembersNow, SourceError> {
        direct::members(&self.transport, self.nested_groups, groups).await
    }

    async fn users(&self, anchors: &[SourceAnchor]) -> Result<Vec<SourceUser>, SourceError> {
        let (transport, selection) = (&self.transport, &self.selection);
        let mut users = users::read(transport, selection, anchors).await?;
        managers::fill(transport, selection, &mut users, Freshness::Listed).await?;
        Ok(users)
    }

    async fn users_now(&self, anchors: &[SourceAnchor]) -> Result<Vec<SourceUser>, SourceError> {
        let (transport, selection) = (&self.transport, &self.selection);
        let mut users = direct::people(transport, selection, anchors).await?;
        managers::fill(transport, selection, &mut users, Freshness::Now).await?;
        Ok(users)
    }

    async fn groups(&self, groups: &[SourceAnchor]) -> Result<Vec<SourceGroup>, SourceError> {
        groups::read(&self.transport, &self.group_selection, groups).await
    }

    async fn transitive_counts(
        &self,
        groups: &[SourceAnchor],
    ) -> Result<Vec<(SourceAnchor, u64)>, SourceError> {
        groups::count(&self.transport, groups).await
    }

    async fn changes(&self, watermark: &Watermark) -> Result<Changes, SourceError> {
        delta::changes(&self.transport, self.selected(), watermark).await
    }

    fn requests(&self) -> u64 {
        self.transport.sent()
    }

    fn clock_ahead_ms(&self) -> Option<i64> {
        let connections = self.transport.connections();
        let skews = connections.iter().filter_map(|connection| connection.skew_ms);
        skews.max_by_key(|skew_ms| skew_ms.unsigned_abs())
    }
}
