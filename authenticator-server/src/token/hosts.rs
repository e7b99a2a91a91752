//! The closed table of STS endpoints. A host that is not in it does not exist for this server.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use mapping::Partition;

/// What kind of endpoint a host is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StsHostKind {
    /// `sts.REGION.SUFFIX`.
    Regional,
    /// Validated cryptography: `sts-fips.REGION.SUFFIX`, but for GovCloud.
    Fips,
    /// IPv4 and IPv6: `sts.REGION.api.aws`.
    DualStack,
    /// Both of the former.
    FipsDualStack,
    /// `sts.amazonaws.com`, which signs for `us-east-1`.
    Global,
}

impl StsHostKind {
    /// Whether its cryptography is validated.
    #[must_use]
    pub const fn is_fips(self) -> bool {
        matches!(self, Self::Fips | Self::FipsDualStack)
    }

    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "regional" => Self::Regional,
            "fips" => Self::Fips,
            "dualstack" => Self::DualStack,
            "fips-dualstack" => Self::FipsDualStack,
            "global" => Self::Global,
            _ => return None,
        })
    }
}

/// One endpoint of STS.
#[derive(Debug, Eq, PartialEq)]
pub struct StsHost {
    name: &'static str,
    region: &'static str,
    partition: Partition,
    kind: StsHostKind,
}

impl StsHost {
    /// The DNS name: what is put into the request's Host header and TLS server name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The region that signatures for this host are scoped to.
    #[must_use]
    pub const fn region(&self) -> &'static str {
        self.region
    }

    /// The partition this host belongs to.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// What kind of endpoint it is.
    #[must_use]
    pub const fn kind(&self) -> StsHostKind {
        self.kind
    }
}

/// A region's name, such as `us-west-2`: words and a number, so that no name of another kind of host passes for one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct StsRegion(String);

/// A text that is not the name of a region.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected the name of a region, such as us-west-2")]
pub struct StsRegionError;

impl FromStr for StsRegion {
    type Err = StsRegionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (words, number) = text.rsplit_once('-').ok_or(StsRegionError)?;
        let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let are_words =
            words.split('-').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        let well_formed = text.len() <= 63 && words.contains('-') && is_number && are_words;
        well_formed.then(|| Self(text.to_owned())).ok_or(StsRegionError)
    }
}

impl fmt::Display for StsRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which endpoints of its partition a server accepts: all that are known, unless the operator says otherwise.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostRules {
    /// Regions that are newer than the table: their endpoints are named as those of the partition's other regions.
    pub extra_regions: Vec<StsRegion>,
    /// The only regions whose endpoints are accepted; without, all of them.
    pub allowed_regions: Option<Vec<StsRegion>>,
    /// Whether an endpoint must be one with validated cryptography (FIPS 140).
    pub fips_only: bool,
}

/// Why there is no table for some rules.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HostRulesError {
    /// An extra region that belongs to another partition.
    #[error("{region} is a region of partition {partition}")]
    ExtraRegion {
        /// The region.
        region: StsRegion,
        /// Its partition.
        partition: Partition,
    },
    /// No region is allowed, so nobody could log in.
    #[error("no region is named")]
    NoRegion,
    /// An allowed region that the partition does not have.
    #[error("{region} is not a known region of partition {partition}; if it is a new one, name it as an extra one too")]
    UnknownRegion {
        /// The region.
        region: StsRegion,
        /// The partition.
        partition: Partition,
    },
}

/// Why a host is not asked. None of these repeats what the caller wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HostError {
    /// In no table.
    #[error("not an STS endpoint of partition {partition}; if its region is a new one, extraSTSRegions makes it known")]
    Unknown {
        /// The partition that the server was started for.
        partition: Partition,
    },
    /// An endpoint of another partition.
    #[error("an STS endpoint of partition {of}, and this server takes tokens of partition {partition}")]
    Partition {
        /// The host's partition.
        of: Partition,
        /// The partition that the server was started for.
        partition: Partition,
    },
    /// Not in a region of [`HostRules::allowed_regions`].
    #[error("an STS endpoint of region {region}, which is not one of allowedSTSRegions")]
    Region {
        /// The host's region.
        region: &'static str,
    },
    /// Not what [`HostRules::fips_only`] wants.
    #[error("not a FIPS endpoint, and stsFIPSOnly takes no other")]
    NotFips,
}

/// The endpoints that one server accepts.
#[derive(Clone, Debug)]
pub struct HostTable {
    partition: Partition,
    hosts: HashMap<&'static str, &'static StsHost>,
    fips_only: bool,
}

impl HostTable {
    /// All endpoints of `partition`, in every region and of every kind.
    #[must_use]
    pub fn for_partition(partition: Partition) -> Self {
        let hosts = ALL.iter().filter(|host| host.partition == partition);
        Self { partition, hosts: hosts.map(|host| (host.name, host)).collect(), fips_only: false }
    }

    /// The endpoints of `partition` that these rules leave. What a caller sends changes nothing about them.
    ///
    /// The names of extra regions stay in memory to the end of the process, as those of the table do.
    ///
    /// # Errors
    /// When a region is not the partition's, or none is left.
    pub fn new(partition: Partition, rules: &HostRules) -> Result<Self, HostRulesError> {
        let known = ALL.iter().filter(|host| host.partition == partition);
        let mut hosts: Vec<&'static StsHost> = known.collect();
        for region in &rules.extra_regions {
            match ALL.iter().find(|host| host.region == region.0) {
                None => hosts.extend(endpoints_of(region, partition)),
                Some(host) if host.partition == partition => {}
                Some(host) => {
                    return Err(HostRulesError::ExtraRegion { region: region.clone(), partition: host.partition });
                }
            }
        }
        if let Some(allowed) = &rules.allowed_regions {
            if allowed.is_empty() {
                return Err(HostRulesError::NoRegion);
            }
            if let Some(region) = allowed.iter().find(|region| hosts.iter().all(|host| host.region != region.0)) {
                return Err(HostRulesError::UnknownRegion { region: region.clone(), partition });
            }
            hosts.retain(|host| allowed.iter().any(|region| host.region == region.0));
        }
        if rules.fips_only {
            hosts.retain(|host| host.kind.is_fips());
        }
        let hosts = hosts.into_iter().map(|host| (host.name, host)).collect();
        Ok(Self { partition, hosts, fips_only: rules.fips_only })
    }

    /// The endpoint with exactly this name: no other case, no trailing dot, no port.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static StsHost> {
        self.hosts.get(name).copied()
    }

    /// As [`HostTable::get`].
    ///
    /// # Errors
    /// Why there is none.
    pub fn find(&self, name: &str) -> Result<&'static StsHost, HostError> {
        self.get(name).ok_or_else(|| {
            let partition = self.partition;
            let mut known = ALL.iter().filter(|host| host.name == name);
            match known.next() {
                None => HostError::Unknown { partition },
                Some(host) if host.partition != partition => HostError::Partition { of: host.partition, partition },
                // GovCloud's regional endpoints are FIPS endpoints too, and have a line as each.
                Some(host) if self.fips_only && !host.kind.is_fips() && !known.any(|host| host.kind.is_fips()) => {
                    HostError::NotFips
                }
                Some(host) => HostError::Region { region: host.region },
            }
        })
    }

    /// The partition whose endpoints these are.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }
}

/// The endpoints of a region that the table does not have, of each kind that the partition's other regions have.
///
/// Made once, at the start, of what the operator wrote, and kept as long as the process: so they are what the table's are.
fn endpoints_of(region: &StsRegion, partition: Partition) -> Vec<&'static StsHost> {
    let mut made: Vec<StsHost> = Vec::new();
    let region: &'static str = region.0.clone().leak();
    for known in ALL.iter().filter(|host| host.partition == partition) {
        let Some((before, after)) = known.name.split_once(&format!(".{}.", known.region)) else { continue };
        let name = format!("{before}.{region}.{after}");
        if !made.iter().any(|host| host.name == name && host.kind == known.kind) {
            made.push(StsHost { name: name.leak(), region, partition, kind: known.kind });
        }
    }
    let made: &'static [StsHost] = made.leak();
    made.iter().collect()
}

/// Made by `tests/interop/endpoint_table.py` from the rules that AWS ships in botocore; the version and date stand in its
/// first line.
const DATA: &str = include_str!("sts_hosts.txt");

static ALL: LazyLock<Vec<StsHost>> = LazyLock::new(|| data_lines().filter_map(parse_line).collect());

fn data_lines() -> impl Iterator<Item = &'static str> {
    DATA.lines().filter(|line| !line.starts_with('#'))
}

fn parse_line(line: &'static str) -> Option<StsHost> {
    let mut words = line.split(' ');
    let partition = words.next()?.parse().ok()?;
    let region = words.next()?;
    let kind = StsHostKind::from_word(words.next()?)?;
    let name = words.next()?;
    words.next().is_none().then_some(StsHost { name, region, partition, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_found_with_its_region_in_its_partition_only() {
        assert_eq!(ALL.len(), data_lines().count());
        assert!(ALL.len() > 150);
        for partition in Partition::ALL {
            let table = HostTable::for_partition(partition);
            for host in ALL.iter() {
                // GovCloud's regional endpoints are FIPS endpoints too, and have a line as each.
                let found = table.get(host.name()).map(StsHost::region);
                assert_eq!(found, (host.partition() == partition).then_some(host.region()), "{host:?}");
            }
        }
    }

    #[test]
    fn endpoints_of_each_kind_are_found_with_their_region() {
        let table = HostTable::for_partition(Partition::Aws);
        for (name, region, kind) in [
            ("sts.us-west-2.amazonaws.com", "us-west-2", StsHostKind::Regional),
            ("sts-fips.us-east-1.amazonaws.com", "us-east-1", StsHostKind::Fips),
            ("sts.eu-west-1.api.aws", "eu-west-1", StsHostKind::DualStack),
            ("sts-fips.us-west-2.api.aws", "us-west-2", StsHostKind::FipsDualStack),
            ("sts.amazonaws.com", "us-east-1", StsHostKind::Global),
        ] {
            let host = table.get(name).unwrap();
            assert_eq!((host.region(), host.kind()), (region, kind), "{name}");
        }
    }

    #[test]
    fn a_host_that_looks_like_an_endpoint_is_not_found() {
        let table = HostTable::for_partition(Partition::Aws);
        for name in [
            "",
            "sts.s3.amazonaws.com",
            "sts.anything-at-all.amazonaws.com",
            "sts.us-gov-west-1.amazonaws.com",
            "sts.cn-north-1.amazonaws.com.cn",
            "sts.EU-WEST-1.amazonaws.com",
            "sts.us-west-2.amazonaws.com.",
            "sts.us-west-2.amazonaws.com:443",
            "sts.amazonaws.com.evil.example",
            "sts.us-west-2.amazonaws.com\u{0}",
        ] {
            assert_eq!(table.get(name), None, "{name:?}");
        }
    }

    fn region(text: &str) -> StsRegion {
        text.parse().unwrap()
    }

    #[test]
    fn a_region_is_words_and_a_number() {
        for text in ["us-west-2", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1"] {
            assert_eq!(region(text).to_string(), text);
        }
        for text in
            ["", "s3", "us-west", "west-2", "US-WEST-2", "us-west-2.", "us-west-2 ", "us--2", "us-w3st-2", "a.b-c-1"]
        {
            assert_eq!(text.parse::<StsRegion>(), Err(StsRegionError), "{text:?}");
        }
    }

    #[test]
    fn an_extra_region_has_the_endpoints_that_its_siblings_have_and_no_others() {
        for (partition, name, hosts) in [
            (
                Partition::Aws,
                "xx-new-1",
                vec![
                    "sts-fips.xx-new-1.amazonaws.com",
                    "sts-fips.xx-new-1.api.aws",
                    "sts.xx-new-1.amazonaws.com",
                    "sts.xx-new-1.api.aws",
                ],
            ),
            (
                Partition::AwsCn,
                "cn-new-1",
                vec![
                    "sts-fips.cn-new-1.amazonaws.com.cn",
                    "sts-fips.cn-new-1.api.amazonwebservices.com.cn",
                    "sts.cn-new-1.amazonaws.com.cn",
                    "sts.cn-new-1.api.amazonwebservices.com.cn",
                ],
            ),
        ] {
            let rules = HostRules { extra_regions: vec![region(name)], ..HostRules::default() };
            let table = HostTable::new(partition, &rules).unwrap();
            let mut added: Vec<_> =
                table.hosts.values().filter(|host| host.region == name).map(|host| host.name).collect();
            added.sort_unstable();
            assert_eq!(added, hosts);
            assert_eq!(table.hosts.len(), HostTable::for_partition(partition).hosts.len() + hosts.len());
            assert_eq!(HostTable::for_partition(partition).get(hosts[0]), None);
        }
    }

    #[test]
    fn an_extra_region_that_is_known_changes_nothing_and_one_of_another_partition_is_an_error() {
        let rules = |name| HostRules { extra_regions: vec![region(name)], ..HostRules::default() };
        let table = HostTable::new(Partition::Aws, &rules("us-west-2")).unwrap();
        assert_eq!(table.hosts, HostTable::for_partition(Partition::Aws).hosts);
        let error = HostTable::new(Partition::Aws, &rules("us-gov-west-1")).unwrap_err();
        assert_eq!(error.to_string(), "us-gov-west-1 is a region of partition aws-us-gov");
    }

    #[test]
    fn only_allowed_regions_are_found_and_the_rest_is_told_apart() {
        let allowed = |names: &[&str]| HostRules {
            allowed_regions: Some(names.iter().map(|name| region(name)).collect()),
            ..HostRules::default()
        };
        let table = HostTable::new(Partition::Aws, &allowed(&["eu-west-1", "us-east-1"])).unwrap();
        for name in ["sts.eu-west-1.amazonaws.com", "sts-fips.us-east-1.api.aws", "sts.amazonaws.com"] {
            assert_eq!(table.find(name).map(StsHost::name), Ok(name));
        }
        let partition = Partition::Aws;
        for (name, error) in [
            ("sts.us-west-2.amazonaws.com", HostError::Region { region: "us-west-2" }),
            ("sts.cn-north-1.amazonaws.com.cn", HostError::Partition { of: Partition::AwsCn, partition }),
            ("sts.us-west-9.amazonaws.com", HostError::Unknown { partition }),
        ] {
            assert_eq!(table.find(name), Err(error), "{name}");
        }
        assert_eq!(HostTable::new(partition, &allowed(&[])).unwrap_err(), HostRulesError::NoRegion);
        let error = HostTable::new(partition, &allowed(&["cn-north-1"])).unwrap_err();
        assert_eq!(error, HostRulesError::UnknownRegion { region: region("cn-north-1"), partition });
    }

    #[test]
    fn a_region_may_be_new_and_allowed() {
        let rules = HostRules {
            extra_regions: vec![region("xx-new-1")],
            allowed_regions: Some(vec![region("xx-new-1")]),
            fips_only: false,
        };
        let table = HostTable::new(Partition::Aws, &rules).unwrap();
        assert_eq!(table.hosts.len(), 4);
    }

    #[test]
    fn fips_endpoints_alone_are_found_where_they_must_be() {
        let rules = HostRules { fips_only: true, ..HostRules::default() };
        let table = HostTable::new(Partition::Aws, &rules).unwrap();
        for name in ["sts-fips.us-west-2.amazonaws.com", "sts-fips.us-west-2.api.aws"] {
            assert!(table.find(name).is_ok(), "{name}");
        }
        for name in ["sts.us-west-2.amazonaws.com", "sts.us-west-2.api.aws", "sts.amazonaws.com"] {
            assert_eq!(table.find(name), Err(HostError::NotFips), "{name}");
        }
        // There, the regional endpoint is the FIPS one.
        let table = HostTable::new(Partition::AwsUsGov, &rules).unwrap();
        assert!(table.find("sts.us-gov-west-1.amazonaws.com").is_ok());
        assert_eq!(table.find("sts.us-gov-west-1.api.aws"), Err(HostError::NotFips));
    }
}
