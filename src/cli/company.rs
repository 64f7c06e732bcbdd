//! The demo's company: who joins, moves and leaves, and what ShareFile should hold in the end.
//!
//! Everything goes through the sandbox's control API over HTTP. What should be there is worked out
//! here from the people, groups and assignments alone, without the planner, so that the comparison
//! at the end means something.

mod groups;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

/// The company, seen from outside.
pub struct Company {
    client: reqwest::Client,
    control: String,
    /// Accounts before the first cycle, by id.
    before: BTreeMap<String, Value>,
    /// The account of each person who ever had one, by the person's id.
    owned: BTreeMap<String, String>,
    round: usize,
}

impl Company {
    /// Looks at the company before anything happens.
    pub async fn meet(control: &str) -> Result<Self> {
        let base = control.trim_end_matches('/').trim_end_matches("/_sandbox");
        let mut company = Self {
            client: reqwest::Client::builder().no_proxy().build()?,
            control: format!("{base}/_sandbox"),
            before: BTreeMap::new(),
            owned: BTreeMap::new(),
            round: 0,
        };
        company.before = company.accounts().await?;
        Ok(company)
    }

    /// Notes whose account is whose: to be called after each cycle, before the company changes.
    pub async fn observe(&mut self) -> Result<()> {
        let accounts = self.accounts().await?;
        let wanted = self.wanted().await?;
        let by_address = by_address(&accounts);
        for (person, wish) in &wanted {
            if self.owned.contains_key(person) || !self.may_own(wish, &by_address) {
                continue;
            }
            if let Some(id) = by_address.get(&wish.address) {
                self.owned.insert(person.clone(), id.clone());
            }
        }
        Ok(())
    }

    /// Lets people join, move and leave; returns what happened, a sentence each.
    pub async fn change(&mut self) -> Result<Vec<String>> {
        self.round += 1;
        let wanted = self.wanted().await?;
        let staff: Vec<(&String, &Wish)> =
            wanted.iter().filter(|(person, _)| self.owned.contains_key(*person)).collect();
        let pick = |place: usize| {
            let index = (place * 7 + self.round * 3) % staff.len().max(1);
            staff.get(index).map(|(id, wish)| ((*id).clone(), wish.label()))
        };
        let groups = self.assigned_groups().await?;
        let mut events = vec![self.join(&groups).await?];
        let picked: BTreeSet<_> = (0..6).filter_map(pick).collect();
        for (place, (person, label)) in picked.into_iter().enumerate() {
            events.push(match place {
                0 => self.marry(&person, &label).await?,
                1 => self.unassign(&person, &label, &groups).await?,
                2 => {
                    self.edit(
                        &person,
                        json!({"accountEnabled": false}),
                        format!("{label} is disabled"),
                    )
                    .await?
                }
                3 => self.bin(&person, &label).await?,
                _ => continue,
            });
        }
        if self.round > 1 {
            events.extend(self.bring_back().await?);
        }
        events.extend(self.rename_a_group().await?);
        Ok(events)
    }

    /// Compares ShareFile with what should be there, and returns every difference.
    pub async fn differences(&self) -> Result<Vec<String>> {
        let accounts = self.accounts().await?;
        let wanted = self.wanted().await?;
        let by_address = by_address(&accounts);
        let mut differences = Vec::new();
        let mut explained = BTreeSet::new();
        for (person, id) in &self.owned {
            explained.insert(id.clone());
            let Some(account) = accounts.get(id) else {
                differences.push(format!("account {id} of {person} is gone"));
                continue;
            };
            match wanted.get(person) {
                Some(wish) => differences.extend(wish.differences(account, self.was_disabled(id))),
                None if account["disabled"] == true => {}
                None => differences
                    .push(format!("{} left, and is not disabled", text(account, "email"))),
            }
        }
        for (person, wish) in &wanted {
            if !self.owned.contains_key(person) && self.may_own(wish, &by_address) {
                differences.push(format!("{} has no account", wish.address));
            }
        }
        for (id, account) in &accounts {
            match self.before.get(id) {
                _ if explained.contains(id) => {}
                Some(before) if before == account => {}
                Some(_) => differences
                    .push(format!("{} was changed, and is nobody's", text(account, "email"))),
                None => differences
                    .push(format!("{} appeared, and is nobody's", text(account, "email"))),
            }
        }
        differences.extend(self.group_differences().await?);
        Ok(differences)
    }

    /// Returns what was compared, in words.
    pub fn agreement(&self) -> String {
        let others = self.before.len()
            - self.before.keys().filter(|id| self.owned.values().any(|mine| mine == *id)).count();
        format!(
            "{} accounts of this job as they should be, {others} others untouched",
            self.owned.len()
        )
    }

    /// Whether a person should have an account: nothing in ShareFile speaks against it.
    fn may_own(&self, wish: &Wish, by_address: &BTreeMap<String, String>) -> bool {
        let id = by_address.get(&wish.address);
        if id.is_some_and(|id| self.owned.values().any(|mine| mine == id)) {
            return false;
        }
        let Some(before) = id.and_then(|id| self.before.get(id)) else { return true };
        let special = ["service_user", "master_admin", "billing_contact", "super_user"];
        let roles = before["roles"].as_array().cloned().unwrap_or_default();
        let administers =
            roles.iter().any(|role| role.as_str().is_some_and(|role| role.starts_with("Admin")));
        let protected = administers || special.iter().any(|name| before[*name] == true);
        // A client becomes an employee if that is wished for; never the reverse.
        !protected && (wish.kind == "employee" || text(before, "kind") == wish.kind)
    }

    fn was_disabled(&self, id: &str) -> bool {
        self.before.get(id).is_some_and(|before| before["disabled"] == true)
    }

    /// Who should have an account, by the person's id: entitled, enabled, with an address and names.
    async fn wanted(&self) -> Result<BTreeMap<String, Wish>> {
        let people = self.get("people?entitled=true&enabled=true&limit=1000000").await?;
        let rows = self.get("assignments").await?;
        let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in list(&rows) {
            if let Some(value) = row["role_value"].as_str() {
                roles.entry(text(row, "principal")).or_default().insert(value.to_owned());
            }
        }
        let mut wanted = BTreeMap::new();
        for person in list(&people) {
            let own = std::iter::once(text(person, "id"));
            let through = person["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|group| group.as_str().map(str::to_owned));
            let held: BTreeSet<&String> =
                own.chain(through).filter_map(|id| roles.get(&id)).flatten().collect();
            let client = held.iter().any(|role| *role == "Client");
            let client = client || text(person, "userType") == "Guest";
            let wish = Wish {
                address: text(person, "mail").trim().to_lowercase(),
                first_name: text(person, "givenName").trim().to_owned(),
                last_name: text(person, "surname").trim().to_owned(),
                company: text(person, "companyName").trim().to_owned(),
                kind: if client { "client" } else { "employee" },
            };
            if !wish.address.is_empty() && !wish.first_name.is_empty() && !wish.last_name.is_empty()
            {
                wanted.insert(text(person, "id"), wish);
            }
        }
        Ok(wanted)
    }

    async fn assigned_groups(&self) -> Result<Vec<(String, Option<String>)>> {
        let rows = self.get("assignments").await?;
        Ok(list(&rows)
            .iter()
            .filter(|row| text(row, "principal_type").eq_ignore_ascii_case("group"))
            .filter(|row| text(row, "role") != uuid::Uuid::nil().to_string())
            .map(|row| (text(row, "principal"), row["role_value"].as_str().map(str::to_owned)))
            .collect())
    }

    async fn join(&self, groups: &[(String, Option<String>)]) -> Result<String> {
        let names = [
            ("Zoë", "Ó Briain"),
            ("Łukasz", "Nowak"),
            ("Ngozi", "Adeyemi-Smith"),
            ("José", "Muñoz d'Ávila"),
        ];
        let (given, surname) =
            names.get(self.round % names.len()).copied().unwrap_or(("Ada", "Byron"));
        let mail = format!("joiner{}@example.com", self.round);
        let staff = groups.iter().find(|(_, role)| role.as_deref() != Some("Client"));
        let groups = staff.map(|(id, _)| vec![id.clone()]).unwrap_or_default();
        let body = json!({
            "givenName": given, "surname": surname, "displayName": format!("{given} {surname}"),
            "mail": mail, "userPrincipalName": mail, "accountEnabled": true, "userType": "Member",
            "groups": groups,
        });
        self.send(reqwest::Method::POST, "people", Some(body)).await?;
        Ok(format!("{given} {surname} joins"))
    }

    async fn marry(&self, person: &str, label: &str) -> Result<String> {
        let mail =
            format!("renamed{}.{}@example.com", self.round, person.get(..8).unwrap_or_default());
        let patch = json!({ "surname": "Weiß-Ørsted", "mail": mail });
        self.edit(person, patch, format!("{label} marries: another name and address")).await
    }

    async fn unassign(
        &self,
        person: &str,
        label: &str,
        groups: &[(String, Option<String>)],
    ) -> Result<String> {
        for (group, _) in groups {
            let path = format!("groups/{group}/members");
            self.send(reqwest::Method::POST, &path, Some(json!({ "remove": [person] }))).await?;
        }
        let rows = self.get("assignments").await?;
        if list(&rows).iter().any(|row| text(row, "principal") == person) {
            self.send(reqwest::Method::DELETE, &format!("assignments/{person}"), None).await?;
        }
        Ok(format!("{label} is no longer assigned"))
    }

    async fn bin(&self, person: &str, label: &str) -> Result<String> {
        self.send(reqwest::Method::DELETE, &format!("people/{person}"), None).await?;
        Ok(format!("{label} is deleted"))
    }

    /// Whoever was disabled or deleted first comes back.
    async fn bring_back(&self) -> Result<Vec<String>> {
        let mut events = Vec::new();
        let people = self.get("people?limit=1000000").await?;
        let ours = |person: &&Value| self.owned.contains_key(&text(person, "id"));
        if let Some(person) =
            list(&people).iter().filter(ours).find(|person| person["accountEnabled"] == false)
        {
            let label = text(person, "displayName");
            let patch = json!({ "accountEnabled": true });
            events.push(
                self.edit(&text(person, "id"), patch, format!("{label} is enabled again")).await?,
            );
        }
        let deleted = self.get("people?deleted=true&limit=1000000").await?;
        if let Some(person) = list(&deleted).iter().find(ours) {
            let id = text(person, "id");
            self.send(reqwest::Method::POST, &format!("people/{id}/restore"), None).await?;
            events.push(format!("{} is restored", text(person, "displayName")));
        }
        Ok(events)
    }

    async fn edit(&self, person: &str, patch: Value, event: String) -> Result<String> {
        self.send(reqwest::Method::PATCH, &format!("people/{person}"), Some(patch)).await?;
        Ok(event)
    }

    async fn accounts(&self) -> Result<BTreeMap<String, Value>> {
        let accounts = self.get("accounts").await?;
        Ok(list(&accounts).iter().map(|account| (text(account, "id"), account.clone())).collect())
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.send(reqwest::Method::GET, path, None).await
    }

    async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value> {
        let what = format!("{method} /_sandbox/{path}");
        let mut request = self.client.request(method, format!("{}/{path}", self.control));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.with_context(|| what.clone())?;
        let status = answer.status();
        let text = answer.text().await.with_context(|| what.clone())?;
        if !status.is_success() {
            return Err(anyhow!("{what} answered {status}: {text}"));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| what)
    }
}

/// What the account of a person should look like.
struct Wish {
    address: String,
    first_name: String,
    last_name: String,
    company: String,
    kind: &'static str,
}

impl Wish {
    fn label(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    fn differences(&self, account: &Value, was_disabled: bool) -> Vec<String> {
        let who = text(account, "email");
        let mut differences = Vec::new();
        let mut expect = |what: &str, is: String, wanted: &str| {
            if is != wanted {
                differences.push(format!("{who}: {what} is `{is}`, should be `{wanted}`"));
            }
        };
        expect("address", who.to_lowercase(), &self.address);
        expect("first name", text(account, "first_name"), &self.first_name);
        expect("last name", text(account, "last_name"), &self.last_name);
        expect("company", text(account, "company"), &self.company);
        // An employee who should be a client keeps the account: that is for a person to decide.
        if self.kind == "employee" {
            expect("type", text(account, "kind"), self.kind);
        }
        let disabled = account["disabled"] == true;
        if disabled && !was_disabled {
            differences.push(format!("{who} is disabled, and should not be"));
        }
        differences
    }
}

fn by_address(accounts: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    accounts
        .iter()
        .filter(|(_, account)| account["deleted"] != true)
        .map(|(id, account)| (text(account, "email").to_lowercase(), id.clone()))
        .collect()
}

/// Returns the rows of an answer, which is a list or an object with a list in `value`.
fn list(value: &Value) -> &[Value] {
    let rows = value.as_array().or_else(|| value.as_object()?.values().find_map(Value::as_array));
    rows.map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
