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
        answer: Refusal(&["aws sso login"]),
        v2: Differs(WRITTEN_IN_2020),
        v1: Differs(WRITTEN_IN_2020),
        ..Row::NOTHING
    },
    Row {
        name: "an SSO token that is no JSON",
        config: "[default]\nsso_session = corp\nsso_account_id = <account>\nsso_role_name = Viewer\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = <sso region>\n",
        files: &[(SESSION_FILE, "{")],
        answer: Refusal(&["aws sso login"]),
        ..Row::NOTHING
    },
];

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

const WRITTEN_IN_2020: &str =
    "an aws-cli of before 2.1 wrote it so; aws-config does not read it, and a new log-in helps";
