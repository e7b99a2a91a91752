//! Where EC2, IAM and STS are for this server itself, as botocore's `endpoints.json` has it.

use mapping::Partition;

use crate::aws::Service;

/// `DescribeInstances` of a region.
pub(super) fn ec2(partition: Partition, region: &str) -> Service {
    let host = format!("ec2.{region}.{}", dns_suffix(partition));
    Service { host, name: "ec2", region: region.to_owned(), version: "2016-11-15" }
}

/// `AssumeRole` of a region.
pub(super) fn sts(partition: Partition, region: &str) -> Service {
    let host = format!("sts.{region}.{}", dns_suffix(partition));
    Service { host, name: "sts", region: region.to_owned(), version: "2011-06-15" }
}

/// `GetInstanceProfile`: IAM has one endpoint in a partition.
pub(super) fn iam(partition: Partition) -> Service {
    let (host, region) = match partition {
        Partition::Aws => ("iam.amazonaws.com", "us-east-1"),
        Partition::AwsCn => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        Partition::AwsEusc => ("iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        Partition::AwsIso => ("iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        Partition::AwsIsoB => ("iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        Partition::AwsIsoE => ("iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        Partition::AwsIsoF => ("iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        Partition::AwsUsGov => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
    };
    Service { host: host.to_owned(), name: "iam", region: region.to_owned(), version: "2010-05-08" }
}

const fn dns_suffix(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws | Partition::AwsUsGov => "amazonaws.com",
        Partition::AwsCn => "amazonaws.com.cn",
        Partition::AwsEusc => "amazonaws.eu",
        Partition::AwsIso => "c2s.ic.gov",
        Partition::AwsIsoB => "sc2s.sgov.gov",
        Partition::AwsIsoE => "cloud.adc-e.uk",
        Partition::AwsIsoF => "csp.hci.ic.gov",
    }
}
