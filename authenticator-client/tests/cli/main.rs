//! The program as kubectl runs it: arguments, environment and files in; standard output, standard error and exit code out.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop where a test would")]

mod cluster;
mod commands;
mod eks;
mod identity;
mod run;
mod streams;
mod token;
