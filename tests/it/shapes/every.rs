//! Every operation that the emulators serve, asked once by a client that is not ours, so that every
//! kind of answer is judged. A new endpoint is one line here.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Client, Method};
use serde_json::Value;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, SharefileOptions};

use super::description::description;
use super::surface::surface;
use crate::world::World;

/// What is asked of Graph, in this order: method and path, body, status. Names in braces stand for
/// ids that exist.
const GRAPH: &[(&str, &str, u16)] = &[
    ("GET /users?$top=5", "", 200),
    ("GET /users?$top=5&$count=true&$filter=startswith(displayName,'A')", "", 200),
    ("GET /users?$filter=id in ('{person}','{guest}')", "", 200),
    ("GET /users/$count", "", 200),
    ("GET /users/delta?$select=displayName,mail,accountEnabled", "", 200),
    ("GET /users/delta?$deltatoken=latest", "", 200),
    ("GET /users/{person}", "", 200),
    ("GET /users/{nobody}", "", 404),
    ("GET /users/{person}?$select=shoeSize", "", 400),
    ("GET /users?$top=5000000", "", 400),
    ("GET /groups?$top=5", "", 200),
    ("GET /groups/delta", "", 200),
    ("GET /groups/delta?$select=displayName,members", "", 200),
    ("GET /groups/{group}", "", 200),
    ("GET /groups/{group}/members?$top=3", "", 200),
    ("GET /groups/{group}/members/microsoft.graph.user?$top=3&$count=true", "", 200),
    ("GET /groups/{group}/members/$count", "", 200),
    ("GET /groups/{outer}/members", "", 200),
    ("GET /groups/{outer}/transitiveMembers", "", 200),
    ("GET /groups/{outer}/transitiveMembers/microsoft.graph.user?$select=id&$count=true", "", 200),
    ("GET /servicePrincipals?$filter=displayName eq 'Citrix ShareFile'", "", 200),
    ("GET /servicePrincipals/{application}", "", 200),
    ("GET /servicePrincipals(appId='{app}')?$select=id,appRoles", "", 200),
    ("GET /servicePrincipals/{application}/appRoleAssignedTo?$top=3", "", 200),
    ("GET /directory/deletedItems/microsoft.graph.user", "", 200),
    ("GET /directory/deletedItems/microsoft.graph.group", "", 403),
    ("GET /directory/deletedItems/{deleted}", "", 200),
    ("GET /people", "", 400),
    (
        "POST /$batch",
        r#"{"requests": [
            {"id": "1", "method": "GET", "url": "/users/{person}"},
            {"id": "2", "method": "GET", "url": "/users/{nobody}"},
            {"id": "3", "method": "GET", "url": "/groups/{group}/members"},
            {"id": "4", "method": "GET", "url": "/users/$count",
             "headers": {"ConsistencyLevel": "eventual"}}
        ]}"#,
        200,
    ),
    ("POST /$batch", "[]", 400),
];

/// What is asked of ShareFile.
const SHAREFILE: &[(&str, &str, u16)] = &[
    ("GET /Sessions", "", 200),
    ("GET /Users", "", 200),
    ("GET /Users?emailaddress={email}", "", 200),
    ("GET /Users({employee})", "", 200),
    ("GET /Users({employee})?$expand=Security,Preferences", "", 200),
    ("GET /Users({client})?$expand=Security&$select=Email,Security", "", 200),
    ("GET /Users({nobody})", "", 404),
    ("GET /Users({employee})/Security", "", 200),
    ("GET /Users({employee})/Preferences", "", 200),
    ("GET /Accounts", "", 200),
    ("GET /Accounts?$expand=UserUsage,Preferences,SSO", "", 200),
    ("GET /Accounts/Employees", "", 200),
    ("GET /Accounts/Employees?$select=Id,Email", "", 200),
    ("GET /Accounts/Clients", "", 200),
    ("GET /Accounts/Preferences", "", 200),
    ("GET /Groups({supers})", "", 200),
    ("GET /Groups({supers})/Contacts", "", 200),
    (
        "POST /Users/AccountUser?notify=false",
        r#"{"Email": "new@contoso.example", "FirstName": "New", "LastName": "Person"}"#,
        200,
    ),
    (
        "POST /Users/AccountUser",
        r#"{"Email": "new@contoso.example", "FirstName": "New", "LastName": "Person"}"#,
        409,
    ),
    ("POST /Users/AccountUser", r#"{"Email": "x@contoso.example"}"#, 400),
    (
        "POST /Users",
        r#"{"Email": "guest@fabrikam.example", "FirstName": "New", "LastName": "Guest"}"#,
        200,
    ),
    ("PATCH /Users({employee})", r#"{"Security": {"IsDisabled": true}}"#, 200),
    ("PATCH /Users/AccountUser({employee})", r#"{"Company": "Contoso"}"#, 200),
];

/// Operations of the descriptions that the emulators do not serve: nobody needs them here.
const UNSERVED_GRAPH: &[&str] = &[
    "POST /users",
    "PATCH /users/{id}",
    "GET /users/{id}/manager",
    "POST /servicePrincipals/{id}/appRoleAssignedTo",
    "GET /servicePrincipals/{id}/synchronization/jobs",
    "GET /servicePrincipals/{id}/synchronization/jobs/{id_2}",
    "GET /servicePrincipals/{id}/synchronization/jobs/{id_2}/schema",
    "GET /subscriptions",
    "POST /subscriptions",
    "GET /subscriptions/{id}",
    "PATCH /subscriptions/{id}",
    "DELETE /subscriptions/{id}",
    "GET /auditLogs/provisioning",
    "POST /directoryObjects/getByIds",
    "POST /directory/deletedItems/{id}/restore",
    "DELETE /directory/deletedItems/{id_1}",
    "DELETE /users/{id}",
    "POST /subscriptions/{id}/reauthorize",
    "GET /servicePrincipals/{id}/synchronization/templates",
    "GET /servicePrincipals/{id}/synchronization/templates/{id}",
    "GET /servicePrincipals/{id}/synchronization/templates/{id}/schema",
];
const UNSERVED_SHAREFILE: &[&str] = &[
    "GET /sf/v3/Sessions/Login",
    "DELETE /sf/v3/Sessions",
    "POST /sf/v3/UsersForFolder",
    "PATCH /sf/v3/Users({id})/Roles",
    "PUT /sf/v3/Users({id})/Roles",
    "POST /sf/v3/Users({id})/RemoveRoles",
    "PATCH /sf/v3/Users({id})/Preferences",
    "GET /sf/v3/Users({id})/HomeFolder",
    "GET /sf/v3/Users({id})/AllSharedFolders",
    "GET /sf/v3/Users/Info",
    "POST /sf/v3/Users({id})/ResetPassword",
    "POST /sf/v3/Users/ForgotPassword",
    "POST /sf/v3/Users({id})/ResendWelcome",
    "POST /sf/v3/Users({id})/WelcomeNotification",
    "POST /sf/v3/Users/Confirm",
    "POST /sf/v3/Users/DeleteEmailAddress",
    "POST /sf/v3/Users/MakePrimary",
    "POST /sf/v3/Users/SendConfirmationEmail",
    "POST /sf/v3/Users/SendEmailVerificationCode",
    "POST /sf/v3/Users/VerifyEmailAddress",
    "DELETE /sf/v3/Users({id})",
    "DELETE /sf/v3/Users/Clients",
    "POST /sf/v3/Users/Clients/BulkDelete",
    "POST /sf/v3/Users/Employees/Downgrade",
    "GET /sf/v3/Users({id})/Groups",
    "GET /sf/v3/Users({id})/Devices",
    "DELETE /sf/v3/Users({id})/Devices({deviceId})",
    "PUT /sf/v3/Users({id})/Policies",
    "POST /sf/v3/Users({id})/Policies",
    "DELETE /sf/v3/Users({id})/Policies",
    "PATCH /sf/v3/Users({id})/Policies({policyId})",
    "DELETE /sf/v3/Users({id})/Policies({policyId})",
    "GET /sf/v3/Policies",
    "GET /sf/v3/Policies({id})",
    "GET /sf/v3/Groups",
    "POST /sf/v3/Groups",
    "PATCH /sf/v3/Groups({id})",
    "DELETE /sf/v3/Groups({id})",
    "POST /sf/v3/Groups({id})/Contacts",
    "DELETE /sf/v3/Groups({id})/Contacts",
    "GET /sf/v3/Groups({id})/ExportDocument",
    "GET /sf/v3/Accounts({id})",
    "GET /sf/v3/Accounts/AddressBook",
    "PATCH /sf/v3/Accounts/Preferences",
    "GET /sf/v3/Accounts/ProductDefaults",
    "GET /sf/v3/Accounts/MobileSecuritySettings",
    "GET /sf/v3/Accounts/Branding",
    "GET /sf/v3/Accounts/SSO",
    "PATCH /sf/v3/Accounts/SSO",
    "GET /sf/v3/Accounts/SSOInfo",
    "GET /sf/v3/Accounts/RequireSubdomain",
    "GET /sf/v3/Accounts/LoginAccessControlDomains",
    "POST /sf/v3/Accounts/LoginAccessControlDomains",
    "PATCH /sf/v3/Accounts/LoginAccessControlDomains",
    "DELETE /sf/v3/Accounts/LoginAccessControlDomains",
    "GET /sf/v3/Accounts/FolderAccessControlDomains",
    "POST /sf/v3/Accounts/FolderAccessControlDomains",
    "PATCH /sf/v3/Accounts/FolderAccessControlDomains",
    "DELETE /sf/v3/Accounts/FolderAccessControlDomains",
    "GET /sf/v3/Accounts/Tenants",
    "GET /sf/v3/Zones",
    "GET /sf/v3/Zones({id})",
    "GET /sf/v3/Devices({id})",
    "POST /sf/v3/Devices({id})/Wipe",
    "POST /sf/v3/Devices({id})/Lock",
    "POST /sf/v3/Devices({id})/Unlock",
    "GET /sf/v3/Items({id})/AccessControls",
    "POST /sf/v3/Items({id})/AccessControls",
    "PATCH /sf/v3/Items({id})/AccessControls",
    "POST /sf/v3/Items({id})/AccessControls/BulkSet",
    "POST /sf/v3/AccessControls/BulkSetForPrincipal",
    "POST /sf/v3/AccessControls/Clone",
    "GET /sf/v3/AsyncOperations({id})",
    "GET /sf/v3/AsyncOperations/GetBatch({batchId})",
    "GET /sf/v3/Reports",
    "POST /sf/v3/Reports",
    "GET /sf/v3/Reports({id})",
    "GET /sf/v3/Reports({id})/Run",
    "GET /sf/v3/Reports({id})/Records",
    "GET /sf/v3/Reports/Record({recordId})",
    "GET /sf/v3/Reports/Records({recordId})/JsonData",
    "GET /sf/v3/Reports/Records({recordId})/DownloadData",
    "DELETE /sf/v3/Reports({id})",
    "GET /sf/v3/WebhookSubscriptions",
    "POST /sf/v3/WebhookSubscriptions",
];

/// A company with something of everything, and a client of nobody that has signed in at both ends.
struct Office {
    world: World,
    http: Client,
    names: BTreeMap<&'static str, String>,
}

impl Office {
    async fn open() -> Self {
        let sharefile = SharefileOptions { employee_max: 1_000, ..SharefileOptions::default() };
        let options =
            SandboxOptions { users: 60, groups: 4, sharefile, ..SandboxOptions::default() };
        let world = World::with(options).await;
        let group = world.group("Everybody", &[world.join("Ada"), world.join("Ben")]);
        let outer = world.group("Outer", &[group, world.join("Cleo")]);
        let deleted = world.join("Dora");
        let entra = &world.sandbox.entra;
        entra.soft_delete_person(deleted).expect("a person");
        let people = entra.people();
        let guest = people.iter().find(|person| person.text("userType") == Some("Guest"));
        let application = entra.application();
        let accounts = world.all_accounts();
        let account = |kind: AccountKind| {
            let mut plain = accounts.iter().filter(|account| !account.service_user);
            plain.rfind(|account| account.kind == kind).expect("an account")
        };
        let names = BTreeMap::from([
            ("person", people[0].id.to_string()),
            ("guest", guest.expect("a guest").id.to_string()),
            ("nobody", uuid::Uuid::nil().to_string()),
            ("group", group.to_string()),
            ("outer", outer.to_string()),
            ("deleted", deleted.to_string()),
            ("application", application.id.to_string()),
            ("app", application.app_id.to_string()),
            ("employee", account(AccountKind::Employee).id.clone()),
            ("email", account(AccountKind::Employee).email.clone()),
            ("client", account(AccountKind::Client).id.clone()),
        ]);
        // Only fails if another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { world, http, names }
    }

    /// Signs in and returns the token.
    async fn sign_in(&self, url: &str, form: &[(&str, &str)]) -> String {
        let answer = self.http.post(url).form(form).send().await.expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    async fn graph_token(&self) -> String {
        let key = self.world.sandbox.credentials();
        let url = format!("{}/{}/oauth2/v2.0/token", key.login_url, key.tenant_id);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &key.client_id),
            ("client_secret", &key.client_secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        self.sign_in(&url, &form).await
    }

    async fn sharefile_token(&self) -> String {
        let key = self.world.sandbox.credentials();
        let url = format!("http://{}/oauth/token", key.sharefile_domain);
        let form = [
            ("grant_type", "password"),
            ("client_id", &key.sharefile_client_id),
            ("client_secret", &key.sharefile_client_secret),
            ("username", &key.admin_user),
            ("password", &key.admin_password),
        ];
        self.sign_in(&url, &form).await
    }

    fn filled(&self, text: &str) -> String {
        let fill = |text: String, (name, value): (&&str, &String)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        self.names.iter().fold(text.to_owned(), fill)
    }

    /// Asks all of a table and learns the ids of what is made: `name = METHOD path`.
    async fn ask(&mut self, base: &str, token: &str, table: &[(&'static str, &str, u16)]) {
        let mut wrong = Vec::new();
        for (line, body, status) in table {
            let (name, line) = match line.split_once(" = ") {
                Some((name, line)) if !name.contains(' ') => (Some(name), line),
                _ => (None, *line),
            };
            let (method, path) = line.split_once(' ').expect("a method and a path");
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let url = format!("{base}{}", self.filled(path));
            let mut request = self.http.request(method, url).bearer_auth(token);
            request = request.header("ConsistencyLevel", "eventual");
            if !body.is_empty() {
                let kind = "application/json";
                request = request.header("Content-Type", kind).body(self.filled(body));
            }
            let answer = request.send().await.expect("an answer");
            let is = answer.status().as_u16();
            let text = answer.text().await.expect("text");
            if is != *status {
                wrong.push(format!("{line}: {is} instead of {status}: {text}"));
            }
            let made: Value = serde_json::from_str(&text).unwrap_or_default();
            if let (Some(name), Some(id)) = (name, made["id"].as_str().or(made["Id"].as_str())) {
                self.names.insert(name, id.to_owned());
            }
            if let Some(id) = made["SuperGroupId"].as_str() {
                self.names.insert("supers", id.to_owned());
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Makes sure that every operation was answered with success, but for those that are not
    /// served, and that those are not served indeed.
    fn covers(&self, operations: impl Iterator<Item = String>, unserved: &[&str]) {
        let seen: BTreeSet<String> = self.world.court.judge().seen().into_keys().collect();
        let succeeded =
            |operation: &str| seen.iter().any(|one| one.starts_with(&format!("{operation} 2")));
        let mut wrong = Vec::new();
        for operation in operations {
            match (succeeded(&operation), unserved.contains(&operation.as_str())) {
                (false, false) => wrong.push(format!("{operation} was not answered")),
                (true, true) => wrong.push(format!("{operation} is served after all")),
                _ => {}
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[tokio::test]
async fn every_operation_of_graph_answers_as_described() {
    let mut office = Office::open().await;
    let token = office.graph_token().await;
    let base = format!("{}/v1.0", office.world.sandbox.credentials().graph_url);
    office.ask(&base, &token, GRAPH).await;
    let all = description().operations.iter();
    let all = all.map(|operation| format!("{} {}", operation.method, operation.path));
    office.covers(all, UNSERVED_GRAPH);
}

#[tokio::test]
async fn every_endpoint_of_sharefile_answers_as_described() {
    let mut office = Office::open().await;
    let token = office.sharefile_token().await;
    let key = office.world.sandbox.credentials();
    let base = format!("http://{}/sf/v3", key.sharefile_domain);
    office.ask(&base, &token, SHAREFILE).await;
    let all = surface().endpoints.iter().filter(|endpoint| endpoint.path.starts_with("/sf/"));
    let all = all.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path));
    office.covers(all, UNSERVED_SHAREFILE);
}

/// Every property of a person, a group and a service principal, as each of them looks when it has a
/// value and when it has none.
#[tokio::test]
async fn every_property_looks_as_described() {
    let mut office = Office::open().await;
    let token = office.graph_token().await;
    let base = format!("{}/v1.0", office.world.sandbox.credentials().graph_url);
    // What the directory does not hold cannot be selected (Graph reference, section 3); the rest
    // are other objects.
    let elsewhere = [
        "aboutMe",
        "birthday",
        "hireDate",
        "interests",
        "mailboxSettings",
        "manager",
        "memberOf",
        "mySite",
        "pastProjects",
        "preferredName",
        "print",
        "responsibilities",
        "schools",
        "skills",
        "signInActivity",
        "members",
        "owners",
        "transitiveMembers",
        "appRoleAssignedTo",
        "synchronization",
    ];
    for (kind, path) in
        [("user", "/users"), ("group", "/groups"), ("servicePrincipal", "/servicePrincipals")]
    {
        let schema = description().types.get(kind).expect("a type");
        let names = schema["properties"].as_object().expect("properties").keys();
        let names: Vec<&str> = names
            .map(String::as_str)
            .filter(|name| !elsewhere.contains(name) && !name.contains('@'))
            .collect();
        for names in names.chunks(15) {
            let line = format!("GET {path}?$top=999&$select={}", names.join(","));
            office.ask(&base, &token, &[(Box::leak(line.into_boxed_str()), "", 200)]).await;
        }
    }
}

#[tokio::test]
async fn what_a_sign_in_library_looks_up_is_as_described() {
    let office = Office::open().await;
    let key = office.world.sandbox.credentials();
    let tenant = key.tenant_id;
    let mut wrong = Vec::new();
    for (path, status) in [
        (format!("/{tenant}/v2.0/.well-known/openid-configuration"), 200),
        (format!("/{tenant}/discovery/v2.0/keys"), 200),
        ("/common/discovery/instance?api-version=1.1".to_owned(), 200),
        ("/nobody.example/v2.0/.well-known/openid-configuration".to_owned(), 400),
        ("/metadata/identity/oauth2/token?api-version=2018-02-01".to_owned(), 400),
    ] {
        let answer = office.http.get(format!("{}{path}", key.login_url)).send().await;
        let is = answer.expect("an answer").status().as_u16();
        if is != status {
            wrong.push(format!("{path}: {is} instead of {status}"));
        }
    }
    for (name, value) in [("client_secret", "wrong"), ("scope", "nothing"), ("client_id", "")] {
        let mut form = BTreeMap::from([
            ("grant_type", "client_credentials"),
            ("client_id", key.client_id.as_str()),
            ("client_secret", key.client_secret.as_str()),
            ("scope", "https://graph.microsoft.com/.default"),
        ]);
        form.insert(name, value);
        let url = format!("{}/{tenant}/oauth2/v2.0/token", key.login_url);
        let answer = office.http.post(url).form(&form).send().await.expect("an answer");
        assert!((400..=401).contains(&answer.status().as_u16()), "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let seen = office.world.court.judge().seen();
    assert!(seen.keys().filter(|name| name.contains("{tenant}")).count() >= 4, "{seen:?}");
}
