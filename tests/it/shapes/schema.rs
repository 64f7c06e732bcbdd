//! JSON Schemas made from descriptions, each compiled once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Types by name, and the validators that were needed so far.
pub struct Types {
    defs: Map<String, Value>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Types {
    pub fn new(defs: Map<String, Value>) -> Self {
        Self { defs, compiled: Mutex::default() }
    }

    /// Returns the schema of a type.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.defs.get(name)
    }

    /// Returns whether a type declares a member.
    pub fn declares(&self, name: &str, member: &str) -> bool {
        self.get(name).and_then(|schema| schema["properties"].get(member)).is_some()
    }

    /// Says what is wrong with a value, if anything. The key stands for the schema: the same key
    /// must always come with the same schema.
    pub fn check(
        &self,
        key: &str,
        schema: impl FnOnce() -> Value,
        value: &Value,
    ) -> Option<String> {
        let validator = self.validator(key, schema);
        if validator.is_valid(value) {
            return None;
        }
        let error = validator.iter_errors(value).next();
        Some(error.map_or_else(
            || format!("is not {key}"),
            |error| {
                let mut value = error.instance().to_string();
                if let Some((at, _)) = value.char_indices().nth(80) {
                    value.truncate(at);
                    value.push('…');
                }
                let place = error.instance_path().as_str();
                format!("at {place:?}: {} (as {key}): {value}", error.masked())
            },
        ))
    }

    fn validator(&self, key: &str, schema: impl FnOnce() -> Value) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(key) {
            return validator.clone();
        }
        let mut schema = schema();
        schema["$defs"] = Value::Object(self.needed(&schema));
        let built = jsonschema::options().should_validate_formats(true).build(&schema);
        let validator = Arc::new(built.unwrap_or_else(|error| panic!("{key}: {error}")));
        compiled.insert(key.to_owned(), validator.clone());
        validator
    }

    /// Returns the types that a schema refers to, directly or not.
    fn needed(&self, schema: &Value) -> Map<String, Value> {
        let mut needed = Map::new();
        let mut open = Vec::new();
        references(schema, &mut open);
        while let Some(name) = open.pop() {
            if !needed.contains_key(&name) {
                let def = self.get(&name).unwrap_or_else(|| panic!("no type {name}"));
                references(def, &mut open);
                needed.insert(name, def.clone());
            }
        }
        needed
    }
}

/// Returns a reference to a type.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn references(schema: &Value, into: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
                    Some(target) if name == "$ref" => into.push(target.to_owned()),
                    _ => references(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}
