//! The shapes of a synchronization schema, as Graph and the portal write them (Graph reference,
//! section 10; v1.0 metadata of `synchronizationSchema` and the types below it).

use super::findings::Place;

/// A `synchronizationSchema`.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Where it is in the document.
    pub place: Place,
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// The attributes that the directories describe and that null values flow to, as directory,
    /// object and attribute.
    pub null_flows: Vec<(String, String, String)>,
}

/// A `synchronizationRule`: from one directory to another.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it is.
    pub place: Place,
    /// What it is called.
    pub name: String,
    /// The lowest comes first.
    pub priority: i64,
    /// The name of the directory that is read.
    pub source: String,
    /// The name of the directory that is written.
    pub target: String,
    /// What is mapped, by type of object.
    pub mappings: Vec<ObjectMapping>,
    /// `containerFilter.includedContainers`
    pub containers: Option<RuleLimit>,
    /// `groupFilter.includedGroups`
    pub groups: Option<RuleLimit>,
}

/// What limits a rule as a whole.
#[derive(Clone, Debug)]
pub struct RuleLimit {
    /// Where it is.
    pub place: Place,
    /// What lets in; without a name there is no limit.
    pub names: Vec<String>,
    /// Whether a part of it could not be read.
    pub damaged: bool,
}

/// Which changes an `objectMapping` lets through (`flowTypes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flows {
    /// New objects.
    pub add: bool,
    /// Changed objects.
    pub update: bool,
    /// Objects that leave.
    pub delete: bool,
}

/// An `objectMapping`.
#[derive(Clone, Debug)]
pub struct ObjectMapping {
    /// Where it is.
    pub place: Place,
    /// What it is called.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Which changes flow.
    pub flows: Flows,
    /// The type of object at the source, as `User`.
    pub source: String,
    /// The type of object at the target.
    pub target: String,
    /// The scoping filter.
    pub scope: Option<Scope>,
    /// What is mapped.
    pub attributes: Vec<AttributeMapping>,
}

/// When a value flows (`attributeFlowType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowType {
    /// On creation and on changes.
    Always,
    /// On creation only.
    ObjectAddOnly,
    /// Values are added to a multi-valued attribute, and never removed.
    MultiValueAddOnly,
    /// Values are added, and never removed.
    ValueAddOnly,
    /// Only where the target has no value.
    AttributeAddOnly,
}

impl FlowType {
    /// Every one with its name on the wire.
    pub(super) const ALL: [(&str, Self); 5] = [
        ("Always", Self::Always),
        ("ObjectAddOnly", Self::ObjectAddOnly),
        ("MultiValueAddOnly", Self::MultiValueAddOnly),
        ("ValueAddOnly", Self::ValueAddOnly),
        ("AttributeAddOnly", Self::AttributeAddOnly),
    ];

    /// Returns the name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }
}

/// An `attributeMapping`.
#[derive(Clone, Debug)]
pub struct AttributeMapping {
    /// Where it is.
    pub place: Place,
    /// The attribute that is written.
    pub target: String,
    /// Where the value comes from; none, and the default is the value.
    pub source: Option<Source>,
    /// The value for objects that have none, when they are created.
    pub default: Option<String>,
    /// 0 if it finds no objects; else the lowest is tried first.
    pub matching_priority: i64,
    /// When it flows.
    pub flow: FlowType,
    /// `FlowAlways`: also if nothing changed at the source.
    pub flow_always: bool,
    /// Whether references to objects that do not exist are written.
    pub missing_references: bool,
}

/// What an [`AttributeMapping`] takes its value from (`attributeMappingSourceType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceType {
    /// An attribute of the source object.
    Attribute,
    /// A constant, whose name is its value.
    Constant,
    /// A function.
    Function,
}

/// An `attributeMappingSource`: a tree of functions, its text, or both.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub place: Place,
    /// What it is, if it says so.
    pub kind: Option<SourceType>,
    /// The attribute, the function or the constant.
    pub name: Option<String>,
    /// The text.
    pub expression: Option<String>,
    /// The parameters of a function by key, in the order of the file; `None` is a null value.
    pub parameters: Vec<(String, Option<Source>)>,
    /// Whether a part of it could not be read.
    pub damaged: bool,
}

/// A `filter`.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Where it is.
    pub place: Place,
    /// `groups`: whoever leaves them is deprovisioned.
    pub groups: Vec<FilterGroup>,
    /// `inputFilterGroups`: whoever leaves them is left alone.
    pub input: Vec<FilterGroup>,
    /// `categoryFilterGroups`.
    pub category: Vec<FilterGroup>,
    /// Whether there is more in it than these.
    pub damaged: bool,
}

/// A `filterGroup`: clauses that hold together.
#[derive(Clone, Debug)]
pub struct FilterGroup {
    /// Where it is.
    pub place: Place,
    /// What it is called.
    pub name: Option<String>,
    /// Its clauses.
    pub clauses: Vec<Clause>,
    /// Whether a part of it could not be read.
    pub damaged: bool,
}

impl FilterGroup {
    /// Returns a group of which nothing is known.
    pub(super) fn damaged(place: Place) -> Self {
        Self { place, name: None, clauses: Vec::new(), damaged: true }
    }
}

/// A `filterClause`.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Where it is.
    pub place: Place,
    /// The attribute that is looked at.
    pub attribute: String,
    /// The operator as it is spelled there.
    pub operator: String,
    /// What it is compared with.
    pub values: Vec<String>,
}
