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
        let mut added: Vec<_> = table.hosts.values().filter(|host| host.region == name).map(|host| host.name).collect();
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
