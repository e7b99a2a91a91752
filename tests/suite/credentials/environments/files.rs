//! How the shared files are written, and where they are.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::Row;
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "lines that end as on Windows",
        config: "[default]\r\nregion = eu-west-1\r\naws_access_key_id = <alice.id>\r\naws_secret_access_key = <alice.secret>\r\n",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a config file that begins with a byte order mark",
        keys: "alice",
        config: "\u{feff}[default]\nregion = eu-west-1\n",
        answer: Refusal(&[".aws/config", "line 1"]),
        ..Row::NOTHING
    },
    Row {
        name: "files with nothing in them",
        keys: "alice",
        files: &[(".aws/config", ""), (".aws/credentials", "")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "settings of another service, nested before the keys",
        config: "[default]\ns3 =\n  max_concurrent_requests = 20\n  addressing_style = path\n<keys alice>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "names of keys in capitals",
        credentials: "[default]\nAWS_ACCESS_KEY_ID = <alice.id>\nAWS_Secret_Access_Key = <alice.secret>\n",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a comment behind a section's name",
        credentials: "[default] ; mine\naws_access_key_id = <alice.id>\naws_secret_access_key = <alice.secret>\n# aws_session_token = x\n",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys of [DEFAULT], which are every section's",
        credentials: "[DEFAULT]\n<keys alice>[default]\nregion = eu-west-1\n",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "[profile x] in the credentials file is not profile x",
        env: &[("AWS_PROFILE", "x")],
        credentials: "[profile x]\n<keys alice>",
        answer: Refusal(&["profile x"]),
        ..Row::NOTHING
    },
    Row {
        name: "half a pair in each of the files",
        config: "[default]\naws_secret_access_key = <alice.secret>\n",
        credentials: "[default]\naws_access_key_id = <alice.id>\n",
        answer: Refusal(&["half a key pair"]),
        ..Row::NOTHING
    },
    Row {
        name: "empty keys in the credentials file, beside a pair in the config file",
        config: "[default]\n<keys alice>",
        credentials: "[default]\naws_access_key_id =\naws_secret_access_key =\n",
        answer: Refusal(&["aws_access_key_id"]),
        v2: Differs("2.9.19 signs with an empty key id, which nobody can verify; version 1 refuses"),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CONFIG_FILE that is a directory names no file",
        keys: "alice",
        env: &[("AWS_CONFIG_FILE", "<home>")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "/dev/null for both files",
        keys: "alice",
        env: &[("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "variables in AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
        env: &[("AWS_CONFIG_FILE", "$HOME/c"), ("AWS_SHARED_CREDENTIALS_FILE", "${HOME}/s")],
        files: &[("c", "[default]\nregion = eu-west-3\n"), ("s", "[default]\n<keys bob>")],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CONFIG_FILE that is relative",
        env: &[("AWS_CONFIG_FILE", "c")],
        files: &[("c", "[default]\n<keys bob>")],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_PROFILE=default, where no file has it",
        keys: "alice",
        env: &[("AWS_PROFILE", "default")],
        answer: Refusal(&["profile default"]),
        ..Row::NOTHING
    },
    Row {
        name: "keys of the environment, beside files that may not be read",
        keys: "alice",
        files: &[(".aws/config", "-> config"), (".aws/credentials", "-> credentials")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys of the environment and AWS_PROFILE, beside a config file that may not be read",
        keys: "alice",
        env: &[("AWS_PROFILE", "me")],
        files: &[(".aws/config", "-> config")],
        answer: Token("alice", WEST),
        v2: Differs(MISSING),
        v1: Differs(MISSING),
        ..Row::NOTHING
    },
    Row {
        name: "--profile, beside a config file that may not be read",
        keys: "alice",
        flags: &["--profile", "me"],
        files: &[(".aws/config", "-> config")],
        answer: Refusal(&["cannot read", ".aws/config"]),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity of the environment, beside a config file that may not be read",
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token"), ("AWS_ROLE_ARN", "<role pod>")],
        files: &[("token", "<web identity>"), (".aws/config", "-> config")],
        answer: Token("pod", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "the instance, beside a config file that may not be read",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        files: &[(".aws/config", "-> config")],
        answer: Refusal(&["cannot read", ".aws/config"]),
        v2: Differs(NOT_READ),
        v1: Differs(NOT_READ),
        ..Row::NOTHING
    },
];

const MISSING: &str = "it takes the profile for a missing one; keys of the environment go before the profile";
const NOT_READ: &str = "it takes the file for an empty one: the identity that stands in it is another";
