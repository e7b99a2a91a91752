//! The table of differences from the Go program names tests, and they are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::peer;

#[test]
fn every_line_of_the_table_of_differences_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let table = fs::read_to_string(root.join("DIFFERENCES.md")).expect("the table can be read");
    let mut tests = BTreeSet::new();
    for folder in ["authenticator-client", "authenticator-server", "mapping", "tests"] {
        collect(&root.join(folder), &mut tests);
    }
    assert!(tests.len() > 100, "only {} tests were found", tests.len());

    let mut beside = BTreeSet::new();
    let rows: Vec<&str> =
        table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what |")).collect();
    for row in rows.iter().filter(|row| !row.starts_with("| ---")) {
        let shown_by = row.trim_end_matches([' ', '|']).rsplit(" | ").next().expect("a cell");
        for proof in shown_by.split("; ") {
            match proof.strip_prefix("_beside it_: ") {
                Some(config) => _ = beside.insert(config),
                None => assert!(tests.contains(proof.trim_matches('`')), "no such test: {row}"),
            }
        }
    }
    assert_eq!(beside, peer::configs_that_differ(), "the table and the test beside the Go program name the same");
}

fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    for path in paths {
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests.extend(names(&fs::read_to_string(path).expect("a source")));
        }
    }
}

/// The functions that follow an attribute that makes them tests.
fn names(source: &str) -> Vec<String> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in source.lines().map(str::trim) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        if let Some((_, rest)) =
            line.split_once("fn ").filter(|(before, _)| is_test && matches!(*before, "" | "async "))
        {
            names.extend(rest.split('(').next().map(str::to_owned));
            is_test = false;
        }
    }
    names
}
