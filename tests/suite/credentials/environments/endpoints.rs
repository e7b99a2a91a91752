//! Where STS is asked for roles, and whom to trust there.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::{Row, UNSET};
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
    Row {
        name: "REQUESTS_CA_BUNDLE is a CA bundle too",
        env: &[("AWS_CA_BUNDLE", UNSET), ("REQUESTS_CA_BUNDLE", "<ca>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CA_BUNDLE goes before REQUESTS_CA_BUNDLE",
        env: &[("REQUESTS_CA_BUNDLE", "/nope")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "the ca_bundle of the profile goes before REQUESTS_CA_BUNDLE",
        env: &[("AWS_CA_BUNDLE", UNSET), ("REQUESTS_CA_BUNDLE", "/nope")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nca_bundle = <ca>\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a REQUESTS_CA_BUNDLE that is not there, for a role",
        env: &[("AWS_CA_BUNDLE", UNSET), ("REQUESTS_CA_BUNDLE", "/nope")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["REQUESTS_CA_BUNDLE"]),
        ..Row::NOTHING
    },
    Row {
        name: "the ca_bundle of the profile is in the home directory",
        env: &[("AWS_CA_BUNDLE", UNSET)],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nca_bundle = ~/mine/ca.pem\n",
        credentials: "[me]\n<keys alice>",
        files: &[("mine/ca.pem", "<ca text>")],
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_CA_BUNDLE is in the home directory",
        env: &[("AWS_CA_BUNDLE", "~/mine/ca.pem")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        files: &[("mine/ca.pem", "<ca text>")],
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a CA bundle with OpenSSL's old label",
        env: &[("AWS_CA_BUNDLE", "~/ca.pem")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        files: &[("ca.pem", "<ca text of old>")],
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a CA bundle with OpenSSL's label for trust",
        env: &[("AWS_CA_BUNDLE", "~/ca.pem")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        files: &[("ca.pem", "<ca text with trust>")],
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a CA bundle that is broken",
        env: &[("AWS_CA_BUNDLE", "~/ca.pem")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        files: &[("ca.pem", "\n-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n")],
        answer: Refusal(&["AWS_CA_BUNDLE", "line 2"]),
        ..Row::NOTHING
    },
    Row {
        name: "a proxy over SOCKS",
        env: &[("HTTPS_PROXY", "socks5://<socks>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        v2: Differs(NO_SOCKS),
        v1: Differs(NO_SOCKS),
        ..Row::NOTHING
    },
    Row {
        name: "a proxy over SOCKS that resolves names",
        env: &[("HTTPS_PROXY", "socks5h://<socks>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        v2: Differs(NO_SOCKS),
        v1: Differs(NO_SOCKS),
        ..Row::NOTHING
    },
    Row {
        name: "white space around the URL of a proxy",
        env: &[("HTTPS_PROXY", " <proxy> ")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        v2: Differs("it takes the URL for a host"),
        v1: Differs("likewise"),
        ..Row::NOTHING
    },
    Row {
        name: "the lower case of a variable goes before its upper case",
        env: &[("HTTPS_PROXY", "http://127.0.0.1:9"), ("https_proxy", "<proxy>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "ALL_PROXY beside HTTPS_PROXY has no say",
        env: &[("ALL_PROXY", "http://127.0.0.1:9")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a proxy that refuses",
        env: &[("HTTPS_PROXY", "<refusing proxy>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["<refusing proxy> (HTTPS_PROXY)", "HTTP status 403"]),
        ..Row::NOTHING
    },
];

const OLDER: &str = "2.9.19 is older than endpoints in files and AWS_ENDPOINT_URL; version 1 agrees";
const NO_SOCKS: &str = "botocore knows HTTP proxies alone";
