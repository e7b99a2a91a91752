//! In which region STS is to be asked: the flag, the environment, the profile, the EC2 instance.

use std::{fmt, str::FromStr};

use aws_types::os_shim_internal::Env;

use crate::{
    endpoint::HostKind,
    environment::{self, NotUnicode},
    nearest::nearest,
    profile::Profile,
};

mod known;

pub use known::KNOWN;

/// A region's name, fit to be a label of a host name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Region(String);

/// A text is no region's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a region is lower-case letters, digits and inner hyphens, as in us-east-1")]
pub struct InvalidRegion;

/// A region that somebody wrote, before it is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AskedRegion {
    text: String,
    place: String,
}

/// What flag, environment and profile say of the region.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegionChoice {
    /// It is chosen.
    Made(ChosenRegion),
    /// Nobody says.
    Open {
        /// Which of its hosts.
        kind: HostKind,
        /// Where it was looked for, in words.
        looked_at: String,
    },
}

/// Where to sign for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChosenRegion {
    /// The region.
    pub region: Region,
    /// Which of its hosts.
    pub kind: HostKind,
    /// One line for standard error, when the choice was nobody's, or may be a slip.
    pub remark: Option<String>,
}

/// The region cannot be chosen. No other one is taken instead: the user asked for this one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegionError {
    /// Not a region's name.
    #[error("{place} is {text:?}")]
    Invalid {
        /// Where it stands.
        place: String,
        /// What stands there.
        text: String,
        /// What a region looks like.
        #[source]
        source: InvalidRegion,
    },
    /// A switch that is neither on nor off.
    #[error("{place} is {text:?}: write true or false")]
    Switch {
        /// Where it stands.
        place: String,
        /// What stands there.
        text: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl Region {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    /// A DNS label in lower case that is no number, as botocore's `validate_region_name` has it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = matches!(text.len(), 1..=63)
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.bytes().all(|b| b.is_ascii_digit());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidRegion) }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AskedRegion {
    /// The region that the flag or the environment asks for, in aws-cli's order: `--region`, `AWS_REGION`,
    /// `AWS_DEFAULT_REGION`. An empty one asks for nothing.
    ///
    /// # Errors
    ///
    /// A variable that is not Unicode.
    pub fn outside_profile(flag: Option<String>, env: &Env) -> Result<Option<Self>, NotUnicode> {
        if let Some(text) = flag.filter(|text| !text.is_empty()) {
            return Ok(Some(Self { text, place: "--region".to_owned() }));
        }
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            if let Some(text) = environment::variable(env, name)? {
                return Ok(Some(Self { text, place: name.to_owned() }));
            }
        }
        Ok(None)
    }
}

impl RegionChoice {
    /// The region that was asked for, else the profile's, if any; with the hosts that `AWS_USE_FIPS_ENDPOINT`,
    /// `AWS_USE_DUALSTACK_ENDPOINT` or the profile's `use_fips_endpoint` and `use_dualstack_endpoint` ask for.
    ///
    /// `AWS_STS_REGIONAL_ENDPOINTS` has no say: hosts are regional, as with aws-cli 2.
    ///
    /// # Errors
    ///
    /// A value that is no region, or a switch that is neither `true` nor `false`.
    pub fn new(asked: Option<AskedRegion>, env: &Env, profile: &Profile) -> Result<Self, RegionError> {
        let asked = asked.or_else(|| {
            let text = profile.setting("region").filter(|text| !text.is_empty())?.to_owned();
            Some(AskedRegion { text, place: format!("region of {profile}") })
        });
        let fips = switch(env, "AWS_USE_FIPS_ENDPOINT", profile, "use_fips_endpoint")?;
        let dual_stack = switch(env, "AWS_USE_DUALSTACK_ENDPOINT", profile, "use_dualstack_endpoint")?;
        let Some(AskedRegion { text, place }) = asked else {
            let looked_at = format!("--region, AWS_REGION, AWS_DEFAULT_REGION or {profile}");
            return Ok(Self::Open { kind: HostKind::from_switches(fips, dual_stack), looked_at });
        };
        // Names of the time before the switch, which AWS's SDKs still take for it.
        let plain = text.replace("fips-", "").replace("-fips", "");
        let fips = fips || plain != text;
        let region: Region =
            plain.parse().map_err(|source| RegionError::Invalid { place: place.clone(), text, source })?;
        let remark = doubt(&region, &place);
        Ok(Self::Made(ChosenRegion { region, kind: HostKind::from_switches(fips, dual_stack), remark }))
    }

    /// Whether nobody has said which.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// The region that was chosen, else `us-east-1`, where there is no instance to be asked.
    #[must_use]
    pub fn without_instance(self) -> ChosenRegion {
        match self {
            Self::Made(chosen) => chosen,
            Self::Open { kind, looked_at } => ChosenRegion {
                region: Region(DEFAULT_REGION.to_owned()),
                kind,
                remark: Some(format!("no region in {looked_at}: using {DEFAULT_REGION}")),
            },
        }
    }

    /// The region that was chosen, else the one that the EC2 instance says it is in, if it says.
    ///
    /// # Errors
    ///
    /// An instance that says what is no region.
    pub fn with_instance(self, says: Option<String>) -> Result<ChosenRegion, RegionError> {
        match (self, says) {
            (Self::Open { kind, .. }, Some(text)) => match text.parse() {
                Ok(region) => Ok(ChosenRegion { region, kind, remark: None }),
                Err(source) => {
                    Err(RegionError::Invalid { place: "the region of the EC2 instance".to_owned(), text, source })
                }
            },
            (Self::Open { kind, looked_at }, None) => {
                let looked_at = format!("{looked_at}, nor from the EC2 instance metadata service");
                Ok(Self::Open { kind, looked_at }.without_instance())
            }
            (Self::Made(chosen), _) => Ok(chosen),
        }
    }
}

/// What the user should know of a region that AWS did not have when this was built: it may be a new one, or a slip.
fn doubt(region: &Region, place: &str) -> Option<String> {
    let name = region.as_str();
    if KNOWN.contains(&name) {
        return None;
    }
    let meant = nearest(name, KNOWN).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Some(format!("{place} is {name}, which is no region that this program knows{meant}"))
}

/// A switch of AWS's: the variable comes before the profile's key.
fn switch(env: &Env, name: &'static str, profile: &Profile, key: &'static str) -> Result<bool, RegionError> {
    let (text, place) = match environment::variable(env, name)? {
        Some(text) => (text, name.to_owned()),
        None => match profile.setting(key) {
            Some(text) => (text.to_owned(), format!("{key} of {profile}")),
            None => return Ok(false),
        },
    };
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(RegionError::Switch { place, text }),
    }
}

/// The Go program's, and the region of STS's oldest host.
const DEFAULT_REGION: &str = "us-east-1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_lower_case_dns_label() {
        for text in ["us-east-1", "eusc-de-east-1", "aws-global", "zz-new-1"] {
            assert_eq!(text.parse::<Region>().map(|region| region.to_string()), Ok(text.to_owned()), "{text}");
        }
        let long = "a".repeat(64);
        for text in
            ["", "US-EAST-1", "us_east_1", "-us", "us-", "123", "us.east", "evil.com#", "us east", "us-\u{e9}", &long]
        {
            assert_eq!(text.parse::<Region>(), Err(InvalidRegion), "{text}");
        }
    }

    fn choose(
        flag: Option<&str>,
        variables: &[(&'static str, &'static str)],
        config: &str,
    ) -> Result<(String, HostKind, bool), RegionError> {
        let env = Env::from_slice(variables);
        let asked = AskedRegion::outside_profile(flag.map(str::to_owned), &env)?;
        let chosen = RegionChoice::new(asked, &env, &Profile::dummy(config, ""))?.without_instance();
        Ok((chosen.region.to_string(), chosen.kind, chosen.remark.is_some()))
    }

    #[test]
    fn the_region_is_looked_for_in_aws_clis_order() {
        let config = "[default]\nregion = eu-north-1";
        let both = &[("AWS_REGION", "eu-west-2"), ("AWS_DEFAULT_REGION", "eu-west-3")];
        for (flag, variables, config, expected, remarked) in [
            (Some("eu-west-1"), &both[..], config, "eu-west-1", false),
            (None, &both[..], config, "eu-west-2", false),
            (None, &both[1..], config, "eu-west-3", false),
            (None, &[], config, "eu-north-1", false),
            (None, &[], "", "us-east-1", true),
            // Set to nothing, as a script does that has no region to give.
            (Some(""), &both[..], config, "eu-west-2", false),
            (Some(""), &[("AWS_REGION", ""), both[1]], config, "eu-west-3", false),
            (None, &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")], config, "eu-north-1", false),
            (None, &[], "[default]\nregion =", "us-east-1", true),
            (Some("us-west2"), &both[..], config, "us-west2", true),
        ] {
            assert_eq!(
                choose(flag, variables, config),
                Ok((expected.to_owned(), HostKind::Standard, remarked)),
                "{flag:?} {variables:?} {config}"
            );
        }
    }

    #[test]
    fn of_a_region_that_nobody_knows_the_nearest_is_named() {
        for (text, near) in [
            ("us-west2", "us-west-2"),
            ("uswest-2", "us-west-2"),
            ("us-esat-1", "us-east-1"),
            ("us-east-1a", "us-east-1"),
            ("eu-wset-1", "eu-west-1"),
            ("eu-cental-1", "eu-central-1"),
            ("ap-southeast1", "ap-southeast-1"),
            ("us-gov-west1", "us-gov-west-1"),
            ("cn-nort-1", "cn-north-1"),
        ] {
            let remark = doubt(&text.parse().unwrap(), "--region");
            let told = format!("--region is {text}, which is no region that this program knows; did you mean {near}?");
            assert_eq!(remark, Some(told));
        }
        let remark = doubt(&"moon".parse().unwrap(), "AWS_REGION");
        assert_eq!(remark, Some("AWS_REGION is moon, which is no region that this program knows".to_owned()));
        for known in KNOWN {
            assert_eq!(doubt(&known.parse().unwrap(), "--region"), None);
        }
    }

    #[test]
    fn a_place_that_names_no_region_is_an_error_that_names_the_place() {
        for (flag, variables, config, message) in [
            (Some("us_west_2"), &[][..], "", "--region is \"us_west_2\""),
            (None, &[("AWS_DEFAULT_REGION", "evil.com#")], "", "AWS_DEFAULT_REGION is \"evil.com#\""),
            (None, &[], "[default]\nregion = EU", "region of profile default is \"EU\""),
        ] {
            let error = choose(flag, variables, config).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn the_switches_choose_the_host_and_a_variable_comes_before_the_profile() {
        let on = "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true";
        for (variables, config, kind) in [
            (&[][..], on, HostKind::FipsDualStack),
            (&[("AWS_USE_FIPS_ENDPOINT", "TRUE")], "", HostKind::Fips),
            (&[("AWS_USE_DUALSTACK_ENDPOINT", "true")], "", HostKind::DualStack),
            (&[("AWS_USE_FIPS_ENDPOINT", "false"), ("AWS_USE_DUALSTACK_ENDPOINT", "false")], on, HostKind::Standard),
            (&[("AWS_USE_FIPS_ENDPOINT", ""), ("AWS_USE_DUALSTACK_ENDPOINT", "false")], on, HostKind::Fips),
        ] {
            assert_eq!(
                choose(Some("us-west-2"), variables, config).map(|chosen| chosen.1),
                Ok(kind),
                "{variables:?} {config}"
            );
        }
    }

    #[test]
    fn a_switch_that_is_neither_on_nor_off_is_an_error() {
        for (variables, config, message) in [
            (&[("AWS_USE_FIPS_ENDPOINT", "1")][..], "", "AWS_USE_FIPS_ENDPOINT is \"1\": write true or false"),
            (
                &[],
                "[default]\nuse_dualstack_endpoint = on",
                "use_dualstack_endpoint of profile default is \"on\": write true or false",
            ),
        ] {
            assert_eq!(choose(None, variables, config).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_region_of_the_old_fips_names_is_the_region_with_the_switch() {
        for text in ["fips-us-east-1", "us-east-1-fips"] {
            assert_eq!(choose(Some(text), &[], ""), Ok(("us-east-1".to_owned(), HostKind::Fips, false)), "{text}");
        }
    }

    #[test]
    fn an_instance_is_heard_where_nobody_else_says_a_region() {
        let choice = |config| RegionChoice::new(None, &Env::from_slice(&[]), &Profile::dummy(config, "")).unwrap();
        let chosen = choice("").with_instance(Some("eu-west-1".to_owned())).unwrap();
        assert_eq!((chosen.region.as_str(), chosen.remark), ("eu-west-1", None));
        let chosen = choice("[default]\nregion = eu-west-2").with_instance(Some("eu-west-1".to_owned())).unwrap();
        assert_eq!(chosen.region.as_str(), "eu-west-2");
        let chosen = choice("").with_instance(None).unwrap();
        assert_eq!((chosen.region.as_str(), chosen.remark.is_some()), ("us-east-1", true));
        assert_eq!(
            choice("").with_instance(Some("<html>".to_owned())).unwrap_err().to_string(),
            "the region of the EC2 instance is \"<html>\""
        );
    }

    #[test]
    fn the_old_switch_to_the_global_host_has_no_say() {
        let variables = &[("AWS_REGION", "us-west-2"), ("AWS_STS_REGIONAL_ENDPOINTS", "legacy")];
        assert_eq!(choose(None, variables, "").map(|chosen| chosen.0), Ok("us-west-2".to_owned()));
    }
}
