//! `import-schema`: what it writes loads and does what the schema says; what it reads from the
//! tenant; how it ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sharefile_provisioner::sandbox::sharefile::{Zone, ZoneType};
use uuid::Uuid;

use super::{Said, World};

/// One of the exported schemas.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/schemas").join(name)
}

impl World {
    /// Imports a schema and puts what was written in the place of the world's own rules. Returns
    /// the report.
    async fn adopt(&self, arguments: &[&str], code: i32) -> Value {
        let report = self.run(&[&["import-schema", "--json"], arguments].concat()).await;
        let report = report.exits(code).json();
        let own = std::fs::read_to_string(self.config()).expect("a configuration");
        let (ends, _) = own.split_once("[users]").expect("the world's own rules");
        let imported = report["configuration"].as_str().expect("a configuration");
        let whole = format!("{ends}\n{imported}\n[store]\npath = \"store.db\"\n");
        std::fs::write(self.config(), whole).expect("a file");
        report
    }

    /// What the plan would do: who, action, and the new values.
    async fn planned(&self) -> Vec<String> {
        let plan = self.run(&["plan", "--json"]).await.exits(2).json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut lines: Vec<String> = plan["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .map(|change| {
                let values = change["modifiedProperties"].as_array().expect("values").iter();
                let values: Vec<String> = values
                    .map(|one| format!("{}={}", text(&one["displayName"]), text(&one["newValue"])))
                    .collect();
                format!(
                    "{} {}: {}",
                    text(&change["action"]),
                    text(&change["displayName"]),
                    values.join(", ")
                )
            })
            .collect();
        lines.sort();
        lines
    }

    /// Somebody assigned, with properties of their own.
    fn somebody(&self, name: &str, properties: Value) -> Uuid {
        let id = self.join(name);
        self.edit(id, properties);
        id
    }
}

/// The zone that the schema with everything names.
fn frankfurt() -> Zone {
    let (id, name) = (String::new(), "Frankfurt".to_owned());
    Zone { id, name, zone_type: ZoneType::Private, disabled: false }
}

/// The findings of a kind, as subject and reason.
fn findings(report: &Value, kind: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().expect("findings").iter();
    let of_kind = findings.filter(|finding| finding["kind"] == kind);
    of_kind.map(|one| format!("{}: {}", text(&one["subject"]), text(&one["reason"]))).collect()
}

#[tokio::test]
async fn a_schema_of_trees_is_imported_loads_and_plans() {
    let mut world = World::real().await;
    world.somebody(
        "Ada",
        json!({"department": "Sales", "employeeId": "7", "givenName": "Žofie", "surname": "Byron (ext)"}),
    );
    let fab = json!({"department": "IT", "employeeId": "8", "companyName": "FAB"});
    world.somebody("Bob", fab);
    world.somebody("Cid", json!({"department": "External", "employeeId": "9"}));
    world.somebody("Dan", json!({"department": "Sales"}));
    world.group("Staff", &[]);
    world.adopt(&[sample("trees-only.json").to_str().expect("a path")], 0).await;
    world.run(&["check"]).await.exits(0);
    // Nothing is done before somebody has looked.
    let waiting = world.run(&["plan", "--json"]).await.exits(2).json();
    assert_eq!(waiting["changes"], json!([]));
    assert_eq!(waiting["holds"][0]["kind"], "FirstCycle");
    world.set("guard.first_cycle", "apply");
    assert_eq!(
        world.planned().await,
        [
            "create Entra Staff: Name=Entra Staff",
            "create ada@contoso.example: Email=ada@contoso.example, FirstName=Zofie, LastName=Byron, Company=Contoso",
            "create bob@contoso.example: Email=bob@contoso.example, FirstName=Bob, LastName=Tester, Company=Fabrikam",
        ]
    );
}

#[tokio::test]
async fn a_schema_of_texts_is_imported_loads_and_plans() {
    let mut world = World::real().await;
    world.somebody(
        "Ada",
        json!({"country": "DE", "givenName": null, "displayName": "Countess Ada"}),
    );
    world.somebody("Bob", json!({"country": "FR", "jobTitle": "CTO"}));
    world.somebody("Cid", json!({"country": "FR", "jobTitle": "ACTOR"}));
    world.somebody("Dan", json!({"country": "DE", "accountEnabled": false}));
    world.adopt(&[sample("text-only.json").to_str().expect("a path")], 72).await;
    world.run(&["check"]).await.exits(0);
    world.set("guard.first_cycle", "apply");
    assert_eq!(
        world.planned().await,
        [
            "create ada@contoso.example: Email=ada@contoso.example, FirstName=Countess, LastName=Tester, Company=Contoso \"Group\"",
            "create bob@contoso.example: Email=bob@contoso.example, FirstName=Bob, LastName=Tester, Company=Contoso \"Group\"",
        ]
    );
}

#[tokio::test]
async fn a_schema_with_everything_is_imported_loads_and_plans() {
    let mut world = World::real().await;
    let staff = json!({"department": "Sales", "employeeId": "7", "userType": "Member",
        "showInAddressList": false, "city": "Berlin", "onPremisesSyncEnabled": true,
        "onPremisesDistinguishedName": "CN=Somebody,OU=Staff,DC=contoso,DC=com"});
    // The role of the application gives the type.
    let ada = world.person("Ada");
    world.assign(ada, "Client");
    world.edit(ada, staff.clone());
    world.somebody(
        "Bob",
        json!({"department": "External", "employeeId": "8",
        "userType": "Member", "showInAddressList": false}),
    );
    let cid = world.somebody("Cid", staff.clone());
    world.edit(cid, json!({"faxNumber": "12"}));
    // Staff who pass all but what limits the rule: the container, the group, or the category.
    let [dan, _eve, fay] = ["Dan", "Eve", "Fay"].map(|name| world.somebody(name, staff.clone()));
    let outside = json!({"onPremisesDistinguishedName": "CN=Dan,OU=Others,DC=contoso,DC=com"});
    world.edit(dan, outside);
    world.edit(fay, json!({"city": "Oslo"}));
    world.group("ShareFile", &[ada, cid, dan, fay]);
    world.sandbox.sharefile.add_zone(frankfurt());
    // The filter of groups lets in one of these.
    world.group("SF-Sales", &[ada]);
    let report = world.adopt(&[sample("everything.json").to_str().expect("a path")], 72).await;
    assert_eq!(report["active_job"], true);
    assert!(report["left_out"].as_u64().expect("a count") > 10);
    let lost = findings(&report, "lost").join("\n");
    for words in ["`Manager`: ShareFile knows no managers", "`Title`"] {
        assert!(lost.contains(words), "no {words} in {lost}");
    }
    let changed = findings(&report, "changed").join("\n");
    for words in ["filter by container: ", "filter by group: ", "category filter: "] {
        assert!(changed.contains(words), "no {words} in {changed}");
    }
    let written = report["configuration"].as_str().expect("a configuration");
    assert!(written.contains("# WARNING: the job is active"), "{written}");
    assert_eq!((&report["loads"], findings(&report, "blocks")), (&json!(true), Vec::new()));
    world.run(&["check"]).await.exits(0);
    world.set("guard.first_cycle", "apply");
    // The filters let in Ada alone.
    let plan = world.run(&["plan", "--json"]).await.json();
    assert_eq!(plan["counts"]["in_scope"], 1, "{plan:#}");
    assert_eq!(plan["holds"], json!([]));
    assert_eq!(
        world.planned().await,
        [
            "create SF-Sales: Name=SF-Sales, Member=ada@contoso.example",
            "create ada@contoso.example: Email=ada@contoso.example, FirstName=Ada, LastName=Tester (ext), Company=Contoso, DefaultZone=Frankfurt",
        ]
    );
}

#[tokio::test]
async fn a_filter_that_cannot_be_carried_over_keeps_the_configuration_from_loading() {
    let world = World::real().await;
    let text = std::fs::read_to_string(sample("text-only.json")).expect("a sample");
    let odd = world.path("odd.json");
    std::fs::write(&odd, text.replace("REGEX MATCH", "SOUNDS LIKE")).expect("a file");
    let report = world.adopt(&[odd.to_str().expect("a path")], 72).await;
    assert_eq!(report["loads"], false);
    assert_eq!(
        findings(&report, "blocks"),
        ["filter clause on `jobTitle`: `SOUNDS LIKE` is no operator of this project"]
    );
    let written = report["configuration"].as_str().expect("a configuration");
    assert!(written.contains("# NOT CARRIED OVER: `SOUNDS LIKE` is no operator"), "{written}");
    world.run(&["check"]).await.exits(65).warns("`NOT CARRIED OVER` is no operator");
    let person = world.run(&["import-schema", odd.to_str().expect("a path")]).await.exits(72);
    person
        .warns("2 things were NOT carried over")
        .warns("does not load before 1 of them is decided");
    // A pattern that the language does not have is noticed as well.
    std::fs::write(&odd, text.replace("^(CEO|CFO|CTO)$", "^(CEO")).expect("a file");
    let said = world.run(&["import-schema", "--json", odd.to_str().expect("a path")]).await;
    let broken = findings(&said.exits(72).json(), "blocks").join("\n");
    assert!(broken.contains("`jobTitle`: this is no regular expression"), "{broken}");
}

#[tokio::test]
async fn files_are_never_replaced_unasked_and_what_is_no_schema_is_65() {
    let world = World::real().await;
    let schema = sample("trees-only.json");
    let schema = schema.to_str().expect("a path");
    let out = world.path("imported.toml");
    let target = out.to_str().expect("a path");
    let said = world.run(&["import-schema", schema, "--out", target]).await.exits(0);
    assert_eq!(said.out, "");
    said.warns("Nothing was left out, ").warns("Written to ").warns("To look at:");
    let first = std::fs::read_to_string(&out).expect("a configuration");
    assert!(
        first.starts_with("# Made from the synchronization schema trees-only.json."),
        "{first}"
    );
    std::fs::write(&out, "mine").expect("a file");
    let again = world.run(&["import-schema", schema, "--out", target]).await.exits(70);
    again.warns("exists, and was left as it is").warns("--overwrite");
    assert_eq!(std::fs::read_to_string(&out).expect("the file"), "mine");
    world.run(&["import-schema", schema, "--out", target, "--overwrite"]).await.exits(0);
    assert_eq!(std::fs::read_to_string(&out).expect("the file"), first);
    let printed = world.run(&["import-schema", schema]).await.exits(0);
    assert_eq!(printed.out, first);

    std::fs::write(&out, "{\"value\": []}").expect("a file");
    let said = world.run(&["import-schema", target]).await.exits(65);
    assert_eq!(said.out, "");
    said.warns("imported.toml cannot be imported").warns("no key `synchronizationRules`");
    std::fs::write(&out, "{").expect("a file");
    world.run(&["import-schema", target]).await.exits(65).warns("is no JSON: line 1, column ");
    let nowhere = world.run(&["import-schema", "nowhere.json"]).await.exits(64);
    nowhere.warns("nowhere.json cannot be read: it does not exist");
    let folder = world.folder.path().to_str().expect("a path");
    world.run(&["import-schema", folder]).await.exits(64).warns("it is a folder");
    for more in [&[][..], &["--overwrite"]] {
        let into = world.run(&[&["import-schema", schema, "--out", folder], more].concat()).await;
        into.exits(64).warns("cannot be written: it is a folder");
    }
    let into = world.run(&["import-schema", schema, "--out", "/nowhere/x.toml"]).await.exits(64);
    into.warns("cannot be written: its folder does not exist");
    std::fs::write(&out, " \n").expect("a file");
    world.run(&["import-schema", target]).await.exits(65).warns("the file is empty");
    world.run(&["import-schema"]).await.exits(64);
    world.run(&["import-schema", schema, "--from-graph"]).await.exits(64);
    world.run(&["import-schema", schema, "--job", "x"]).await.exits(64);
}

#[test]
fn a_schema_comes_by_standard_input_as_well() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    program.args(["import-schema", "-"]).env("NO_COLOR", "1");
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("a process");
    let text = std::fs::read(sample("text-only.json")).expect("a sample");
    child.stdin.take().expect("its input").write_all(&text).expect("a pipe");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(72), "a second mapping of the address");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.starts_with("# Made from the synchronization schema standard input."), "{out}");
}

#[tokio::test]
async fn the_tenant_is_asked_and_a_job_that_is_active_is_warned_of() {
    let world = World::real().await;
    let entra = &world.sandbox.entra;
    // Without the permission.
    let refused = world.run(&["import-schema", "--from-graph"]).await.exits(66);
    refused.warns("the permission Synchronization.Read.All is missing").warns("admin consent");
    let mut granted = entra.permissions();
    granted.extend(["Synchronization.Read.All".to_owned()]);
    entra.set_permissions(granted);

    let quiet = world.run(&["import-schema", "--from-graph", "--json"]).await.exits(0);
    assert!(!quiet.err.contains("WARNING"), "{}", quiet.err);
    assert_eq!(quiet.json()["active_job"], false);

    let mut job = entra.synchronization().job.expect("a job");
    job["status"]["code"] = json!("Active");
    job["schedule"]["state"] = json!("Active");
    entra.set_synchronization_job(Some(job.clone()));
    let kept = world.path("schema.json");
    let kept = kept.to_str().expect("a path");
    let said = world.run(&["import-schema", "--from-graph", "--save-schema", kept]).await.exits(0);
    assert!(said.err.starts_with("WARNING: this provisioning job is ACTIVE"), "{}", said.err);
    assert!(said.out.contains("# WARNING: the job is active"), "{}", said.out);
    let said = said.says("# ShareFile.").says("source = \"[mail]\"");
    // What was saved gives the same configuration, but for its name.
    let again = world.run(&["import-schema", kept]).await.exits(0).warns("WARNING: ");
    assert_eq!(lines(&again.out), lines(&said.out));

    let id = job["id"].as_str().expect("an id").to_owned();
    world.run(&["import-schema", "--from-graph", "--job", &id]).await.exits(0);
    let other = world.run(&["import-schema", "--from-graph", "--job", "x"]).await.exits(64);
    other.warns("no provisioning job x, but").warns(&id).warns("status Active");
    entra.set_synchronization_job(None);
    let none = world.run(&["import-schema", "--from-graph"]).await.exits(67);
    none.warns("has no provisioning job").warns("Provisioning was never set up");
    assert!(!world.path("store.db").exists(), "nothing but the output is written");
}

/// The lines but for the first, which names the origin.
fn lines(text: &str) -> Vec<&str> {
    text.lines().skip_while(|line| !line.starts_with("# Rule:")).collect()
}

#[tokio::test]
async fn what_the_tenant_has_plans_and_takes_nothing_but_the_section_of_entra_id() {
    let mut world = World::real().await;
    let mut granted = world.sandbox.entra.permissions();
    granted.extend(["Synchronization.Read.All".to_owned()]);
    world.sandbox.entra.set_permissions(granted);
    world.somebody("Ada", json!({"companyName": "Contoso"}));
    let own = std::fs::read_to_string(world.config()).expect("a configuration");
    let (before, rest) = own.split_once("[sharefile]").expect("the target");
    let (_, after) = rest.split_once("[users]").expect("rules");
    std::fs::write(world.config(), format!("{before}\n[users]{after}")).expect("a file");
    let said: Said = world.run(&["import-schema", "--from-graph", "--json"]).await.exits(0);
    assert_eq!(said.json()["loads"], true);
    std::fs::write(world.config(), own).expect("a file");
    world.adopt(&["--from-graph"], 0).await;
    world.set("guard.first_cycle", "apply");
    assert_eq!(
        world.planned().await,
        [
            "create ada@contoso.example: Email=ada@contoso.example, FirstName=Ada, LastName=Tester, Company=Contoso"
        ]
    );
}
