//! The binary: arguments, command, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    sharefile_provisioner::cli::main()
}
