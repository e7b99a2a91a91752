//! The fuzzer's corpora, replayed: what must hold for any bytes holds for those that were interesting so far.
//!
//! A file whose name starts with `good-` is one that is taken, `bad-` one that is refused; the fuzzer's own finds have other
//! names.

use std::path::Path;

#[path = "../../fuzz/laws.rs"]
#[expect(
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a law that is broken panics; the fuzzer needs it public"
)]
mod laws;

/// A target of the fuzzer, and its law.
type Target = (&'static str, fn(&[u8]) -> bool);

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
