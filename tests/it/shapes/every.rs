//! Every operation that the emulators serve, asked once by a client that is not ours, so that every
//! kind of answer is judged. A new endpoint is one line here.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Client, Method};
use serde_json::Value;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::sharefile::{
    AccountKind, Category, NewDevice, NewPolicy, SharefileOptions, Tool,
};

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
    ("GET /users/{person}/manager", "", 200),
    ("GET /users/{person}/memberOf", "", 200),
    ("GET /groups/{group}/transitiveMemberOf", "", 200),
    ("GET /groups/$count", "", 200),
    ("GET /applications(appId='{registration}')", "", 200),
    ("GET /auditLogs/provisioning?$top=3", "", 403),
    ("GET /servicePrincipals/{application}/synchronization/jobs", "", 403),
    ("GET /subscriptions", "", 200),
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

/// What is asked of Graph by a caller who may read more than this program needs.
const GRAPH_WITH_MORE: &[(&str, &str, u16)] = &[
    (
        "POST /directoryObjects/getByIds",
        r#"{"ids": ["{person}", "{group}", "{nobody}"], "types": ["user", "group"]}"#,
        200,
    ),
    ("GET /directory/deletedItems/microsoft.graph.group", "", 200),
    ("GET /users/{person}/transitiveMemberOf", "", 200),
    ("GET /groups/{group}/memberOf", "", 200),
    ("GET /auditLogs/provisioning?$top=3", "", 200),
    ("job = GET /servicePrincipals/{application}/synchronization/jobs", "", 200),
    ("GET /servicePrincipals/{application}/synchronization/jobs/{job}", "", 200),
    ("GET /servicePrincipals/{application}/synchronization/jobs/{job}/schema", "", 200),
    ("template = GET /servicePrincipals/{application}/synchronization/templates", "", 200),
    ("GET /servicePrincipals/{application}/synchronization/templates/{template}", "", 200),
    ("GET /servicePrincipals/{application}/synchronization/templates/{template}/schema", "", 200),
    ("registered = GET /applications", "", 200),
    ("GET /applications/{registered}/federatedIdentityCredentials", "", 200),
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
    ("GET /Sessions/Login", "", 200),
    ("GET /Capabilities", "", 200),
    ("GET /Devices", "", 200),
    (
        "GET /Users({me})?$expand=Security,Preferences,DefaultZone,EmailAddresses,Groups,Devices,Policies",
        "",
        200,
    ),
    ("PATCH /Users({employee})/Roles", r#"{"Roles": ["CanManageUsers"]}"#, 200),
    ("PUT /Users({employee})/Roles", r#"{"Roles": ["CanChangePassword"]}"#, 200),
    ("POST /Users({employee})/RemoveRoles", r#"["CanChangePassword"]"#, 204),
    ("PATCH /Users({employee})/Preferences", r#"{"TimeZone": "UTC"}"#, 200),
    ("POST /Users({employee})/ResetPassword", r#"{"NewPassword": "long enough"}"#, 200),
    ("POST /Users({employee})/ResetPassword", r#"{"NewPassword": "short"}"#, 400),
    ("POST /Users/ForgotPassword?email={email}", "", 204),
    ("POST /Users({employee})/ResendWelcome?customMessage=Hello", "", 200),
    ("POST /Users({employee})/WelcomeNotification", r#"{"CustomMessage": "Hello"}"#, 200),
    ("POST /Users/Confirm", r#"{"FirstName": "Pro"}"#, 204),
    ("POST /Users/SendEmailVerificationCode?email=second@contoso.example", "", 204),
    (
        "POST /Users/VerifyEmailAddress?email=second@contoso.example&verificationCode={code}",
        "",
        204,
    ),
    ("POST /Users/SendConfirmationEmail?email=second@contoso.example", "", 204),
    ("POST /Users/MakePrimary?email=second@contoso.example", "", 200),
    ("POST /Users/DeleteEmailAddress?email=provisioner@contoso.com", "", 200),
    ("GET /Users({me})/Groups", "", 200),
    ("GET /Users({employee})/Groups", "", 403),
    ("GET /Users({employee})/Devices", "", 200),
    ("GET /Devices({device})", "", 200),
    ("POST /Devices({device})/Wipe", "", 204),
    ("POST /Devices({device})/Lock", "", 204),
    ("POST /Devices({device})/Unlock", "", 204),
    ("DELETE /Users({employee})/Devices({device})", "", 204),
    ("GET /Policies?$expand=CreatedBy", "", 200),
    ("GET /Policies({policy})", "", 200),
    ("POST /Users({employee})/Policies", r#"{"Policy": {"Id": "{policy}"}}"#, 200),
    ("PUT /Users({employee})/Policies", r#"[{"Active": true, "Policy": {"Id": "{policy}"}}]"#, 200),
    ("PATCH /Users({employee})/Policies({policy})", r#"{"Active": false}"#, 200),
    ("DELETE /Users({employee})/Policies({policy})", "", 204),
    ("DELETE /Users({employee})/Policies", "", 204),
    (
        "made = POST /Groups?$expand=Contacts,Owner",
        r#"{"Name": "Engines", "IsShared": true, "Contacts": [{"Id": "{employee}"}]}"#,
        200,
    ),
    ("GET /Groups?$expand=Owner,Contacts", "", 200),
    ("GET /Groups({made})", "", 200),
    ("PATCH /Groups({made})", r#"{"Name": "Looms"}"#, 200),
    ("POST /Groups({made})/Contacts", r#"[{"Id": "{client}"}]"#, 200),
    ("DELETE /Groups({made})/Contacts", r#"[{"Id": "{client}"}]"#, 200),
    ("GET /Accounts/AddressBook?type=shared", "", 200),
    ("GET /Accounts/AddressBook?type=group", "", 200),
    ("DELETE /Groups({made})", "", 204),
    (
        "account = GET /Accounts?$expand=MasterAdmin,BillingContact,TechnicalContact,ProductDefaults,MobileSecuritySettings,LoginAccessControlDomains,FolderAccessControlDomains",
        "",
        200,
    ),
    ("GET /Accounts({account})", "", 200),
    ("PATCH /Accounts/Preferences", r#"{"PasswordPolicy": {"MinimumLength": 9}}"#, 200),
    ("GET /Accounts/ProductDefaults", "", 200),
    ("GET /Accounts/MobileSecuritySettings", "", 200),
    ("GET /Accounts/Branding", "", 200),
    ("GET /Accounts/SSO", "", 200),
    ("PATCH /Accounts/SSO?provider=saml", r#"{"LoginUrl": "https://login.example"}"#, 200),
    ("GET /Accounts/SSOInfo?subdomain=contoso", "", 200),
    ("GET /Accounts/RequireSubdomain?username={email}", "", 200),
    ("GET /Accounts/Tenants", "", 200),
    ("GET /Accounts/LoginAccessControlDomains", "", 200),
    (
        "POST /Accounts/LoginAccessControlDomains",
        r#"{"AccessControlType": "DisallowDomains", "Domains": ["bad.example"]}"#,
        200,
    ),
    ("POST /Users", r#"{"Email": "x@bad.example", "FirstName": "X", "LastName": "Y"}"#, 400),
    ("PATCH /Accounts/LoginAccessControlDomains", r#"{"Domains": ["worse.example"]}"#, 200),
    ("DELETE /Accounts/LoginAccessControlDomains", r#"{"Domains": ["bad.example"]}"#, 204),
    ("GET /Accounts/FolderAccessControlDomains", "", 200),
    (
        "POST /Accounts/FolderAccessControlDomains",
        r#"{"AccessControlType": "DisallowDomains", "Domains": ["bad.example"]}"#,
        200,
    ),
    ("PATCH /Accounts/FolderAccessControlDomains", r#"{"Domains": ["worse.example"]}"#, 200),
    ("DELETE /Accounts/FolderAccessControlDomains", r#"{"Domains": ["bad.example"]}"#, 204),
    ("GET /Zones", "", 200),
    ("GET /Zones({zone})", "", 200),
    (
        "report = POST /Reports?runOnCreate=true",
        r#"{"Title": "Who", "ReportType": "Activity", "ObjectType": "Account"}"#,
        200,
    ),
    ("GET /Reports?$expand=Records", "", 200),
    ("GET /Reports({report})", "", 200),
    ("record = GET /Reports({report})/Run", "", 200),
    ("GET /Reports({report})/Records", "", 200),
    ("GET /Reports/Record({record})", "", 200),
    ("GET /Reports/Records({record})/JsonData", "", 200),
    ("DELETE /Reports({report})", "", 204),
    ("POST /Users/Employees/Downgrade", r#"{"UserIds": ["{employee}"]}"#, 204),
    ("POST /Users/Clients/BulkDelete", r#"{"UserIds": ["{employee}"]}"#, 204),
    ("DELETE /Users/Clients", r#"["{client}"]"#, 204),
    ("DELETE /Users({super})?completely=true&itemsReassignTo={me}", "", 204),
    ("DELETE /Sessions", "", 204),
];

/// Operations of the descriptions that are not asked here: not served, or a variation of one that
/// is asked, or judged where other tests ask them.
const UNASKED_GRAPH: &[&str] = &[
    "POST /users",
    "PATCH /users/{id}",
    "POST /servicePrincipals/{id}/appRoleAssignedTo",
    "POST /subscriptions",
    "GET /subscriptions/{id}",
    "PATCH /subscriptions/{id}",
    "DELETE /subscriptions/{id}",
    "POST /directory/deletedItems/{id}/restore",
    "DELETE /directory/deletedItems/{id_1}",
    "DELETE /users/{id}",
    "POST /subscriptions/{id}/reauthorize",
];
const UNASKED_SHAREFILE: &[&str] = &[
    "POST /sf/v3/UsersForFolder",
    "GET /sf/v3/Users({id})/HomeFolder",
    "GET /sf/v3/Users({id})/AllSharedFolders",
    "GET /sf/v3/Users/Info",
    "GET /sf/v3/Groups({id})/ExportDocument",
    "GET /sf/v3/Items({id})/AccessControls",
    "POST /sf/v3/Items({id})/AccessControls",
    "PATCH /sf/v3/Items({id})/AccessControls",
    "POST /sf/v3/Items({id})/AccessControls/BulkSet",
    "POST /sf/v3/AccessControls/BulkSetForPrincipal",
    "POST /sf/v3/AccessControls/Clone",
    "GET /sf/v3/AsyncOperations({id})",
    "GET /sf/v3/AsyncOperations/GetBatch({batchId})",
    "GET /sf/v3/Reports/Records({recordId})/DownloadData",
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
        entra.set_manager(people[0].id, Some(people[1].id)).expect("people");
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
            ("registration", entra.client_id().to_string()),
            ("employee", account(AccountKind::Employee).id.clone()),
            ("email", account(AccountKind::Employee).email.clone()),
            ("client", account(AccountKind::Client).id.clone()),
        ]);
        // Only fails if another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { world, http, names }
    }

    /// Gives the ShareFile tenant something of everything, and its service user every right.
    fn furnish(&mut self) {
        let sharefile = &self.world.sandbox.sharefile;
        sharefile.set_service_roles(&[
            "CanChangePassword",
            "CanManageMySettings",
            "CanManageUsers",
            "AdminManageEmployees",
            "AdminCreateSharedGroups",
            "AdminSharedDistGroups",
            "AdminAccountPolicies",
            "AdminSSO",
            "AdminReporting",
        ]);
        let mut switches = sharefile.switches();
        switches.report_secs = 0;
        sharefile.set_switches(switches);
        sharefile.set_preference("EnableSSO", true);
        let policy = sharefile.add_policy(NewPolicy {
            name: "Readers".to_owned(),
            category: Category::UserAccess,
            is_default: false,
        });
        let device = sharefile.add_device(NewDevice {
            account: self.names["employee"].clone(),
            name: "A phone".to_owned(),
            tool: Tool::IPhone,
        });
        let power = sharefile.account_of("super@contoso.com").expect("an account").id;
        self.names.extend([
            ("me", sharefile.service_id()),
            ("super", power),
            ("zone", sharefile.zones()[0].id.clone()),
            ("policy", policy.id.to_string()),
            ("device", device.expect("a device").id.to_string()),
        ]);
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

    /// Asks all of a table and learns the ids of what is made: `name = METHOD path`; of a list the
    /// first one.
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
            let id = made["id"].as_str().or(made["Id"].as_str());
            let id = id.or(made["value"][0]["id"].as_str());
            if let (Some(name), Some(id)) = (name, id) {
                self.names.insert(name, id.to_owned());
            }
            if let Some(id) = made["SuperGroupId"].as_str() {
                self.names.insert("supers", id.to_owned());
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Makes sure that every operation was answered with success, but for those that are listed as
    /// not asked.
    fn covers(&self, operations: impl Iterator<Item = String>, unasked: &[&str]) {
        let seen: BTreeSet<String> = self.world.court.judge().seen().into_keys().collect();
        let succeeded =
            |operation: &str| seen.iter().any(|one| one.starts_with(&format!("{operation} 2")));
        let mut wrong = Vec::new();
        for operation in operations {
            match (succeeded(&operation), unasked.contains(&operation.as_str())) {
                (false, false) => wrong.push(format!("{operation} was not answered")),
                (true, true) => wrong.push(format!("{operation} is asked after all")),
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
    let entra = &office.world.sandbox.entra;
    let more =
        ["Directory.Read.All", "Group.Read.All", "AuditLog.Read.All", "Synchronization.Read.All"];
    entra.set_permissions(entra.permissions().into_iter().chain(more.map(str::to_owned)));
    let control = office.world.sandbox.credentials().control_url;
    let log = office.http.post(format!("{control}/entra/provisioning-log"));
    let added = log.header("Content-Type", "application/json").body("[{}]").send().await;
    assert!(added.expect("an answer").status().is_success());
    let token = office.graph_token().await;
    office.ask(&base, &token, GRAPH_WITH_MORE).await;
    let all = super::description::description().operations.iter();
    let all = all.map(|operation| format!("{} {}", operation.method, operation.path));
    office.covers(all, UNASKED_GRAPH);
}

#[tokio::test]
async fn every_endpoint_of_sharefile_answers_as_described() {
    let mut office = Office::open().await;
    let token = office.sharefile_token().await;
    let key = office.world.sandbox.credentials();
    let base = format!("http://{}/sf/v3", key.sharefile_domain);
    office.furnish();
    let (before, after) = SHAREFILE
        .split_at(SHAREFILE.iter().position(|(line, ..)| line.contains("{code}")).expect("a line"));
    office.ask(&base, &token, before).await;
    let mails = office.world.sandbox.sharefile.mails();
    let code = mails.last().and_then(|mail| mail.message.clone()).expect("a code");
    office.names.insert("code", code);
    office.ask(&base, &token, after).await;
    let all = super::surface::surface()
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.path.starts_with("/sf/"));
    let all = all.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path));
    office.covers(all, UNASKED_SHAREFILE);
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
        let schema = super::description::description().types.get(kind).expect("a type");
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
