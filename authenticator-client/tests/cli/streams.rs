//! What goes where: nothing secret to standard error, nothing broken to standard output.

use std::fs;

use crate::run::{Run, token};

#[test]
fn no_secret_is_in_any_error() {
    let secrets = [
        ("AWS_SECRET_ACCESS_KEY", "TOPSECRET1"),
        ("AWS_SESSION_TOKEN", "TOPSECRET2"),
        ("AWS_ACCESS_KEY_ID", "TOPSECRET/3"),
    ];
    let outcome = token(&[]).env(&secrets).go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(!outcome.err.contains("TOPSECRET"), "{}", outcome.err);
    let outcome = Run::new(&["token", "-i", "demo"])
        .file(
            "credentials",
            "[default]\naws_access_key_id = TOPSECRET/1\naws_secret_access_key = TOPSECRET2\nTOPSECRET3\n",
        )
        .go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(!outcome.err.contains("TOPSECRET"), "{}", outcome.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_no_panic() {
    let mut run = token(&[]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = run.command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("error: cannot write to standard output: "), "{err}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_named_and_not_shown() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let mut run = token(&[]);
    run.command.env("AWS_SECRET_ACCESS_KEY", OsStr::from_bytes(b"TOPSECRET\xff"));
    run.go().assert_refused("the environment variable AWS_SECRET_ACCESS_KEY is not valid Unicode");
}
