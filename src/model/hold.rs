//! What waits instead of being done, and why.

use serde::{Deserialize, Serialize};

use super::ids::{ContentHash, SourceAnchor};
use super::plan::PlannedChange;

/// Why something is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// The first plan of the job waits for a person.
    FirstCycle,
    /// The rules changed, and the plan removes or rewrites more than the limits.
    RulesChanged,
    /// More removals in one cycle than the limits allow.
    TooManyRemovals,
    /// More removals within a day than the limits allow.
    TooManyRemovalsInDay,
    /// The removals would leave nobody.
    WouldLeaveNobody,
    /// The source shows nobody at all.
    SourceEmptied,
    /// The source shows half of the people or fewer.
    SourceHalved,
    /// More than one account matches.
    Ambiguous,
    /// An account that matches is taken over only if a person says so.
    Adoption,
    /// Two people want one account or one address.
    SharedAccount,
    /// Two people swap their addresses.
    AddressSwap,
    /// ShareFile's strict licensing wants an employee where the rules say client.
    EmployeeDomain,
    /// The account was once linked to another person.
    Namesake,
    /// The account is a client and should be an employee, or the reverse.
    TypeChange,
    /// The roles of the person ask for different types.
    ConflictingRoles,
    /// A required attribute has no value.
    MissingValues,
    /// An expression could not be evaluated on the values of the object.
    MappingFailed,
    /// A value is none that the attribute takes.
    InvalidValue,
    /// An expression says that the person is to be left alone.
    LeftAlone,
    /// A filter depends on what is not known.
    FilterUndecided,
    /// No filter lets the person in any more, and the account stays as it is.
    KeptAsIs,
    /// The matched account is protected and is not touched.
    Protected,
    /// A protected account should have been removed: a person must deal with it.
    ProtectedRemoval,
    /// The account was disabled by somebody else and is not enabled.
    DisabledElsewhere,
    /// Somebody else enabled the account of a person who left: it is not taken back any further.
    EnabledElsewhere,
    /// Who should take over what a leaver leaves behind cannot.
    NoHeir,
    /// Strict licensing does not let the account of a leaver become a client.
    MustStayEmployee,
    /// A stage is due by the clock of this host, and the clocks disagree.
    ClockDoubtful,
    /// No licence is left for the employee.
    LicenseLimitExceeded,
    /// The account could not be read in full.
    NotReadable,
    /// Two groups have one name, or a group of that name exists that this job does not own.
    NameClash,
    /// The group has more members than a group of the target takes.
    GroupFull,
    /// More members would be removed from a group than the limits allow.
    TooManyMemberRemovals,
    /// More groups would be deleted or emptied than the limits allow.
    TooManyGroupRemovals,
    /// More people would get an account than the limit allows.
    TooManyCreates,
    /// More accounts would get another address than the limit allows.
    TooManyAddressChanges,
}

impl HoldKind {
    /// Returns whether a person can approve it: these holds withhold a finished change.
    pub fn approvable(self) -> bool {
        matches!(
            self,
            Self::FirstCycle
                | Self::RulesChanged
                | Self::TooManyRemovals
                | Self::TooManyRemovalsInDay
                | Self::WouldLeaveNobody
                | Self::SourceEmptied
                | Self::SourceHalved
                | Self::TooManyMemberRemovals
                | Self::TooManyGroupRemovals
                | Self::AddressSwap
                | Self::Adoption
                | Self::TooManyCreates
                | Self::TooManyAddressChanges
        )
    }

    /// Returns whether it withholds removals that looked like an accident when they were planned.
    pub fn withholds_removals(self) -> bool {
        matches!(
            self,
            Self::TooManyRemovals
                | Self::TooManyRemovalsInDay
                | Self::WouldLeaveNobody
                | Self::SourceEmptied
                | Self::SourceHalved
                | Self::TooManyMemberRemovals
                | Self::TooManyGroupRemovals
        )
    }

    /// Returns the name in PascalCase, as the log shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstCycle => "FirstCycle",
            Self::RulesChanged => "RulesChanged",
            Self::TooManyRemovals => "TooManyRemovals",
            Self::TooManyRemovalsInDay => "TooManyRemovalsInDay",
            Self::WouldLeaveNobody => "WouldLeaveNobody",
            Self::SourceEmptied => "SourceEmptied",
            Self::SourceHalved => "SourceHalved",
            Self::Ambiguous => "Ambiguous",
            Self::Adoption => "Adoption",
            Self::SharedAccount => "SharedAccount",
            Self::AddressSwap => "AddressSwap",
            Self::EmployeeDomain => "EmployeeDomain",
            Self::Namesake => "Namesake",
            Self::TypeChange => "TypeChange",
            Self::ConflictingRoles => "ConflictingRoles",
            Self::MissingValues => "MissingValues",
            Self::MappingFailed => "MappingFailed",
            Self::InvalidValue => "InvalidValue",
            Self::LeftAlone => "LeftAlone",
            Self::FilterUndecided => "FilterUndecided",
            Self::KeptAsIs => "KeptAsIs",
            Self::Protected => "Protected",
            Self::ProtectedRemoval => "ProtectedRemoval",
            Self::DisabledElsewhere => "DisabledElsewhere",
            Self::EnabledElsewhere => "EnabledElsewhere",
            Self::NoHeir => "NoHeir",
            Self::MustStayEmployee => "MustStayEmployee",
            Self::ClockDoubtful => "ClockDoubtful",
            Self::LicenseLimitExceeded => "LicenseLimitExceeded",
            Self::NotReadable => "NotReadable",
            Self::NameClash => "NameClash",
            Self::GroupFull => "GroupFull",
            Self::TooManyMemberRemovals => "TooManyMemberRemovals",
            Self::TooManyGroupRemovals => "TooManyGroupRemovals",
            Self::TooManyCreates => "TooManyCreates",
            Self::TooManyAddressChanges => "TooManyAddressChanges",
        }
    }
}

/// One object that is withheld.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldItem {
    /// The person.
    pub anchor: SourceAnchor,
    /// What people call the object.
    pub label: String,
    /// What exactly is the matter with this object; empty if the hold's message says it all.
    pub detail: String,
    /// Identifies the item from plan to plan: the hash of the change, or of kind and detail.
    pub hash: ContentHash,
    /// The finished change that waits, for an approvable hold.
    pub change: Option<PlannedChange>,
}

/// Objects that are withheld for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The cause.
    pub kind: HoldKind,
    /// What happened and what to do, in a sentence or two.
    pub message: String,
    /// The objects, ordered by label and anchor; never empty.
    pub items: Vec<HeldItem>,
}
