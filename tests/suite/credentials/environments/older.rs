//! Key files of tools that are older than the shared files.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::Row;
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row { name: "~/.boto", files: &[(".boto", BOTO)], answer: Token("bob", WEST), ..AT_AN_INSTANCE },
    Row {
        name: "BOTO_CONFIG goes before ~/.boto",
        env: &[("BOTO_CONFIG", "~/mine")],
        files: &[(".boto", BOTO), ("mine", "[Credentials]\n<keys alice>")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "BOTO_CONFIG with a variable",
        env: &[("BOTO_CONFIG", "${HOME}/mine")],
        files: &[("mine", "[Credentials]\n<keys alice>")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "BOTO_CONFIG that is not there",
        env: &[("BOTO_CONFIG", "~/nope")],
        files: &[(".boto", BOTO)],
        answer: Refusal(&["no AWS credentials", "boto"]),
        ..Row::NOTHING
    },
    Row {
        name: "~/.boto without keys of AWS",
        files: &[(".boto", "[Credentials]\ngs_access_key_id = x\n")],
        answer: Token("node", WEST),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "~/.boto with half a pair",
        files: &[(".boto", "[Credentials]\naws_access_key_id = <bob.id>\n")],
        answer: Refusal(&["half a key pair", "aws_secret_access_key", ".boto"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "~/.boto with the secret alone",
        files: &[(".boto", "[Credentials]\naws_secret_access_key = <bob.secret>\n")],
        answer: Refusal(&["half a key pair", "aws_access_key_id", ".boto"]),
        v2: Differs(HALF_PAIR),
        v1: Differs(HALF_PAIR),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "~/.boto that is none",
        files: &[(".boto", "nonsense\n")],
        answer: Refusal(&[".boto", "line 1"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "~/.boto that may not be read",
        files: &[(".boto", "-> .boto")],
        answer: Token("node", WEST),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "keys of the profile go before ~/.boto",
        credentials: "[default]\n<keys alice>",
        files: &[(".boto", BOTO)],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a profile without credentials, and ~/.boto",
        flags: &["--profile", "me"],
        config: "[profile me]\nregion = eu-west-1\n",
        files: &[(".boto", BOTO)],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "~/.boto goes before a container",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><container path>")],
        files: &[(".boto", BOTO)],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "~/.boto is no source of a source profile",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n[profile me]\nregion = eu-west-1\n",
        files: &[(".boto", "[Credentials]\n<keys alice>")],
        answer: Refusal(&["profile me", "no credentials"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CREDENTIAL_FILE",
        env: &[("AWS_CREDENTIAL_FILE", "~/ec2"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        files: &[("ec2", EC2), (".boto", BOTO)],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CREDENTIAL_FILE that is not there",
        env: &[("AWS_CREDENTIAL_FILE", "<home>/nope"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        files: &[(".boto", BOTO)],
        answer: Refusal(&["AWS_CREDENTIAL_FILE", "nope"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CREDENTIAL_FILE without a secret",
        env: &[("AWS_CREDENTIAL_FILE", "<home>/ec2"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        files: &[("ec2", "AWSAccessKeyId=<alice.id>\n")],
        answer: Refusal(&["half a key pair", "AWSSecretKey", "ec2"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CREDENTIAL_FILE without keys",
        env: &[("AWS_CREDENTIAL_FILE", "<home>/ec2")],
        files: &[("ec2", "nothing\nx=y\n"), (".boto", BOTO)],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys of the profile go before AWS_CREDENTIAL_FILE",
        env: &[("AWS_CREDENTIAL_FILE", "<home>/ec2")],
        credentials: "[default]\n<keys bob>",
        files: &[("ec2", EC2)],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
];

/// Where there is somebody else to be, if no file has keys.
const AT_AN_INSTANCE: Row = Row { env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")], ..Row::NOTHING };

const BOTO: &str = "[Boto]\ndebug = 0\n[Credentials]\n<keys bob>";
const EC2: &str = "# mine\nAWSAccessKeyId=<alice.id>\nAWSSecretKey=<alice.secret>\n";

const HALF_PAIR: &str = "half a pair is passed over, and somebody else may be asked";
