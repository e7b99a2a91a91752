//! Roles that are assumed.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::{Place, Row};
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "a role with the keys of a source profile",
        env: &[("AWS_PROFILE", "deploy")],
        config: "[profile deploy]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role with --profile, beside somebody else's keys in the environment",
        keys: "bob",
        flags: &["--profile", "deploy"],
        config: "[profile deploy]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys in the environment go before a role of AWS_PROFILE",
        keys: "bob",
        env: &[("AWS_PROFILE", "deploy")],
        config: "[profile deploy]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a profile with keys and a role",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = default\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a source profile with keys in both files",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n[profile me]\n<keys bob>",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a chain of three roles",
        flags: &["--profile", "c"],
        config: "[profile c]\nrole_arn = <role last>\nsource_profile = b\n\
                 [profile b]\nrole_arn = <role chained>\nsource_profile = a\n\
                 [profile a]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("last", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a chain that ends at keys beside a role: the keys are the source",
        flags: &["--profile", "b"],
        config: "[profile b]\nrole_arn = <role deployer>\nsource_profile = a\n\
                 [profile a]\nrole_arn = <role named>\nsource_profile = nobody\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an external id",
        config: "[default]\nrole_arn = <role external>\nsource_profile = me\nexternal_id = an-external-id\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("external", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role that demands an external id, without it",
        config: "[default]\nrole_arn = <role external>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["<role external>", "is not authorized to perform: sts:AssumeRole"]),
        ..Row::NOTHING
    },
    Row {
        name: "a session's name",
        config: "[default]\nrole_arn = <role named>\nsource_profile = me\nrole_session_name = a-session-of-mine\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("named", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "AWS_ROLE_SESSION_NAME is for web identities alone",
        env: &[("AWS_ROLE_SESSION_NAME", "a-session-of-mine")],
        config: "[default]\nrole_arn = <role named>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["is not authorized to perform: sts:AssumeRole"]),
        ..Row::NOTHING
    },
    Row {
        name: "a session's length",
        config: "[default]\nrole_arn = <role long>\nsource_profile = me\nduration_seconds = 7200\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("long", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a session's length that STS does not take",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nduration_seconds = 60\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["duration"]),
        ..Row::NOTHING
    },
    Row {
        name: "a second factor, typed at the terminal",
        place: Place::Terminal("123456"),
        config: "[default]\nrole_arn = <role guarded>\nsource_profile = me\nmfa_serial = arn:aws:iam::<account>:mfa/alice\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("guarded", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a second factor, mistyped",
        place: Place::Terminal("654321"),
        config: "[default]\nrole_arn = <role guarded>\nsource_profile = me\nmfa_serial = arn:aws:iam::<account>:mfa/alice\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["MultiFactorAuthentication failed"]),
        ..Row::NOTHING
    },
    Row {
        name: "a second factor where nobody can be asked",
        config: "[default]\nrole_arn = <role guarded>\nsource_profile = me\nmfa_serial = arn:aws:iam::<account>:mfa/alice\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["arn:aws:iam::<account>:mfa/alice"]),
        ..Row::NOTHING
    },
    Row {
        name: "a role with the keys of the environment",
        keys: "alice",
        flags: &["--profile", "deploy"],
        config: "[profile deploy]\nrole_arn = <role deployer>\ncredential_source = Environment\n",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role with the keys of the environment, which has none",
        flags: &["--profile", "deploy"],
        config: "[profile deploy]\nrole_arn = <role deployer>\ncredential_source = Environment\n",
        credentials: "[default]\n<keys alice>",
        answer: Refusal(&["credential_source", "Environment"]),
        ..Row::NOTHING
    },
    Row {
        name: "a role with the credentials of the instance",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        config: "[default]\nrole_arn = <role of-node>\ncredential_source = Ec2InstanceMetadata\n",
        answer: Token("of-node", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role with the credentials of the container",
        env: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "<container><container path>")],
        config: "[default]\nrole_arn = <role of-task>\ncredential_source = EcsContainer\n",
        answer: Token("of-task", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role with the credentials of a container, outside of one",
        config: "[default]\nrole_arn = <role of-task>\ncredential_source = EcsContainer\n",
        answer: Refusal(&["credential_source", "EcsContainer"]),
        ..Row::NOTHING
    },
    Row {
        name: "a credential_source that does not exist",
        keys: "",
        config: "[default]\nrole_arn = <role deployer>\ncredential_source = Ec2\n",
        answer: Refusal(&["credential_source", "Ec2"]),
        ..Row::NOTHING
    },
    Row {
        name: "a role with both kinds of source",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\ncredential_source = Environment\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["source_profile", "credential_source"]),
        ..Row::NOTHING
    },
    Row {
        name: "a role without a source",
        config: "[default]\nrole_arn = <role deployer>\n",
        credentials: "[default]\n<keys alice>",
        answer: Refusal(&["source_profile", "credential_source"]),
        ..Row::NOTHING
    },
    Row {
        name: "a source profile that is in no file",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = nope\n",
        answer: Refusal(&["source_profile", "nope"]),
        ..Row::NOTHING
    },
    Row {
        name: "a source profile without credentials",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n[profile me]\nregion = eu-west-1\n",
        answer: Refusal(&["profile me"]),
        ..Row::NOTHING
    },
    Row {
        name: "source profiles in a circle",
        flags: &["--profile", "a"],
        config: "[profile a]\nrole_arn = <role deployer>\nsource_profile = b\n\
                 [profile b]\nrole_arn = <role chained>\nsource_profile = a\n",
        answer: Refusal(&["source_profile", "a", "b"]),
        ..Row::NOTHING
    },
    Row {
        name: "a role whose trust does not name the caller",
        config: "[default]\nrole_arn = <role of-bob>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["<role of-bob>", "is not authorized to perform: sts:AssumeRole"]),
        ..Row::NOTHING
    },
    Row {
        name: "a role with keys that STS does not know",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = nobodys\n",
        answer: Refusal(&["InvalidClientTokenId"]),
        ..Row::NOTHING
    },
    Row {
        name: "the role of --role-arn",
        keys: "alice",
        flags: &["--role-arn", "<role deployer>"],
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "the role of --role-arn, after the role of a profile",
        flags: &["--profile", "deploy", "--role-arn", "<role chained>"],
        config: "[profile deploy]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("chained", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "the role of --role-arn, refused",
        keys: "bob",
        flags: &["--role-arn", "<role deployer>"],
        answer: Refusal(&["<role deployer>", "is not authorized to perform: sts:AssumeRole"]),
        ..Row::NOTHING
    },
    Row {
        name: "a role whose source is a process",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n\
                 [profile me]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process alice>'\n")],
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role whose source is a web identity",
        config: "[default]\nrole_arn = <role of-pod>\nsource_profile = pod\n\
                 [profile pod]\nrole_arn = <role pod>\nweb_identity_token_file = <home>/token\n",
        files: &[("token", "<web identity>")],
        answer: Token("of-pod", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role whose source is SSO",
        config: "[default]\nrole_arn = <role of-viewer>\nsource_profile = sso\n\
                 [profile sso]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\n\
                 [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(super::sso::SESSION_FILE, "<sso token>")],
        answer: Token("of-viewer", WEST),
        v2: Differs(
            "2.9.19 does not take an SSO session for a source profile, and ends with a fault of its own; version 1 agrees",
        ),
        ..Row::NOTHING
    },
    Row {
        name: "a role whose source is a session of aws login",
        config: "[default]\nrole_arn = <role of-carol>\nsource_profile = me\n\
                 [profile me]\nlogin_session = arn:aws:iam::111122223333:user/alice\n",
        files: &[(super::sources::LOGIN_FILE, "<login carol>")],
        answer: Token("of-carol", WEST),
        v2: Differs(super::sources::LOGIN),
        ..Row::NOTHING
    },
    Row {
        name: "a role is asked for where AWS_ENDPOINT_URL_STS says, and the token is for the region's host",
        env: &[("AWS_ENDPOINT_URL_STS", "<sts>")],
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n",
        credentials: "[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        v1: Differs("wanted: version 1 signs the token for that host too, and no webhook accepts it"),
        ..Row::NOTHING
    },
    Row {
        name: "a role with the temporary keys of the environment",
        keys: "carol",
        flags: &["--profile", "deploy"],
        config: "[profile deploy]\nrole_arn = <role of-carol>\ncredential_source = Environment\n",
        answer: Token("of-carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a chain that ends at the keys of the environment",
        keys: "alice",
        flags: &["--profile", "b"],
        config: "[profile b]\nrole_arn = <role chained>\nsource_profile = a\n[profile a]\nrole_arn = <role deployer>\ncredential_source = Environment\n",
        answer: Token("chained", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a role in the credentials file",
        credentials: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n[me]\n<keys alice>",
        answer: Token("deployer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a source profile that is the profile itself, without keys",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = default\n",
        answer: Refusal(&["source_profile"]),
        ..Row::NOTHING
    },
    Row {
        name: "an empty role_arn",
        config: "[default]\nrole_arn =\nsource_profile = default\n<keys alice>",
        answer: Refusal(&["role_arn"]),
        ..Row::NOTHING
    },
    Row {
        name: "an empty source_profile",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile =\n<keys alice>",
        answer: Refusal(&["source_profile"]),
        ..Row::NOTHING
    },
    Row {
        name: "a session's length that is no number",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\nduration_seconds = 1h\n",
        credentials: "[me]\n<keys alice>",
        answer: Refusal(&["duration_seconds"]),
        v2: Differs(LENGTH),
        v1: Differs(LENGTH),
        ..Row::NOTHING
    },
];

const LENGTH: &str = "wanted: aws-cli passes over it, and the session has another length than somebody wrote";
