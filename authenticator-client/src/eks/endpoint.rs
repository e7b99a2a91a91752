//! At which host EKS is asked in a region. Pure: the rules are those of `botocore/data/eks/2017-11-01/endpoint-rule-set-1.json`.

use crate::{
    endpoint::{HostKind, Partition},
    region::Region,
};

/// EKS in a region.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EksEndpoint {
    url: String,
}

/// There is no such host.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("partition {partition} of region {region} has no dual-stack EKS hosts: unset use_dualstack_endpoint")]
pub struct EndpointError {
    /// The region asked for.
    region: String,
    /// Its partition.
    partition: &'static str,
}

impl EksEndpoint {
    /// The endpoint of a region.
    ///
    /// # Errors
    ///
    /// A kind of host that the region's partition does not have.
    pub fn new(region: &Region, kind: HostKind) -> Result<Self, EndpointError> {
        let partition = Partition::of(region.as_str());
        let dual_stack = || {
            let error = || EndpointError { region: region.to_string(), partition: partition.id };
            partition.dual_stack_suffix.ok_or_else(error)
        };
        let (service, suffix) = match (kind, partition.id) {
            // GovCloud's standard hosts are the validated ones.
            (HostKind::Standard, _) | (HostKind::Fips, "aws-us-gov") => ("eks", partition.suffix),
            (HostKind::Fips, "aws") => ("fips.eks", partition.suffix),
            (HostKind::Fips, _) => ("eks-fips", partition.suffix),
            (HostKind::DualStack, _) => ("eks", dual_stack()?),
            (HostKind::FipsDualStack, _) => ("eks-fips", dual_stack()?),
        };
        Ok(Self { url: format!("https://{service}.{region}.{suffix}") })
    }

    /// The URL, without a path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows are the URLs that botocore 1.44.5 resolves for each region with `use_fips_endpoint` and `use_dualstack_endpoint`;
    /// "-" is where it raised `EndpointProviderError`.
    #[test]
    fn every_partition_has_the_hosts_that_botocore_asks() {
        let table = "
            us-west-2       eks.us-west-2.amazonaws.com        fips.eks.us-west-2.amazonaws.com        eks.us-west-2.api.aws        eks-fips.us-west-2.api.aws
            zz-new-1        eks.zz-new-1.amazonaws.com         fips.eks.zz-new-1.amazonaws.com         eks.zz-new-1.api.aws         eks-fips.zz-new-1.api.aws
            cn-north-1      eks.cn-north-1.amazonaws.com.cn    eks-fips.cn-north-1.amazonaws.com.cn    eks.cn-north-1.api.amazonwebservices.com.cn eks-fips.cn-north-1.api.amazonwebservices.com.cn
            us-gov-west-1   eks.us-gov-west-1.amazonaws.com    eks.us-gov-west-1.amazonaws.com         eks.us-gov-west-1.api.aws    eks-fips.us-gov-west-1.api.aws
            us-iso-east-1   eks.us-iso-east-1.c2s.ic.gov       eks-fips.us-iso-east-1.c2s.ic.gov       eks.us-iso-east-1.api.aws.ic.gov eks-fips.us-iso-east-1.api.aws.ic.gov
            us-isob-east-1  eks.us-isob-east-1.sc2s.sgov.gov   eks-fips.us-isob-east-1.sc2s.sgov.gov   eks.us-isob-east-1.api.aws.scloud eks-fips.us-isob-east-1.api.aws.scloud
            eu-isoe-west-1  eks.eu-isoe-west-1.cloud.adc-e.uk  eks-fips.eu-isoe-west-1.cloud.adc-e.uk  -                            -
            us-isof-south-1 eks.us-isof-south-1.csp.hci.ic.gov eks-fips.us-isof-south-1.csp.hci.ic.gov -                            -
            eusc-de-east-1  eks.eusc-de-east-1.amazonaws.eu    eks-fips.eusc-de-east-1.amazonaws.eu    eks.eusc-de-east-1.api.amazonwebservices.eu eks-fips.eusc-de-east-1.api.amazonwebservices.eu
        ";
        let kinds = [HostKind::Standard, HostKind::Fips, HostKind::DualStack, HostKind::FipsDualStack];
        for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let mut cells = row.split_whitespace();
            let region = cells.next().unwrap().parse().unwrap();
            for (kind, host) in kinds.into_iter().zip(cells) {
                match (EksEndpoint::new(&region, kind), host) {
                    (Err(_), "-") => {}
                    (Ok(endpoint), host) => assert_eq!(endpoint.url(), format!("https://{host}"), "{kind:?}"),
                    (error, host) => panic!("{region} {kind:?} {host}: {error:?}"),
                }
            }
        }
    }
}
