//! The parameters of a function in a tree, by key, and the positions that they have in text.
//!
//! In text an argument is known by its position, and optional ones that are not given are empty
//! positions. In a tree only those are there that are given, each with a key (Graph reference,
//! section 10). The keys of older functions are in the list of functions that the synchronization
//! API answers with; newer ones are taken as the documentation of the language calls them.

use crate::plan::map::{Function, Need};

use super::tree::{quote, write};
use super::wire::Source;

/// Keys that the synchronization API has for parameters which the language calls otherwise, as
/// function, key in small letters, and name.
const ALIASES: &[(&str, &str, &str)] = &[
    ("Replace", "find", "oldValue"),
    ("Replace", "regularexpression", "regexPattern"),
    ("Replace", "regularexpressiongroupname", "regexGroupName"),
    ("Replace", "replacement", "replacementValue"),
    ("Replace", "replacementpropertyname", "replacementAttributeName"),
];

/// Keys for the pairs of `Switch`; any other key is the label itself.
const SWITCH_KEYS: [&str; 4] = ["switchvalue", "switchvalues", "key", "value"];

/// Keys that mean the first parameter, whatever the function calls it.
const FIRST_KEYS: [&str; 6] = ["source", "expression", "value", "string", "attribute", "input"];

/// Writes the arguments of a function as they stand between its brackets.
///
/// # Errors
/// Says which key is not clear, or what is wrong within an argument.
pub(super) fn arguments(
    name: &str,
    parameters: &[(String, Option<Source>)],
    depth: usize,
) -> Result<String, String> {
    let mut placed = Placed { name, single: Vec::new(), repeated: Vec::new() };
    for (position, (key, value)) in parameters.iter().enumerate() {
        let text = match value {
            Some(value) => Some(write(value, depth + 1)?),
            None => None,
        };
        placed.add(position, key, text)?;
    }
    let Placed { mut single, repeated, .. } = placed;
    if repeated.is_empty() {
        while single.last().is_some_and(Option::is_none) {
            single.pop();
        }
    }
    let texts: Vec<String> =
        single.into_iter().chain(repeated).map(Option::unwrap_or_default).collect();
    Ok(texts.join(", "))
}

/// The arguments that have found their positions.
struct Placed<'n> {
    name: &'n str,
    /// Those of parameters that are given once; without one, the position is empty.
    single: Vec<Option<String>>,
    /// Those that follow.
    repeated: Vec<Option<String>>,
}

impl Placed<'_> {
    fn add(&mut self, position: usize, key: &str, text: Option<String>) -> Result<(), String> {
        // The parser names the function that it does not know, and the nearest one.
        let Some(function) = Function::named(self.name) else {
            self.repeated.push(text);
            return Ok(());
        };
        let wanted = key.trim().to_ascii_lowercase();
        if function.name == "Switch" {
            return self.add_to_switch(&wanted, key, text);
        }
        let alias = ALIASES.iter().find(|(name, alias, _)| *name == self.name && *alias == wanted);
        let wanted = alias.map_or(wanted, |(_, _, name)| name.to_ascii_lowercase());
        // "source1" and "source2" are further ones of a repeated parameter.
        let counted = wanted.trim_end_matches(|c: char| c.is_ascii_digit());
        let names = |index: &usize| {
            let name = function.parameters.get(*index).map_or("", |one| one.name);
            name.eq_ignore_ascii_case(&wanted) || name.eq_ignore_ascii_case(counted)
        };
        let mut named = (0..function.parameters.len()).filter(names);
        // A repeated parameter may have a required one of the same name before it.
        let named = named.clone().find(|index| self.is_free(*index)).or(named.next_back());
        let single = function.parameters.iter().filter(|one| once(one.need)).count();
        let index = match named {
            Some(index) => index,
            None if counted.is_empty() => position,
            None if FIRST_KEYS.contains(&counted) && self.is_free(0) => 0,
            // The last of `Coalesce` stands for all of them.
            None if single < function.parameters.len() && counted == "defaultvalue" => single,
            None => {
                return Err(format!(
                    "the parameter `{key}` of {} is none of {}",
                    self.name,
                    function.signature()
                ));
            }
        };
        if index >= single {
            self.fill(single);
            self.repeated.push(text);
            return Ok(());
        }
        self.place(index, key, text)
    }

    fn add_to_switch(
        &mut self,
        wanted: &str,
        key: &str,
        text: Option<String>,
    ) -> Result<(), String> {
        match wanted {
            "source" => return self.place(0, key, text),
            "defaultvalue" => return self.place(1, key, text),
            _ => {}
        }
        self.fill(2);
        let counted = wanted.trim_end_matches(|c: char| c.is_ascii_digit());
        if !SWITCH_KEYS.contains(&counted) {
            self.repeated.push(Some(quote(key)));
        }
        self.repeated.push(text);
        Ok(())
    }

    fn place(&mut self, index: usize, key: &str, text: Option<String>) -> Result<(), String> {
        if !self.is_free(index) {
            return Err(format!("the parameter `{key}` of {} is there twice", self.name));
        }
        self.fill(index + 1);
        if let Some(place) = self.single.get_mut(index) {
            *place = text;
        }
        Ok(())
    }

    fn is_free(&self, index: usize) -> bool {
        self.single.get(index).is_none_or(Option::is_none)
    }

    fn fill(&mut self, count: usize) {
        if self.single.len() < count {
            self.single.resize(count, None);
        }
    }
}

fn once(need: Need) -> bool {
    matches!(need, Need::Required | Need::Optional)
}
