//! The key files of tools that are older than the shared AWS files, which aws-cli still reads after them: that of EC2's first tools
//! and boto's (`OriginalEC2Provider` and `BotoProvider` in `botocore/credentials.py`).

use super::{
    keys::{self, KeyNames, KeysError, PROFILE_NAMES},
    source::Root,
};
use crate::{
    World,
    environment::{self, NotUnicode},
    profile::{self, SharedFileError},
};

/// An older file is there, or was named, and is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OlderFileError {
    /// It cannot be read, or parsed.
    #[error(transparent)]
    File(#[from] SharedFileError),
    /// Its keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// There is none where the variable says so.
    #[error("{variable} names {path}, which is no file")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// The path.
        path: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// The keys of the first of these files that has some. They are read here, when no source before them is configured.
pub(super) async fn keys(world: &World) -> Result<Option<Root>, OlderFileError> {
    match of_ec2_tools(world).await? {
        None => of_boto(world).await,
        keys => Ok(keys),
    }
}

/// Lines of `NAME=VALUE`, and whatever else.
async fn of_ec2_tools(World { env, fs, .. }: &World) -> Result<Option<Root>, OlderFileError> {
    let Some(path) = environment::variable(env, EC2_FILE)? else {
        return Ok(None);
    };
    let path = environment::in_home(path, env)?;
    let Some(text) = profile::text_of(&path, fs).await? else {
        return Err(OlderFileError::Missing { variable: EC2_FILE, path });
    };
    let value = |key: &str| {
        let mut pairs = text.lines().rev().filter_map(|line| line.split_once('='));
        pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
    };
    let credentials = keys::from_file(EC2_NAMES, format!(" in {path}"), value)?;
    Ok(credentials.map(|credentials| Root::Keys { credentials, place: format!("the keys in {path} ({EC2_FILE})") }))
}

/// The section `[Credentials]` of boto's config file.
async fn of_boto(world: &World) -> Result<Option<Root>, OlderFileError> {
    let named = environment::variable(&world.env, BOTO_FILE)?;
    let paths = match &named {
        Some(path) => vec![profile::with_variables(path, &world.env)],
        None => BOTO_FILES.map(str::to_owned).to_vec(),
    };
    for path in paths {
        let path = environment::in_home(path, &world.env)?;
        let sections = match profile::sections_of(&path, &world.fs).await {
            // Nobody has named it, and it may be the machine's alone.
            Err(SharedFileError::Unreadable { .. }) if named.is_none() => continue,
            sections => sections?.unwrap_or_default(),
        };
        let Some(section) = sections.iter().find(|section| section.name() == "Credentials") else { continue };
        let place = format!(" in [Credentials] of {path}");
        if let Some(credentials) = keys::from_file(PROFILE_NAMES, place, |key| section.get(key))? {
            return Ok(Some(Root::Keys { credentials, place: format!("the keys in [Credentials] of {path}") }));
        }
    }
    Ok(None)
}

const EC2_FILE: &str = "AWS_CREDENTIAL_FILE";
const EC2_NAMES: KeyNames = KeyNames { access_key_id: "AWSAccessKeyId", secret_access_key: "AWSSecretKey" };
const BOTO_FILE: &str = "BOTO_CONFIG";
const BOTO_FILES: [&str; 2] = ["/etc/boto.cfg", "~/.boto"];
