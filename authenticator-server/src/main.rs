//! The webhook's program; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    authenticator_server::home::find();
    authenticator_server::cli::run(std::env::args_os())
}
