//! `authenticator-client completion`.

use std::io::{self, Write};

use clap::CommandFactory;

use super::flags::{Arguments, CompletionFlags};

/// Prints the shell's completions of this program, under the name by which it was called.
pub(super) fn run(flags: &CompletionFlags, name: &str, out: &mut dyn Write) -> io::Result<()> {
    // The library panics when its output does not take something.
    let mut text = Vec::new();
    clap_complete::generate(flags.shell, &mut Arguments::command(), name, &mut text);
    out.write_all(&text)?;
    out.flush()
}
