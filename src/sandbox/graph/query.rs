//! What a list may be asked: `$filter`, `$orderby` and `$search`, and which of it is an advanced
//! query (Graph reference, section 3, "Advanced queries").

use serde_json::Value;

use super::call::{Call, Refusal};
use super::filter::{Filter, Function};
use super::properties;

/// The options that a list takes.
pub const LIST_OPTIONS: &[&str] =
    &["$select", "$filter", "$top", "$count", "$skiptoken", "$orderby", "$search", "$expand"];

/// What a kind of object can be asked.
pub struct Rules {
    /// What error messages call it.
    pub resource: &'static str,
    /// Properties of a filter.
    pub filterable: &'static [&'static str],
    /// Properties of a filter in an advanced query.
    pub filterable_when_advanced: &'static [&'static str],
    /// Lists that a filter may look into with `any`.
    pub lists: &'static [&'static str],
    /// Properties that `endswith` takes.
    pub endings: &'static [&'static str],
    /// Properties to sort by.
    pub sortable: &'static [&'static str],
    /// Properties to sort by in an advanced query.
    pub sortable_when_advanced: &'static [&'static str],
    /// Properties to search in.
    pub searchable: &'static [&'static str],
}

/// A query that was understood and is allowed.
pub struct Query {
    filter: Option<Filter>,
    search: Option<Search>,
    /// The property to sort by, and whether downwards.
    pub order: Option<(String, bool)>,
}

impl Query {
    /// Reads the query of a list.
    ///
    /// # Errors
    /// 400 for what the directory cannot answer, or not without `ConsistencyLevel: eventual`.
    pub fn of(call: &Call, rules: &Rules) -> Result<Self, Refusal> {
        if call.option("$skip").is_some() {
            return Err(Refusal::bad("'$skip' is not supported by the service."));
        }
        let filter = filter(call, rules)?;
        let order = order(call, rules)?;
        if filter.is_some() && order.is_some() && !call.counted() {
            return Err(Refusal::unsupported("Sorting not supported for current query."));
        }
        Ok(Self { filter, search: search(call, rules)?, order })
    }

    /// Returns the filter.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Returns whether an object fits; `value` returns its properties.
    pub fn fits(&self, value: &dyn Fn(&str) -> Value) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.fits(value))
            && self.search.as_ref().is_none_or(|search| search.fits(value))
    }

    /// Sorts rows by the property that was asked for; `value` returns it. Without one they stay.
    pub fn sort<Row>(&self, rows: &mut [Row], value: impl Fn(&Row, &str) -> Value) {
        let Some((name, down)) = &self.order else {
            return;
        };
        rows.sort_by_cached_key(|row| match value(row, name) {
            Value::String(text) => text.to_lowercase(),
            Value::Null => String::new(),
            other => other.to_string(),
        });
        if *down {
            rows.reverse();
        }
    }
}

fn filter(call: &Call, rules: &Rules) -> Result<Option<Filter>, Refusal> {
    let Some(text) = call.option("$filter") else {
        return Ok(None);
    };
    let filter = Filter::parse(text)?;
    let advanced = call.counted();
    if filter.advanced() && !advanced {
        return Err(Refusal::unsupported(
            "Operator is not supported because the required parameters might be missing: ConsistencyLevel: eventual and $count=true.",
        ));
    }
    let mut odd = None;
    filter.properties(&mut |name, clause| {
        let listed = matches!(clause, Filter::Any(..));
        let ending = matches!(clause, Filter::Call(Function::EndsWith, ..));
        let known = if listed {
            rules.lists.contains(&name)
        } else if ending {
            rules.endings.contains(&name)
        } else {
            rules.filterable.contains(&name)
                || properties::is_extension(name)
                || (advanced && rules.filterable_when_advanced.contains(&name))
        };
        if !known {
            odd.get_or_insert_with(|| name.to_owned());
        }
    });
    match odd {
        None => Ok(Some(filter)),
        Some(name) => Err(Refusal::unsupported(format!(
            "Unsupported or invalid query filter clause specified for property '{name}' of resource '{}'.",
            rules.resource
        ))),
    }
}

fn order(call: &Call, rules: &Rules) -> Result<Option<(String, bool)>, Refusal> {
    let Some(text) = call.option("$orderby") else {
        return Ok(None);
    };
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let down = match (words.next(), words.next()) {
        (None | Some("asc"), None) => false,
        (Some("desc"), None) => true,
        _ => return Err(Refusal::bad(format!("Syntax error in '$orderby={text}'."))),
    };
    let known = rules.sortable.contains(&name)
        || (call.counted() && rules.sortable_when_advanced.contains(&name));
    if known {
        return Ok(Some((name.to_owned(), down)));
    }
    Err(Refusal::unsupported(format!(
        "Unsupported sort property '{name}' for '{}'.",
        rules.resource
    )))
}

/// `"property:text"` clauses: `AND` binds more than `OR`.
struct Search(Vec<Vec<(String, String)>>);

impl Search {
    fn fits(&self, value: &dyn Fn(&str) -> Value) -> bool {
        let one = |(name, wanted): &(String, String)| {
            let held = value(name);
            let held = held.as_str().unwrap_or_default().to_lowercase();
            // Names and descriptions are searched by their words, everything else by its beginning.
            match name.as_str() {
                "displayName" | "description" => {
                    held.split(|letter: char| !letter.is_alphanumeric())
                        .any(|word| word.starts_with(wanted.as_str()))
                        || held.contains(wanted.as_str()) && wanted.contains(' ')
                }
                _ => held.starts_with(wanted.as_str()),
            }
        };
        self.0.iter().any(|all| all.iter().all(one))
    }
}

fn search(call: &Call, rules: &Rules) -> Result<Option<Search>, Refusal> {
    let Some(text) = call.option("$search") else {
        return Ok(None);
    };
    if !call.eventual() {
        return Err(Refusal::unsupported(
            "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
        ));
    }
    let clause = |part: &str| {
        let bare = part.trim().strip_prefix('"')?.strip_suffix('"')?;
        let (name, wanted) = bare.split_once(':')?;
        let known = rules.searchable.iter().find(|known| **known == name)?;
        Some(((*known).to_owned(), wanted.to_lowercase()))
    };
    let alternatives: Option<Vec<Vec<_>>> =
        text.split(" OR ").map(|all| all.split(" AND ").map(clause).collect()).collect();
    alternatives
        .map(|all| Some(Search(all)))
        .ok_or_else(|| Refusal::bad(format!("Syntax error: the search '{text}' is not valid.")))
}

/// A relation that is shown with its object.
pub struct Expand {
    /// What of the other object is shown.
    pub select: Vec<String>,
}

/// Reads `$expand=manager`, with `$levels` and `$select` in brackets, which need an advanced query.
pub fn expand_manager(call: &Call) -> Result<Option<Expand>, Refusal> {
    let Some(text) = call.option("$expand") else {
        return Ok(None);
    };
    let odd = || {
        let name = text.split('(').next().unwrap_or_default();
        let message = format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.user' that can be expanded here."
        );
        Refusal::new(400, "BadRequest", message)
    };
    let (name, options) = match text.split_once('(') {
        None => (text, None),
        Some((name, rest)) => (name, Some(rest.strip_suffix(')').ok_or_else(odd)?)),
    };
    if name.trim() != "manager" {
        return Err(odd());
    }
    let mut select = super::page::defaults(properties::USER);
    for option in options.into_iter().flat_map(|options| options.split(';')) {
        match option.split_once('=') {
            Some(("$levels", levels)) if levels == "max" || levels.parse::<u32>().is_ok() => {}
            Some(("$select", names)) => {
                if !call.counted() {
                    return Err(Refusal::unsupported(
                        "A nested $select requires the header 'ConsistencyLevel: eventual' and '$count=true'.",
                    ));
                }
                select = super::page::split(names);
                for name in &select {
                    super::page::check(call, properties::USER, "user", name)?;
                }
            }
            _ => return Err(odd()),
        }
    }
    Ok(Some(Expand { select }))
}
