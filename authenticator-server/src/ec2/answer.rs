//! What EC2 and IAM answer, in XML, as far as it matters. Pure.

use std::collections::HashMap;

use mapping::{Instance, InstanceId, InstanceRole, PrincipalKind, PrivateDnsName};
use serde::Deserialize;

/// One page of `DescribeInstances`
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>).
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Page {
    /// The instances on it; of one whose description cannot be understood there is nothing but that.
    pub(super) found: HashMap<InstanceId, Option<Found>>,
    /// Where the next page begins, if there is one.
    pub(super) next: Option<String>,
}

/// An instance, whose role is not known yet if it has a profile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// What EC2 says.
    pub(super) instance: Instance,
    /// The instance profile, of which IAM knows the role.
    pub(super) profile: Option<InstanceProfile>,
}

/// An instance profile, `arn:aws:iam::123456789012:instance-profile/PATH/NAME`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct InstanceProfile(Box<str>);

/// The text is not the answer that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the answer is not what was asked for")]
pub(super) struct AnswerError;

/// Reads a page of `DescribeInstances`.
///
/// # Errors
/// When it is none. A description among others that cannot be understood does no harm to them.
pub(super) fn read_instances(body: &[u8]) -> Result<Page, AnswerError> {
    let xml: DescribeInstancesResponse = read(body)?;
    let mut found = HashMap::new();
    for reservation in xml.reservation_set.item {
        for item in reservation.instances_set.item {
            // An instance that was not asked about is nobody's.
            if let Ok(id) = item.instance_id.parse() {
                found.insert(id, describe(&item, &reservation.owner_id));
            }
        }
    }
    Ok(Page { found, next: xml.next_token.filter(|token| !token.is_empty()) })
}

fn describe(item: &InstanceItem, owner: &str) -> Option<Found> {
    let name = item.private_dns_name.as_deref().filter(|name| !name.is_empty());
    let private_dns_name = name.map(str::parse::<PrivateDnsName>).transpose().ok()?;
    let profile = item.iam_instance_profile.as_ref().map(|profile| InstanceProfile::parse(&profile.arn));
    let profile = match profile {
        Some(profile) => Some(profile?),
        None => None,
    };
    let tags = item.tag_set.iter().flat_map(|tags| &tags.item);
    let clusters = tags.filter_map(|tag| tag.key.strip_prefix(CLUSTER_TAG)).map(Into::into);
    let instance = Instance {
        account: owner.parse().ok()?,
        is_live: matches!(item.instance_state.name.as_str(), "pending" | "running"),
        private_dns_name,
        role: if profile.is_some() { InstanceRole::NotAsked } else { InstanceRole::None },
        vpc_id: item.vpc_id.as_deref().filter(|id| !id.is_empty()).map(Into::into),
        clusters: clusters.collect(),
    };
    Some(Found { instance, profile })
}

/// Reads `GetInstanceProfile`: the role of this profile
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html>).
///
/// # Errors
/// When it is not that answer, or about another profile.
pub(super) fn read_profile(body: &[u8], profile: &InstanceProfile) -> Result<InstanceRole, AnswerError> {
    let xml: GetInstanceProfileResponse = read(body)?;
    let answered = xml.get_instance_profile_result.instance_profile;
    if answered.arn != *profile.0 {
        return Err(AnswerError);
    }
    // "An instance profile can contain only one role."
    let [role] = answered.roles.member.as_slice() else {
        return if answered.roles.member.is_empty() { Ok(InstanceRole::None) } else { Err(AnswerError) };
    };
    let role: mapping::Principal = role.arn.parse().map_err(|_| AnswerError)?;
    if !matches!(role.kind(), PrincipalKind::Role { .. }) {
        return Err(AnswerError);
    }
    Ok(InstanceRole::Role(role.canonical()))
}

impl InstanceProfile {
    fn parse(arn: &str) -> Option<Self> {
        let profile = Self(arn.into());
        let name = profile.name();
        let is_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        let is_name = (1..=128).contains(&name.len()) && name.bytes().all(is_byte);
        (arn.contains(":instance-profile/") && is_name).then_some(profile)
    }

    /// Its name, without the path: unique in its account.
    #[must_use]
    pub(super) fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }
}

fn read<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, AnswerError> {
    let text = std::str::from_utf8(body).map_err(|_| AnswerError)?;
    quick_xml::de::from_str(text).map_err(|_| AnswerError)
}

/// The tag of everything that belongs to a cluster
/// (<https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html>).
const CLUSTER_TAG: &str = "kubernetes.io/cluster/";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeInstancesResponse {
    reservation_set: Items<Reservation>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Items<T> {
    #[serde(default = "Vec::new")]
    item: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reservation {
    owner_id: String,
    instances_set: Items<InstanceItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstanceItem {
    instance_id: String,
    private_dns_name: Option<String>,
    instance_state: State,
    iam_instance_profile: Option<Profile>,
    vpc_id: Option<String>,
    tag_set: Option<Items<Tag>>,
}

#[derive(Deserialize)]
struct State {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    arn: String,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetInstanceProfileResponse {
    get_instance_profile_result: ProfileResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProfileResult {
    instance_profile: ProfileItem,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProfileItem {
    arn: String,
    roles: Roles,
}

#[derive(Deserialize)]
struct Roles {
    #[serde(default)]
    member: Vec<RoleItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleItem {
    arn: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "i-0123456789abcdef0";
    const PROFILE: &str = "arn:aws:iam::111122223333:instance-profile/nodes/Node";

    /// As EC2 writes it, with what we do not look at among the rest.
    fn page(instances: &[&str], next: &str) -> String {
        let items = instances.concat();
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
    <reservationSet><item><reservationId>r-1234567890abcdef0</reservationId><ownerId>111122223333</ownerId><groupSet/>
    <instancesSet>{items}</instancesSet></item></reservationSet>{next}
</DescribeInstancesResponse>"#
        )
    }

    fn item(id: &str, rest: &str) -> String {
        format!("<item><instanceId>{id}</instanceId><imageId>ami-bff32ccc</imageId>{rest}</item>")
    }

    const RUNNING: &str = "<instanceState><code>16</code><name>running</name></instanceState>\
        <privateDnsName>ip-10-0-0-1.us-west-2.compute.internal</privateDnsName><dnsName/>";

    fn found(page: &str) -> Option<Found> {
        read_instances(page.as_bytes()).unwrap().found.remove(&ID.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_instance_is_read_as_ec2_writes_it() {
        let rest = format!(
            "{RUNNING}<vpcId>vpc-0123456789abcdef0</vpcId><iamInstanceProfile><arn>{PROFILE}</arn><id>AIPA</id></iamInstanceProfile>\
             <tagSet><item><key>Name</key><value>a</value></item><item><key>kubernetes.io/cluster/blue</key><value>owned</value></item></tagSet>"
        );
        let found = found(&page(&[&item(ID, &rest)], "")).unwrap();
        assert_eq!(found.profile.as_ref().map(InstanceProfile::name), Some("Node"));
        let instance = found.instance;
        assert_eq!(instance.account.as_ref(), "111122223333");
        assert!(instance.is_live);
        let name = instance.private_dns_name.unwrap();
        assert_eq!(name.as_str(), "ip-10-0-0-1.us-west-2.compute.internal");
        assert_eq!(instance.role, InstanceRole::NotAsked);
        assert_eq!(instance.vpc_id.as_deref(), Some("vpc-0123456789abcdef0"));
        assert_eq!(*instance.clusters, [Box::from("blue")]);
    }

    #[test]
    fn an_instance_that_has_ended_has_no_name_and_does_not_live() {
        let rest = "<instanceState><code>48</code><name>terminated</name></instanceState><privateDnsName/>";
        let found = found(&page(&[&item(ID, rest)], "")).unwrap();
        assert_eq!((found.instance.private_dns_name, found.instance.is_live, found.profile), (None, false, None));
        assert_eq!(found.instance.role, InstanceRole::None);
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let next = |text: &str| read_instances(page(&[], text).as_bytes()).unwrap().next;
        assert_eq!(next("<nextToken>abc=</nextToken>"), Some("abc=".to_owned()));
        assert_eq!(next("<nextToken/>"), None);
        assert_eq!(next(""), None);
        let empty = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
        assert_eq!(read_instances(empty.as_bytes()), Ok(Page { found: HashMap::new(), next: None }));
    }

    #[test]
    fn a_description_that_cannot_be_understood_does_no_harm_to_others() {
        let bad_name = RUNNING.replace("ip-10", "ip_10");
        let other = "i-0123456789abcdef1";
        let text = page(&[&item(other, &bad_name), &item(ID, RUNNING)], "");
        assert!(found(&text).is_some());
        let page = read_instances(text.as_bytes()).unwrap();
        assert_eq!(page.found.get(&other.parse().unwrap()), Some(&None));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in [
            "",
            "{}",
            "<a/>",
            "<DescribeInstancesResponse><reservationSet>",
            "<DescribeInstancesResponse></DescribeInstancesResponse>",
            "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
            &page(&["<item><instanceId>i-01234567</instanceId></item>"], ""),
        ] {
            assert_eq!(read_instances(text.as_bytes()), Err(AnswerError), "{text}");
        }
        assert_eq!(read_instances(&[0xff]), Err(AnswerError));
    }

    #[test]
    fn what_is_not_looked_at_may_be_nested_deeply_and_names_no_entities() {
        let deep = |times: usize| format!("{}{}{RUNNING}", "<a>".repeat(times), "</a>".repeat(times));
        assert!(found(&page(&[&item(ID, &deep(200_000))], "")).is_some());
        assert_eq!(read_instances("<a>".repeat(200_000).as_bytes()), Err(AnswerError));
        let bomb = "<!DOCTYPE a [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]>";
        let text = page(&[&item(ID, &RUNNING.replace("running", "&b;"))], "").replacen("?>", &format!("?>{bomb}"), 1);
        assert_eq!(read_instances(text.as_bytes()), Err(AnswerError));
    }

    fn profile(roles: &str) -> Result<InstanceRole, AnswerError> {
        let text = format!(
            r#"<GetInstanceProfileResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetInstanceProfileResult><InstanceProfile>
            <InstanceProfileId>AIPA</InstanceProfileId><Roles>{roles}</Roles><InstanceProfileName>Node</InstanceProfileName><Path>/nodes/</Path>
            <Arn>{PROFILE}</Arn></InstanceProfile></GetInstanceProfileResult><ResponseMetadata/></GetInstanceProfileResponse>"#
        );
        read_profile(text.as_bytes(), &InstanceProfile::parse(PROFILE).unwrap())
    }

    #[test]
    fn the_role_of_a_profile_is_the_one_that_it_holds() {
        let member = "<member><Path>/a/</Path><Arn>arn:aws:iam::111122223333:role/a/Node</Arn><RoleName>Node</RoleName></member>";
        let InstanceRole::Role(role) = profile(member).unwrap() else { panic!("no role") };
        assert_eq!(role.as_str(), "arn:aws:iam::111122223333:role/Node");
        assert_eq!(profile(""), Ok(InstanceRole::None));
        assert_eq!(profile(&member.repeat(2)), Err(AnswerError));
        assert_eq!(profile("<member><Arn>arn:aws:iam::111122223333:user/Node</Arn></member>"), Err(AnswerError));
        let other = InstanceProfile::parse("arn:aws:iam::111122223333:instance-profile/Node").unwrap();
        assert_eq!(read_profile(b"<a/>", &other), Err(AnswerError));
    }

    #[test]
    fn a_profile_has_a_name() {
        for arn in
            ["arn:aws:iam::1:instance-profile/", "arn:aws:iam::1:role/a", "instance-profile", "x:instance-profile/a b"]
        {
            assert_eq!(InstanceProfile::parse(arn), None, "{arn}");
        }
    }
}
