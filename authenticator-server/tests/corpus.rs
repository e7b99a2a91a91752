//! The fuzzer's corpora, replayed: what must hold for any bytes holds for those that were interesting so far.
//!
//! A file whose name starts with `good-` is one that is taken, `bad-` one that is refused; the fuzzer's own finds have other
//! names.

use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

#[path = "../../fuzz/laws.rs"]
#[expect(
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a law that is broken panics; the fuzzer needs it public"
)]
mod laws;

/// Says whether bytes are taken; panics if they are taken wrongly.
type Law = fn(&[u8]) -> bool;

/// A target of the fuzzer, and its law.
type Target = (&'static str, Law);

const TARGETS: [Target; 10] = [
    ("arn", laws::mapping::arn),
    ("aws_auth", laws::mapping::aws_auth),
    ("config_file", laws::mapping::config_file),
    ("credential", laws::token::credential),
    ("custom_resource", laws::mapping::custom_resource),
    ("dynamic_file", laws::mapping::dynamic_file),
    ("presigned_url", laws::token::presigned_url),
    ("sts_reply", laws::reply::sts_reply),
    ("token", laws::token::token),
    ("token_review", laws::question::token_review),
];

#[test]
fn every_file_of_the_corpora_keeps_its_law_and_only_the_good_ones_are_taken() {
    for (target, law) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        let (mut good, mut bad) = (0, 0);
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            println!("{target}/{name}");
            let taken = law(&std::fs::read(path).unwrap());
            match name.split('-').next() {
                Some("good") => assert!(taken, "{target}/{name}"),
                Some("bad") => assert!(!taken, "{target}/{name}"),
                _ => {}
            }
            good += u32::from(taken);
            bad += u32::from(!taken);
        }
        assert!(good >= 3 && bad >= 7, "the corpus of {target} has only {good} good files and {bad} bad ones");
    }
}

/// The laws of whatever a caller, an API server or STS can send.
const FROM_OUTSIDE: [Target; 5] = [
    ("credential", laws::token::credential),
    ("presigned_url", laws::token::presigned_url),
    ("sts_reply", laws::reply::sts_reply),
    ("token", laws::token::token),
    ("token_review", laws::question::token_review),
];

/// Every file of their corpora.
#[expect(clippy::unwrap_used, reason = "a corpus that cannot be read fails the test")]
static SEEDS: LazyLock<Vec<(Law, Vec<u8>)>> = LazyLock::new(|| {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let files = |(target, law): Target| {
        let entries = std::fs::read_dir(corpora.join(target)).unwrap();
        entries.map(move |entry| (law, std::fs::read(entry.unwrap().path()).unwrap()))
    };
    FROM_OUTSIDE.into_iter().flat_map(files).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_bytes_are_refused_or_taken_for_what_they_are(bytes in vec(any::<u8>(), 0..600)) {
        for (_, law) in FROM_OUTSIDE {
            law(&bytes);
        }
    }

    #[test]
    fn a_changed_file_of_the_corpora_is_refused_or_taken_for_what_it_is(
        seed in any::<Index>(), changes in vec((any::<Index>(), 0..3usize, vec(any::<u8>(), 0..3)), 1..4),
    ) {
        let (law, bytes) = seed.get(&SEEDS);
        let mut bytes: Vec<u8> = bytes.clone();
        for (at, cut, with) in changes {
            let start = at.index(bytes.len() + 1);
            let end = bytes.len().min(start + cut);
            bytes.splice(start..end, with);
        }
        law(&bytes);
    }
}
