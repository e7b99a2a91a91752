//! IAM Identity Center, from what `aws sso login` left behind.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::Row;
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row { name: "an SSO session", files: &[(SESSION_FILE, "<sso token>")], answer: Token("viewer", WEST), ..SESSION },
    Row {
        name: "an SSO session that could be refreshed and need not be",
        files: &[(SESSION_FILE, "<sso token with refresh>")],
        answer: Token("viewer", WEST),
        ..SESSION
    },
    Row {
        name: "an SSO session that has ended and can be refreshed",
        files: &[(SESSION_FILE, "<expired sso token with refresh>")],
        answer: Token("viewer", WEST),
        ..SESSION
    },
    Row {
        name: "an SSO session that has ended and cannot be refreshed",
        files: &[(SESSION_FILE, "<expired sso token>")],
        answer: Refusal(&["aws sso login"]),
        ..SESSION
    },
    Row {
        name: "an SSO session whose refresh token is refused",
        files: &[(SESSION_FILE, "<sso token with bad refresh>")],
        answer: Refusal(&["aws sso login"]),
        ..SESSION
    },
    Row { name: "an SSO session without a login", answer: Refusal(&["aws sso login"]), ..SESSION },
    Row {
        name: "an SSO session whose token the portal does not know",
        files: &[(SESSION_FILE, "<revoked sso token>")],
        answer: Refusal(&["aws sso login"]),
        ..SESSION
    },
    Row {
        name: "an SSO session that does not exist",
        config: "[default]\nsso_session = nope\nsso_account_id = <account>\nsso_role_name = Viewer\n",
        answer: Refusal(&["sso-session", "nope"]),
        ..Row::NOTHING
    },
    Row {
        name: "an SSO role that the person may not have",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Admin\n\
                 [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Refusal(&["Admin", "No access"]),
        ..Row::NOTHING
    },
    Row {
        name: "an SSO profile without its role's name",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\n\
                 [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Refusal(&["sso_role_name"]),
        ..Row::NOTHING
    },
    Row { name: "legacy SSO", files: &[(LEGACY_FILE, "<sso token>")], answer: Token("viewer", WEST), ..LEGACY },
    Row {
        name: "legacy SSO that has ended",
        files: &[(LEGACY_FILE, "<expired sso token>")],
        answer: Refusal(&["aws sso login"]),
        ..LEGACY
    },
    Row {
        name: "legacy SSO is never refreshed",
        files: &[(LEGACY_FILE, "<expired sso token with refresh>")],
        answer: Refusal(&["aws sso login"]),
        ..LEGACY
    },
    Row {
        name: "SSO goes before the keys of the profile",
        credentials: "[default]\n<keys bob>",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Token("viewer", WEST),
        ..SESSION
    },
    Row {
        name: "keys of the environment go before SSO",
        keys: "bob",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Token("bob", WEST),
        ..SESSION
    },
    Row {
        name: "an SSO session without a region",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Refusal(&["sso_region"]),
        ..Row::NOTHING
    },
    Row {
        name: "an SSO session whose region the profile contradicts",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\nsso_region = us-east-1\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Refusal(&["sso_region"]),
        ..Row::NOTHING
    },
    Row {
        name: "an SSO session without account and role",
        config: "[default]\nsso_session = corp\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Refusal(&["no AWS credentials"]),
        ..Row::NOTHING
    },
    Row {
        name: "an SSO token whose end was written in 2020",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(SESSION_FILE, "<sso token of UTC>")],
        answer: Token("viewer", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "an SSO token whose end has an offset",
        files: &[(SESSION_FILE, "<sso token with offset>")],
        answer: Token("viewer", WEST),
        ..SESSION
    },
    Row {
        name: "an SSO token whose end has an offset and has passed",
        files: &[(SESSION_FILE, "<expired sso token with offset>")],
        answer: Refusal(&["aws sso login"]),
        ..SESSION
    },
    Row {
        name: "an SSO token that can be renewed, whose end has an offset",
        files: &[(SESSION_FILE, "<expired sso token of offset with refresh>")],
        answer: Token("viewer", WEST),
        ..SESSION
    },
    Row {
        name: "an SSO token that can be renewed, whose end was written in 2020",
        files: &[(SESSION_FILE, "<expired sso token of UTC with refresh>")],
        answer: Token("viewer", WEST),
        ..SESSION
    },
    Row {
        name: "an SSO token that never ends",
        files: &[(SESSION_FILE, "<sso token of never>")],
        answer: Token("viewer", WEST),
        ..SESSION
    },
    Row {
        name: "an SSO token that is no JSON",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(SESSION_FILE, "{")],
        answer: Refusal(&["aws sso login"]),
        ..Row::NOTHING
    },
    Row {
        name: "sso_session alone, which names nothing",
        config: "[default]\nsso_session = oops\n",
        answer: Refusal(&["profile default", "sso_session", "oops", ".aws/config"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "an empty sso_session",
        config: "[default]\nsso_session =\n",
        answer: Refusal(&["profile default", "sso_session", ".aws/config"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "sso_session that names nothing, beside keys of the profile",
        config: "[default]\nsso_session = oops\n",
        credentials: "[default]\n<keys bob>",
        answer: Refusal(&["profile default", "sso_session", "oops", ".aws/config"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "sso_session that names nothing, beside keys of the environment",
        keys: "alice",
        config: "[default]\nsso_session = oops\n",
        answer: Refusal(&["profile default", "sso_session", "oops", ".aws/config"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "sso_session of AWS_PROFILE that names nothing, in the credentials file",
        env: &[("AWS_PROFILE", "me"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        credentials: "[me]\nsso_session = oops\n<keys bob>",
        answer: Refusal(&["profile me", "sso_session", "oops", ".aws/config"]),
        ..Row::NOTHING
    },
    Row {
        name: "sso_session alone, whose section is empty",
        config: "[default]\nsso_session = corp\n[sso-session corp]\n",
        answer: Refusal(&["profile default", "sso_session", "corp", "sso_start_url", "sso_region", ".aws/config"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "sso_session alone, whose section lacks sso_region",
        config: "[default]\nsso_session = corp\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n",
        answer: Refusal(&["profile default", "sso_session", "corp", "lacks sso_region", ".aws/config"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "sso_session alone, whose section lacks sso_start_url",
        config: "[default]\nsso_session = corp\n[sso-session corp]\nsso_region = <sso region>\n",
        answer: Refusal(&["profile default", "sso_session", "corp", "lacks sso_start_url", ".aws/config"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "sso_session alone, whose section has empty values",
        config: "[default]\nsso_session = corp\n[sso-session corp]\nsso_start_url =\nsso_region =\n",
        answer: Refusal(&["profile default", "corp", "sso_start_url, sso_region", ".aws/config"]),
        v2: Differs(EMPTY),
        v1: Differs(EMPTY),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "an SSO session whose region stands in the profile",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\nsso_region = <sso region>\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n",
        files: &[(SESSION_FILE, "<sso token>")],
        answer: Refusal(&["lacks sso_region"]),
        ..Row::NOTHING
    },
    Row {
        name: "a whole SSO session without account and role gives no credentials, and the instance is asked",
        config: "[default]\nsso_session = corp\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        answer: Token("node", WEST),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "keys of a source profile, beside an sso_session that names nothing",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n[profile me]\nsso_session = oops\n<keys alice>",
        answer: Token("deployer", WEST),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "a source profile with nothing but an sso_session that names nothing",
        config: "[default]\nrole_arn = <role deployer>\nsource_profile = me\n[profile me]\nsso_session = oops\n",
        answer: Refusal(&["profile me"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "legacy SSO without its role's name, start URL and region",
        config: "[default]\nsso_account_id = <account>\n",
        answer: Refusal(&["profile default", "sso_role_name, sso_start_url, sso_region"]),
        ..AT_AN_INSTANCE
    },
    Row {
        name: "legacy SSO whose account and role are empty",
        config: "[default]\nsso_account_id =\nsso_role_name =\n",
        answer: Refusal(&["profile default", "sso_role_name"]),
        ..AT_AN_INSTANCE
    },
];

/// Where there is somebody else to be, if the profile is passed over.
const AT_AN_INSTANCE: Row = Row { env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")], ..Row::NOTHING };

const EMPTY: &str = "half a source: aws-cli goes on to another identity";

const SESSION: Row = Row {
    config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\n\
             [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n\
             sso_registration_scopes = sso:account:access\n",
    ..Row::NOTHING
};

const LEGACY: Row = Row {
    config: "[default]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n\
             sso_account_id = <account>\nsso_role_name = Viewer\n",
    ..Row::NOTHING
};

/// Named by the SHA-1 of `corp`.
pub(super) const SESSION_FILE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
/// Named by the SHA-1 of `https://corp.awsapps.com/start`.
const LEGACY_FILE: &str = ".aws/sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json";
