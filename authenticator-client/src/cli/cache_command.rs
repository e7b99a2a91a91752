//! `authenticator-client clean-cache`.

use std::{io::Write, time::Duration};

use super::failure::Failure;
use crate::{World, cache::Cache};

/// Removes all that is cached, and says how much that was and where.
pub(super) fn clean(world: &World, out: &mut dyn Write) -> Result<(), Failure> {
    let cache = Cache::new(&world.env, Duration::ZERO);
    let removed = cache.clean()?;
    let place = cache.path().map(|path| path.display().to_string()).unwrap_or_default();
    writeln!(out, "removed the credentials of {removed} earlier sessions from {place}")?;
    Ok(out.flush()?)
}
