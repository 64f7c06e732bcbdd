//! What the reference marks as likely or unknown and a client would notice. Every such choice of
//! this emulator is one field here.

use serde::{Deserialize, Serialize};

/// What an expired delta token is answered with (Graph reference, section 4, "Expired token").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiredDelta {
    /// 400 with the code `syncStateNotFound`, as documented.
    #[default]
    SyncStateNotFound,
    /// 410 with a `Location` that starts the round again.
    GoneWithLocation,
    /// 410 without `Location`, with the code `SyncStateNotFound`, as observed at Outlook.
    Gone,
}

/// What a `$top` above 999 does to `users`, `groups` and members (Graph reference, section 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LargeTop {
    /// 400 with the code `Request_UnsupportedQuery`.
    #[default]
    Refuse,
    /// Pages of 999.
    Clamp,
}

/// What a caller without `Member.Read.Hidden` sees of a group with hidden membership (section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenMembers {
    /// No members at all.
    #[default]
    Empty,
    /// 403.
    Refused,
    /// All members, as if the permission were there.
    Shown,
}

/// How `manager@delta` says that somebody has no manager any more (section 12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagerRemoval {
    /// The former manager with `@removed`, as `members@delta` does.
    #[default]
    Element,
    /// An empty list.
    EmptyList,
}

/// The form of `Retry-After` when too many resource units were used (section 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Whole seconds.
    #[default]
    Seconds,
    /// Seconds with a fraction, as `2.128`.
    Fraction,
    /// An HTTP date.
    HttpDate,
    /// No such header.
    Absent,
}

/// What the managed identity endpoints answer (Graph reference, section 1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagedIdentity {
    /// The host has an identity.
    #[default]
    Assigned,
    /// It has none: 400, "Identity not found".
    Missing,
    /// The endpoint is being updated: 410, for up to 70 seconds at the real one.
    Updating,
}

/// The choices. `/_sandbox/switches` reads and changes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Objects on one page of a delta ("roughly 100 to 200", section 4).
    pub delta_page_size: usize,
    /// Member changes on one page of a delta ("about 500 members a page", section 4).
    pub delta_members_per_page: usize,
    /// Whether each delta round begins with an empty page ("a page may have `value: []`", section 4).
    pub delta_empty_page: bool,
    /// How long changes take to surface in a delta, in seconds ("changes may surface minutes late",
    /// section 4).
    pub delta_lag_secs: u64,
    /// Whether each page with rows comes twice, under different links ("same object may appear
    /// several times in a round", section 4).
    pub delta_pages_twice: bool,
    /// Whether the rows of a page come in falling order of their ids ("no order promised").
    pub delta_unordered: bool,
    /// Whether each round shows the changes of the round before once more ("and again in later
    /// rounds", section 4).
    pub delta_replays: bool,
    /// Whether a first round mentions what is in the recycle bin as removed ("removals may still
    /// appear", section 4).
    pub delta_initial_removals: bool,
    /// Whether a next link that came with the second answer to one link is refused with
    /// `DirectoryPageTokenNotFoundException` ("a link obtained from a retried answer", section 4).
    pub delta_stray_links_lost: bool,
    /// Whether the next link of a delta page that was itself reached by a next link is that same
    /// link, so that a round never ends ("endless nextLink loop seen", section 4).
    pub delta_link_loops: bool,
    /// How an expired or reset delta token is refused.
    pub expired_delta: ExpiredDelta,
    /// How long a delta token lives, in seconds: seven days (section 4).
    pub delta_token_secs: u64,
    /// How long an access token lives, in seconds ("60 to 90 min", section 1.1).
    pub access_token_secs: u64,
    /// How long changes take to reach filters, sorting, searches, casts and every read with
    /// `ConsistencyLevel: eventual`, in seconds ("these reads come from an index that lags",
    /// section 3). Only changes made while it is set lag.
    pub index_lag_secs: u64,
    /// How long changes take to reach `appRoleAssignedTo`, in seconds ("recent grants/removals can
    /// be late", section 2). Only changes made while it is set lag.
    pub assignment_lag_secs: u64,
    /// What is seen of hidden memberships without the permission.
    pub hidden_members: HiddenMembers,
    /// Whether a list of people with a filter takes `$expand=manager` (section 3 names it for
    /// people; whether it goes together with a filter is not documented).
    pub manager_expands_with_filter: bool,
    /// How a delta says that a manager went.
    pub manager_removal: ManagerRemoval,
    /// What the managed identity endpoints answer.
    pub managed_identity: ManagedIdentity,
    /// What a large `$top` does.
    pub large_top: LargeTop,
    /// Whether a cast with query options is refused without `ConsistencyLevel: eventual` and
    /// `$count=true` (section 3, "Advanced queries").
    pub cast_needs_eventual: bool,
    /// Whether `appRoleAssignedTo` loses everything after the first page, without a link, when
    /// `$top` is absent (section 2, the reported defect).
    pub assignments_lost_without_top: bool,
    /// Whether `appRoleAssignedTo` is counted when `$count=true` and `ConsistencyLevel: eventual`
    /// ask for it (section 2 names the parameter; whether it is honoured is not documented).
    pub assignments_counted: bool,
    /// Whether assignments of people and groups in the recycle bin are still listed.
    pub assignments_of_deleted: bool,
    /// Whether the name of a deleted person is prefixed with the id (section 6).
    pub deleted_upn_prefixed: bool,
    /// Whether security groups go to the recycle bin, as Microsoft 365 groups do (section 6).
    pub security_groups_recycled: bool,
    /// Days that the recycle bin keeps what is in it (section 6).
    pub recycle_bin_days: u32,
    /// Resource units in ten seconds; null for what the size of the tenant allows: 3,500 below 50
    /// people, 5,000 up to 500, 8,000 above (section 8).
    pub resource_units: Option<u32>,
    /// How a caller that used too many is told to wait.
    pub retry_after: RetryAfter,
    /// Whether a notification address must have TLS (section 7).
    pub notifications_need_https: bool,
    /// How long changes take to be notified, in seconds ("under 2 min average, 15 max", section 7).
    pub notification_delay_secs: u64,
    /// Subscriptions of the application in the tenant, at most (section 7).
    pub subscription_quota: usize,
    /// Whether the answers of a `$batch` come in an order drawn by lot ("in any order", section 3).
    pub batch_shuffled: bool,
    /// Whether a `$batch` is answered as a whole with 424 when a request in it is throttled (section
    /// 3, the throttling page of 2021).
    pub batch_fails_when_throttled: bool,
    /// Whether the answers of a `$batch` come in reverse order ("in any order", section 3).
    pub batch_reversed: bool,
    /// Whether the address of a request in a `$batch` may have the version, and scheme and host of
    /// Graph (documented as relative, section 3; Microsoft's own clients send more).
    pub batch_takes_full_urls: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            delta_page_size: 200,
            delta_members_per_page: 500,
            delta_empty_page: false,
            delta_lag_secs: 0,
            delta_pages_twice: false,
            delta_unordered: false,
            delta_replays: false,
            delta_initial_removals: false,
            delta_stray_links_lost: false,
            delta_link_loops: false,
            expired_delta: ExpiredDelta::default(),
            delta_token_secs: 7 * 24 * 3600,
            access_token_secs: 3599,
            index_lag_secs: 0,
            assignment_lag_secs: 0,
            hidden_members: HiddenMembers::default(),
            manager_expands_with_filter: true,
            manager_removal: ManagerRemoval::default(),
            managed_identity: ManagedIdentity::default(),
            large_top: LargeTop::default(),
            cast_needs_eventual: true,
            assignments_lost_without_top: false,
            assignments_counted: true,
            assignments_of_deleted: false,
            deleted_upn_prefixed: true,
            security_groups_recycled: false,
            recycle_bin_days: 30,
            resource_units: None,
            retry_after: RetryAfter::default(),
            notifications_need_https: true,
            notification_delay_secs: 0,
            subscription_quota: 100,
            batch_shuffled: false,
            batch_fails_when_throttled: false,
            batch_reversed: false,
            batch_takes_full_urls: true,
        }
    }
}
