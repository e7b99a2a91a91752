//! `authenticator-client`: parse, run, exit code.

use std::{
    io::{stderr, stdout},
    process::ExitCode,
};

use authenticator_client::{World, run};

fn main() -> ExitCode {
    run(std::env::args_os(), &World::real(), &mut stdout().lock(), &mut stderr().lock()).into()
}
