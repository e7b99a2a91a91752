//! One run of the program with nothing around it but a home directory, and what came of it.

use std::{
    fs,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIEXAMPLEKEY")];
pub(crate) const REGION: (&str, &str) = ("AWS_REGION", "us-west-2");

/// A run that is being prepared.
pub(crate) struct Run {
    pub(crate) home: TempDir,
    pub(crate) command: Command,
}

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_authenticator-client"));
        command.args(arguments).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        // Where the tests run may be an instance.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        Self { home, command }
    }

    pub(crate) fn env(mut self, variables: &[(&str, &str)]) -> Self {
        self.command.envs(variables.iter().copied());
        self
    }

    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.home.path().join(".aws").join(name), text).unwrap();
        self
    }

    pub(crate) fn go(mut self) -> Outcome {
        let output = self.command.output().unwrap();
        Outcome { code: output.status.code(), out: self.readable(output.stdout), err: self.readable(output.stderr) }
    }

    /// The temporary directory's name differs from run to run.
    fn readable(&self, bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap().replace(self.home.path().to_str().unwrap(), "HOME")
    }
}

impl Outcome {
    /// The one document of a success.
    pub(crate) fn document(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        let line = self.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'));
        serde_json::from_str(line).unwrap()
    }

    /// The URL in the token of a success.
    pub(crate) fn url(&self) -> String {
        decode(self.document().pointer("/status/token").unwrap().as_str().unwrap())
    }

    /// The one line that a failure writes.
    #[track_caller]
    pub(crate) fn assert_refused(&self, message: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{}", self.err);
        assert_eq!(self.err, format!("error: {message}\n"));
    }
}

pub(crate) fn decode(token: &str) -> String {
    let encoded = token.strip_prefix("k8s-aws-v1.").unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

pub(crate) fn token(arguments: &[&str]) -> Run {
    Run::new(&[&["token", "-i", "demo"], arguments].concat()).env(&KEYS).env(&[REGION])
}

pub(crate) fn get_token(arguments: &[&str]) -> Run {
    Run::new(&[&["eks", "get-token"], arguments].concat()).env(&KEYS).env(&[REGION])
}

pub(crate) const CONFIG: &str = "\
    [default]\n\
    region = eu-west-1\n\
    [profile a]\n\
    region = eu-west-2\n\
    [profile role]\n\
    role_arn = arn:aws:iam::123456789012:role/x\n\
    source_profile = a\n\
    mfa_serial = arn:aws:iam::123456789012:mfa/me\n";
pub(crate) const CREDENTIALS: &str = "\
    [default]\n\
    aws_access_key_id = AKIADEFAULTEXAMPLE\n\
    aws_secret_access_key = secret\n\
    [a]\n\
    aws_access_key_id = AKIAPROFILEEXAMPLE\n\
    aws_secret_access_key = secret\n\
    aws_session_token = token\n";
