//! The closed table of STS endpoints. A host that is not in it does not exist for this server.

use std::collections::{HashMap, HashSet};
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

    /// The region's own endpoint, if it is among these.
    #[must_use]
    pub fn regional(&self, region: &str) -> Option<&'static StsHost> {
        self.hosts.values().copied().find(|host| host.region == region && host.kind == StsHostKind::Regional)
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

    /// How many regions have an endpoint here.
    #[must_use]
    pub fn regions(&self) -> usize {
        self.hosts.values().map(|host| host.region).collect::<HashSet<_>>().len()
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
mod tests;
