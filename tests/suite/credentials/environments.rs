//! The environments, by subject.

use super::row::Row;

mod endpoints;
mod files;
mod keys;
mod older;
mod processes;
mod regions;
mod roles;
mod sources;
mod sso;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    [
        keys::ROWS,
        files::ROWS,
        endpoints::ROWS,
        regions::ROWS,
        roles::ROWS,
        processes::ROWS,
        sources::ROWS,
        sso::ROWS,
        older::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The host of the region in which most rows are.
const WEST: &str = "sts.us-west-2.amazonaws.com";
const INSTANCE_REGION: &str = "version 1 does not ask the instance for its region; version 2 is right";
