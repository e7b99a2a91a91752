//! Keys in the environment and in the shared files, and how a profile is chosen.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::{Row, UNSET};
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row { name: "keys in the environment", keys: "alice", answer: Token("alice", WEST), ..Row::NOTHING },
    Row { name: "temporary keys in the environment", keys: "carol", answer: Token("carol", WEST), ..Row::NOTHING },
    Row {
        name: "the session token under its older name",
        keys: "carol",
        env: &[("AWS_SESSION_TOKEN", UNSET), ("AWS_SECURITY_TOKEN", "<carol.token>")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys in the environment that end in six hours",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "<future>")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys in the environment that ended an hour ago",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "<past>")],
        answer: Refusal(&["AWS_CREDENTIAL_EXPIRATION", "expired"]),
        ..Row::NOTHING
    },
    Row {
        name: "half a pair in the environment: the secret is missing",
        env: &[("AWS_ACCESS_KEY_ID", "<alice.id>")],
        credentials: "[default]\n<keys bob>",
        answer: Refusal(&["AWS_SECRET_ACCESS_KEY", "half a key pair"]),
        ..Row::NOTHING
    },
    Row {
        name: "half a pair in the environment: the key id is missing",
        env: &[("AWS_SECRET_ACCESS_KEY", "<alice.secret>")],
        credentials: "[default]\n<keys bob>",
        answer: Refusal(&["AWS_ACCESS_KEY_ID", "half a key pair"]),
        v2: Differs(HALF_PAIR),
        v1: Differs(HALF_PAIR),
        ..Row::NOTHING
    },
    Row {
        name: "an empty key pair in the environment is none",
        env: &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")],
        credentials: "[default]\n<keys bob>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys in the credentials file",
        credentials: "[default]\n<keys alice>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "temporary keys in the credentials file",
        credentials: "[default]\n<keys carol>",
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys in the config file",
        config: "[default]\n<keys alice>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "the credentials file goes before the config file",
        config: "[default]\n<keys bob>",
        credentials: "[default]\n<keys alice>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "half a pair in the credentials file",
        config: "[default]\n<keys bob>",
        credentials: "[default]\naws_access_key_id = <alice.id>\n",
        answer: Refusal(&["aws_secret_access_key", "half a key pair", ".aws/credentials"]),
        ..Row::NOTHING
    },
    Row {
        name: "keys in the environment go before the default profile",
        keys: "alice",
        credentials: "[default]\n<keys bob>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys in the environment go before AWS_PROFILE",
        keys: "alice",
        env: &[("AWS_PROFILE", "other")],
        credentials: "[other]\n<keys bob>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "--profile goes before keys in the environment",
        keys: "alice",
        flags: &["--profile", "other"],
        credentials: "[other]\n<keys bob>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "--profile goes before AWS_PROFILE",
        env: &[("AWS_PROFILE", "one")],
        flags: &["--profile", "other"],
        credentials: "[one]\n<keys alice>\n[other]\n<keys bob>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_PROFILE",
        env: &[("AWS_PROFILE", "other")],
        credentials: "[default]\n<keys alice>\n[other]\n<keys bob>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_DEFAULT_PROFILE",
        env: &[("AWS_DEFAULT_PROFILE", "other")],
        credentials: "[default]\n<keys alice>\n[other]\n<keys bob>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_PROFILE goes before AWS_DEFAULT_PROFILE",
        env: &[("AWS_PROFILE", "one"), ("AWS_DEFAULT_PROFILE", "other")],
        credentials: "[one]\n<keys alice>\n[other]\n<keys bob>",
        answer: Token("alice", WEST),
        v1: Differs("version 1 takes AWS_DEFAULT_PROFILE first; version 2 is right"),
        ..Row::NOTHING
    },
    Row {
        name: "an empty AWS_PROFILE chooses nothing",
        env: &[("AWS_PROFILE", "")],
        credentials: "[default]\n<keys alice>",
        answer: Token("alice", WEST),
        v2: Differs(EMPTY_PROFILE),
        v1: Differs(EMPTY_PROFILE),
        ..Row::NOTHING
    },
    Row {
        name: "a profile of the config file, with its prefix",
        env: &[("AWS_PROFILE", "two words")],
        config: "[profile 'two words']\n<keys alice>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a profile of the config file without its prefix is none",
        env: &[("AWS_PROFILE", "other")],
        config: "[other]\n<keys alice>",
        answer: Refusal(&["profile other", "AWS_PROFILE"]),
        ..Row::NOTHING
    },
    Row {
        name: "--profile that is in no file",
        keys: "alice",
        flags: &["--profile", "nope"],
        credentials: "[default]\n<keys bob>",
        answer: Refusal(&["profile nope", "--profile", ".aws/config", ".aws/credentials"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_PROFILE that is in no file, beside keys in the environment",
        keys: "alice",
        env: &[("AWS_PROFILE", "nope")],
        answer: Refusal(&["profile nope", "AWS_PROFILE"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE say where the files are",
        env: &[("AWS_CONFIG_FILE", "<home>/c"), ("AWS_SHARED_CREDENTIALS_FILE", "~/s")],
        config: "[default]\nregion = eu-west-3\n",
        credentials: "[default]\n<keys alice>",
        files: &[("c", "[default]\n<keys alice>"), ("s", "[default]\n<keys bob>")],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a config file that is none",
        credentials: "[default]\n<keys alice>",
        config: "region = eu-west-1\n",
        answer: Refusal(&[".aws/config", "line 1"]),
        ..Row::NOTHING
    },
    Row {
        name: "a credentials file that is none",
        credentials: "[default]\naws_access_key_id\n",
        answer: Refusal(&[".aws/credentials", "line 2"]),
        ..Row::NOTHING
    },
    Row {
        name: "a section that is there twice",
        credentials: "[default]\n<keys alice>[default]\n<keys bob>",
        answer: Refusal(&[".aws/credentials", "line 4"]),
        ..Row::NOTHING
    },
    Row {
        name: "nothing at all",
        answer: Refusal(&["no AWS credentials", "AWS_ACCESS_KEY_ID", ".aws/credentials", ".aws/config"]),
        ..Row::NOTHING
    },
    Row {
        name: "an empty session token is none",
        keys: "alice",
        env: &[("AWS_SESSION_TOKEN", "")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys with an offset",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "2096-01-02T03:04:05+00:00")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys west of Greenwich",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "2096-01-01T19:04:05-08:00")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys whose offset has no colon",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "2096-01-02T03:04:05+0000")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys in UTC by its name",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "2096-01-02T03:04:05UTC")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys that never comes",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "9999-12-31T23:59:59Z")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys as in a header of HTTP",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "Mon, 02 Jan 2096 03:04:05 GMT")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys west of Greenwich, which has passed",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "2025-01-01T19:04:05-08:00")],
        answer: Refusal(&["AWS_CREDENTIAL_EXPIRATION", "expired", "2025-01-02T03:04:05Z"]),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys without a zone",
        keys: "carol",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "2096-01-02T03:04:05")],
        answer: Refusal(&["AWS_CREDENTIAL_EXPIRATION"]),
        ..Row::NOTHING
    },
    Row {
        name: "an end of the keys that is no time",
        keys: "alice",
        env: &[("AWS_CREDENTIAL_EXPIRATION", "tomorrow")],
        answer: Refusal(&["AWS_CREDENTIAL_EXPIRATION"]),
        ..Row::NOTHING
    },
    Row {
        name: "an access key id with a blank before it",
        keys: "alice",
        env: &[("AWS_ACCESS_KEY_ID", " <alice.id>")],
        answer: Refusal(&["AWS_ACCESS_KEY_ID"]),
        v2: Differs(BLANK_KEY_ID),
        v1: Differs(BLANK_KEY_ID),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_SDK_LOAD_CONFIG has no say",
        env: &[("AWS_SDK_LOAD_CONFIG", "0")],
        config: "[default]\n<keys alice>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
];

const EMPTY_PROFILE: &str =
    "wanted: aws-cli looks for a profile without a name; here, as for the Go program, what is empty is unset";
const HALF_PAIR: &str =
    "wanted: aws-cli takes the keys of another source, so that the user acts as somebody else; we never do";

const BLANK_KEY_ID: &str = "wanted: aws-cli signs with a key id that no AWS service takes";
