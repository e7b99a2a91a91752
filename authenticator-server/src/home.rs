//! Where AWS's shared files are looked for when no variable says so.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Starts a process without `HOME` again, with the home of its user's passwd entry. Units of systemd without `User=` have no `HOME`.
///
/// AWS's own libraries look at the variable alone, and a process cannot safely set it for itself. Where there is no such entry, or
/// the program cannot be started again, it goes on without a home.
pub fn find() {
    if env::var_os("HOME").is_some_and(|home| !home.is_empty()) {
        return;
    }
    let (Some(home), Ok(program)) = (env::home_dir(), env::current_exe()) else { return };
    if home.is_absolute() {
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        // It comes back only where it cannot be done.
        let _ = Command::new(program).arg0(name).args(arguments).env("HOME", home).exec();
    }
}
