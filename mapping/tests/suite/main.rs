//! The crate from outside: written mappings in, decisions and diagnostics out.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests; clippy's own exception sees test functions only"
)]

mod accounts;
mod add;
mod aws_auth;
mod bad_input;
mod config_file;
mod custom_resource;
mod decide;
mod dynamic_file;
mod entries;
mod four_sources;
mod instances;
mod laws;
mod like;
mod principals;
mod reserved;
mod restrictions;
mod sessions;
mod sso;
mod support;
mod yaml;
