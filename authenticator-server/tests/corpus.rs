//! The fuzzer's corpus, replayed: what must hold for any bytes holds for those that were interesting so far.
//!
//! A file whose name starts with `good-` is a token that is read, `bad-` one that is refused; the fuzzer's own finds have
//! other names.

use std::path::Path;

#[path = "../../fuzz/laws.rs"]
#[expect(clippy::expect_used, unreachable_pub, reason = "a law that is broken panics; the fuzzer needs it public")]
mod laws;

#[test]
fn every_token_of_the_corpus_keeps_the_law_and_only_the_good_ones_are_read() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/token");
    let mut replayed = 0;
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        println!("{name}");
        let read = laws::token(&std::fs::read(path).unwrap());
        if name.starts_with("good-") || name.starts_with("bad-") {
            assert_eq!(read, name.starts_with("good-"), "{name}");
        }
        replayed += 1;
    }
    assert!(replayed >= 20, "the corpus has only {replayed} files");
}
