//! The flags of `add`, under the Go program's names, and the entry that they say.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use mapping::format::aws_auth::NewEntry;
use mapping::format::yaml::nearest;
use mapping::{
    AccountId, AccountIdError, Partition, PartitionError, Principal, PrincipalError, PrincipalKind, Template,
};

use crate::cli::args::parse_path;
use crate::cli::values::parse_bool;

/// Flags of `add`.
#[derive(Args, Debug)]
pub(in crate::cli) struct AddArgs {
    /// Flags that stand before or after `user` and `role`.
    #[command(flatten)]
    pub(super) access: AccessArgs,
    /// Whom to add.
    #[command(subcommand)]
    pub(super) command: AddCommand,
}

/// Flags that say where `aws-auth` is, and whether to ask first.
#[derive(Args, Clone, Debug)]
pub(super) struct AccessArgs {
    /// Ask on the terminal before anything is done; --prompt=false for scripts.
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = parse_bool
    )]
    pub(super) prompt: Option<bool>,

    /// URL of the API server, in place of the kubeconfig's.
    #[arg(long, global = true, value_name = "URL")]
    pub(super) master_url: Option<String>,

    /// Kubeconfig of somebody who may get and update the ConfigMap; it must be given.
    #[arg(long, global = true, value_name = "FILE", value_parser = parse_path)]
    pub(super) kubeconfig: Option<PathBuf>,

    /// Context of that kubeconfig, if not its current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) kubeconfig_context: Option<String>,
}

/// Whom to add.
#[derive(Debug, Subcommand)]
pub(super) enum AddCommand {
    /// Add a user to mapUsers.
    User(UserArgs),
    /// Add a role, or the roles of a permission set, to mapRoles.
    Role(RoleArgs),
}

/// Flags of `add user`.
#[derive(Args, Debug)]
pub(super) struct UserArgs {
    /// Whom the entry is about: a user, a federated user or the account's root user.
    #[arg(long, value_name = "ARN", value_parser = parse_user)]
    userarn: Principal,

    /// The user that comes of it.
    #[command(flatten)]
    names: NameArgs,
}

/// Flags of `add role`.
#[derive(Args, Debug)]
pub(super) struct RoleArgs {
    /// Whom the entry is about.
    #[command(flatten)]
    whom: RoleWhom,

    /// The user that comes of it.
    #[command(flatten)]
    names: NameArgs,
}

/// The ways to name roles.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct RoleWhom {
    /// The role that the entry is about.
    #[arg(long, value_name = "ARN", value_parser = parse_role)]
    rolearn: Option<Principal>,

    /// The permission set of IAM Identity Center whose roles it is about: permissionSetName=NAME,accountID=ID[,partition=aws].
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    sso: Vec<SsoPart>,
}

/// Flags that say which user comes of it.
#[derive(Args, Debug)]
struct NameArgs {
    /// User name in Kubernetes; placeholders as in every mapping.
    #[arg(long, value_name = "NAME")]
    username: Template,

    /// Groups in Kubernetes, comma-separated.
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', required = true, value_parser = parse_group)]
    groups: Vec<Template>,
}

/// One `KEY=VALUE` of `--sso`.
#[derive(Clone, Debug, Eq, PartialEq)]
enum SsoPart {
    Account(AccountId),
    Name(String),
    Partition(Partition),
}

/// Why a text is no such part.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
enum SsoPartError {
    #[error(transparent)]
    Account(#[from] AccountIdError),
    #[error("expected KEY=VALUE")]
    Form,
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error("{given:?} is none of {keys}{hint}", keys = SSO_KEYS.join(", "), hint = .meant.map(|meant| format!(" (did you mean {meant}?)")).unwrap_or_default())]
    Unknown { given: String, meant: Option<&'static str> },
}

/// Why a text names nobody whom the flag is for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
enum ArnError {
    #[error("it is a role or a session of one: that is for `add role`")]
    NoUser,
    #[error("it is no role: that is for `add user`")]
    NoRole,
    #[error(transparent)]
    Principal(#[from] PrincipalError),
    #[error("it is one session of a role, and `add role` is about the role: write {0}")]
    Session(String),
}

impl AddCommand {
    /// The entry, and what is to be done in the Go program's words.
    ///
    /// # Errors
    /// When `--sso` names no permission set.
    pub(super) fn entry(self) -> anyhow::Result<(NewEntry, String)> {
        match self {
            Self::User(UserArgs { userarn, names }) => {
                let action = names.action(&format!("userarn {userarn}"));
                Ok((NewEntry::user(userarn, names.username, names.groups), action))
            }
            Self::Role(RoleArgs { whom: RoleWhom { rolearn: Some(arn), .. }, names }) => {
                let action = names.action(&format!("rolearn {arn}"));
                Ok((NewEntry::role(arn, names.username, names.groups), action))
            }
            Self::Role(RoleArgs { whom: RoleWhom { rolearn: None, sso }, names }) => {
                let (partition, account, name) = permission_set(sso)?;
                let whom = format!("sso permissionSetName={name},accountID={account},partition={partition}");
                let action = names.action(&whom);
                let entry = NewEntry::permission_set(partition, account, &name, names.username, names.groups);
                Ok((entry.with_context(|| format!("--sso: permissionSetName {name:?}"))?, action))
            }
        }
    }
}

impl NameArgs {
    fn action(&self, whom: &str) -> String {
        let groups: Vec<_> = self.groups.iter().map(Template::to_string).collect();
        format!("add {whom}, username {}, groups [{}]", self.username, groups.join(" "))
    }
}

fn permission_set(parts: Vec<SsoPart>) -> anyhow::Result<(Partition, AccountId, String)> {
    let (mut account, mut name, mut partition) = (None, None, None);
    for part in parts {
        // Whoever says one thing twice may mean either.
        let (key, is_second) = match part {
            SsoPart::Account(value) => (ACCOUNT_ID, account.replace(value).is_some()),
            SsoPart::Name(value) => (PERMISSION_SET_NAME, name.replace(value).is_some()),
            SsoPart::Partition(value) => (PARTITION, partition.replace(value).is_some()),
        };
        if is_second {
            bail!("--sso: {key} is given twice");
        }
    }
    let missing = |key: &str| format!("--sso: {key} is missing");
    let account = account.with_context(|| missing(ACCOUNT_ID))?;
    let name = name.with_context(|| missing(PERMISSION_SET_NAME))?;
    Ok((partition.unwrap_or(Partition::Aws), account, name))
}

fn parse_user(text: &str) -> Result<Principal, ArnError> {
    let principal: Principal = text.parse()?;
    match principal.kind() {
        PrincipalKind::FederatedUser { .. } | PrincipalKind::Root | PrincipalKind::User { .. } => Ok(principal),
        PrincipalKind::AssumedRole { .. } | PrincipalKind::Role { .. } => Err(ArnError::NoUser),
    }
}

fn parse_role(text: &str) -> Result<Principal, ArnError> {
    let principal: Principal = text.parse()?;
    match principal.kind() {
        PrincipalKind::Role { .. } => Ok(principal),
        PrincipalKind::AssumedRole { .. } => Err(ArnError::Session(principal.canonical().to_string())),
        PrincipalKind::FederatedUser { .. } | PrincipalKind::Root | PrincipalKind::User { .. } => Err(ArnError::NoRole),
    }
}

/// The Go program reads quotes around a group as CSV has them, and no group is called by one.
fn parse_group(text: &str) -> Result<Template, String> {
    if text.contains('"') {
        return Err("write the groups without quotes".to_owned());
    }
    text.parse().map_err(|error: mapping::TemplateError| error.to_string())
}

impl FromStr for SsoPart {
    type Err = SsoPartError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or(SsoPartError::Form)?;
        match key {
            ACCOUNT_ID => Ok(Self::Account(value.parse()?)),
            PARTITION => Ok(Self::Partition(value.parse()?)),
            PERMISSION_SET_NAME => Ok(Self::Name(value.to_owned())),
            _ => Err(SsoPartError::Unknown { given: key.to_owned(), meant: nearest(key, SSO_KEYS) }),
        }
    }
}

const ACCOUNT_ID: &str = "accountID";
const PARTITION: &str = "partition";
const PERMISSION_SET_NAME: &str = "permissionSetName";
const SSO_KEYS: [&str; 3] = [PERMISSION_SET_NAME, ACCOUNT_ID, PARTITION];

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Command, CommandLine};

    const USER: &str = "--userarn=arn:aws:iam::111122223333:user/jane";
    const ROLE: &str = "--rolearn=arn:aws:iam::111122223333:role/Dev";
    const NAMES: [&str; 2] = ["--username=u", "--groups=a"];

    fn parse(arguments: &[&str]) -> Result<AddArgs, String> {
        let arguments = [&["authenticator-server", "add"], arguments].concat();
        match CommandLine::try_parse_from(arguments).map_err(|error| error.to_string())?.command {
            Command::Add(args) => Ok(*args),
            other => panic!("not add: {other:?}"),
        }
    }

    /// What is to be done, or what is wrong.
    fn action(arguments: &[&str]) -> String {
        match parse(arguments).and_then(|args| args.command.entry().map_err(|error| format!("{error:#}"))) {
            Ok((_, action)) => action,
            Err(error) => error,
        }
    }

    #[test]
    fn the_go_programs_flags_stand_before_or_after_the_word() {
        let access = ["--prompt=false", "--kubeconfig=/k", "--kubeconfig-context=c", "--master-url=https://10.0.0.1"];
        let user = [&["user", USER][..], &NAMES[..]].concat();
        for arguments in [[&access[..], &user].concat(), [&user[..], &access].concat()] {
            let access = parse(&arguments).unwrap().access;
            assert_eq!((access.prompt, access.kubeconfig), (Some(false), Some("/k".into())));
            assert_eq!(access.kubeconfig_context.as_deref(), Some("c"));
            assert_eq!(access.master_url.as_deref(), Some("https://10.0.0.1"));
        }
        assert_eq!(parse(&user).unwrap().access.prompt, None);
    }

    #[test]
    fn what_is_to_be_done_is_said_in_the_go_programs_words() {
        let names = ["--username=u:{{SessionName}}", "--groups=a,b", "--groups=c"];
        let sso = "--sso=permissionSetName=Admin,accountID=012345678901";
        for (whom, expected) in [
            (&["user", USER][..], "add userarn arn:aws:iam::111122223333:user/jane"),
            (&["role", ROLE], "add rolearn arn:aws:iam::111122223333:role/Dev"),
            (&["role", sso], "add sso permissionSetName=Admin,accountID=012345678901,partition=aws"),
            (
                &["role", sso, "--sso=partition=aws-cn"],
                "add sso permissionSetName=Admin,accountID=012345678901,partition=aws-cn",
            ),
        ] {
            let action = action(&[whom, &names].concat());
            assert_eq!(action, format!("{expected}, username u:{{{{SessionName}}}}, groups [a b c]"));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_flag() {
        let session = "--rolearn=arn:aws:sts::111122223333:assumed-role/Dev/jane";
        for (arguments, hints) in [
            (&["user", "--userarn=jane"][..], ["--userarn", "not an ARN"]),
            (&["user", "--userarn=arn:aws:iam::111122223333:role/Dev"], ["--userarn", "add role"]),
            (&["user", "--userarn=arn:aws:iam::1111:user/jane"], ["--userarn", "12"]),
            (&["user"], ["--userarn", "required"]),
            (&["role"], ["--rolearn", "--sso"]),
            (&["role", "--rolearn=arn:aws:iam::111122223333:user/jane"], ["--rolearn", "add user"]),
            (&["role", session], ["--rolearn", "write arn:aws:iam::111122223333:role/Dev"]),
            (&["role", ROLE, "--sso=accountID=111122223333"], ["--rolearn", "--sso"]),
            (&["role", "--sso=accountID=111122223333"], ["--sso", "permissionSetName is missing"]),
            (&["role", "--sso=permissionSetName=Admin"], ["--sso", "accountID is missing"]),
            (&["role", "--sso=permissionSetName=a b,accountID=111122223333"], ["--sso", "a b"]),
            (&["role", "--sso=accountID=1"], ["--sso", "12"]),
            (&["role", "--sso=partition=aws-mars"], ["--sso", "partition"]),
            (&["role", "--sso=permissionSet=Admin"], ["--sso", "did you mean permissionSetName?"]),
            (&["role", "--sso=Admin"], ["--sso", "KEY=VALUE"]),
            (&["role", "--sso=accountID=111122223333,accountID=111122223333"], ["--sso", "twice"]),
        ] {
            let error = action(&[arguments, &NAMES].concat());
            assert!(hints.iter().all(|hint| error.contains(hint)), "{hints:?}: {error}");
        }
        for (names, flag) in [
            (&["--username=u"][..], "--groups"),
            (&["--groups=a"], "--username"),
            (&["--username={{Nobody}}", "--groups=a"], "--username"),
            (&["--username=u", "--groups=a,{{Nobody}}"], "--groups"),
            (&["--username=u", "--groups=\"a\""], "--groups"),
        ] {
            let error = action(&[&["user", USER], names].concat());
            assert!(error.contains(flag) && !error.starts_with("add "), "{flag}: {error}");
        }
    }
}
