//! The demo: one command, no tenant, no set-up.

use std::path::Path;
use std::process::Command;

use super::{Process, eventually};

/// The demo with a folder for temporary files of its own.
fn demo(arguments: &[&str], temporary: &Path) -> Process {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    program.arg("demo").args(arguments).env("NO_COLOR", "1").env("TMPDIR", temporary);
    Process::start(program)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder").next().is_none()
}

#[tokio::test]
async fn the_demo_ends_after_its_cycles_and_says_what_it_did() {
    let temporary = tempfile::tempdir().expect("a folder");
    let said = demo(&["--cycles", "3", "--every", "1s"], temporary.path()).end().await.exits(0);
    let out = &said.out;
    let cycles: Vec<&str> = out.lines().filter(|line| line.starts_with("Cycle ")).collect();
    assert_eq!(cycles.len(), 3, "{out}");
    assert!(cycles[0].contains("(initial) complete") && cycles[0].contains(" created"), "{out}");
    assert!(cycles[1..].iter().all(|line| line.contains("(incremental) complete")), "{out}");
    let total = out.lines().find(|line| line.starts_with("In all: ")).expect("a sum");
    for done in ["people created", "updated", "disabled", "requests to Entra ID", "to ShareFile"] {
        assert!(total.contains(done), "{done} in {total}");
    }
    for none in [": 0 people created", " 0 updated", " 0 disabled"] {
        assert!(!total.contains(none), "{none} in {total}");
    }
    said.says("A company of 120 people").says("It ends after 3 cycles.").says("ShareFile agrees");
    assert!(is_empty(temporary.path()), "it leaves nothing behind");
}

#[cfg(unix)]
#[tokio::test]
async fn the_demo_without_an_end_is_ended_by_a_signal() {
    let temporary = tempfile::tempdir().expect("a folder");
    let arguments = ["--every", "1s", "--users", "10", "--groups", "2"];
    let mut demo = demo(&arguments, temporary.path());
    eventually("a second cycle", async || demo.out().contains("Cycle c2")).await;
    demo.terminate();
    demo.end().await.exits(0).says("Ctrl-C ends it.").says("In all: ");
    assert!(is_empty(temporary.path()));
}
