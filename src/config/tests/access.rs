//! How the reader of Entra ID signs in, and which way connections take.

use std::path::Path;

use insta::assert_snapshot;
use secrecy::ExposeSecret;

use super::super::*;
use crate::source::graph::settings::{Credential, Identity, IdentityHost};

const GUID: &str = "11111111-2222-3333-4444-555555555555";

/// A configuration with this `[entra]` besides application and cloud, and with `more` behind it.
fn read(
    folder: &Path,
    entra: &str,
    more: &str,
    environment: &Environment,
) -> Result<Job, ConfigErrors> {
    let text = format!(
        "[entra]\napplication = \"Citrix ShareFile\"\n{entra}\n[sharefile]\nsubdomain = \"contoso\"\n\
         admin_user = \"provisioner@contoso.com\"\nadmin_password = {{ env = \"PASSWORD\" }}\n\
         client_id = \"key\"\nclient_secret = {{ env = \"PASSWORD\" }}\n{more}\n"
    );
    let environment = environment.clone().with("PASSWORD", "hunter2");
    load_text(&text, &folder.join("config.toml"), &environment, &Overrides::default())
}

fn nothing() -> Environment {
    let none: [(&str, &str); 0] = [];
    Environment::of(none)
}

/// The problems, with the folder blanked.
fn problems(folder: &Path, outcome: Result<Job, ConfigErrors>) -> String {
    let text = outcome.expect_err("problems").to_string();
    text.replace(&folder.display().to_string(), "FOLDER")
}

#[test]
fn a_federated_token_is_named_by_its_file_or_by_the_environment() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    std::fs::write(folder.join("token"), "ey.x.y\n").expect("a file");
    let named = format!(
        "tenant = \"contoso.com\"\nclient_id = \"{GUID}\"\n\
         credential = {{ federated = {{ file = \"token\" }} }}"
    );
    let job = read(folder, &named, "", &nothing()).expect("a job");
    let Credential::Federated { file } = &job.graph.credential else { panic!("federated") };
    assert_eq!(*file, folder.join("token"));

    let path = folder.join("token").display().to_string();
    let aks = nothing()
        .with("AZURE_FEDERATED_TOKEN_FILE", &path)
        .with("AZURE_CLIENT_ID", GUID)
        .with("AZURE_TENANT_ID", "99999999-2222-3333-4444-555555555555");
    let job = read(folder, "credential = { federated = { } }", "", &aks).expect("a job");
    assert_eq!(job.graph.client_id, GUID);
    assert!(job.graph.tenant.starts_with("99999999-"));
    // What the configuration says comes before what the environment says.
    let job = read(folder, &named, "", &aks).expect("a job");
    assert_eq!(job.graph.tenant, "contoso.com");
    // Other credentials have nothing to do with these variables.
    let secret = "credential = { client_secret = { env = \"PASSWORD\" } }";
    assert_eq!(read(folder, secret, "", &aks).expect_err("problems").problems.len(), 2);
}

#[test]
fn a_managed_identity_is_of_a_machine_or_of_app_service() {
    let home = tempfile::tempdir().expect("a folder");
    let of = |credential: &str, environment: &Environment| {
        let entra =
            format!("tenant = \"contoso.com\"\ncredential = {{ managed_identity = {credential} }}");
        let job = read(home.path(), &entra, "", environment).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(job.graph.client_id, "");
        let Credential::ManagedIdentity { host, identity } = job.graph.credential else {
            panic!("a managed identity")
        };
        (host, identity)
    };
    let machine = |host: IdentityHost| match host {
        IdentityHost::VirtualMachine { endpoint } => endpoint.to_string(),
        IdentityHost::AppService { .. } => panic!("a machine"),
    };
    let (host, identity) = of("\"system\"", &nothing());
    assert_eq!((machine(host).as_str(), identity), ("http://169.254.169.254/", Identity::System));
    let (_, identity) = of(&format!("{{ client_id = \"{GUID}\" }}"), &nothing());
    assert_eq!(identity, Identity::ClientId(GUID.to_owned()));
    let (_, identity) = of(&format!("{{ object_id = \"{GUID}\" }}"), &nothing());
    assert_eq!(identity, Identity::ObjectId(GUID.to_owned()));
    let (_, identity) = of("{ resource_id = \"/subscriptions/1/x\" }", &nothing());
    assert_eq!(identity, Identity::ResourceId("/subscriptions/1/x".to_owned()));

    let service = nothing()
        .with("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token")
        .with("IDENTITY_HEADER", "hunter2");
    let (host, _) = of("\"system\"", &service);
    assert!(!format!("{host:?}").contains("hunter2"));
    let IdentityHost::AppService { endpoint, header } = host else { panic!("App Service") };
    assert_eq!(endpoint.as_str(), "http://127.0.0.1:41/msi/token");
    assert_eq!(header.expose_secret(), "hunter2");
    // The configuration comes first.
    let (host, _) = of("{ endpoint = \"http://localhost:42\" }", &service);
    assert_eq!(machine(host), "http://localhost:42/");
    let elsewhere = nothing().with("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:43");
    assert_eq!(machine(of("\"system\"", &elsewhere).0), "http://127.0.0.1:43/");
}

#[test]
fn all_that_is_wrong_with_a_credential_is_said() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    std::fs::write(folder.join("empty"), "\n").expect("a file");
    let arc = nothing().with("IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity");
    let odd = nothing().with("AZURE_CLIENT_ID", "me").with("AZURE_TENANT_ID", "here");
    let found: Vec<String> = [
        ("{ federated = \"ey.x.y\" }", &nothing()),
        ("{ federated = { } }", &nothing()),
        ("{ federated = { path = \"token\" } }", &nothing()),
        ("{ federated = { file = \"nowhere\" } }", &odd),
        ("{ federated = { file = \"empty\" } }", &nothing()),
        ("{ federated = { file = \"empty\" }, algorithm = \"PS256\" }", &nothing()),
        ("{ managed_identity = \"user\" }", &nothing()),
        (
            "{ managed_identity = { client_id = \"me\", endpoint = \"http://10.0.0.1\" } }",
            &nothing(),
        ),
        ("{ managed_identity = { client_id = \"me\", object_id = \"me\" } }", &nothing()),
        ("{ managed_identity = { resource_id = \"me\" } }", &nothing()),
        ("{ managed_identity = \"system\" }", &arc),
        ("{ managed_identity = \"system\", federated = { } }", &nothing()),
    ]
    .into_iter()
    .map(|(credential, environment)| {
        let entra = format!("credential = {credential}");
        problems(folder, read(folder, &entra, "", environment))
    })
    .collect();
    let found = found.join("\n--\n");
    assert!(!found.contains("ey.x.y") && !found.contains("hunter2"), "{found}");
    assert_snapshot!(found, @r#"
    FOLDER/config.toml:1:2: entra.client_id: this key is missing. Give the application (client) id of the app registration that reads.
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:28: entra.credential.federated: expected where the token is, which somebody else renews. Write { file = "PATH" }; an empty { } takes the path from AZURE_FEDERATED_TOKEN_FILE.
    --
    FOLDER/config.toml:1:2: entra.client_id: this key is missing. Give the application (client) id of the app registration that reads.
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:28: entra.credential.federated: it does not say where the token is, and AZURE_FEDERATED_TOKEN_FILE is not set. Write { file = "PATH" }; an empty { } takes the path from AZURE_FEDERATED_TOKEN_FILE.
    --
    FOLDER/config.toml:1:2: entra.client_id: this key is missing. Give the application (client) id of the app registration that reads.
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:28: entra.credential.federated: it does not say where the token is, and AZURE_FEDERATED_TOKEN_FILE is not set. Write { file = "PATH" }; an empty { } takes the path from AZURE_FEDERATED_TOKEN_FILE.
    FOLDER/config.toml:3:30: entra.credential.federated.path: unknown key. Known is `file`.
    --
    FOLDER/config.toml:1:2: entra.client_id: this key is missing. Give it: `AZURE_CLIENT_ID` of the environment is no GUID.
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give it: `AZURE_TENANT_ID` of the environment is no GUID.
    FOLDER/config.toml:3:37: entra.credential.federated.file: the file FOLDER/nowhere cannot be read: it does not exist. The workload identity of the cluster, or whoever else issues the token, has to keep it there, readable by the account that runs the daemon.
    --
    FOLDER/config.toml:1:2: entra.client_id: this key is missing. Give the application (client) id of the app registration that reads.
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:37: entra.credential.federated.file: the file FOLDER/empty is empty. The workload identity of the cluster, or whoever else issues the token, has to keep it there, readable by the account that runs the daemon.
    --
    FOLDER/config.toml:1:2: entra.client_id: this key is missing. Give the application (client) id of the app registration that reads.
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:37: entra.credential.federated.file: the file FOLDER/empty is empty. The workload identity of the cluster, or whoever else issues the token, has to keep it there, readable by the account that runs the daemon.
    FOLDER/config.toml:3:60: entra.credential.algorithm: an algorithm belongs to a certificate alone. Remove it.
    --
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:35: entra.credential.managed_identity: expected `system` or a table. Write "system", or { client_id = "…" }, { object_id = "…" } or { resource_id = "…" } of a user-assigned identity.
    --
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:49: entra.credential.managed_identity.client_id: expected a GUID, as `00000000-0000-0000-0000-000000000000`
    FOLDER/config.toml:3:66: entra.credential.managed_identity.endpoint: expected the address of a metadata service on this host or its link. Give scheme, host and port, as `http://169.254.169.254`.
    --
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:55: entra.credential.managed_identity.object_id: only one of `client_id` and `object_id` can be given. Remove the others.
    --
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:51: entra.credential.managed_identity.resource_id: expected an Azure resource id, as `/subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…`
    --
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:35: entra.credential.managed_identity: `IDENTITY_ENDPOINT` is set and `IDENTITY_HEADER` is not: this is neither App Service nor a virtual machine in Azure. Azure Arc is not supported: use a certificate there. On a virtual machine, unset the variable.
    --
    FOLDER/config.toml:1:2: entra.client_id: this key is missing. Give the application (client) id of the app registration that reads.
    FOLDER/config.toml:1:2: entra.tenant: this key is missing. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    FOLDER/config.toml:3:16: entra.credential.managed_identity: only one of `federated` and `managed_identity` can be given. Remove the others.
    "#);
}

#[test]
fn the_network_is_read() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    let pem = include_str!("../../../tests/fixtures/certificate/certificate.pem");
    std::fs::write(folder.join("ca.pem"), format!("{pem}\n{pem}")).expect("a file");
    let entra = format!(
        "tenant = \"contoso.com\"\nclient_id = \"{GUID}\"\n\
         credential = {{ client_secret = {{ env = \"PASSWORD\" }} }}"
    );
    let network = "[network]\nproxy = \"http://proxy.contoso.com:3128\"\nproxy_user = \"ada\"\n\
                   proxy_password = { env = \"PASSWORD\" }\n\
                   no_proxy = [\"intranet.example\", \"10.0.0.0/8\"]\nca_file = \"ca.pem\"\n\
                   timeout = \"30s\"\n";
    let job = read(folder, &entra, network, &nothing()).unwrap_or_else(|e| panic!("{e}"));
    assert!(!format!("{job:?}").contains("hunter2"));
    for read in [&job.graph.network, &job.sharefile.network] {
        let proxy = read.proxy.as_ref().expect("a proxy");
        assert_eq!(proxy.url.as_str(), "http://proxy.contoso.com:3128/");
        let (user, password) = proxy.login.as_ref().expect("a login");
        assert_eq!((user.as_str(), password.expose_secret()), ("ada", "hunter2"));
        assert_eq!(read.no_proxy.as_deref().map(<[String]>::len), Some(2));
        assert_eq!(read.trusted.len(), 2);
        assert_eq!(read.timeout, Some(std::time::Duration::from_secs(30)));
    }
    let job = read(folder, &entra, "", &nothing()).expect("a job");
    let network = &job.graph.network;
    assert!(network.proxy.is_none() && network.no_proxy.is_none() && network.trusted.is_empty());
    assert_eq!(network.timeout, None);
}

#[test]
fn all_that_is_wrong_with_the_network_is_said() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    std::fs::write(folder.join("none.pem"), "nothing\n").expect("a file");
    let entra = format!(
        "tenant = \"contoso.com\"\nclient_id = \"{GUID}\"\n\
         credential = {{ client_secret = {{ env = \"PASSWORD\" }} }}"
    );
    let found: Vec<String> = [
        "proxy = \"proxy.contoso.com:3128\"\nca_file = \"nowhere.pem\"\nno_proxy = [\"http://x\"]",
        "proxy = \"http://ada:hunter2@proxy.contoso.com\"\nca_file = \"none.pem\"",
        "proxy = \"http://proxy/path\"\nproxy_user = \"ada\"",
        "proxy = \"socks5://proxy:1080\"\nproxy_password = { env = \"PASSWORD\" }",
        "proxy_user = \"ada\"\nproxy_password = { env = \"PASSWORD\" }\nca = \"x\"",
        "timeout = \"11m\"",
    ]
    .into_iter()
    .map(|network| {
        problems(folder, read(folder, &entra, &format!("[network]\n{network}"), &nothing()))
    })
    .collect();
    let found = found.join("\n--\n");
    assert!(!found.contains("hunter2"), "{found}");
    assert_snapshot!(found, @r#"
    FOLDER/config.toml:13:9: network.proxy: expected the address of an HTTP proxy. Give scheme, host and port, as `http://proxy.contoso.com:3128`.
    FOLDER/config.toml:14:11: network.ca_file: the file FOLDER/nowhere.pem cannot be read: it does not exist. Name a PEM file with the certificates of your own authorities, readable by the account that runs the daemon. Relative paths start at the folder of the configuration.
    FOLDER/config.toml:15:13: network.no_proxy[1]: expected a host, a domain or a network. Write `intranet.example`, `10.0.0.0/8`, or `*` for every host.
    --
    FOLDER/config.toml:13:9: network.proxy: a secret does not belong into the configuration itself. Write `proxy_user`, and `proxy_password` with where the password is.
    FOLDER/config.toml:14:11: network.ca_file: the file FOLDER/none.pem cannot be used: there is no certificate in it. Name a PEM file with the certificates of your own authorities, readable by the account that runs the daemon. Relative paths start at the folder of the configuration.
    --
    FOLDER/config.toml:12:2: network.proxy_password: this key is missing. Say where it is, as { file = "PATH" }.
    FOLDER/config.toml:13:9: network.proxy: expected nothing but scheme, host and port. Give scheme, host and port, as `http://proxy.contoso.com:3128`.
    --
    FOLDER/config.toml:12:2: network.proxy_user: this key is missing. Give the name that the proxy knows.
    FOLDER/config.toml:13:9: network.proxy: expected the address of an HTTP proxy. Give scheme, host and port, as `http://proxy.contoso.com:3128`.
    --
    FOLDER/config.toml:12:2: network.proxy: this key is missing. Give its address, as `http://proxy:3128`.
    FOLDER/config.toml:15:1: network.ca: unknown key. Known are `proxy`, `proxy_user`, `proxy_password`, `no_proxy`, `ca_file` and `timeout`.
    --
    FOLDER/config.toml:13:11: network.timeout: nobody waits so long or so short. Give at least `1s` and at most `10m`; without it, it is `2m`.
    "#);
}
