//! What happens to people over the years, each with the exact writes: those of the sandbox's log,
//! all of which the plan announced.

mod again;
mod joiners;
mod leavers;
mod movers;
mod stages;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sharefile_provisioner::cycle::Turned;
use sharefile_provisioner::model::account::{AccountKind, TargetAttribute};
use sharefile_provisioner::model::ids::TargetId;
use sharefile_provisioner::model::plan::{Plan, Write};
use sharefile_provisioner::sandbox::sharefile::{AccountKind as Kind, NewAccount};

use crate::world::World;

const NOTHING: [&str; 0] = [];

impl World {
    /// Somebody's account at ShareFile that this job did not make.
    fn account_by_hand(&self, name: &str, kind: Kind) -> String {
        self.sandbox.sharefile.add_account(NewAccount {
            email: format!("{}@contoso.example", name.to_lowercase()),
            first_name: name.to_owned(),
            last_name: "Tester".to_owned(),
            company: String::new(),
            kind,
            disabled: false,
            roles: Vec::new(),
            confirmed: true,
        })
    }

    /// One cycle. Returns what it wrote, one line for each write that ShareFile took, and makes sure
    /// that this is what a plan right before it said.
    async fn cycle_wrote(&self) -> Vec<String> {
        self.cycle_told().await.0
    }

    /// The same, with what came of the cycle.
    async fn cycle_told(&self) -> (Vec<String>, Turned) {
        let plan = self.plan().await.plan.expect("a plan");
        let names = self.account_names();
        self.sandbox.counts.reset();
        let turned = self.cycle().await;
        let mut announced = announced(&plan);
        let mut wrote: Vec<String> = Vec::new();
        for write in self.writes().into_iter().filter(|write| write.status < 300) {
            let path = write.path.strip_prefix("/sf/v3/").expect("a path of the API");
            // How an account is created is the same for all.
            let path = if write.method == "POST" { path.split('?').next() } else { Some(path) };
            wrote.push(line(&write.method, path.unwrap_or_default(), &write.body));
        }
        announced.sort();
        wrote.sort();
        assert_eq!(wrote, announced, "what was written is what was announced");
        assert!(self.sandbox.sharefile.mails().is_empty(), "nobody gets mail");
        let names: Vec<(String, String)> = names.into_iter().chain(self.account_names()).collect();
        for text in &mut wrote {
            for (id, name) in &names {
                *text = text.replace(id.as_str(), name);
            }
        }
        wrote.sort();
        (wrote, turned)
    }

    /// What accounts are called, by id.
    fn account_names(&self) -> BTreeMap<String, String> {
        let name = |email: &str| email.split('@').next().unwrap_or_default().to_owned();
        self.all_accounts().into_iter().map(|one| (one.id, name(&one.email))).collect()
    }
}

fn line(method: &str, path: &str, body: &Value) -> String {
    match body {
        Value::Null => format!("{method} {path}"),
        body => format!("{method} {path} {body}"),
    }
}

/// Returns the calls that a plan announces, in the words of the wire.
fn announced(plan: &Plan) -> Vec<String> {
    let mut calls = Vec::new();
    let mut downgraded: BTreeMap<(&TargetId, &TargetId), Vec<&TargetId>> = BTreeMap::new();
    for change in &plan.changes {
        calls.push(match &change.write {
            Write::Create { kind, values } => {
                let path = match kind {
                    AccountKind::Employee => "Users/AccountUser",
                    AccountKind::Client => "Users",
                };
                let values = TargetAttribute::ALL.into_iter().filter_map(|one| {
                    Some((one.name().to_owned(), values.get(one.index())?.into()))
                });
                line("POST", path, &Value::Object(values.collect()))
            }
            Write::Update { target_id, values, enable, promote } => {
                let values = values.iter().map(|(one, value)| {
                    (one.name().to_owned(), Value::from(value.as_deref().unwrap_or("")))
                });
                let mut body = Value::Object(values.collect());
                if *enable {
                    body["Security"] = json!({ "IsDisabled": false });
                }
                if *promote {
                    body["IsEmployee"] = true.into();
                    line("PATCH", &format!("Users/AccountUser({target_id})"), &body)
                } else {
                    line("PATCH", &format!("Users({target_id})"), &body)
                }
            }
            Write::Disable { target_id } => {
                let body = json!({ "Security": { "IsDisabled": true } });
                line("PATCH", &format!("Users({target_id})"), &body)
            }
            Write::Downgrade { target_id, reassign_items_to, reassign_groups_to } => {
                let heirs = (reassign_items_to, reassign_groups_to);
                downgraded.entry(heirs).or_default().push(target_id);
                continue;
            }
            Write::Delete { target_id, reassign_items_to, reassign_groups_to } => format!(
                "DELETE Users({target_id})?completely=true&itemsReassignTo={reassign_items_to}\
                 &groupsReassignTo={reassign_groups_to}"
            ),
            Write::Group(_) | Write::Nothing => continue,
        });
    }
    for ((items_to, groups_to), ids) in downgraded {
        let body = json!({
            "UserIds": ids, "ReassignItemsToId": items_to, "ReassignGroupsToId": groups_to,
        });
        calls.push(line("POST", "Users/Employees/Downgrade", &body));
    }
    calls
}
