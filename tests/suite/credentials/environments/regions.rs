//! In which region the token is signed, for which of its hosts.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::{Row, UNSET};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "--region goes before everything",
        env: &[("AWS_REGION", "eu-west-2"), ("AWS_DEFAULT_REGION", "eu-west-3")],
        flags: &["--region", "eu-west-1"],
        answer: Token("alice", "sts.eu-west-1.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "AWS_REGION goes before AWS_DEFAULT_REGION",
        env: &[("AWS_REGION", "eu-west-2"), ("AWS_DEFAULT_REGION", "eu-west-3")],
        answer: Token("alice", "sts.eu-west-2.amazonaws.com"),
        v1: Differs("version 1 does not know AWS_REGION; version 2 is right"),
        ..ALICE
    },
    Row {
        name: "AWS_DEFAULT_REGION goes before the profile",
        env: &[("AWS_DEFAULT_REGION", "eu-west-3")],
        config: "[default]\nregion = eu-central-1\n",
        answer: Token("alice", "sts.eu-west-3.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "the region of the profile",
        env: &[("AWS_DEFAULT_REGION", UNSET)],
        config: "[default]\nregion = eu-central-1\n",
        answer: Token("alice", "sts.eu-central-1.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "the region of the profile that was chosen",
        keys: "",
        env: &[("AWS_DEFAULT_REGION", UNSET), ("AWS_PROFILE", "other")],
        config: "[default]\nregion = eu-central-1\n[profile other]\nregion = eu-north-1\n<keys bob>",
        answer: Token("bob", "sts.eu-north-1.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "the region of the credentials file",
        keys: "",
        env: &[("AWS_DEFAULT_REGION", UNSET)],
        credentials: "[default]\nregion = eu-north-1\n<keys bob>",
        answer: Token("bob", "sts.eu-north-1.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "the region of the instance",
        env: &[("AWS_DEFAULT_REGION", UNSET), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        answer: Token("alice", "sts.ap-southeast-2.amazonaws.com"),
        v1: Differs(super::INSTANCE_REGION),
        ..ALICE
    },
    Row {
        name: "no region but that of an instance that tells its zone alone",
        env: &[("AWS_DEFAULT_REGION", UNSET), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>zone/")],
        answer: Token("alice", "sts.ap-southeast-2.amazonaws.com"),
        v1: Differs(super::INSTANCE_REGION),
        ..ALICE
    },
    Row {
        name: "no region",
        env: &[("AWS_DEFAULT_REGION", UNSET)],
        answer: Token("alice", "sts.us-east-1.amazonaws.com"),
        v2: Differs("wanted: aws-cli 2 refuses; the Go program and we take us-east-1, and say so"),
        v1: Differs(
            "wanted: aws-cli 1 signs for the global host sts.amazonaws.com; we take the regional host of us-east-1",
        ),
        ..ALICE
    },
    Row {
        name: "us-east-1",
        flags: &["--region", "us-east-1"],
        answer: Token("alice", "sts.us-east-1.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "sts_regional_endpoints = legacy has no say",
        config: "[default]\nsts_regional_endpoints = legacy\n",
        answer: Token("alice", "sts.us-west-2.amazonaws.com"),
        v1: Differs("version 1 signs for the global host then; version 2 is right"),
        ..ALICE
    },
    Row {
        name: "China",
        flags: &["--region", "cn-northwest-1"],
        answer: Token("alice", "sts.cn-northwest-1.amazonaws.com.cn"),
        ..ALICE
    },
    Row {
        name: "GovCloud",
        flags: &["--region", "us-gov-east-1"],
        answer: Token("alice", "sts.us-gov-east-1.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "the European sovereign cloud",
        flags: &["--region", "eusc-de-east-1"],
        answer: Token("alice", "sts.eusc-de-east-1.amazonaws.eu"),
        v2: Differs("2.9.19 is older than that partition; version 1 of today agrees"),
        ..ALICE
    },
    Row {
        name: "a region that opened after the programs were built",
        flags: &["--region", "eu-west-9"],
        answer: Token("alice", "sts.eu-west-9.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "a text that is no region",
        flags: &["--region", "eu_west_1"],
        answer: Refusal(&["--region", "eu_west_1"]),
        ..ALICE
    },
    Row {
        name: "FIPS, by a variable",
        env: &[("AWS_USE_FIPS_ENDPOINT", "true")],
        answer: Token("alice", "sts-fips.us-west-2.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "FIPS, by the profile",
        config: "[default]\nuse_fips_endpoint = true\n",
        answer: Token("alice", "sts-fips.us-west-2.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "FIPS switched off by a variable",
        env: &[("AWS_USE_FIPS_ENDPOINT", "false")],
        config: "[default]\nuse_fips_endpoint = true\n",
        answer: Token("alice", "sts.us-west-2.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "FIPS in GovCloud",
        env: &[("AWS_USE_FIPS_ENDPOINT", "true")],
        flags: &["--region", "us-gov-west-1"],
        answer: Token("alice", "sts.us-gov-west-1.amazonaws.com"),
        ..ALICE
    },
    Row {
        name: "dual stack, by a variable",
        env: &[("AWS_USE_DUALSTACK_ENDPOINT", "true")],
        answer: Token("alice", "sts.us-west-2.api.aws"),
        ..ALICE
    },
    Row {
        name: "dual stack, by the profile",
        config: "[default]\nuse_dualstack_endpoint = true\n",
        answer: Token("alice", "sts.us-west-2.api.aws"),
        ..ALICE
    },
    Row {
        name: "FIPS and dual stack",
        env: &[("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")],
        answer: Token("alice", "sts-fips.us-west-2.api.aws"),
        ..ALICE
    },
    Row {
        name: "AWS_ENDPOINT_URL_STS is where calls go, and not whom a token is for",
        env: &[("AWS_ENDPOINT_URL_STS", "<sts>")],
        answer: Token("alice", "sts.us-west-2.amazonaws.com"),
        v1: Differs("wanted: version 1 signs for that host, and no webhook accepts it"),
        ..ALICE
    },
    Row {
        name: "an empty AWS_REGION is none",
        keys: "alice",
        env: &[("AWS_REGION", "")],
        answer: Token("alice", "sts.us-west-2.amazonaws.com"),
        v2: Differs("wanted: 2.9.19 refuses; what is empty is unset, as for the Go program"),
        ..Row::NOTHING
    },
    Row {
        name: "an empty region in the profile is none",
        keys: "alice",
        env: &[("AWS_DEFAULT_REGION", UNSET)],
        config: "[default]\nregion =\n",
        answer: Token("alice", "sts.us-east-1.amazonaws.com"),
        v2: Differs(NO_REGION),
        v1: Differs(NO_REGION),
        ..Row::NOTHING
    },
    Row {
        name: "the region of the global host",
        keys: "alice",
        flags: &["--region", "aws-global"],
        answer: Token("alice", "sts.amazonaws.com"),
        ..Row::NOTHING
    },
    Row {
        name: "a region in capitals",
        keys: "alice",
        flags: &["--region", "US-WEST-2"],
        answer: Refusal(&["--region"]),
        v2: Differs(CAPITALS),
        v1: Differs(CAPITALS),
        ..Row::NOTHING
    },
    Row {
        name: "FIPS, by a variable that is neither true nor false",
        keys: "alice",
        env: &[("AWS_USE_FIPS_ENDPOINT", "1")],
        answer: Refusal(&["AWS_USE_FIPS_ENDPOINT"]),
        v2: Differs(HALF_SWITCH),
        v1: Differs(HALF_SWITCH),
        ..Row::NOTHING
    },
];

const ALICE: Row = Row { keys: "alice", ..Row::NOTHING };

const NO_REGION: &str = "wanted: aws-cli refuses; the Go program and we take us-east-1, and say so";

const CAPITALS: &str = "wanted: aws-cli signs for a host and a scope that no webhook takes";

const HALF_SWITCH: &str = "wanted: aws-cli takes it for false, and asks the host that somebody did not want";
