//! The matrix: environments as data, each given to both versions of the AWS CLI and to our plugin.
//!
//! ```text
//! environments ──┬─ aws-cli 2 ──▶ who, host, scope ─┐
//!   (rows)       ├─ aws-cli 1 ──▶ who, host, scope ─┼─▶ equal to the row's answer, or the row says why not
//!                └─ the plugin ─▶ who, host, scope ─┘
//! ```
//!
//! Each row states its answer, so that three programs which are wrong in the same way do not pass; and the AWS CLI is held against
//! it too, so that nobody can write down what the AWS CLI does not do. Where it does otherwise the row gives the reason, and the
//! matrix fails when there is nothing to give a reason for any more. Of its two versions the newer one is right, but where it is
//! too old for a thing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use authenticator_tests::support::signers::AwsCli;
use row::{Answer, Peer, Row};
use runs::{Given, Program};
use scene::Scene;

mod environments;
mod row;
mod runs;
mod scene;

#[test]
fn the_plugin_picks_what_the_aws_cli_picks() {
    let scene = Scene::new();
    let rows: Vec<&Row> = environments::all().filter(|row| is_wanted(row)).collect();
    assert!(!rows.is_empty(), "no row has the words of MATRIX in its name");
    let by_aws_cli = thread::scope(|scope| {
        let running = PEERS.map(|version| {
            scope.spawn({
                let (rows, scene) = (&rows, &scene);
                move || runs::run_all(version, rows, scene)
            })
        });
        running.map(|thread| thread.join().expect("the AWS CLI runs"))
    });
    let ours = in_parallel(&rows, |row| OURS.map(|program| runs::run(program, row, &scene)));
    let [v2, v1] = &by_aws_cli;
    let lines: Vec<Line> = rows
        .iter()
        .zip(v2.iter().zip(v1))
        .zip(&ours)
        .map(|((row, (v2, v1)), ours)| Line::of(row, [v2, v1], ours, &scene))
        .collect();

    println!(
        "| environment | right | aws-cli 2 | aws-cli 1 | token | eks get-token |\n| --- | --- | --- | --- | --- | --- |"
    );
    lines.iter().for_each(|line| println!("{}", line.table_row()));
    let complaints: Vec<&str> = lines.iter().flat_map(|line| &line.complaints).map(String::as_str).collect();
    println!("\n{} environments, {} differences without a reason", lines.len(), complaints.len());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Ours alone: quick, and all that is needed to work on the plugin.
#[test]
fn the_plugin_gives_every_environment_its_answer() {
    let scene = Scene::new();
    let rows: Vec<&Row> = environments::all().filter(|row| is_wanted(row)).collect();
    let complaints = in_parallel(&rows, |row| {
        let faults = OURS.map(|program| (program, fault(row, &runs::run(program, row, &scene), &scene, true)));
        faults
            .into_iter()
            .filter_map(|(program, fault)| Some(format!("{} / {program}: {}", row.name, fault?)))
            .collect()
    });
    let complaints: Vec<String> = complaints.into_iter().flat_map(|of_row: Vec<String>| of_row).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let mut names: Vec<&str> = environments::all().map(|row| row.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 40, "{all}");
}

/// What a row gave.
struct Line {
    cells: Vec<String>,
    complaints: Vec<String>,
}

impl Line {
    fn of(row: &Row, by_aws_cli: [&Given; 2], ours: &[Given; 2], scene: &Scene) -> Line {
        let mut line = Line { cells: vec![row.name.to_owned(), right(row)], complaints: Vec::new() };
        for ((version, peer), given) in PEERS.into_iter().zip([row.v2, row.v1]).zip(by_aws_cli) {
            let program = Program::AwsCli(version);
            let fault = fault(row, given, scene, false);
            line.cells.push(match (peer, &fault) {
                (_, None) => "same".to_owned(),
                (Peer::Differs(reason), Some(_)) => format!("{given}: {reason}"),
                (Peer::Agrees, Some(_)) => format!("**{given}**"),
            });
            match (peer, fault) {
                (Peer::Agrees, Some(fault)) => line.complain(row, program, &fault),
                (Peer::Differs(reason), None) => line.complain(row, program, &format!("agrees, against: {reason}")),
                (Peer::Agrees, None) | (Peer::Differs(_), Some(_)) => {}
            }
        }
        for (program, given) in OURS.into_iter().zip(ours) {
            match fault(row, given, scene, true) {
                None => line.cells.push("same".to_owned()),
                Some(fault) => {
                    line.cells.push(format!("**{given}**"));
                    line.complain(row, program, &fault);
                }
            }
        }
        line
    }

    fn complain(&mut self, row: &Row, program: Program, fault: &str) {
        self.complaints.push(format!("{} / {program}: {fault}", row.name));
    }

    fn table_row(&self) -> String {
        format!("| {} |", self.cells.join(" | "))
    }
}

/// What is wrong with what a program gave; of our own the words count too.
fn fault(row: &Row, given: &Given, scene: &Scene, words_count: bool) -> Option<String> {
    match (row.answer, given) {
        (Answer::Token(who, host), Given::Token(token)) => {
            let right = token.who == who
                && token.has_session == scene.person(who).session.is_some()
                && token.host == host
                && token.scope == runs::scope_of(host);
            (!right).then(|| format!("{given}, not {}", right_token(who, host)))
        }
        (Answer::Refusal(words), Given::Refusal { message, .. }) if words_count => {
            let missing = words.iter().map(|word| scene.fill(word, "~".as_ref())).find(|word| !message.contains(word));
            missing.map(|word| format!("does not say {word:?}: {message}"))
        }
        (Answer::Refusal(_), Given::Refusal { .. }) => None,
        (Answer::Refusal(_), Given::Token(_)) => Some(format!("{given}, not a refusal")),
        (Answer::Token(who, host), Given::Refusal { message, .. }) => {
            Some(format!("refuses, instead of {}: {message}", right_token(who, host)))
        }
        (_, Given::Nonsense(what)) => Some(what.clone()),
    }
}

fn right(row: &Row) -> String {
    match row.answer {
        Answer::Token(who, host) => right_token(who, host),
        Answer::Refusal(_) => "refused".to_owned(),
    }
}

fn right_token(who: &str, host: &str) -> String {
    format!("{who} at {host}")
}

/// As many at a time as there are processors, and one more, since they also wait.
fn in_parallel<T: Sync, R: Send>(tasks: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(2, usize::from) + 1;
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let position = tasks.iter().position(|other| std::ptr::eq(other, task)).unwrap_or_default();
                    let result = work(task);
                    done.lock().expect("nothing panics while it holds it").push((position, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nothing panics while it holds it");
    done.sort_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, result)| result).collect()
}

/// `MATRIX=words` runs the rows whose names have these words, for whoever works on one.
fn is_wanted(row: &Row) -> bool {
    std::env::var("MATRIX").map_or(true, |words| row.name.contains(&words))
}

const PEERS: [AwsCli; 2] = [AwsCli::V2, AwsCli::V1];
const OURS: [Program; 2] = [Program::Token, Program::EksGetToken];
