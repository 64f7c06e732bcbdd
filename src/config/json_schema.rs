//! The shape of the configuration as JSON Schema, for editors that complete and explain keys.
//!
//! It is one layer's: nothing is required, as another layer may give it. What only the readers can
//! tell, such as whether an expression is right, is not in it.

use serde_json::{Map, Value, json};

use crate::model::account::TargetAttribute;
use crate::model::leaving::Stage;
use crate::plan::rules::OPERATORS;

/// Returns the schema of a configuration file, draft 2020-12.
pub fn json_schema() -> Value {
    let mut schema = table(
        "Configuration of sharefile-provisioner.",
        [
            ("schedule", schedule()),
            ("entra", entra()),
            ("sharefile", sharefile()),
            ("network", network()),
            ("scope", scope()),
            ("users", users()),
            ("groups", groups()),
            ("drift", drift()),
            ("guard", guard()),
            ("store", table("Where the job remembers.", [("path", STORE.text())])),
            ("log", log()),
        ],
    );
    if let Some(schema) = schema.as_object_mut() {
        let draft = json!("https://json-schema.org/draft/2020-12/schema");
        schema.insert("$schema".to_owned(), draft);
        schema.insert("title".to_owned(), json!("sharefile-provisioner"));
    }
    schema
}

/// What a key means.
#[derive(Clone, Copy)]
struct Says(&'static str);

/// Expressions for people.
const OF_PEOPLE: &[&str] = &["[mail]", "\"Contoso\"", "Join(\" \", [givenName], [surname])"];

/// Expressions for what finds accounts.
const THAT_FIND: &[&str] = &["[mail]", "Coalesce([mail], [userPrincipalName])"];

/// Expressions for the type of an account.
const OF_TYPES: &[&str] = &["IIF([userType]=\"Guest\", \"client\", \"employee\")"];

/// Expressions for groups.
const OF_GROUPS: &[&str] = &["[displayName]", "Join(\" \", \"Entra\", [displayName])"];

const STORE: Says = Says("A file, relative to the folder of the configuration.");

impl Says {
    fn text(self) -> Value {
        json!({ "description": self.0, "type": "string" })
    }

    fn flag(self) -> Value {
        json!({ "description": self.0, "type": "boolean" })
    }

    fn number(self, least: i64, most: i64) -> Value {
        json!({ "description": self.0, "type": "integer", "minimum": least, "maximum": most })
    }

    fn texts(self) -> Value {
        json!({ "description": self.0, "type": "array", "items": { "type": "string" } })
    }

    fn one_of(self, words: &[&str]) -> Value {
        json!({ "description": self.0, "enum": words })
    }

    fn duration(self) -> Value {
        json!({ "description": self.0, "type": "string", "examples": ["20m", "90s", "1h 30m", "30d"] })
    }

    fn expression(self, examples: &[&str]) -> Value {
        json!({ "description": self.0, "type": "string", "examples": examples })
    }

    fn either(self, ways: &[Value]) -> Value {
        json!({ "description": self.0, "anyOf": ways })
    }

    fn list(self, items: &Value) -> Value {
        json!({ "description": self.0, "type": "array", "items": items })
    }
}

/// Returns a table of which no other keys are known.
fn table<const N: usize>(says: &str, keys: [(&str, Value); N]) -> Value {
    let keys: Map<String, Value> =
        keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    json!({
        "description": says,
        "type": "object",
        "properties": keys,
        "additionalProperties": false,
    })
}

fn secret(says: &str) -> Value {
    table(
        says,
        [
            ("env", Says("The environment variable that holds it.").text()),
            ("file", Says("The file that holds it, relative to the configuration.").text()),
            ("credential", Says("The systemd credential that holds it.").text()),
        ],
    )
}

fn schedule() -> Value {
    let regular = |says: &'static str| {
        let words = Says(says).one_of(&["weekly", "daily", "never"]);
        Says(says).either(&[words, Says("A duration.").duration()])
    };
    table(
        "When cycles run.",
        [
            ("every", Says("How often what changed is brought over: from 1 minute up.").duration()),
            (
                "cron",
                Says("Or fixed times: second, minute, hour, day, month, weekday, in UTC.").text(),
            ),
            ("full", regular("How often everything is read again.")),
            ("drift", regular("How often ShareFile is compared with what was written there.")),
            ("grace", Says("How long a stop may wait for the write in flight.").duration()),
        ],
    )
}

fn entra() -> Value {
    let own_cloud = table(
        "Other hosts, as the sandbox has.",
        [("login", Says("Where to sign in.").text()), ("graph", Says("Where Graph is.").text())],
    );
    let clouds = Says("One of Microsoft's.").one_of(&["global", "us-gov", "us-dod", "china"]);
    table(
        "The tenant that is read.",
        [
            ("tenant", Says("The tenant: its id, or one of its domains.").text()),
            ("client_id", Says("The app registration that reads.").text()),
            (
                "application",
                Says("The enterprise application whose assignments count: name, app id or object id.")
                    .text(),
            ),
            ("cloud", Says("Where to sign in and read.").either(&[clouds, own_cloud])),
            ("credential", credential()),
            ("default_domain", Says("What `DefaultDomain` gives to expressions.").text()),
        ],
    )
}

fn credential() -> Value {
    let identity = table(
        "A user-assigned identity, or another metadata service.",
        [
            ("client_id", Says("By its client id.").text()),
            ("object_id", Says("By the object id of its service principal.").text()),
            ("resource_id", Says("By its Azure resource id.").text()),
            ("endpoint", Says("Where the metadata service is.").text()),
        ],
    );
    let system = Says("The one of the host.").one_of(&["system"]);
    table(
        "How the app registration proves who it is: one of the four.",
        [
            ("client_secret", secret("A client secret.")),
            ("certificate", secret("A PEM file with the certificate and its RSA private key.")),
            ("algorithm", Says("How the certificate signs.").one_of(&["PS256", "RS256"])),
            (
                "federated",
                table(
                    "A token of another issuer.",
                    [("file", Says("The file that somebody keeps it in.").text())],
                ),
            ),
            (
                "managed_identity",
                Says("The identity that Azure gives to this host.").either(&[system, identity]),
            ),
        ],
    )
}

fn sharefile() -> Value {
    table(
        "The account that is written.",
        [
            ("subdomain", Says("The first label of the address at which people sign in.").text()),
            ("domain", Says("The rest of that address, as sharefile.com.").text()),
            ("admin_user", Says("The service user, by address.").text()),
            ("admin_password", secret("The password of the service user.")),
            ("client_id", Says("The API key.").text()),
            ("client_secret", secret("The secret of the API key.")),
            ("requests_per_minute", Says("The budget in any minute.").number(1, 100_000)),
            ("in_flight", Says("At most so many requests at the same time.").number(1, 64)),
        ],
    )
}

fn network() -> Value {
    table(
        "The way to both services.",
        [
            ("proxy", Says("The HTTP proxy for every connection.").text()),
            ("proxy_user", Says("Who signs in to the proxy.").text()),
            ("proxy_password", secret("The password for the proxy.")),
            ("no_proxy", Says("Hosts, domains and networks without the proxy.").texts()),
            ("ca_file", Says("Certificates that are trusted besides those of the system.").text()),
            ("timeout", Says("How long a service may be silent.").duration()),
        ],
    )
}

fn clause() -> Value {
    let operators = OPERATORS.map(|operator| operator.name);
    table(
        "A condition on one attribute.",
        [
            ("attribute", Says("The attribute, without brackets.").text()),
            (
                "operator",
                // Entra ID spells them in more than one way.
                Says("What has to be true of its value.")
                    .either(&[Says("As here.").one_of(&operators), json!({ "type": "string" })]),
            ),
            (
                "value",
                Says("What it is compared with.")
                    .either(&[json!({ "type": "string" }), json!({ "type": "integer" })]),
            ),
            ("values", Says("Of `IN`: one of them.").texts()),
            (
                "match",
                Says("Of several values: one, or all, which is what NOT wants.")
                    .one_of(&["any", "all"]),
            ),
        ],
    )
}

fn filters(says: &'static str) -> Value {
    let filter = table(
        "Clauses that have to hold together; of several filters one is enough.",
        [
            ("name", Says("What plans call it.").text()),
            ("clauses", Says("All of them have to hold.").list(&clause())),
        ],
    );
    Says(says).list(&filter)
}

fn scope() -> Value {
    table(
        "Who gets an account.",
        [
            ("users", Says("Those assigned to the enterprise application.").one_of(&["assigned"])),
            ("default_access", Says("Rows with the role Default Access count.").flag()),
            ("nested_groups", Says("Members of groups in groups count.").flag()),
            (
                "only",
                Says("Try the job on these people, and leave all others as they are.").texts(),
            ),
            ("filter", filters("Who of the assigned people is let in.")),
            (
                "nulls",
                Says("What a missing value means in a clause: it holds in none, or is empty.")
                    .one_of(&["entra", "empty"]),
            ),
            (
                "on_leave",
                Says("What becomes of whom a filter no longer lets in.")
                    .one_of(&["deprovision", "ignore"]),
            ),
        ],
    )
}

fn kinds(says: &'static str) -> Value {
    Says(says).one_of(&["employee", "client"])
}

fn users() -> Value {
    let names = TargetAttribute::ALL.into_iter().map(TargetAttribute::name);
    let names: Vec<&str> = names.chain(["Active"]).collect();
    let roles = json!({
        "description": "By the value of an application role.",
        "type": "object",
        "additionalProperties": kinds("The type."),
    });
    let types = table(
        "By role, then for guests, then for everybody else.",
        [
            ("default", kinds("For everybody else.")),
            ("guests", kinds("For guests.")),
            ("roles", roles),
        ],
    );
    let matched = &["Email", "FirstName", "LastName", "Company"];
    let target = || Says("The attribute of the account.").one_of(matched);
    let source = || Says("The value to look for.").expression(THAT_FIND);
    let part =
        table("One of several that have to agree.", [("target", target()), ("source", source())]);
    let rule = table(
        "An account matches whose attribute has the value of the expression, or several at once.",
        [
            ("target", target()),
            ("source", source()),
            ("all", Says("What has to agree, instead of one target.").list(&part)),
            (
                "adopt",
                Says("What becomes of the account that is found.")
                    .one_of(&["always", "report", "never"]),
            ),
            ("required", Says("Whoever has no value for the rule is held.").flag()),
        ],
    );
    let when = &["always", "on_create"];
    let attribute = table(
        "Where the value of one attribute comes from.",
        [
            ("target", Says("The attribute of the account.").one_of(&names)),
            (
                "source",
                Says("An expression in the language of Entra ID's mappings.").expression(OF_PEOPLE),
            ),
            ("apply", Says("In every cycle, or when the account is created.").one_of(when)),
            ("default", Says("The value for people who have none.").text()),
            ("default_apply", Says("For new accounts only, or always.").one_of(when)),
            ("when_null", Says("What a null means.").one_of(&["keep", "clear"])),
        ],
    );
    table(
        "The accounts of people.",
        [
            (
                "type",
                Says("The type of the account: a table, or an expression that gives it.")
                    .either(&[types, Says("Gives `employee` or `client`.").expression(OF_TYPES)]),
            ),
            ("match", Says("How an existing account is found; tried in order.").list(&rule)),
            (
                "welcome",
                Says("Whether ShareFile welcomes new people.").one_of(&["none", "on_create"]),
            ),
            ("attribute", Says("The values of an account, one entry each.").list(&attribute)),
            ("deprovision", deprovision()),
        ],
    )
}

fn deprovision() -> Value {
    let stages = Stage::ALL.map(Stage::word);
    let later = table(
        "What happens at once, and later.",
        [
            ("then", Says("At once.").one_of(&stages)),
            ("after", Says("How long after the person left the rest happens.").duration()),
            ("next", Says("What happens then.").one_of(&stages)),
            ("reassign_items_to", Says("Who gets files and folders, by address.").text()),
            ("reassign_groups_to", Says("Who gets the groups, by address.").text()),
        ],
    );
    let policy =
        |says: &'static str| Says(says).either(&[Says("At once.").one_of(&stages), later.clone()]);
    table(
        "What happens to the account of a person who left, by event.",
        [
            ("unassigned", policy("No assignment is left.")),
            ("filtered", policy("Assigned, but no filter lets the person in.")),
            ("disabled", policy("Disabled in Entra ID.")),
            ("soft_deleted", policy("In the recycle bin of Entra ID.")),
            ("hard_deleted", policy("Gone from Entra ID.")),
        ],
    )
}

fn groups() -> Value {
    let rule = |says: &str| {
        table(
            says,
            [
                ("target", Says("The attribute of the group.").one_of(&["Name"])),
                ("source", Says("An expression on attributes of the group.").expression(OF_GROUPS)),
            ],
        )
    };
    let fates = &["keep", "empty", "delete"];
    table(
        "Groups that are assigned to the application.",
        [
            ("enabled", Says("Whether they become distribution groups in ShareFile.").flag()),
            ("filter", filters("Which of the assigned groups are let in.")),
            (
                "match",
                Says("How an existing group is found.").list(&rule("Compared without case.")),
            ),
            ("attribute", Says("What a group is called.").list(&rule("The name."))),
            (
                "adopt",
                Says("What becomes of a group of that name which was made by hand.")
                    .one_of(&["report", "always", "never"]),
            ),
            ("on_unassigned", Says("Of a group that is no longer assigned.").one_of(fates)),
            ("deprovision", Says("Of a group that no longer exists in Entra ID.").one_of(fates)),
            ("overflow", Says("Of members beyond 2,000.").one_of(&["hold", "split"])),
            (
                "extra_members",
                Says("Of members whom somebody put in by hand.")
                    .one_of(&["report", "keep", "remove"]),
            ),
            (
                "leaver_groups",
                Says("Of the memberships of people who left.").one_of(&["keep", "remove"]),
            ),
        ],
    )
}

fn drift() -> Value {
    let words = &["report", "repair", "ignore"];
    let names = TargetAttribute::ALL.map(TargetAttribute::name);
    let single = names.map(|name| (name, Says("Of this attribute.").one_of(words)));
    table(
        "What becomes of what others changed in ShareFile.",
        [
            ("users", Says("Of values of accounts.").one_of(words)),
            ("attributes", table("Of single attributes of accounts.", single)),
            ("groups", Says("Of names of groups.").one_of(words)),
            ("members", Says("Of members whom somebody took out of a group.").one_of(words)),
        ],
    )
}

fn guard() -> Value {
    let limit = |says: &str| {
        table(
            says,
            [
                ("count", Says("At most so many.").number(0, 1_000_000)),
                ("percent", Says("At most this part; 100 is no limit.").number(0, 100)),
            ],
        )
    };
    table(
        "Limits that hold what looks like an accident.",
        [
            ("first_cycle", Says("The job's first plan.").one_of(&["approve", "apply"])),
            ("removals_per_cycle", limit("Removals in one cycle.")),
            ("removals_per_day", limit("Removals in any 24 hours.")),
            ("removals_per_group", limit("Members taken out of one group within a day.")),
            (
                "creates_per_cycle",
                Says("People who get an account in one cycle.").number(0, 10_000_000),
            ),
            (
                "address_changes_per_cycle",
                Says("Accounts that get another address in one cycle.").number(0, 10_000_000),
            ),
            ("protected", Says("Addresses of accounts that are never touched.").texts()),
            ("approval_valid", Says("How long an approval counts.").duration()),
        ],
    )
}

fn log() -> Value {
    let formats = &["auto", "text", "json", "journald"];
    table(
        "What the program says of itself.",
        [
            ("level", Says("off, error, warn, info, debug or trace; or by module.").text()),
            ("format", Says("Where and how it is written.").one_of(formats)),
        ],
    )
}
