//! The written forms of mappings, and what is wrong with them.
//!
//! ```text
//! text ──yaml──▶ nodes with line and column ──entries──▶ rules + diagnostics ──▶ RuleSet
//!                       ▲                                      ▲
//!            config_file: keys of `server`        aws_auth: three texts, the last good of each
//! ```

pub mod aws_auth;
pub mod config_file;
mod entries;
mod report;
pub mod yaml;
