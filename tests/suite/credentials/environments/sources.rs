//! Processes, web identities, containers, instances and `aws login`.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::{Place, Row, UNSET};
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "a process",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process carol until future>'\n")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process that gives keys without an end",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process alice>'\n")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process with quotes and blanks in its command",
        config: "[default]\ncredential_process = \"<home>/a process\" 'for  me' \\$HOME\n",
        files: &[(
            "a process",
            "#!/bin/sh\n[ \"$#:$1:$2\" = '2:for  me:$HOME' ] || exit 9\nprintf '%s' '<process alice>'\n",
        )],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process is run without a shell",
        config: "[default]\ncredential_process = <home>/process ; true\n",
        files: &[("process", "#!/bin/sh\n[ \"$*\" = '; true' ] || exit 9\nprintf '%s' '<process alice>'\n")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys of the credentials file go before a process",
        config: "[default]\ncredential_process = <home>/process\n",
        credentials: "[default]\n<keys bob>",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process alice>'\n")],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process goes before keys of the config file",
        config: "[default]\ncredential_process = <home>/process\n<keys bob>",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process alice>'\n")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process that fails",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho 'log in first' >&2\nexit 3\n")],
        answer: Refusal(&["credential_process", "3"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process that prints no JSON",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho hello\n")],
        answer: Refusal(&["credential_process", "JSON"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process of another version",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho '{\"Version\": 2}'\n")],
        answer: Refusal(&["credential_process", "ersion"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process without a secret key",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"<alice.id>\"}'\n")],
        answer: Refusal(&["credential_process", "SecretAccessKey"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose keys have ended",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process carol until past>'\n")],
        answer: Refusal(&["credential_process", "expired"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process that does not exist",
        config: "[default]\ncredential_process = <home>/nope\n",
        answer: Refusal(&["credential_process", "nope"]),
        ..Row::NOTHING
    },
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
];

const POD_IDENTITY: &str = "2.9.19 is older than EKS Pod Identity; version 1 of today agrees";
const LOGIN: &str = "2.9.19 is older than aws login; version 1 of today agrees";
/// Named by the SHA-256 of `arn:aws:iam::111122223333:user/alice`.
const LOGIN_FILE: &str = ".aws/login/cache/5778c30d3fe8c123cb2ab0d5a82c81b6fdcedfb868a6625f6f5bf6f05a7f129b.json";
