//! Where AWS's shared files are looked for when no variable says so.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// Starts a process without `HOME` again, with the home of its user's passwd entry. Units of systemd without `User=` have no `HOME`.
///
/// AWS's own libraries look at the variable alone, and a process cannot safely set it for itself. Where there is no such entry, or
/// the program cannot be started again, it goes on without a home.
pub fn find() {
    if env::var_os("HOME").is_some_and(|home| !home.is_empty()) {
        return;
    }
    let (Some(home), Ok(program)) = (of_passwd_entry(), env::current_exe()) else { return };
    if home.is_absolute() {
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        // It comes back only where it cannot be done.
        let _ = Command::new(program).arg0(name).args(arguments).env("HOME", home).exec();
    }
}

/// The C library of a static program would load modules of the system's own C library to look up a user, and crash: such a program
/// reads the file, which has all users but those of a directory service.
fn of_passwd_entry() -> Option<PathBuf> {
    if !cfg!(target_feature = "crt-static") {
        return env::home_dir();
    }
    home_of(&fs::read_to_string("/etc/passwd").ok()?, fs::metadata("/proc/self").ok()?.uid())
}

/// The home in the entry of this user: `NAME:PASSWORD:UID:GID:GECOS:HOME:SHELL`.
fn home_of(passwd: &str, user: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let is_users = fields.next()?.parse() == Ok(user);
        fields.nth(2).filter(|_| is_users).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_that_of_the_first_entry_of_the_user() {
        let passwd = "# x\n\nroot:x:0:0:root:/root:/bin/sh\nme:x:1000:1:Me, Myself:/home/me:/bin/sh\nagain:x:1000:1::/other:\nbad:x:7\n";
        for (user, home) in [(0, Some("/root")), (1000, Some("/home/me")), (1, None), (7, None)] {
            assert_eq!(home_of(passwd, user), home.map(PathBuf::from), "{user}");
        }
    }
}
