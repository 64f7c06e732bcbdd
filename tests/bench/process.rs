//! Processes, and what they used.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;
use wait4::Wait4;

/// The program that is measured: a copy, so that a build meanwhile changes nothing.
pub struct Program {
    folder: TempDir,
}

impl Program {
    /// Copies a program: the one that was built together with this one, unless another is named.
    pub fn copied(other: Option<&Path>) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder")?;
        let built = other.unwrap_or(Path::new(env!("CARGO_BIN_EXE_sharefile-provisioner")));
        let program = Self { folder };
        std::fs::copy(built, program.path()).with_context(|| format!("copying {built:?}"))?;
        Ok(program)
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(format!("sharefile-provisioner{}", std::env::consts::EXE_SUFFIX))
    }

    /// Runs it, with nothing of this process's environment that could change what it does.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.path());
        command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }
}

/// What a process used.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub wall: Duration,
    pub cpu: Duration,
    /// The peak of the resident set, in bytes.
    pub peak: u64,
}

/// Runs a command to its end; returns what it wrote, and what it used.
pub fn run(command: &mut Command) -> Result<(ExitStatus, String, Used)> {
    let started = Instant::now();
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {command:?}"))?;
    let mut written = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut written).context("reading what a process writes")?;
    }
    let ended = child.wait4().context("waiting for a process")?;
    let usage = ended.rusage;
    let used = Used { wall: started.elapsed(), cpu: usage.utime + usage.stime, peak: usage.maxrss };
    Ok((ended.status, written, used))
}
