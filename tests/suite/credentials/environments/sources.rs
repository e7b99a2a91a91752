//! Web identities, containers, instances and `aws login`.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::{Place, Row, UNSET};
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "a web identity of the environment",
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token"), ("AWS_ROLE_ARN", "<role pod>")],
        files: &[("token", "<web identity>")],
        answer: Token("pod", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity of the environment goes before the keys of the profile",
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token"), ("AWS_ROLE_ARN", "<role pod>")],
        credentials: "[default]\n<keys bob>",
        files: &[("token", "<web identity>")],
        answer: Token("pod", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "--profile goes before a web identity of the environment",
        flags: &["--profile", "me"],
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token"), ("AWS_ROLE_ARN", "<role pod>")],
        credentials: "[me]\n<keys bob>",
        files: &[("token", "<web identity>")],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity of the profile",
        config: "[default]\nrole_arn = <role pod>\nweb_identity_token_file = <home>/token\nrole_session_name = me\n",
        files: &[("token", "<web identity>")],
        answer: Token("pod", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity without a role",
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token")],
        files: &[("token", "<web identity>")],
        answer: Refusal(&["AWS_ROLE_ARN"]),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity whose file is not there",
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/nope"), ("AWS_ROLE_ARN", "<role pod>")],
        answer: Refusal(&["AWS_WEB_IDENTITY_TOKEN_FILE", "nope"]),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity that STS does not know",
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token"), ("AWS_ROLE_ARN", "<role pod>")],
        files: &[("token", "a.b.c")],
        answer: Refusal(&["<role pod>", "AssumeRoleWithWebIdentity"]),
        ..Row::NOTHING
    },
    Row {
        name: "a container of ECS, at a full URL",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><container path>")],
        answer: Token("task", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a container of ECS, at its own address",
        place: Place::Task,
        env: &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "<container path>")],
        answer: Token("task", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a container of EKS Pod Identity, at its own address",
        place: Place::Task,
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23<guarded path>"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "<home>/token"),
        ],
        files: &[("token", "<container token>")],
        answer: Token("task", WEST),
        v2: Differs(POD_IDENTITY),
        ..Row::NOTHING
    },
    Row {
        name: "a container with a token",
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><guarded path>"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "<container token>"),
        ],
        answer: Token("task", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a container with a token in a file",
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><guarded path>"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "<home>/token"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this one"),
        ],
        files: &[("token", "<container token>")],
        answer: Token("task", WEST),
        v2: Differs(POD_IDENTITY),
        ..Row::NOTHING
    },
    Row {
        name: "a container with a wrong token",
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><guarded path>"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong"),
        ],
        answer: Refusal(&["AWS_CONTAINER_CREDENTIALS_FULL_URI", "401"]),
        ..Row::NOTHING
    },
    Row {
        name: "a container whose endpoint is a stranger's",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/v2/credentials")],
        answer: Refusal(&["AWS_CONTAINER_CREDENTIALS_FULL_URI", "192.0.2.1"]),
        ..Row::NOTHING
    },
    Row {
        name: "keys of the profile go before a container",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><container path>")],
        credentials: "[default]\n<keys bob>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a container goes before the instance",
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><container path>"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>"),
        ],
        answer: Token("task", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "the instance",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "the instance, its region too",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>"), ("AWS_DEFAULT_REGION", UNSET)],
        answer: Token("node", "sts.ap-southeast-2.amazonaws.com"),
        v1: Differs(super::INSTANCE_REGION),
        ..Row::NOTHING
    },
    Row {
        name: "the instance, which is not to be asked",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>"), ("AWS_EC2_METADATA_DISABLED", "true")],
        answer: Refusal(&["no AWS credentials", "AWS_EC2_METADATA_DISABLED"]),
        ..Row::NOTHING
    },
    Row {
        name: "a session of aws login",
        config: "[default]\nlogin_session = arn:aws:iam::111122223333:user/alice\n",
        files: &[(LOGIN_FILE, "<login carol>")],
        answer: Token("carol", WEST),
        v2: Differs(LOGIN),
        ..Row::NOTHING
    },
    Row {
        name: "a session of aws login that is not there",
        config: "[default]\nlogin_session = arn:aws:iam::111122223333:user/alice\n",
        answer: Refusal(&["aws login"]),
        ..Row::NOTHING
    },
    Row {
        name: "a session of aws login that has ended and cannot be renewed",
        env: &[("AWS_DEFAULT_REGION", "<sign-in region>")],
        config: "[default]\nlogin_session = arn:aws:iam::111122223333:user/alice\n",
        files: &[(LOGIN_FILE, "<unrenewable login carol>")],
        answer: Refusal(&["aws login", "Your session has expired"]),
        ..Row::NOTHING
    },
    Row {
        name: "a session of aws login that has ended and is renewed",
        env: &[("AWS_DEFAULT_REGION", "<sign-in region>")],
        config: "[default]\nlogin_session = arn:aws:iam::111122223333:user/alice\n",
        files: &[(LOGIN_FILE, "<ended login viewer>")],
        answer: Token("carol", "sts.eu-west-1.amazonaws.com"),
        v2: Differs(LOGIN),
        ..Row::NOTHING
    },
    Row {
        name: "a session of aws login is renewed in the region of the log-in",
        config: "[default]\nlogin_session = arn:aws:iam::111122223333:user/alice\n",
        files: &[(LOGIN_FILE, "<ended login viewer from elsewhere>")],
        answer: Token("carol", WEST),
        v2: Differs(LOGIN),
        v1: Differs("its own botocore 1.43 is older than the note of that region; botocore 1.44 agrees"),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity of the profile goes before its source profile",
        config: "[default]\nrole_arn = <role pod>\nweb_identity_token_file = <home>/token\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        files: &[("token", "<web identity>")],
        answer: Token("pod", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_WEB_IDENTITY_TOKEN_FILE with the role of the profile",
        env: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token")],
        config: "[default]\nrole_arn = <role pod>\n",
        files: &[("token", "<web identity>")],
        answer: Refusal(&["role_arn"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_ROLE_ARN alone has no say",
        keys: "",
        env: &[("AWS_ROLE_ARN", "<role deployer>")],
        credentials: "[default]\n<keys alice>",
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a container, by the name of loopback",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container by name><container path>")],
        answer: Token("task", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a container whose endpoint is no URL",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/v2/x")],
        answer: Refusal(&["AWS_CONTAINER_CREDENTIALS_FULL_URI"]),
        ..Row::NOTHING
    },
    Row {
        name: "a container whose token file is not there",
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><guarded path>"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "<home>/nope"),
        ],
        answer: Refusal(&["AWS_CONTAINER"]),
        ..Row::NOTHING
    },
    Row {
        name: "a container whose token would be two headers",
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><guarded path>"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "<container token>\r\nX-A: b"),
        ],
        answer: Refusal(&["AWS_CONTAINER"]),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that answers 401 to whoever begins a session",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-401/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that answers 403 to whoever begins a session",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-403/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that answers 404 to whoever begins a session",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-404/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that answers 405 to whoever begins a session",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-405/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that answers 500 to whoever begins a session",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-500/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that cuts off whoever begins a session",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>cuts/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that never answers whoever begins a session, as in a container a hop too far",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>hangs/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that says 400 to whoever begins a session",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-400/")],
        answer: Refusal(&["no AWS credentials", "HTTP status 400"]),
        ..Row::NOTHING
    },
    Row {
        name: "an instance whose sessions last for no time that it says",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>lasting/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that has the first version alone, which is forbidden",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-403/"), ("AWS_EC2_METADATA_V1_DISABLED", "true")],
        answer: Refusal(&["AWS_EC2_METADATA_V1_DISABLED", "HTTP status 403"]),
        v2: Differs(FIRST_VERSION),
        ..Row::NOTHING
    },
    Row {
        name: "an instance that has the first version alone, which the profile forbids",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>status-403/")],
        config: "[default]\nec2_metadata_v1_disabled = true\n",
        answer: Refusal(&["ec2_metadata_v1_disabled", "HTTP status 403"]),
        v2: Differs(FIRST_VERSION),
        ..Row::NOTHING
    },
    Row {
        name: "an instance whose role's name ends in a line feed",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>line/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an instance whose role's name ends in a carriage return and a line feed",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>line-of-two/")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a page on which to log in, where an instance should be",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>page/")],
        answer: Refusal(&["EC2 instance metadata service", "doctype html"]),
        ..Row::NOTHING
    },
    Row {
        name: "a container whose endpoint has a blank in its path",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container>/v2/credentials/a task")],
        answer: Token("task", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a container whose token ends in a line feed",
        env: &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><guarded path>"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "<container token>\n"),
        ],
        answer: Refusal(&["AWS_CONTAINER_AUTHORIZATION_TOKEN"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_EC2_METADATA_DISABLED that is not true",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>"), ("AWS_EC2_METADATA_DISABLED", "1")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role with an empty web_identity_token_file, where there is an instance",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        config: "[default]\nrole_arn = <role pod>\nweb_identity_token_file =\n",
        answer: Refusal(&["profile default", "web_identity_token_file", "empty"]),
        v2: Differs(HALF_A_SOURCE),
        v1: Differs(HALF_A_SOURCE),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity with an empty role_arn, where there is an instance",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        config: "[default]\nrole_arn =\nweb_identity_token_file = <home>/token\n",
        files: &[("token", "<web identity>")],
        answer: Refusal(&["role_arn"]),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_ROLE_ARN without a token, where there is an instance",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>"), ("AWS_ROLE_ARN", "<role pod>")],
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a web identity with an empty AWS_ROLE_ARN, where there is an instance",
        env: &[
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "<home>/token"),
            ("AWS_ROLE_ARN", ""),
        ],
        files: &[("token", "<web identity>")],
        answer: Refusal(&["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"]),
        ..Row::NOTHING
    },
    Row {
        name: "an empty AWS_CONTAINER_CREDENTIALS_FULL_URI, where there is an instance",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>"), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")],
        answer: Refusal(&["AWS_CONTAINER_CREDENTIALS_FULL_URI", "empty"]),
        ..Row::NOTHING
    },
    Row {
        name: "an empty AWS_CONTAINER_CREDENTIALS_FULL_URI, beside keys of the profile",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")],
        credentials: "[default]\n<keys bob>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "source_profile without role_arn has no say",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        config: "[default]\nsource_profile = me\n",
        credentials: "[me]\n<keys bob>",
        answer: Token("node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an empty login_session",
        config: "[default]\nlogin_session =\n<keys alice>",
        answer: Refusal(&["login_session"]),
        v2: Differs("2.9.19 is older than aws login; version 1 of today agrees"),
        ..Row::NOTHING
    },
];

const HALF_A_SOURCE: &str = "half a source: aws-cli goes on to another identity";
const FIRST_VERSION: &str = "2.9.19 is older than that switch; version 1 of today agrees";
const POD_IDENTITY: &str = "2.9.19 is older than EKS Pod Identity; version 1 of today agrees";
pub(super) const LOGIN: &str = "2.9.19 is older than aws login; version 1 of today agrees";
/// Named by the SHA-256 of `arn:aws:iam::111122223333:user/alice`.
pub(super) const LOGIN_FILE: &str =
    ".aws/login/cache/5778c30d3fe8c123cb2ab0d5a82c81b6fdcedfb868a6625f6f5bf6f05a7f129b.json";
