//! Programs that run beside a test and end with it, however it ends.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running program whose life hangs on a pipe that this value holds.
///
/// When the pipe closes, the program gets SIGTERM: on drop, and also when this process dies without
/// running a destructor (Ctrl-C, SIGKILL, an abort), so nothing is ever left running. What it prints goes
/// to a file, whose end is shown when a test fails.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose home and working directory is `folder`, and which sees nothing of our
    /// environment but `PATH`; what it prints is in [`log_file`].
    ///
    /// # Errors
    ///
    /// When the log cannot be made or the program's keeper cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
        folder: &Path,
    ) -> Result<Self> {
        let log = log_file(folder, name);
        fs::create_dir_all(log.parent().unwrap_or(folder)).context("making a folder for logs")?;
        let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let child = clean_command(Path::new("/bin/sh"), folder)
            .args(["-c", KEEPER, name])
            .arg(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(output.try_clone().with_context(|| format!("sharing {}", log.display()))?)
            .stderr(output)
            // Ctrl-C in a terminal is for us alone: the programs then end in their order, as we let go of them.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Polls until `ready` says so.
    ///
    /// # Errors
    ///
    /// With the end of its log, when the program ends first or `limit` passes.
    pub fn wait_until(&mut self, what: &str, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !ready() {
            if let Some(status) = self.child.try_wait().with_context(|| format!("watching {}", self.name))? {
                bail!("{} has ended ({status})\n{}", self.name, self.log_tail());
            }
            if Instant::now() > deadline {
                bail!("{} is not {what} after {limit:?}\n{}", self.name, self.log_tail());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Ends the program, as dropping this does.
    pub fn end(&mut self) {
        drop(self.child.stdin.take());
        if !self.ends_within(GRACE) {
            // It may end between the two lines, and there is nobody to tell about an error.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// Its process id: its keeper becomes the program.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by its name without `SIG`.
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} gets SIG{name}", self.name);
    }

    /// How it ended; `None` while it runs on.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.ends_within(limit).then(|| self.child.wait().ok()).flatten()
    }

    /// All that the program has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        match fs::read(&self.log) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("{}: {error}", self.log.display()),
        }
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let mut tail: Vec<&str> = log.lines().rev().take(TAIL).collect();
        tail.reverse();
        format!("--- {} said last:\n{}\n---", self.name, tail.join("\n"))
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
    }
}

/// A command whose home and working directory is `folder`, and which sees nothing of our environment but `PATH`.
///
/// All its signals have their default meaning. A shell ignores `SIGINT` for what it starts in the background, and `nohup` ignores
/// `SIGHUP`; a program inherits that, and what a test proves must not depend on how the test was started.
#[must_use]
pub fn clean_command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal").arg(program);
    command.env_clear().env("HOME", folder).current_dir(folder);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Becomes the program itself, and leaves a watcher behind that sends it SIGTERM when our end of the pipe is
/// closed: `$$` is the process id of both. (Only the death of a thread, not of a process, could be had from the kernel.)
const KEEPER: &str = r#"exec 3<&0
{ cat <&3; kill -TERM $$; } >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-"#;

/// How long a program may take to end after SIGTERM: an API server finishes the requests it has.
const GRACE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// Where a program that was started in `folder` prints: beside the files that it may watch, not among them.
#[must_use]
pub fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("log").join(format!("{name}.log"))
}

/// Lines of a log that are shown.
const TAIL: usize = 40;
