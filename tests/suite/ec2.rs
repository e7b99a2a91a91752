use std::collections::BTreeSet;
use std::time::Duration;

use authenticator_tests::support::ec2::{Api, Behaviour, Ec2, Machine, State};
use authenticator_tests::support::signers::{Asks, botocore_calls};
use authenticator_tests::support::sts::{Principal, Sts};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::people::{ACCOUNT, alice, bob};

#[test]
fn botocore_finds_each_instance_by_id_by_filter_and_by_page() {
    let (_sts, ec2) = start();
    let machines: Vec<Machine> = (1..=12).map(|number| Machine::new(ACCOUNT, REGION, number)).collect();
    machines.iter().cloned().for_each(|machine| ec2.launch(machine));
    let ids: Vec<&str> = machines.iter().map(|machine| machine.id.as_str()).collect();
    let by_filter = json!([{"Name": "instance-id", "Values": ids}]);
    ec2.page_size(5);
    for caller in [alice(), bob()] {
        let results = ask(
            &ec2,
            &caller,
            json!([
                ["describe_instances", {"InstanceIds": [ids[2]]}],
                ["paginate:describe_instances", {"Filters": by_filter, "PaginationConfig": {"PageSize": 5}}],
                ["paginate:describe_instances", {"InstanceIds": ids}],
            ]),
        );
        let one = &results[0]["ok"]["Reservations"][0];
        assert_eq!(one["OwnerId"], ACCOUNT, "{results:?}");
        assert_eq!(one["Instances"][0]["InstanceId"], ids[2]);
        assert_eq!(one["Instances"][0]["PrivateDnsName"], machines[2].private_dns_name.as_str());
        for pages in &results[1..] {
            let pages = pages["ok"].as_array().unwrap();
            assert_eq!(pages.iter().map(|page| ids_in(page).len()).collect::<Vec<_>>(), [5, 5, 2]);
            assert_eq!(pages.iter().flat_map(ids_in).collect::<Vec<_>>(), ids);
        }
    }
    let calls = ec2.calls(Api::Ec2);
    assert_eq!(calls.len(), 14);
    assert!(calls.iter().all(|call| call.server_name == "ec2.us-west-2.amazonaws.com" && call.refused.is_none()));
    assert_eq!(calls[0].names, [ids[2]]);
}

#[test]
fn botocore_is_refused_as_ec2_refuses() {
    let (_sts, ec2) = start();
    ec2.launch(Machine::new(ACCOUNT, REGION, 1));
    let known = Machine::new(ACCOUNT, REGION, 1).id;
    let too_many: Vec<String> = (0..201).map(|number| format!("i-{number:08x}")).collect();
    let results = ask(
        &ec2,
        &alice(),
        json!([
            ["describe_instances", {"InstanceIds": [known, "i-0000000f"]}],
            ["describe_instances", {"InstanceIds": ["i-0f"]}],
            ["describe_instances", {"InstanceIds": [known], "MaxResults": 5}],
            ["describe_instances", {"Filters": [{"Name": "instance-id", "Values": too_many}]}],
            ["describe_instances", {"NextToken": "bm93aGVyZQ=="}],
        ]),
    );
    let codes: Vec<_> = results.iter().map(|result| (result["error"].as_str().unwrap(), &result["status"])).collect();
    assert_eq!(
        codes,
        [
            ("InvalidInstanceID.NotFound", &json!(400)),
            ("InvalidInstanceID.Malformed", &json!(400)),
            ("InvalidParameterCombination", &json!(400)),
            ("FilterLimitExceeded", &json!(400)),
            ("InvalidNextToken", &json!(400)),
        ]
    );
    // Nobody is refused because of an id in a filter: those that are there are found.
    let filter = json!([{"Name": "instance-id", "Values": [known, "i-0000000f", "i-0f"]}]);
    let results = ask(&ec2, &alice(), json!([["describe_instances", {"Filters": filter}]]));
    assert_eq!(ids_in(&results[0]["ok"]), [known]);
    assert_eq!(ec2.refusals(Api::Ec2).len(), 5);
}

#[test]
fn only_an_instance_of_the_callers_account_and_region_is_seen() {
    let (_sts, ec2) = start();
    ec2.launch(Machine::new(ACCOUNT, "eu-west-1", 1));
    ec2.launch(Machine::new("444455556666", REGION, 2));
    let results = ask(&ec2, &alice(), json!([["describe_instances", {}]]));
    assert_eq!(ids_in(&results[0]["ok"]), [""; 0]);
}

#[test]
fn botocore_with_a_wrong_secret_or_an_ended_session_is_refused_by_both() {
    let (sts, ec2) = start();
    let calls = json!([
        ["describe_instances", {}],
        ["get_instance_profile", {"InstanceProfileName": "nodes"}],
    ]);
    let codes = |caller: &Principal| -> Vec<(String, Value)> {
        let results = ask(&ec2, caller, calls.clone());
        results.iter().map(|result| (result["error"].as_str().unwrap().to_owned(), result["status"].clone())).collect()
    };
    let pair = |ec2: (&str, u16), iam: (&str, u16)| [ec2, iam].map(|(code, status)| (code.to_owned(), json!(status)));
    assert_eq!(codes(&alice().forger()), pair(("AuthFailure", 401), ("SignatureDoesNotMatch", 403)));
    let stranger = Principal::user(ACCOUNT, "nobody-knows");
    assert_eq!(codes(&stranger), pair(("AuthFailure", 401), ("InvalidClientTokenId", 403)));
    let mut without_session = bob();
    without_session.session = None;
    assert_eq!(codes(&without_session), pair(("AuthFailure", 401), ("InvalidClientTokenId", 403)));
    let ended = bob().session_ends(Timestamp::now() - SignedDuration::from_mins(1));
    sts.know(ended.clone());
    assert_eq!(codes(&ended), pair(("RequestExpired", 400), ("ExpiredToken", 403)));
    sts.set_clock(|| Timestamp::now() + SignedDuration::from_mins(16));
    assert_eq!(codes(&alice()), pair(("RequestExpired", 400), ("SignatureDoesNotMatch", 403)));
    assert!(ec2.calls(Api::Ec2).iter().all(|call| call.caller.is_none()));
}

#[test]
fn botocore_is_told_a_profiles_role() {
    let (_sts, ec2) = start();
    ec2.know_profile(ACCOUNT, "nodes", Some("division/Node"));
    ec2.know_profile(ACCOUNT, "empty", None);
    ec2.know_profile("444455556666", "theirs", Some("Node"));
    let named = |name: &str| json!(["get_instance_profile", {"InstanceProfileName": name}]);
    let results = ask(&ec2, &bob(), json!([named("nodes"), named("empty"), named("theirs")]));
    let profile = &results[0]["ok"]["InstanceProfile"];
    assert_eq!(profile["Arn"], format!("arn:aws:iam::{ACCOUNT}:instance-profile/nodes"));
    assert_eq!(profile["Roles"][0]["RoleName"], "Node");
    assert_eq!(profile["Roles"][0]["Path"], "/division/");
    assert_eq!(profile["Roles"][0]["Arn"], format!("arn:aws:iam::{ACCOUNT}:role/division/Node"));
    assert_eq!(results[1]["ok"]["InstanceProfile"]["Roles"], json!([]));
    assert_eq!(results[2], json!({"error": "NoSuchEntity", "status": 404}));
}

#[test]
fn each_behaviour_is_what_its_name_says_and_of_one_service_alone() {
    let (_sts, ec2) = start();
    ec2.know_profile(ACCOUNT, "nodes", Some("Node"));
    let both = json!([
        ["describe_instances", {}],
        ["describe_instances", {}],
        ["get_instance_profile", {"InstanceProfileName": "nodes"}],
    ]);
    let error = |result: &Value| result["error"].as_str().map(ToOwned::to_owned);

    ec2.behave(Api::Ec2, Behaviour::ThrottleNext(1));
    let results = ask(&ec2, &alice(), both.clone());
    assert_eq!(results[0], json!({"error": "RequestLimitExceeded", "status": 503}));
    assert_eq!((error(&results[1]), error(&results[2])), (None, None));

    ec2.behave(Api::Ec2, Behaviour::Refuse("UnauthorizedOperation", StatusCode::FORBIDDEN));
    ec2.behave(Api::Iam, Behaviour::ThrottleNext(1));
    let results = ask(&ec2, &alice(), both.clone());
    assert_eq!(results[0], json!({"error": "UnauthorizedOperation", "status": 403}));
    assert_eq!(results[2], json!({"error": "Throttling", "status": 400}));

    ec2.behave(Api::Ec2, Behaviour::AtMost { per_second: 1 });
    ec2.latency(Api::Iam, Duration::from_millis(1));
    let results = ask(&ec2, &alice(), json!([both[0], both[0], both[0], both[0], both[0], both[2]]));
    assert!(results[..5].iter().any(|result| error(result).as_deref() == Some("RequestLimitExceeded")), "{results:?}");
    assert_eq!(error(&results[5]), None);
}

#[test]
fn what_is_used_of_an_answer_has_the_shape_that_moto_gives_it() {
    let (_sts, ec2) = start();
    let machine = Machine::new(ACCOUNT, REGION, 1).with_profile("nodes").tagged("kubernetes.io/cluster/a", "owned");
    ec2.launch(machine.clone());
    ec2.know_profile(ACCOUNT, "nodes", Some("Node"));
    let calls = |id: &str| {
        json!([
            ["describe_instances", {"InstanceIds": [id]}],
            ["describe_instances", {"Filters": [{"Name": "instance-id", "Values": [id]}]}],
            ["get_instance_profile", {"InstanceProfileName": "nodes"}],
            ["describe_instances", {"InstanceIds": ["i-0000000f"]}],
            ["get_instance_profile", {"InstanceProfileName": "none"}],
        ])
    };
    let names =
        json!({"profile": "nodes", "role": "Node", "tags": [{"Key": "kubernetes.io/cluster/a", "Value": "owned"}]});
    let ours = ask(&ec2, &alice(), calls(&machine.id));
    let motos = botocore_calls(&Asks::Moto { caller: &alice(), names: &names }, &calls("$ID"));
    for (number, (ours, motos)) in ours.iter().zip(&motos).enumerate() {
        let (ours, motos) = (shape(ours), shape(motos));
        let missing: Vec<_> = USED[number].iter().filter(|path| !ours.contains(**path)).collect();
        assert!(missing.is_empty(), "call {number}: {missing:?} not in {ours:#?}");
        let unlike: Vec<_> = USED[number].iter().filter(|path| !motos.contains(**path)).collect();
        assert!(unlike.is_empty(), "call {number}: {unlike:?} not in moto's {motos:#?}");
    }
    // The values that do not depend on who made them up.
    for path in ["/error", "/status"] {
        assert_eq!(ours[3].pointer(path), motos[3].pointer(path));
        assert_eq!(ours[4].pointer(path), motos[4].pointer(path));
    }
    let instance = "/ok/Reservations/0/Instances/0";
    for path in ["/State", "/Tags"].map(|path| format!("{instance}{path}")) {
        assert_eq!(ours[0].pointer(&path), motos[0].pointer(&path));
        assert!(ours[0].pointer(&path).is_some());
    }
}

#[test]
fn a_terminated_instance_has_neither_name_nor_network_nor_profile() {
    let (_sts, ec2) = start();
    let machine = Machine::new(ACCOUNT, REGION, 1).with_profile("nodes");
    ec2.launch(machine.clone());
    ec2.becomes(&machine.id, State::Terminated);
    let results = ask(&ec2, &alice(), json!([["describe_instances", {"InstanceIds": [machine.id]}]]));
    let told = &results[0]["ok"]["Reservations"][0]["Instances"][0];
    assert_eq!(told["State"], json!({"Code": 48, "Name": "terminated"}));
    assert_eq!(told["PrivateDnsName"], "");
    assert!(["VpcId", "IamInstanceProfile", "PrivateIpAddress"].iter().all(|name| told.get(name).is_none()), "{told}");
    ec2.forget(&machine.id);
    let results = ask(&ec2, &alice(), json!([["describe_instances", {"InstanceIds": [machine.id]}]]));
    assert_eq!(results[0]["error"], "InvalidInstanceID.NotFound");
}

fn start() -> (Sts, Ec2) {
    let sts = Sts::start([alice(), bob()]);
    let ec2 = Ec2::beside(&sts, []);
    (sts, ec2)
}

fn ask(ec2: &Ec2, caller: &Principal, calls: Value) -> Vec<Value> {
    botocore_calls(&Asks::Ec2 { ec2, caller }, &calls)
}

fn ids_in(page: &Value) -> Vec<&str> {
    let instances =
        page["Reservations"].as_array().unwrap().iter().flat_map(|one| one["Instances"].as_array().unwrap());
    instances.map(|instance| instance["InstanceId"].as_str().unwrap()).collect()
}

/// The path of each value, with `[]` for any place in a list, and its type at its end.
fn shape(document: &Value) -> BTreeSet<String> {
    fn add(path: &str, value: &Value, shape: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| add(&format!("{path}/{name}"), value, shape))
            }
            Value::Array(values) => values.iter().for_each(|value| add(&format!("{path}[]"), value, shape)),
            Value::String(_) => drop(shape.insert(format!("{path} text"))),
            Value::Number(_) => drop(shape.insert(format!("{path} number"))),
            Value::Bool(_) | Value::Null => drop(shape.insert(format!("{path} other"))),
        }
    }
    let mut shape = BTreeSet::new();
    add("", document, &mut shape);
    shape
}

const REGION: &str = "us-west-2";

/// What anybody here reads of each of the answers that are compared with moto's.
const USED: [&[&str]; 5] = [INSTANCE, INSTANCE, PROFILE, REFUSED, REFUSED];
const INSTANCE: &[&str] = &[
    "/ok/Reservations[]/OwnerId text",
    "/ok/Reservations[]/ReservationId text",
    "/ok/Reservations[]/Instances[]/InstanceId text",
    "/ok/Reservations[]/Instances[]/PrivateDnsName text",
    "/ok/Reservations[]/Instances[]/PrivateIpAddress text",
    "/ok/Reservations[]/Instances[]/State/Name text",
    "/ok/Reservations[]/Instances[]/State/Code number",
    "/ok/Reservations[]/Instances[]/IamInstanceProfile/Arn text",
    "/ok/Reservations[]/Instances[]/IamInstanceProfile/Id text",
    "/ok/Reservations[]/Instances[]/VpcId text",
    "/ok/Reservations[]/Instances[]/Tags[]/Key text",
    "/ok/Reservations[]/Instances[]/Tags[]/Value text",
    "/ok/Reservations[]/Instances[]/NetworkInterfaces[]/NetworkInterfaceId text",
    "/ok/Reservations[]/Instances[]/NetworkInterfaces[]/PrivateIpAddress text",
];
const PROFILE: &[&str] = &[
    "/ok/InstanceProfile/Arn text",
    "/ok/InstanceProfile/InstanceProfileName text",
    "/ok/InstanceProfile/Roles[]/Arn text",
    "/ok/InstanceProfile/Roles[]/RoleName text",
    "/ok/InstanceProfile/Roles[]/RoleId text",
    "/ok/InstanceProfile/Roles[]/Path text",
];
const REFUSED: &[&str] = &["/error text", "/status number"];
