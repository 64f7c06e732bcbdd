//! Secrets: where they are read from, and that none is shown.

use crate::source::graph::settings::AssertionAlgorithm;

use super::*;

#[test]
fn secrets_are_named_and_never_written() {
    let passwords = [
        "\"hunter2\"",
        "12345",
        "{}",
        "{ value = \"hunter2\" }",
        "{ env = \"PASSWORD\", file = \"x\" }",
        "{ env = \"UNSET\" }",
        "{ credential = \"sharefile\" }",
        "{ credential = \"../shadow\" }",
    ];
    let found = passwords.map(|password| {
        let line = format!("admin_password = {password}");
        problems_of_line("admin_password = { env = \"PASSWORD\" }", &line)
    });
    let found = found.join("\n");
    assert!(!found.contains("hunter2") && !found.contains("12345"), "{found}");
    assert_snapshot!(found, @r#"
    config.toml:10:18: sharefile.admin_password: a secret does not belong into the configuration itself. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:18: sharefile.admin_password: a secret does not belong into the configuration itself. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:18: sharefile.admin_password: it does not say where the secret is. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:18: sharefile.admin_password: it does not say where the secret is. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:20: sharefile.admin_password.value: unknown key. Known are `env`, `file` and `credential`.
    config.toml:10:38: sharefile.admin_password.file: only one of `env` and `file` can be given. Remove the others.
    config.toml:10:26: sharefile.admin_password.env: the environment variable `UNSET` is not set. Set it for the daemon, or name a file instead.
    config.toml:10:33: sharefile.admin_password.credential: the systemd credential `sharefile` is not here: `CREDENTIALS_DIRECTORY` is not set, and there is no such file in /run/credstore or /etc/credstore. Put it there for `LoadCredential=` in the unit to find, or start the daemon through systemd.
    config.toml:10:33: sharefile.admin_password.credential: expected the name of a systemd credential, not a path. For a path, write { file = "PATH" }.
    "#);
    let credentials = [
        "\"hunter2\"",
        "{ client_secret = \"hunter2\" }",
        "{ client_secret = { env = \"ENTRA\" }, algorithm = \"RS256\" }",
        "{ certificate = { env = \"ENTRA\" } }",
        "{ certificate = { env = \"ENTRA\" }, client_secret = { env = \"ENTRA\" } }",
        "{ algorithm = \"RS256\" }",
    ];
    let found = credentials.map(|credential| {
        let line = format!("credential = {credential}");
        problems_of_line("credential = { client_secret = { env = \"ENTRA\" } }", &line)
    });
    let found = found.join("\n");
    assert!(!found.contains("hunter2"), "{found}");
    assert_snapshot!(found, @r#"
    config.toml:5:14: entra.credential: a secret does not belong into the configuration itself. Write { client_secret = { file = "PATH" } }, or `certificate` for it.
    config.toml:5:32: entra.credential.client_secret: a secret does not belong into the configuration itself. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:5:63: entra.credential.algorithm: an algorithm belongs to a certificate alone. Remove it.
    config.toml:5:30: entra.credential.certificate: there is no certificate in it. Expected PEM with both the certificate and its private key.
    config.toml:5:16: entra.credential.certificate: only one of `client_secret` and `certificate` can be given. Remove the others.
    config.toml:5:14: entra.credential: it does not say how to sign in. Give { client_secret = … }, { certificate = … } or { federated = … }, each with where it is, or { managed_identity = "system" }.
    "#);
}

#[test]
fn a_certificate_is_read_with_its_key() {
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n\
               -----BEGIN PRIVATE KEY-----\ny\n-----END PRIVATE KEY-----\n";
    let text = LEAST.replace(
        "{ client_secret = { env = \"ENTRA\" } }",
        "{ certificate = { env = \"PEM\" }, algorithm = \"RS256\" }",
    );
    let environment = secrets().with("PEM", pem);
    let job = read_with(&text, &environment, &Overrides::default()).expect("a certificate");
    let Credential::Certificate { pem: read, algorithm, file: None } = job.graph.credential else {
        panic!("a certificate")
    };
    assert_eq!(read.expose_secret(), pem.trim_end());
    assert_eq!(algorithm, AssertionAlgorithm::Rs256);
}

#[test]
fn nothing_prints_a_secret() {
    let environment = secrets();
    let job = read_with(LEAST, &environment, &Overrides::default()).expect("valid");
    let shown = format!("{job:?} {job:#?} {environment:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("0012345"), "{shown}");
    assert!(shown.contains("PASSWORD"), "{shown}");
}
