//! Reading a scenario: TOML with places, and every problem of it.

use std::ops::Range;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use toml_edit::{Document, Item, TableLike};
use uuid::Uuid;

use crate::sandbox::faults::Fault;
use crate::sandbox::graph::properties::{self, Property};
use crate::sandbox::graph::switches::Switches as EntraSwitches;
use crate::sandbox::moment;
use crate::sandbox::sharefile::NewAccount;
use crate::sandbox::sharefile::switches::Switches as SharefileSwitches;

use super::deed::overlaid;
use super::verbs::VERBS;
use super::{Change, CompanyPart, Deed, NewObject, Place, Scenario, ScenarioError, error};

const TOP: &[&str] = &[
    "company",
    "entra",
    "sharefile",
    "person",
    "group",
    "assignment",
    "account",
    "fault",
    "change",
];
const COMPANY: &[&str] = &["users", "groups", "seed", "existing_accounts"];
const ENTRA: &[&str] = &["permissions", "switches"];
const SHAREFILE: &[&str] = &["licences", "employee_domains", "service_roles", "switches"];
const ACCOUNT: &[&str] =
    &["email", "first_name", "last_name", "company", "kind", "disabled", "roles", "confirmed"];
const ACCOUNT_EDIT: &[&str] = &[
    "email",
    "other_addresses",
    "first_name",
    "last_name",
    "company",
    "kind",
    "disabled",
    "confirmed",
    "roles",
    "super_user",
];

/// Reads a scenario as a whole.
pub(super) fn scenario(file: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let document = Document::parse(text).map_err(|problem| {
        let place = place(text, problem.span());
        error(file, vec![(place, problem.message().to_owned())])
    })?;
    let mut reader = Reader { text, problems: Vec::new() };
    let top = document.as_table();
    reader.known(top, TOP);
    let company = top.get("company").map(|item| reader.company(item)).unwrap_or_default();
    let mut beginning = Vec::new();
    let mut licences = None;
    if let Some(item) = top.get("entra") {
        beginning.extend(reader.entra(item).map(|deed| (reader.at(item), deed)));
    }
    if let Some(item) = top.get("sharefile") {
        let deed = reader.sharefile(item);
        if let Some(Deed::Sharefile(settings)) = &deed {
            let number = settings.get("licences").and_then(Value::as_u64);
            licences = number.and_then(|number| u32::try_from(number).ok());
        }
        beginning.extend(deed.map(|deed| (reader.at(item), deed)));
    }
    for name in ["person", "group", "assignment", "account", "fault"] {
        for item in reader.tables(top, name) {
            let deed = match name {
                "person" => reader.object(&item, PERSON).map(Deed::Join),
                "group" => reader.object(&item, GROUP).map(Deed::AddGroup),
                "assignment" => reader.assignment(&item),
                "account" => reader.shaped::<NewAccount>(&item, ACCOUNT).map(Deed::AddAccount),
                _ => reader.fault(&item),
            };
            beginning.extend(deed.map(|deed| (reader.at(&item), deed)));
        }
    }
    let items = reader.tables(top, "change");
    let changes: Vec<Change> = items.iter().filter_map(|item| reader.change(item)).collect();
    if reader.problems.is_empty() {
        Ok(Scenario { file: file.to_owned(), company, licences, beginning, changes })
    } else {
        Err(error(file, reader.problems))
    }
}

/// What sets people and groups apart.
#[derive(Clone, Copy)]
struct Kind {
    table: &'static [Property],
    others: &'static str,
    required: &'static str,
}

const PERSON: Kind =
    Kind { table: properties::USER, others: "groups", required: "userPrincipalName" };
const GROUP: Kind = Kind { table: properties::GROUP, others: "members", required: "displayName" };

struct Reader<'a> {
    text: &'a str,
    problems: Vec<(Place, String)>,
}

impl Reader<'_> {
    fn at(&self, item: &Item) -> Place {
        place(self.text, item.span())
    }

    fn complain(&mut self, item: &Item, text: impl Into<String>) {
        let place = self.at(item);
        self.problems.push((place, text.into()));
    }

    /// Complains about every key that is not known.
    fn known(&mut self, table: &dyn TableLike, known: &[&str]) {
        for (name, item) in table.iter() {
            if !known.contains(&name) {
                let span = table.key(name).and_then(|key| key.span()).or(item.span());
                let text = format!("unknown key `{name}`{}", guess(name, known));
                self.problems.push((place(self.text, span), text));
            }
        }
    }

    fn table<'i>(&mut self, item: &'i Item) -> Option<&'i dyn TableLike> {
        let table = item.as_table_like();
        if table.is_none() {
            self.complain(item, "this must be a table");
        }
        table
    }

    /// Returns the tables of an array of tables, which may be written in either form.
    fn tables(&mut self, table: &dyn TableLike, name: &str) -> Vec<Item> {
        match table.get(name) {
            None => Vec::new(),
            Some(Item::ArrayOfTables(tables)) => tables.iter().cloned().map(Item::Table).collect(),
            Some(item) => match item.as_array() {
                Some(array) => array.iter().cloned().map(Item::Value).collect(),
                None => {
                    self.complain(item, format!("write [[{name}]] with two brackets"));
                    Vec::new()
                }
            },
        }
    }

    fn text_of(&mut self, item: &Item) -> Option<String> {
        let text = item.as_str().map(str::to_owned);
        if text.is_none() {
            self.complain(item, "this must be a text");
        }
        text
    }

    fn text_in(&mut self, owner: &Item, table: &dyn TableLike, name: &str) -> Option<String> {
        match table.get(name) {
            Some(item) => self.text_of(item),
            None => {
                self.complain(owner, format!("`{name}` is missing"));
                None
            }
        }
    }

    fn texts(&mut self, item: &Item) -> Option<Vec<String>> {
        let list = serde_json::from_value(json_of(item)).ok();
        if list.is_none() {
            self.complain(item, "this must be a list of texts");
        }
        list
    }

    fn whole<T: TryFrom<i64>>(&mut self, item: &Item) -> Option<T> {
        let number = item.as_integer().and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.complain(item, "this must be a whole number that is not negative");
        }
        number
    }

    fn company(&mut self, item: &Item) -> CompanyPart {
        let mut company = CompanyPart::default();
        let Some(table) = self.table(item) else { return company };
        self.known(table, COMPANY);
        let size = |reader: &mut Self, name| table.get(name).and_then(|item| reader.whole(item));
        company.users = size(self, "users").unwrap_or(0);
        company.groups = size(self, "groups").unwrap_or(0);
        company.seed = table.get("seed").and_then(|item| self.whole(item));
        if let Some(item) = table.get("existing_accounts") {
            match item.as_bool() {
                Some(wanted) => company.existing_accounts = wanted,
                None => self.complain(item, "this must be true or false"),
            }
        }
        company
    }

    fn entra(&mut self, item: &Item) -> Option<Deed> {
        let table = self.table(item)?;
        self.known(table, ENTRA);
        if let Some(switches) = table.get("switches") {
            self.switches(switches, &EntraSwitches::default());
        }
        table.get("permissions").and_then(|item| self.texts(item));
        Some(Deed::Entra(json_of(item)))
    }

    fn sharefile(&mut self, item: &Item) -> Option<Deed> {
        let table = self.table(item)?;
        self.known(table, SHAREFILE);
        if let Some(switches) = table.get("switches") {
            self.switches(switches, &SharefileSwitches::default());
        }
        for name in ["employee_domains", "service_roles"] {
            table.get(name).and_then(|item| self.texts(item));
        }
        table.get("licences").and_then(|item| self.whole::<u32>(item));
        Some(Deed::Sharefile(json_of(item)))
    }

    /// Tries each switch on its own, so that each problem has its place.
    fn switches<T>(&mut self, item: &Item, defaults: &T)
    where
        T: serde::Serialize + DeserializeOwned,
    {
        let Some(table) = self.table(item) else { return };
        let names = json!(defaults);
        let names: Vec<&str> =
            names.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        self.known(table, &names);
        for (name, item) in table.iter().filter(|(name, _)| names.contains(name)) {
            let mut one = Map::new();
            one.insert(name.to_owned(), json_of(item));
            if let Err(problem) = overlaid(defaults, &Value::Object(one)) {
                self.complain(item, format!("`{name}`: {problem}"));
            }
        }
    }

    /// Reads a person or a group with properties by Graph's names.
    fn object(&mut self, item: &Item, kind: Kind) -> Option<NewObject> {
        let table = self.table(item)?;
        let own = [kind.others, "role", "id"];
        let mut new =
            NewObject { attributes: self.properties(table, kind, &own), ..<_>::default() };
        new.others = table.get(kind.others).and_then(|item| self.texts(item)).unwrap_or_default();
        new.role = table.get("role").and_then(|item| self.text_of(item));
        if let Some(item) = table.get("id") {
            new.id = self.text_of(item).and_then(|text| Uuid::try_parse(&text).ok());
            if new.id.is_none() {
                self.complain(item, "`id` must be a GUID");
            }
        }
        complete(&mut new.attributes);
        if new.name(kind.required).is_empty() {
            self.complain(item, format!("`{}` is missing", kind.required));
            return None;
        }
        Some(new)
    }

    fn properties(
        &mut self,
        table: &dyn TableLike,
        kind: Kind,
        besides: &[&str],
    ) -> Map<String, Value> {
        let mut found = Map::new();
        for (name, item) in table.iter().filter(|(name, _)| !besides.contains(name)) {
            if properties::find(kind.table, name).is_some() || properties::is_extension(name) {
                found.insert(name.to_owned(), json_of(item));
                continue;
            }
            let mut names: Vec<&str> = kind.table.iter().map(|property| property.name).collect();
            names.extend(besides);
            let span = table.key(name).and_then(|key| key.span()).or(item.span());
            let near = nearest(name, &names).map(|near| format!(". Did you mean `{near}`?"));
            let text = format!("Graph has no property `{name}`{}", near.unwrap_or_default());
            self.problems.push((place(self.text, span), text));
        }
        found
    }

    fn assignment(&mut self, item: &Item) -> Option<Deed> {
        let table = self.table(item)?;
        self.known(table, &["principal", "role"]);
        let who = self.text_in(item, table, "principal")?;
        Some(Deed::Assign(who, self.role(table)))
    }

    fn role(&mut self, table: &dyn TableLike) -> String {
        let role = table.get("role").and_then(|item| self.text_of(item));
        role.unwrap_or_else(|| "User".to_owned())
    }

    fn fault(&mut self, item: &Item) -> Option<Deed> {
        let fault = serde_json::from_value::<Fault>(json_of(item));
        match fault {
            Ok(fault) => Some(Deed::Fault(Box::new(fault))),
            Err(problem) => {
                self.complain(item, problem.to_string());
                None
            }
        }
    }

    /// Reads what has a shape of its own; returns it as JSON.
    fn shaped<T: DeserializeOwned>(&mut self, item: &Item, known: &[&str]) -> Option<Value> {
        let table = self.table(item)?;
        let before = self.problems.len();
        self.known(table, known);
        let value = json_of(item);
        if self.problems.len() > before {
            return None;
        }
        match serde_json::from_value::<T>(value.clone()) {
            Ok(_) => Some(value),
            Err(problem) => {
                self.complain(item, problem.to_string());
                None
            }
        }
    }

    fn change(&mut self, item: &Item) -> Option<Change> {
        let table = self.table(item)?;
        let verbs: Vec<&str> = VERBS.iter().map(|(verb, _)| *verb).collect();
        let mut given = VERBS.iter().filter(|(verb, _)| table.contains_key(verb));
        let (Some((verb, with)), None) = (given.next(), given.next()) else {
            let more: Vec<&str> = ["after", "to", "mail", "set", "role", "members"].to_vec();
            self.known(table, &[more, verbs.clone()].concat());
            let text = format!("a change does exactly one of these: {}", verbs.join(", "));
            self.complain(item, text);
            return None;
        };
        self.known(table, &[&["after", verb], *with].concat());
        let after = self.text_in(item, table, "after").and_then(|text| self.length(item, &text));
        let object = table.get(verb)?;
        let deed = self.deed(item, table, verb, object);
        Some(Change { after: after?, place: self.at(item), deed: deed? })
    }

    fn length(&mut self, item: &Item, text: &str) -> Option<Duration> {
        let after = item.as_table_like().and_then(|table| table.get("after"));
        match moment::length(text) {
            Ok(length) => Some(length),
            Err(problem) => {
                self.complain(after.unwrap_or(item), problem.to_string());
                None
            }
        }
    }

    fn deed(
        &mut self,
        item: &Item,
        table: &dyn TableLike,
        verb: &str,
        object: &Item,
    ) -> Option<Deed> {
        match verb {
            "join" => return self.object(object, PERSON).map(Deed::Join),
            "add_group" => return self.object(object, GROUP).map(Deed::AddGroup),
            "add_account" => {
                return self.shaped::<NewAccount>(object, ACCOUNT).map(Deed::AddAccount);
            }
            "fault" => return self.fault(object),
            "entra" => return self.entra(object),
            "sharefile" => return self.sharefile(object),
            "clear_faults" | "end_deltas" | "end_tokens" => {
                if object.as_bool() != Some(true) {
                    self.complain(object, "this must be true");
                }
                return Some(match verb {
                    "clear_faults" => Deed::ClearFaults,
                    "end_deltas" => Deed::EndDeltas,
                    _ => Deed::EndTokens,
                });
            }
            _ => {}
        }
        let who = self.text_of(object)?;
        Some(match verb {
            "leave" => Deed::Leave(who),
            "rename" => Deed::Rename(who, self.renamed(item, table)?),
            "edit" => Deed::Edit(who, self.set(item, table, PERSON)?),
            "disable" => Deed::Enable(who, false),
            "enable" => Deed::Enable(who, true),
            "delete" => Deed::Delete(who),
            "purge" => Deed::Purge(who),
            "restore" => Deed::Restore(who),
            "assign" => Deed::Assign(who, self.role(table)),
            "unassign" => Deed::Unassign(who),
            "edit_group" => Deed::EditGroup(who, self.set(item, table, GROUP)?),
            "delete_group" => Deed::DeleteGroup(who),
            "restore_group" => Deed::RestoreGroup(who),
            "add_members" => Deed::AddMembers(who, self.members(item, table)?),
            "remove_members" => Deed::RemoveMembers(who, self.members(item, table)?),
            "edit_account" => Deed::EditAccount(who, self.set_account(item, table)?),
            _ => Deed::RemoveAccount(who),
        })
    }

    fn renamed(&mut self, item: &Item, table: &dyn TableLike) -> Option<Map<String, Value>> {
        let name = self.text_in(item, table, "to")?;
        let (given, family) = name.rsplit_once(' ').unwrap_or((&name, &name));
        let mut set = Map::new();
        set.insert("givenName".to_owned(), json!(given));
        set.insert("surname".to_owned(), json!(family));
        set.insert("displayName".to_owned(), json!(name));
        if let Some(mail) = table.get("mail") {
            let mail = self.text_of(mail)?;
            set.insert("mail".to_owned(), json!(mail));
            set.insert("userPrincipalName".to_owned(), json!(mail));
        }
        Some(set)
    }

    fn set(
        &mut self,
        item: &Item,
        table: &dyn TableLike,
        kind: Kind,
    ) -> Option<Map<String, Value>> {
        let Some(set) = table.get("set") else {
            self.complain(item, "`set` is missing: the properties that change");
            return None;
        };
        let set = self.table(set)?;
        let mut properties = self.properties(set, kind, &[]);
        // TOML has no null; an empty text clears what a text can clear.
        properties
            .values_mut()
            .filter(|value| **value == "")
            .for_each(|value| *value = Value::Null);
        Some(properties)
    }

    fn set_account(&mut self, item: &Item, table: &dyn TableLike) -> Option<Value> {
        let Some(set) = table.get("set") else {
            self.complain(item, "`set` is missing: what changes of the account");
            return None;
        };
        self.shaped::<Map<String, Value>>(set, ACCOUNT_EDIT)
    }

    fn members(&mut self, item: &Item, table: &dyn TableLike) -> Option<Vec<String>> {
        match table.get("members") {
            Some(members) => self.texts(members),
            None => {
                self.complain(item, "`members` is missing: a list of people and groups");
                None
            }
        }
    }
}

/// Adds what follows from other properties: nobody writes the same name three times.
fn complete(attributes: &mut Map<String, Value>) {
    let text = |attributes: &Map<String, Value>, name: &str| {
        attributes.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    if let (None, Some(mail)) = (attributes.get("userPrincipalName"), text(attributes, "mail")) {
        attributes.insert("userPrincipalName".to_owned(), json!(mail));
    }
    let names = (text(attributes, "givenName"), text(attributes, "surname"));
    if let (None, (Some(given), Some(family))) = (attributes.get("displayName"), names) {
        attributes.insert("displayName".to_owned(), json!(format!("{given} {family}")));
    }
}

fn json_of(item: &Item) -> Value {
    if let Some(table) = item.as_table_like() {
        return table.iter().map(|(name, item)| (name.to_owned(), json_of(item))).collect();
    }
    if let Item::ArrayOfTables(tables) = item {
        return tables.iter().map(|table| json_of(&Item::Table(table.clone()))).collect();
    }
    match item.as_value() {
        Some(toml_edit::Value::String(text)) => json!(text.value()),
        Some(toml_edit::Value::Integer(number)) => json!(number.value()),
        Some(toml_edit::Value::Float(number)) => json!(number.value()),
        Some(toml_edit::Value::Boolean(flag)) => json!(flag.value()),
        Some(toml_edit::Value::Datetime(date)) => json!(date.value().to_string()),
        Some(toml_edit::Value::Array(items)) => {
            items.iter().map(|value| json_of(&Item::Value(value.clone()))).collect()
        }
        _ => Value::Null,
    }
}

fn guess(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!(". Did you mean `{near}`?"),
        None => format!("; known are {}", known.join(", ")),
    }
}

fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let wanted = name.to_lowercase();
    let near = |other: &str| strsim::damerau_levenshtein(&wanted, &other.to_lowercase());
    let best = known.iter().min_by_key(|other| near(other))?;
    (near(best) <= 2.max(name.len() / 4)).then_some(best)
}

fn place(text: &str, span: Option<Range<usize>>) -> Place {
    let start = span.map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { line, column }
}
