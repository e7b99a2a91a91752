//! The profile of the shared AWS files that the user chose, and what stands in it.
//!
//! We choose the profile ourselves, in aws-cli's order, because aws-config's own choice differs: it has no flag that beats keys
//! in the environment, and does not know `AWS_DEFAULT_PROFILE`. Reading the files is ours too: aws-config's
//! grammar of them is not aws-cli's.

use std::fmt;

use aws_types::os_shim_internal::Env;

use crate::{
    World,
    environment::{self, NotUnicode},
};

mod ini;
mod shared_file;
mod words;

pub use ini::IniFault;
pub(crate) use ini::Section;
pub use shared_file::SharedFileError;
use shared_file::{SharedFile, SharedFileKind};
pub(crate) use shared_file::{sections_of, text_of, with_variables};
pub use words::Unfinished;
pub(crate) use words::split as split_words;

/// Which profile was asked for, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProfileChoice {
    /// By `--profile`, which also beats keys in the environment.
    Flag(String),
    /// By an environment variable.
    Variable {
        /// The variable.
        variable: &'static str,
        /// The profile.
        name: String,
    },
    /// Nobody asked: `default`, which need not exist.
    Default,
}

/// Which of the shared files are looked into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SharedFiles {
    /// Only `~/.aws/config`: for a caller that has keys and region already, and looks for switches.
    ConfigOnly,
    /// `~/.aws/config` and `~/.aws/credentials`.
    Both,
}

/// What comes of a shared file that is there and that this process may not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreadable {
    /// An error: the user's identity may stand in it.
    Refused,
    /// It counts as empty, as with aws-cli: for a caller whose environment says whose credentials are meant.
    PassedOver,
}

/// The chosen profile, as the shared files have it, and the files' other parts that it may refer to.
#[derive(Debug)]
pub struct Profile {
    choice: ProfileChoice,
    config: SharedFile,
    credentials: SharedFile,
    passed_over: Vec<SharedFileError>,
}

/// What the two files say of one profile: the chosen one, or one that it refers to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProfileView<'a> {
    files: &'a Profile,
    name: &'a str,
}

/// The profile cannot be used. No other one is taken instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] SharedFileError),
    /// The profile is in neither file.
    #[error("profile {name}, asked for by {asked_by}, is in neither {config} nor {credentials}")]
    Missing {
        /// The profile.
        name: String,
        /// The flag or variable that asked for it.
        asked_by: &'static str,
        /// The config file that was looked into.
        config: String,
        /// The credentials file that was looked into.
        credentials: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl ProfileChoice {
    /// The choice, in aws-cli's order: `--profile`, `AWS_PROFILE`, `AWS_DEFAULT_PROFILE`. An empty one chooses nothing.
    ///
    /// # Errors
    ///
    /// A variable that is not Unicode.
    pub fn new(flag: Option<String>, env: &Env) -> Result<Self, ProfileError> {
        if let Some(name) = flag.filter(|name| !name.is_empty()) {
            return Ok(Self::Flag(name));
        }
        for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
            if let Some(profile) = environment::variable(env, name)? {
                return Ok(Self::Variable { variable: name, name: profile });
            }
        }
        Ok(Self::Default)
    }

    /// The profile's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Flag(name) | Self::Variable { name, .. } => name,
            Self::Default => "default",
        }
    }

    fn asked_by(&self) -> Option<&'static str> {
        match self {
            Self::Flag(_) => Some("--profile"),
            Self::Variable { variable, .. } => Some(variable),
            Self::Default => None,
        }
    }
}

impl Profile {
    /// Reads the chosen profile.
    ///
    /// # Errors
    ///
    /// A file that is there but cannot be read or parsed; a profile that was asked for and is not there. As with aws-cli, that
    /// holds also when its keys are not needed, for its region and switches are.
    pub async fn load(
        choice: ProfileChoice,
        files: SharedFiles,
        unreadable: Unreadable,
        world: &World,
    ) -> Result<Self, ProfileError> {
        let mut passed_over = Vec::new();
        let mut or_empty = |file| match (file, unreadable) {
            (Err(SharedFileError::Unreadable { path, source }), Unreadable::PassedOver) => {
                let empty = SharedFile::empty(path.clone());
                passed_over.push(SharedFileError::Unreadable { path, source });
                Ok(empty)
            }
            (file, _) => file,
        };
        let config = or_empty(SharedFile::read(SharedFileKind::Config, world).await)?;
        let credentials = match files {
            SharedFiles::ConfigOnly => SharedFile::unread(SharedFileKind::Credentials),
            SharedFiles::Both => or_empty(SharedFile::read(SharedFileKind::Credentials, world).await)?,
        };
        let profile = Self { choice, config, credentials, passed_over };
        let may_be_elsewhere = !profile.passed_over.is_empty();
        match profile.choice.asked_by() {
            Some(asked_by) if !may_be_elsewhere && profile.other(profile.choice.name()).is_none() => {
                Err(ProfileError::Missing {
                    name: profile.choice.name().to_owned(),
                    asked_by,
                    config: profile.config.path().to_owned(),
                    credentials: profile.credentials.path().to_owned(),
                })
            }
            _ => Ok(profile),
        }
    }

    /// How the profile was chosen.
    #[must_use]
    pub fn choice(&self) -> &ProfileChoice {
        &self.choice
    }

    /// The files that count as empty because this process may not read them.
    pub(crate) fn passed_over(&self) -> &[SharedFileError] {
        &self.passed_over
    }

    /// A key of the profile; the credentials file comes before the config file, as with aws-cli.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.view().setting(key)
    }

    /// What the files say of the chosen profile.
    pub(crate) fn view(&self) -> ProfileView<'_> {
        ProfileView { files: self, name: self.choice.name() }
    }

    /// What they say of another one; `None` where it is in neither.
    pub(crate) fn other<'a>(&'a self, name: &'a str) -> Option<ProfileView<'a>> {
        let view = ProfileView { files: self, name };
        (view.config_section().is_some() || view.credentials_section().is_some()).then_some(view)
    }

    /// The `[sso-session NAME]` of the config file.
    pub(crate) fn sso_session(&self, name: &str) -> Option<&Section> {
        self.config.sso_session(name)
    }

    /// The `[services NAME]` of the config file.
    pub(crate) fn services(&self, name: &str) -> Option<&Section> {
        self.config.services(name)
    }

    /// The config file's path, for messages.
    pub(crate) fn config_path(&self) -> &str {
        self.config.path()
    }

    /// The credentials file's path, for messages.
    pub(crate) fn credentials_path(&self) -> &str {
        self.credentials.path()
    }
}

impl<'a> ProfileView<'a> {
    /// The profile's name.
    pub(crate) fn name(self) -> &'a str {
        self.name
    }

    /// The files that it stands in.
    pub(crate) fn files(self) -> &'a Profile {
        self.files
    }

    /// A key of the profile; the credentials file comes before the config file, as with aws-cli.
    pub(crate) fn setting(self, key: &str) -> Option<&'a str> {
        self.credentials_section()
            .and_then(|section| section.get(key))
            .or_else(|| self.config_section().and_then(|section| section.get(key)))
    }

    /// The profile's part in the config file.
    pub(crate) fn config_section(self) -> Option<&'a Section> {
        self.files.config.profile(self.name)
    }

    /// The profile's part in the credentials file.
    pub(crate) fn credentials_section(self) -> Option<&'a Section> {
        self.files.credentials.profile(self.name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl fmt::Display for ProfileView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile {}", self.name)
    }
}

#[cfg(test)]
impl Profile {
    /// The default profile of two files with these texts.
    pub(crate) fn dummy(config: &str, credentials: &str) -> Self {
        tests::load(
            ProfileChoice::Default,
            SharedFiles::Both,
            &[],
            &[(tests::CONFIG, config), (tests::CREDENTIALS, credentials)],
        )
        .unwrap()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_types::os_shim_internal::Fs;
    use jiff::Timestamp;

    use super::*;

    pub(crate) const CONFIG: &str = "/home/me/.aws/config";
    pub(crate) const CREDENTIALS: &str = "/home/me/.aws/credentials";

    pub(crate) fn load(
        choice: ProfileChoice,
        files: SharedFiles,
        variables: &[(&str, &str)],
        texts: &[(&str, &str)],
    ) -> Result<Profile, ProfileError> {
        let mut variables = variables.to_vec();
        variables.push(("HOME", "/home/me"));
        let world =
            World { env: Env::from_slice(&variables), fs: Fs::from_slice(texts), clock: || Timestamp::UNIX_EPOCH };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Profile::load(choice, files, Unreadable::Refused, &world))
    }

    fn flag(name: &str) -> ProfileChoice {
        ProfileChoice::Flag(name.to_owned())
    }

    #[test]
    fn the_profile_is_chosen_in_the_order_of_aws_cli_2() {
        let variable = |variable, name: &str| ProfileChoice::Variable { variable, name: name.to_owned() };
        let both = &[("AWS_PROFILE", "b"), ("AWS_DEFAULT_PROFILE", "c")];
        for (given, variables, expected) in [
            (Some("a"), &both[..], flag("a")),
            (Some(""), &both[..], variable("AWS_PROFILE", "b")),
            (None, &both[..], variable("AWS_PROFILE", "b")),
            (None, &both[1..], variable("AWS_DEFAULT_PROFILE", "c")),
            (None, &[], ProfileChoice::Default),
            (None, &[("AWS_PROFILE", ""), both[1]], variable("AWS_DEFAULT_PROFILE", "c")),
            (None, &[("AWS_PROFILE", "")], ProfileChoice::Default),
        ] {
            let choice = ProfileChoice::new(given.map(str::to_owned), &Env::from_slice(variables)).unwrap();
            assert_eq!(choice, expected, "{given:?} {variables:?}");
        }
    }

    #[test]
    fn a_profile_that_was_asked_for_must_be_in_one_of_the_files() {
        let texts =
            &[(CONFIG, "[profile a]\nregion = eu-west-1\n[b]\n"), (CREDENTIALS, "[c]\naws_access_key_id = x\n")];
        for name in ["a", "c"] {
            assert!(load(flag(name), SharedFiles::Both, &[], texts).is_ok(), "{name}");
        }
        // Without the prefix a section of the config file is no profile; and the default profile asked for by name must exist.
        for name in ["b", "default", "nope"] {
            let error = load(flag(name), SharedFiles::Both, &[], texts).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("profile {name}, asked for by --profile, is in neither {CONFIG} nor {CREDENTIALS}")
            );
        }
    }

    #[test]
    fn the_default_profile_need_not_exist() {
        let profile = load(ProfileChoice::Default, SharedFiles::Both, &[], &[]).unwrap();
        assert_eq!(profile.setting("region"), None);
    }

    #[test]
    fn a_setting_of_the_credentials_file_comes_before_one_of_the_config_file() {
        let config = "[default]\nregion = eu-west-1\nuse_fips_endpoint = true";
        let profile = Profile::dummy(config, "[default]\nregion = eu-west-3");
        assert_eq!(
            (profile.setting("region"), profile.setting("use_fips_endpoint")),
            (Some("eu-west-3"), Some("true"))
        );
    }

    #[test]
    fn the_credentials_file_is_not_looked_into_when_only_switches_are_needed() {
        let texts = &[(CONFIG, "[default]\n"), (CREDENTIALS, "not an ini file")];
        assert!(load(ProfileChoice::Default, SharedFiles::ConfigOnly, &[], texts).is_ok());
        assert!(load(ProfileChoice::Default, SharedFiles::Both, &[], texts).is_err());
    }

    #[test]
    fn debug_shows_no_keys() {
        let profile = Profile::dummy("", "[default]\naws_secret_access_key = wJalrXUtnFEMI");
        assert!(!format!("{profile:?}").contains("wJalrXUtnFEMI"));
    }
}
