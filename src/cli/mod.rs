//! COMMANDS: one file per command. What they share is how a job is opened, how a running daemon is
//! asked, and how a failure becomes an exit code.

mod apply;
mod ask;
mod check;
mod company;
mod demo;
mod eval;
mod exit;
mod hold;
mod import_schema;
mod log;
mod open;
mod orphans;
mod output;
mod plan;
mod reset;
mod run;
mod sandbox;
mod status;
mod sync;
mod test;
mod welcome;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::{Exit, Failure};

/// Keeps a ShareFile account in step with the people assigned to an enterprise application in
/// Microsoft Entra ID.
#[derive(Debug, Parser)]
#[command(name = "sharefile-provisioner", version, max_term_width = 100, after_help = exit::HELP)]
struct Arguments {
    /// The configuration file [default: /etc/sharefile-provisioner/config.toml]
    #[arg(long, global = true, value_name = "FILE", env = crate::config::CONFIG_VARIABLE)]
    config: Option<PathBuf>,

    /// Set one key of the configuration, over every other layer
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    sets: Vec<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: a company and both clouds on this machine, with people who join, move and leave
    Demo(demo::DemoArguments),
    /// The daemon
    Run,
    /// What the next cycle would do; writes nothing anywhere
    Plan(plan::PlanArguments),
    /// Apply a saved plan exactly, or refuse it with what changed
    Apply(apply::ApplyArguments),
    /// One cycle now, through the running daemon if there is one
    Sync(sync::SyncArguments),
    /// Stop provisioning until `resume`, over restarts as well
    Pause,
    /// Provision again
    Resume,
    /// The state of the job
    Status(status::StatusArguments),
    /// The provisioning log
    Log(log::LogArguments),
    /// What waits for a person
    Holds(hold::HoldsArguments),
    /// Let held changes go, as they were seen
    Approve(hold::AnswerArguments),
    /// Keep held changes back for good
    Reject(hold::AnswerArguments),
    /// Send somebody the welcome mail again, or list who never signed in
    Welcome(welcome::WelcomeArguments),
    /// Employees in use, and groups, with nobody behind them in Entra ID
    Orphans(orphans::OrphansArguments),
    /// Start over: what is remembered is moved aside, never deleted
    Reset(reset::ResetArguments),
    /// Test the connection to both ends
    Test(test::TestArguments),
    /// A configuration out of what Entra ID's own provisioning was set up with
    ImportSchema(import_schema::ImportSchemaArguments),
    /// Check the configuration, all problems at once, and try it on the snapshot
    Check(check::CheckArguments),
    /// An expression of the mapping language, on given values or on a person of the directory
    Eval(eval::EvalArguments),
    /// The emulators of both ends alone
    Sandbox(Box<sandbox::SandboxArguments>),
}

/// Parses the command line, carries out the command, and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(problem) => {
            let _ = problem.print();
            let exit = if problem.use_stderr() { Exit::Usage } else { Exit::Done };
            return exit.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(problem) => {
            eprintln!("error: the program cannot start its threads: {problem}");
            return Exit::Unexpected.into();
        }
    };
    // Only fails if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match runtime.block_on(carry_out(arguments)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprint!("{failure}");
            failure.exit.into()
        }
    }
}

async fn carry_out(arguments: Arguments) -> Result<Exit, Failure> {
    // What `eval` sets are the values of a person.
    let evaluates = matches!(arguments.command, Command::Eval(_));
    let sets = if evaluates { &[] } else { arguments.sets.as_slice() };
    let place = open::Place::new(arguments.config, sets)?;
    match arguments.command {
        Command::Demo(arguments) => demo::demo(&arguments).await,
        Command::Run => run::run(&place).await,
        Command::Plan(arguments) => plan::plan(&place, &arguments).await,
        Command::Apply(arguments) => apply::apply(&place, &arguments).await,
        Command::Sync(arguments) => sync::sync(&place, &arguments).await,
        Command::Pause => hold::pause(&place, true).await,
        Command::Resume => hold::pause(&place, false).await,
        Command::Status(arguments) => status::status(&place, &arguments).await,
        Command::Log(arguments) => log::log(&place, &arguments).await,
        Command::Holds(arguments) => hold::holds(&place, &arguments).await,
        Command::Approve(arguments) => hold::answer(&place, &arguments, true).await,
        Command::Reject(arguments) => hold::answer(&place, &arguments, false).await,
        Command::Welcome(arguments) => welcome::welcome(&place, &arguments).await,
        Command::Orphans(arguments) => orphans::orphans(&place, &arguments).await,
        Command::Reset(arguments) => reset::reset(&place, &arguments),
        Command::Test(arguments) => test::test(&place, &arguments).await,
        Command::ImportSchema(arguments) => import_schema::import_schema(&place, &arguments).await,
        Command::Check(arguments) => check::check(&place, &arguments).await,
        Command::Eval(arguments) => eval::eval(&place, &arguments).await,
        Command::Sandbox(arguments) => sandbox::sandbox(&arguments).await,
    }
}
