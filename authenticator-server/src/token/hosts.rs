//! The closed table of STS endpoints. A host that is not in it does not exist for this server.

use std::collections::HashMap;
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

/// The endpoints that one server accepts.
#[derive(Clone, Debug)]
pub struct HostTable {
    partition: Partition,
    hosts: HashMap<&'static str, &'static StsHost>,
}

impl HostTable {
    /// All endpoints of `partition`, in every region and of every kind.
    #[must_use]
    pub fn for_partition(partition: Partition) -> Self {
        let hosts = ALL.iter().filter(|host| host.partition == partition);
        Self { partition, hosts: hosts.map(|host| (host.name, host)).collect() }
    }

    /// The endpoint with exactly this name: no other case, no trailing dot, no port.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static StsHost> {
        self.hosts.get(name).copied()
    }

    /// The partition whose endpoints these are.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }
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
}
