//! What EC2 and IAM say, in XML.

use http::header::HeaderValue;
use http::{Response, StatusCode};
use hyper::body::Bytes;

use super::describe::Page;
use super::profiles::Profile;
use super::{Hostname, Machine, State};
use crate::support::loopback::plain;
use crate::support::sts::{Code, Fault, escape, identifier};

/// A refusal by either service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The code by which programs tell refusals apart.
    pub code: &'static str,
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { code, status, message: message.into() }
    }

    /// EC2 has words of its own for a caller that it does not know, and the same for a wrong secret:
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.
    pub(super) fn of_ec2(fault: &Fault) -> Refusal {
        match fault.code {
            // Its words begin with this where the time is what is wrong.
            Code::SignatureDoesNotMatch
                if ["Signature expired", "Signature not yet"]
                    .iter()
                    .any(|words| fault.message().starts_with(words)) =>
            {
                Refusal::new("RequestExpired", StatusCode::BAD_REQUEST, "Request has expired.")
            }
            Code::InvalidClientTokenId | Code::SignatureDoesNotMatch => Refusal::new(
                "AuthFailure",
                StatusCode::UNAUTHORIZED,
                "AWS was not able to validate the provided access credentials",
            ),
            Code::ExpiredToken => Refusal::new("RequestExpired", StatusCode::BAD_REQUEST, "Request has expired."),
            Code::MissingAuthenticationToken => Refusal::new(
                "MissingAuthenticationToken",
                StatusCode::FORBIDDEN,
                "The request must contain either a valid (registered) AWS access key ID or X.509 certificate.",
            ),
            other => Refusal::new(other.name(), StatusCode::BAD_REQUEST, fault.message()),
        }
    }

    pub(super) fn of_iam(fault: &Fault) -> Refusal {
        Refusal::new(fault.code.name(), fault.code.status(), fault.message())
    }
}

pub(super) fn ec2_refusal(Refusal { code, status, message }: &Refusal, request_id: &str) -> Response<Bytes> {
    let body = format!(
        "{DECLARATION}<Response><Errors><Error>{}{}</Error></Errors><RequestID>{request_id}</RequestID></Response>",
        tag("Code", code),
        tag("Message", message),
    );
    let mut response = plain(*status, "text/xml;charset=UTF-8", body);
    response.headers_mut().insert("x-amzn-requestid", id(request_id));
    response
}

pub(super) fn iam_refusal(Refusal { code, status, message }: &Refusal, request_id: &str) -> Response<Bytes> {
    let body = format!(
        "<ErrorResponse xmlns=\"{IAM_NAMESPACE}\">\n  <Error>\n    <Type>Sender</Type>\n    {}\n    {}\n  </Error>\n  \
         {}\n</ErrorResponse>\n",
        tag("Code", code),
        tag("Message", message),
        tag("RequestId", request_id),
    );
    let mut response = plain(*status, "text/xml", body);
    response.headers_mut().insert("x-amzn-requestid", id(request_id));
    response
}

/// One reservation an instance: EC2 promises nothing about which share one.
pub(super) fn instances(page: &Page<'_>, request_id: &str) -> String {
    let reservations: String = page.machines.iter().map(|machine| item(&reservation(machine))).collect();
    let next_token = page.next_token.as_ref().map(|token| tag("nextToken", token)).unwrap_or_default();
    format!(
        "{DECLARATION}<DescribeInstancesResponse xmlns=\"{EC2_NAMESPACE}\">\n    {}\n    {}\n    \
         {next_token}\n</DescribeInstancesResponse>",
        tag("requestId", request_id),
        element("reservationSet", &reservations),
    )
}

fn reservation(machine: &Machine) -> String {
    let digits = machine.id.trim_start_matches("i-");
    [
        tag("reservationId", &format!("r-{digits}")),
        tag("ownerId", &machine.account),
        "<groupSet/>".to_owned(),
        element("instancesSet", &item(&instance(machine))),
    ]
    .concat()
}

fn instance(machine: &Machine) -> String {
    let (code, state) = machine.state.code_and_name();
    // A terminated instance has left its network, its profile and its names.
    let lives = machine.state != State::Terminated;
    let digits = machine.id.trim_start_matches("i-");
    let tags: String =
        machine.tags.iter().map(|(key, value)| item(&[tag("key", key), tag("value", value)].concat())).collect();
    let mut parts = vec![
        tag("instanceId", &machine.id),
        tag("imageId", "ami-0abcdef1234567890"),
        element("instanceState", &[tag("code", &code.to_string()), tag("name", state)].concat()),
        tag("privateDnsName", if lives { &machine.private_dns_name } else { "" }),
        "<dnsName/><reason/>".to_owned(),
        tag("amiLaunchIndex", "0"),
        "<productCodes/>".to_owned(),
        tag("instanceType", "m5.large"),
        tag("launchTime", "2026-01-02T03:04:05.000Z"),
        element(
            "placement",
            &[
                tag("availabilityZone", &format!("{}a", machine.region)),
                "<groupName/>".to_owned(),
                tag("tenancy", "default"),
            ]
            .concat(),
        ),
        element("monitoring", &tag("state", "disabled")),
    ];
    if lives {
        parts.push(tag("subnetId", "subnet-0123456789abcdef0"));
        parts.push(tag("vpcId", &machine.vpc));
        parts.push(tag("privateIpAddress", &machine.private_ip));
        parts.extend(machine.ipv6.iter().map(|address| tag("ipv6Address", address)));
        parts.push(element("networkInterfaceSet", &item(&network_interface(machine, digits))));
        parts.extend(machine.profile.iter().map(|name| {
            let arn = profile_arn(&machine.account, name);
            element("iamInstanceProfile", &[tag("arn", &arn), tag("id", &identifier("AIPA", &arn))].concat())
        }));
    } else {
        parts.push("<networkInterfaceSet/>".to_owned());
    }
    parts.extend([
        tag("sourceDestCheck", "true"),
        element("tagSet", &tags),
        tag("architecture", "x86_64"),
        tag("rootDeviceType", "ebs"),
        tag("rootDeviceName", "/dev/xvda"),
        "<blockDeviceMapping/>".to_owned(),
        tag("virtualizationType", "hvm"),
        tag("hypervisor", "xen"),
        "<groupSet/>".to_owned(),
        private_dns_name_options(machine.hostname),
    ]);
    parts.concat()
}

fn network_interface(machine: &Machine, digits: &str) -> String {
    let names =
        [tag("privateIpAddress", &machine.private_ip), tag("privateDnsName", &machine.private_dns_name)].concat();
    let ipv6: String = machine.ipv6.iter().map(|address| item(&tag("ipv6Address", address))).collect();
    [
        tag("networkInterfaceId", &format!("eni-{digits}")),
        tag("subnetId", "subnet-0123456789abcdef0"),
        tag("vpcId", &machine.vpc),
        "<description/>".to_owned(),
        tag("ownerId", &machine.account),
        tag("status", "in-use"),
        names.clone(),
        element("privateIpAddressesSet", &item(&[names, tag("primary", "true")].concat())),
        element("ipv6AddressesSet", &ipv6),
        tag("interfaceType", "interface"),
    ]
    .concat()
}

fn private_dns_name_options(hostname: Hostname) -> String {
    let options = [
        tag("hostnameType", hostname.name()),
        tag("enableResourceNameDnsARecord", "false"),
        tag("enableResourceNameDnsAAAARecord", "false"),
    ];
    element("privateDnsNameOptions", &options.concat())
}

pub(super) fn profile(profile: &Profile<'_>, request_id: &str) -> String {
    let Profile { account, name, role } = profile;
    let arn = profile_arn(account, name);
    let roles: String = role.iter().map(|role| element("member", &role_of(account, role))).collect();
    let told = [
        tag("InstanceProfileId", &identifier("AIPA", &arn)),
        element("Roles", &roles),
        tag("InstanceProfileName", name),
        tag("Path", "/"),
        tag("Arn", &arn),
        tag("CreateDate", "2026-01-02T03:04:05Z"),
        "<Tags/>".to_owned(),
    ];
    format!(
        "<GetInstanceProfileResponse xmlns=\"{IAM_NAMESPACE}\">\n  {}\n  {}\n</GetInstanceProfileResponse>\n",
        element("GetInstanceProfileResult", &element("InstanceProfile", &told.concat())),
        element("ResponseMetadata", &tag("RequestId", request_id)),
    )
}

/// `role` may carry a path, which is no part of its name.
fn role_of(account: &str, role: &str) -> String {
    let (path, name) = role.rsplit_once('/').map_or(("/".to_owned(), role), |(path, name)| (format!("/{path}/"), name));
    let arn = format!("arn:aws:iam::{account}:role/{role}");
    let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
    [
        tag("Path", &path),
        tag("Arn", &arn),
        tag("RoleName", name),
        tag("AssumeRolePolicyDocument", trust),
        tag("CreateDate", "2026-01-02T03:04:05Z"),
        tag("RoleId", &identifier("AROA", &format!("arn:aws:iam::{account}:role/{name}"))),
    ]
    .concat()
}

fn profile_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:instance-profile/{name}")
}

fn item(content: &str) -> String {
    element("item", content)
}

fn tag(name: &str, text: &str) -> String {
    element(name, &escape(text))
}

fn element(name: &str, content: &str) -> String {
    if content.is_empty() { format!("<{name}/>") } else { format!("<{name}>{content}</{name}>") }
}

fn id(request_id: &str) -> HeaderValue {
    HeaderValue::from_str(request_id).expect("request ids are made of digits and dashes")
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
