//! From what is asked for to credentials, with as much of a runtime as that takes.

use std::io::Write;

use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

use super::{
    failure::{Failure, remark_fault},
    request::{Caching, Login},
};
use crate::{
    World,
    cache::Cache,
    credentials::{Means, Obtained, Plan},
    prompt::Prompt,
};

/// Credentials, and the plan by which they were had.
pub(super) struct LoggedIn {
    pub(super) plan: Plan,
    pub(super) obtained: Obtained,
    /// When the program gives up.
    pub(super) deadline: Instant,
}

impl Login {
    /// Has the credentials. What goes wrong with the cache is told on standard error, and nothing else.
    pub(super) fn log_in(self, world: &World, err: &mut dyn Write) -> Result<LoggedIn, Failure> {
        let Self { asked, caching, limit, wording, verbosity: _ } = self;
        let started = Instant::now();
        let deadline = started + limit;
        // No drivers and no threads: what is written down or kept is waited for by nobody.
        let runtime = Builder::new_current_thread().build()?;
        let plan = runtime.block_on(Plan::make(asked, world))?;
        let cache = match caching {
            // Time is left to ask for credentials, when whoever makes the same ones does not come to an end.
            Caching::On => Cache::new(&world.env, limit - limit / 4),
            Caching::Off => Cache::off(),
        };
        if let Some(obtained) = runtime.block_on(plan.at_hand(&cache)) {
            tell_faults(&cache, err);
            return Ok(LoggedIn { plan, obtained, deadline });
        }
        let prompt = Prompt::new(wording, &world.env);
        let runtime = with_drivers()?;
        let obtained = runtime.block_on(plan.obtain(&Means { cache: &cache, started, limit, prompt: &prompt }));
        // Not to wait for a host name that nobody resolves any more.
        runtime.shutdown_background();
        tell_faults(&cache, err);
        match (prompt.ended_by(), obtained) {
            (Some(signal), _) => Err(Failure::Signal(signal)),
            (None, obtained) => Ok(LoggedIn { plan, obtained: obtained?, deadline }),
        }
    }
}

/// A runtime in which somebody can be asked.
pub(super) fn with_drivers() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn tell_faults(cache: &Cache, err: &mut dyn Write) {
    for fault in cache.take_faults() {
        remark_fault(err, &fault);
    }
}
