//! The programs that a row is given to, and what is read from what they print.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use authenticator_tests::support::process::clean_command;
use authenticator_tests::support::programs::{self, Run};
use authenticator_tests::support::secrets;
use authenticator_tests::support::signers::{AwsCli, AwsCliOrder};
use authenticator_tests::support::sts::judgement::region_of;
use authenticator_tests::support::terminal::Terminal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
use serde_json::Value;
use tempfile::TempDir;

use super::row::{Place, Row};
use super::scene::Scene;
use crate::people::{ACCOUNT, CLUSTER};

/// Who is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Program {
    /// The AWS CLI.
    AwsCli(AwsCli),
    /// Our plugin, with the Go program's command line.
    Token,
    /// Our plugin, with the AWS CLI's command line.
    EksGetToken,
}

/// What it gave.
pub(super) enum Given {
    /// A token.
    Token(TokenOf),
    /// A refusal, with nothing on standard output.
    Refusal {
        /// What it says.
        message: String,
    },
    /// Neither one nor the other.
    Nonsense(String),
}

/// What stands in a token.
pub(super) struct TokenOf {
    /// What the rows call the holder of the access key id, else the id.
    pub(super) who: String,
    pub(super) has_session: bool,
    pub(super) host: String,
    /// Region and service.
    pub(super) scope: String,
}

/// Gives rows to a version of the AWS CLI, each in a home of its own.
pub(super) fn run_all(version: AwsCli, rows: &[&Row], scene: &Scene) -> Vec<Given> {
    let homes: Vec<TempDir> = rows.iter().map(|row| furnished(row, scene)).collect();
    // What needs a terminal or a network of its own is a process of its own.
    let is_one_of_many = |row: &Row| row.place == Place::Machine;
    let orders: Vec<AwsCliOrder> = rows
        .iter()
        .zip(&homes)
        .filter(|(row, _)| is_one_of_many(row))
        .map(|(row, home)| AwsCliOrder {
            arguments: arguments(Program::AwsCli(version), row, scene, home.path()),
            environment: scene.environment(row, home.path()),
            home: home.path().to_owned(),
        })
        .collect();
    let mut runs = version.run_all(&orders).into_iter();
    rows.iter()
        .map(|row| match is_one_of_many(row) {
            true => read(Program::AwsCli(version), &runs.next().expect("each order has its result"), scene),
            false => run(Program::AwsCli(version), row, scene),
        })
        .collect()
}

/// Gives a row to a program, in a home of its own.
pub(super) fn run(program: Program, row: &Row, scene: &Scene) -> Given {
    let home = furnished(row, scene);
    let mut command = command(program, row, scene, home.path());
    let output = match row.place {
        Place::Terminal(typed) => {
            let mut terminal = Terminal::open().expect("the system has a terminal left");
            let line = [command.get_program()].into_iter().chain(command.get_args());
            let child = terminal.run("exec \"$@\" </dev/tty", line, &scene.environment(row, home.path()), home.path());
            let child = child.expect("the program can be run");
            terminal.wait_for("MFA");
            terminal.type_in(&format!("{typed}\n")).expect("the terminal is there");
            child.wait_with_output().expect("it ends")
        }
        Place::Machine | Place::Task => command.stdin(Stdio::null()).output().expect("the program can be run"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let run = Run { stdout: text(&output.stdout), stderr: text(&output.stderr), code: output.status.code() };
    read(program, &run, scene)
}

fn furnished(row: &Row, scene: &Scene) -> TempDir {
    let home = TempDir::new().expect("a folder can be made");
    scene.furnish(row, home.path());
    home
}

/// The scope of a token for this host.
pub(super) fn scope_of(host: &str) -> String {
    format!("{}/sts", region_of(host).unwrap_or("?"))
}

fn command(program: Program, row: &Row, scene: &Scene, home: &Path) -> Command {
    let path = match program {
        Program::AwsCli(version) => version.program(),
        Program::Token | Program::EksGetToken => programs::client().into(),
    };
    // In a namespace of its own, where the endpoint has its own addresses.
    let task: [OsString; 7] =
        ["unshare", "--net", "--map-root-user", "--", env!("CARGO_BIN_EXE_ecs-task"), ACCOUNT, "task"].map(Into::into);
    let before = if row.place == Place::Task { &task[..] } else { &[] };
    let line: Vec<OsString> = before
        .iter()
        .cloned()
        .chain([path.into_os_string()])
        .chain(arguments(program, row, scene, home).into_iter().map(Into::into))
        .collect();
    let (program, arguments) = line.split_first().expect("there is a program");
    let mut command = clean_command(program.as_ref(), home);
    command.args(arguments).envs(scene.environment(row, home));
    command
}

fn arguments(program: Program, row: &Row, scene: &Scene, home: &Path) -> Vec<String> {
    let words: &[&str] = match program {
        Program::AwsCli(_) | Program::EksGetToken => &["eks", "get-token", "--cluster-name", CLUSTER],
        Program::Token => &["token", "-i", CLUSTER],
    };
    let flags = row.flags.iter().map(|flag| match (program, *flag) {
        (Program::Token, "--role-arn") => "--role".to_owned(),
        (_, flag) => scene.fill(flag, home),
    });
    words.iter().map(|word| (*word).to_owned()).chain(flags).collect()
}

fn read(program: Program, run: &Run, scene: &Scene) -> Given {
    let Run { stdout, stderr, code } = run;
    let is_ours = matches!(program, Program::Token | Program::EksGetToken);
    if is_ours {
        secrets::assert_none_in("the plugin", stderr);
    }
    if *code != Some(0) {
        let faults = [
            (is_ours && *code != Some(1), "another exit code than 1"),
            (is_ours && !stdout.is_empty(), "something on standard output"),
            (is_ours && stderr.trim_end().lines().count() > 2, "more than two lines of message"),
            (stderr.trim().is_empty(), "no message"),
        ];
        let fault = faults.iter().find(|(is_there, _)| *is_there);
        return match fault {
            Some((_, what)) => Given::Nonsense(format!("{what} ({code:?}): {stdout}{stderr}")),
            None => Given::Refusal { message: stderr.trim().to_owned() },
        };
    }
    let document: Value = match serde_json::from_str(stdout) {
        Ok(document) => document,
        Err(error) => return Given::Nonsense(format!("{error}: {stdout}{stderr}")),
    };
    match document["status"]["token"].as_str().and_then(|token| in_token(token, scene)) {
        Some(token) => Given::Token(token),
        None => Given::Nonsense(format!("no token that can be read: {stdout}")),
    }
}

fn in_token(token: &str, scene: &Scene) -> Option<TokenOf> {
    let url = URL_SAFE_NO_PAD.decode(token.strip_prefix("k8s-aws-v1.")?).ok()?;
    let url: Uri = String::from_utf8(url).ok()?.parse().ok()?;
    let parameter = |name: &str| url.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let credential = parameter("X-Amz-Credential")?.replace("%2F", "/");
    let [id, _date, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
        return None;
    };
    Some(TokenOf {
        who: scene.name_of(id).unwrap_or(id).to_owned(),
        has_session: parameter("X-Amz-Security-Token").is_some(),
        host: url.authority()?.to_string(),
        scope: format!("{region}/{service}"),
    })
}

impl fmt::Display for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Token(TokenOf { who, has_session, host, scope }) => {
                let session = if *has_session { " with a session" } else { "" };
                write!(formatter, "{who}{session} at {host} ({scope})")
            }
            Given::Refusal { .. } => formatter.write_str("refused"),
            Given::Nonsense(_) => formatter.write_str("nonsense"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Program::AwsCli(AwsCli::V2) => "aws-cli 2",
            Program::AwsCli(AwsCli::V1) => "aws-cli 1",
            Program::Token => "token",
            Program::EksGetToken => "eks get-token",
        })
    }
}
