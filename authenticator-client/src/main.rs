//! `authenticator-client`: parse, run, exit code.

use std::{
    io::{stderr, stdout},
    process::ExitCode,
};

use authenticator_client::{World, environment, run};

fn main() -> ExitCode {
    environment::find_home();
    run(std::env::args_os(), &World::real(), &mut stdout().lock(), &mut stderr().lock()).into()
}
