//! Which STS host a token is signed for. Pure: a table, and the rules by which AWS names its hosts.
//!
//! The table is that of `botocore/data/partitions.json`, the rules are those of
//! `botocore/data/sts/2011-06-15/endpoint-rule-set-1.json`, and the signed host is always one that AWS runs: `AWS_ENDPOINT_URL` and its like have no say here, because the host is for the
//! authenticator, which takes AWS's own hosts alone.

use crate::region::Region;

/// The host of an STS endpoint, and the region in whose scope its requests are signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StsEndpoint {
    host: String,
    signing_region: String,
}

/// Which of a region's hosts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HostKind {
    /// `sts.REGION.…`
    #[default]
    Standard,
    /// Cryptography validated to FIPS 140.
    Fips,
    /// IPv4 and IPv6.
    DualStack,
    /// Both.
    FipsDualStack,
}

/// There is no such host.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The partition has no IPv6 hosts for STS.
    #[error("partition {partition} of region {region} has no dual-stack STS hosts: unset use_dualstack_endpoint")]
    NoDualStack {
        /// The region asked for.
        region: String,
        /// Its partition.
        partition: &'static str,
    },
}

impl StsEndpoint {
    /// The endpoint of `region`. A region that no partition knows is taken for a new one of the commercial partition, as AWS's
    /// own SDKs do: the authenticator decides whether it knows it.
    ///
    /// # Errors
    ///
    /// A kind of host that the region's partition does not have.
    pub fn new(region: &Region, kind: HostKind) -> Result<Self, EndpointError> {
        // A name for the commercial partition as a whole, whose one host is the oldest.
        let (name, global) = match region.as_str() {
            GLOBAL => (GLOBAL_SIGNING_REGION, true),
            name => (name, false),
        };
        let partition = Partition::of(name);
        let dual_stack = || {
            partition
                .dual_stack_suffix
                .ok_or_else(|| EndpointError::NoDualStack { region: name.to_owned(), partition: partition.id })
        };
        let host = match kind {
            HostKind::Standard if global => GLOBAL_HOST.to_owned(),
            // GovCloud's standard hosts are the validated ones.
            HostKind::Fips if partition.id == "aws-us-gov" => format!("sts.{name}.{}", partition.suffix),
            HostKind::Standard => format!("sts.{name}.{}", partition.suffix),
            HostKind::Fips => format!("sts-fips.{name}.{}", partition.suffix),
            HostKind::DualStack => format!("sts.{name}.{}", dual_stack()?),
            HostKind::FipsDualStack => format!("sts-fips.{name}.{}", dual_stack()?),
        };
        Ok(Self { host, signing_region: name.to_owned() })
    }

    /// The host, as it is signed.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The region of the credential scope.
    #[must_use]
    pub fn signing_region(&self) -> &str {
        &self.signing_region
    }
}

impl HostKind {
    /// The kind that a pair of AWS's switches means.
    #[must_use]
    pub fn from_switches(fips: bool, dual_stack: bool) -> Self {
        match (fips, dual_stack) {
            (false, false) => Self::Standard,
            (true, false) => Self::Fips,
            (false, true) => Self::DualStack,
            (true, true) => Self::FipsDualStack,
        }
    }
}

/// A part of AWS with its own accounts and domains.
pub(crate) struct Partition {
    pub(crate) id: &'static str,
    /// What the names of its regions start with.
    region_prefix: &'static str,
    pub(crate) suffix: &'static str,
    pub(crate) dual_stack_suffix: Option<&'static str>,
}

impl Partition {
    pub(crate) fn of(region: &str) -> &'static Self {
        PARTITIONS.iter().find(|partition| region.starts_with(partition.region_prefix)).unwrap_or(&COMMERCIAL)
    }
}

const GLOBAL: &str = "aws-global";
const GLOBAL_HOST: &str = "sts.amazonaws.com";
const GLOBAL_SIGNING_REGION: &str = "us-east-1";

static COMMERCIAL: Partition =
    Partition { id: "aws", region_prefix: "", suffix: "amazonaws.com", dual_stack_suffix: Some("api.aws") };

/// All but the commercial partition. The names that botocore has for dual-stack hosts of aws-iso-e and aws-iso-f stand in one
/// of its tables and are denied by the other; it refuses them, and so does this.
static PARTITIONS: [Partition; 7] = [
    Partition {
        id: "aws-cn",
        region_prefix: "cn-",
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: Some("api.amazonwebservices.com.cn"),
    },
    Partition {
        id: "aws-eusc",
        region_prefix: "eusc-",
        suffix: "amazonaws.eu",
        dual_stack_suffix: Some("api.amazonwebservices.eu"),
    },
    Partition {
        id: "aws-iso",
        region_prefix: "us-iso-",
        suffix: "c2s.ic.gov",
        dual_stack_suffix: Some("api.aws.ic.gov"),
    },
    Partition {
        id: "aws-iso-b",
        region_prefix: "us-isob-",
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: Some("api.aws.scloud"),
    },
    Partition { id: "aws-iso-e", region_prefix: "eu-isoe-", suffix: "cloud.adc-e.uk", dual_stack_suffix: None },
    Partition { id: "aws-iso-f", region_prefix: "us-isof-", suffix: "csp.hci.ic.gov", dual_stack_suffix: None },
    Partition {
        id: "aws-us-gov",
        region_prefix: "us-gov-",
        suffix: "amazonaws.com",
        dual_stack_suffix: Some("api.aws"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(region: &str, kind: HostKind) -> Result<StsEndpoint, EndpointError> {
        StsEndpoint::new(&region.parse().unwrap(), kind)
    }

    /// The rows are the hosts of URLs that botocore 1.43.11 presigned for each region with `use_fips_endpoint` and
    /// `use_dualstack_endpoint`; "-" is where it raised `EndpointVariantError`.
    #[test]
    fn every_partition_has_the_hosts_that_botocore_signs_for() {
        let table = "
            us-west-2       sts.us-west-2.amazonaws.com        sts-fips.us-west-2.amazonaws.com        sts.us-west-2.api.aws        sts-fips.us-west-2.api.aws
            eu-west-1       sts.eu-west-1.amazonaws.com        sts-fips.eu-west-1.amazonaws.com        sts.eu-west-1.api.aws        sts-fips.eu-west-1.api.aws
            zz-new-1        sts.zz-new-1.amazonaws.com         sts-fips.zz-new-1.amazonaws.com         sts.zz-new-1.api.aws         sts-fips.zz-new-1.api.aws
            cn-north-1      sts.cn-north-1.amazonaws.com.cn    sts-fips.cn-north-1.amazonaws.com.cn    sts.cn-north-1.api.amazonwebservices.com.cn sts-fips.cn-north-1.api.amazonwebservices.com.cn
            us-gov-west-1   sts.us-gov-west-1.amazonaws.com    sts.us-gov-west-1.amazonaws.com         sts.us-gov-west-1.api.aws    sts-fips.us-gov-west-1.api.aws
            us-iso-east-1   sts.us-iso-east-1.c2s.ic.gov       sts-fips.us-iso-east-1.c2s.ic.gov       sts.us-iso-east-1.api.aws.ic.gov sts-fips.us-iso-east-1.api.aws.ic.gov
            us-isob-east-1  sts.us-isob-east-1.sc2s.sgov.gov   sts-fips.us-isob-east-1.sc2s.sgov.gov   sts.us-isob-east-1.api.aws.scloud sts-fips.us-isob-east-1.api.aws.scloud
            eu-isoe-west-1  sts.eu-isoe-west-1.cloud.adc-e.uk  sts-fips.eu-isoe-west-1.cloud.adc-e.uk  -                            -
            us-isof-south-1 sts.us-isof-south-1.csp.hci.ic.gov sts-fips.us-isof-south-1.csp.hci.ic.gov -                            -
            eusc-de-east-1  sts.eusc-de-east-1.amazonaws.eu    sts-fips.eusc-de-east-1.amazonaws.eu    sts.eusc-de-east-1.api.amazonwebservices.eu sts-fips.eusc-de-east-1.api.amazonwebservices.eu
        ";
        for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let mut cells = row.split_whitespace();
            let region = cells.next().unwrap();
            for (switches, host) in [(false, false), (true, false), (false, true), (true, true)].into_iter().zip(cells)
            {
                let found = endpoint(region, HostKind::from_switches(switches.0, switches.1));
                match host {
                    "-" => assert!(matches!(found, Err(EndpointError::NoDualStack { .. })), "{region} {switches:?}"),
                    host => {
                        let found = found.unwrap();
                        assert_eq!((found.host(), found.signing_region()), (host, region), "{switches:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_commercial_partition_as_a_region_is_the_oldest_host_in_the_scope_of_us_east_1() {
        let global = endpoint("aws-global", HostKind::Standard).unwrap();
        assert_eq!((global.host(), global.signing_region()), ("sts.amazonaws.com", "us-east-1"));
        let fips = endpoint("aws-global", HostKind::Fips).unwrap();
        assert_eq!((fips.host(), fips.signing_region()), ("sts-fips.us-east-1.amazonaws.com", "us-east-1"));
    }
}
