//! Where STS is asked for roles, and whom to trust there.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::Row;
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "the endpoint_url of the profile is where STS is asked",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nendpoint_url = <nowhere>\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["<nowhere>"]),
        v2: Differs(OLDER),
        ..Row::NOTHING
    },
    Row {
        name: "the endpoint_url of a source profile has no say",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n[profile me]\nendpoint_url = <nowhere>\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_ENDPOINT_URL is where STS is asked",
        env: &[("AWS_ENDPOINT_URL", "<nowhere>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["<nowhere>"]),
        v2: Differs(OLDER),
        ..Row::NOTHING
    },
    Row {
        name: "the endpoint_url of a service goes before that of the profile",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nservices = mine\nendpoint_url = <nowhere>\n[services mine]\nsts =\n  endpoint_url = <sts>\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        v1: Differs("wanted: version 1 signs the token for that host too, and no webhook accepts it"),
        ..Row::NOTHING
    },
    Row {
        name: "services that the config file does not have",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nservices = mine\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["services mine"]),
        v2: Differs(OLDER),
        ..Row::NOTHING
    },
    Row {
        name: "configured endpoints, ignored by the profile",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nendpoint_url = <nowhere>\nignore_configured_endpoint_urls = true\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "configured endpoints, ignored by a variable",
        env: &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), ("AWS_ENDPOINT_URL_STS", "<nowhere>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a CA bundle that is not there does not matter to keys",
        keys: "alice",
        env: &[("AWS_CA_BUNDLE", "/nope")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a CA bundle that is not there, for a role",
        env: &[("AWS_CA_BUNDLE", "/nope")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["AWS_CA_BUNDLE"]),
        ..Row::NOTHING
    },
];

const OLDER: &str = "2.9.19 is older than endpoints in files and AWS_ENDPOINT_URL; version 1 agrees";
