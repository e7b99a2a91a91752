//! Where EKS is asked, and whom to trust there.

use authenticator_tests::support::eks::{self, StrictEks};
use authenticator_tests::support::programs::{self, Run};
use authenticator_tests::support::proxy;
use authenticator_tests::support::sts::Principal;

use super::UPDATE;
use super::home::{AWS, Home};
use crate::people::{ACCOUNT, alice};

/// A run with these variables after those of every home; one that is set to nothing counts as unset.
fn with(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut environment = home.env("config");
    environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    programs::run(programs::client(), home.folder(), [UPDATE, arguments].concat(), &environment)
}

#[test]
fn eks_is_asked_over_tls_by_whoever_trusts_it_with_a_signature_that_it_takes() {
    let carol = Principal::role_session(ACCOUNT, "carols", "carol");
    for (person, signer, host, endpoint) in [
        (alice(), alice(), "eks.us-west-2.amazonaws.com", ""),
        (carol.clone(), carol, "eks.us-west-2.amazonaws.com", ""),
        (
            alice(),
            alice(),
            "vpce-1.eks.us-west-2.vpce.amazonaws.com",
            "https://vpce-1.eks.us-west-2.vpce.amazonaws.com",
        ),
        (alice(), alice().forger(), "eks.us-west-2.amazonaws.com", ""),
    ] {
        let eks = StrictEks::start(person.clone());
        let (proxy, ca) = (proxy::to(eks.address()), eks.ca_file().to_str().unwrap());
        let keys = signer.env();
        let mut variables =
            vec![("AWS_ENDPOINT_URL", ""), ("HTTPS_PROXY", &*proxy), ("AWS_ENDPOINT_URL_EKS", endpoint)];
        variables.extend(keys.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let home = Home::new(None);
        let run = with(&home, &variables, &["--ca-bundle", ca]);
        assert_eq!(eks.seen(), [host]);
        if signer == person {
            assert_eq!(run.code, Some(0), "{host}: {}", run.stderr);
            assert!(home.read("config").contains(&format!("server: {}\n", eks::ENDPOINT)));
        } else {
            assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
            assert!(run.stderr.contains("InvalidSignatureException"), "{}", run.stderr);
            assert!(!home.path("config").exists());
        }
    }
}

#[test]
fn a_server_whose_certificate_is_not_of_the_ca_bundle_is_not_believed() {
    let (eks, other) = (StrictEks::start(alice()), StrictEks::start(alice()));
    let proxy = proxy::to(eks.address());
    let keys = alice().env();
    let [right, wrong] = [&eks, &other].map(|eks| eks.ca_file().to_str().unwrap());
    // The flag comes before the variable, and that before the system's.
    for (flag, variable, is_believed) in [
        (right, "", true),
        (right, wrong, true),
        ("", right, true),
        (wrong, "", false),
        (wrong, right, false),
        ("", wrong, false),
        ("", "", false),
    ] {
        let mut variables = vec![("AWS_ENDPOINT_URL", ""), ("HTTPS_PROXY", &*proxy), ("AWS_CA_BUNDLE", variable)];
        variables.extend(keys.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let home = Home::new(None);
        let asked = eks.seen().len();
        let arguments = if flag.is_empty() { vec![] } else { vec!["--ca-bundle", flag] };
        let run = with(&home, &variables, &arguments);
        assert_eq!(run.code == Some(0), is_believed, "{flag:?} {variable:?}: {}", run.stderr);
        assert_eq!((home.path("config").exists(), eks.seen().len() > asked), (is_believed, is_believed));
        assert!(is_believed || run.stderr.contains("certificate"), "{flag:?} {variable:?}: {}", run.stderr);
    }
}

#[test]
fn eks_is_asked_where_somebody_says_and_aws_cli_asks_there_too() {
    let moto = AWS.0.url();
    let services = format!(
        "[default]\ncli_follow_urlparam = false\nservices = mine\nendpoint_url = {NOWHERE}\n[services mine]\neks =\n  endpoint_url = {moto}\n"
    );
    let profile = format!("[default]\ncli_follow_urlparam = false\nendpoint_url = {moto}\n");
    for (variables, config, flag, is_found) in [
        (&[("AWS_ENDPOINT_URL", NOWHERE), ("AWS_ENDPOINT_URL_EKS", &*moto)][..], "", "", true),
        (&[("AWS_ENDPOINT_URL", &*moto), ("AWS_ENDPOINT_URL_EKS", NOWHERE)], "", "", false),
        (&[("AWS_ENDPOINT_URL", &*moto), ("AWS_ENDPOINT_URL_EKS", NOWHERE)], "", &*moto, true),
        (&[("AWS_ENDPOINT_URL", &*moto), ("AWS_ENDPOINT_URL_STS", NOWHERE)], "", "", true),
        (&[("AWS_ENDPOINT_URL", UNSET)], &*profile, "", true),
        (&[("AWS_ENDPOINT_URL", UNSET)], &*services, "", true),
        (&[("AWS_ENDPOINT_URL", UNSET), ("AWS_ENDPOINT_URL_EKS", NOWHERE)], &*services, "", false),
    ] {
        let (ours, theirs) = (Home::new(None), Home::new(None));
        let flags = if flag.is_empty() { vec![] } else { vec!["--endpoint-url", flag] };
        let arguments = [UPDATE, &flags].concat();
        for home in [&ours, &theirs] {
            if !config.is_empty() {
                home.write(".aws/config", config);
            }
        }
        let environment = |home: &Home| {
            let mut environment = home.env("config");
            // One attempt: nobody waits for a service that is not there.
            environment.push(("AWS_MAX_ATTEMPTS".to_owned(), "1".to_owned()));
            environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            // A later one replaces an earlier one, and aws-cli does not take an empty one for none.
            let unset: Vec<_> = variables.iter().filter(|(_, value)| *value == UNSET).map(|(name, _)| *name).collect();
            environment.retain(|(name, _)| !unset.contains(&name.as_str()));
            environment
        };
        let run = programs::run(programs::client(), ours.folder(), &arguments, &environment(&ours));
        let words: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        let their_run = AWS.1.run(&words, &environment(&theirs), theirs.folder());
        let label = format!("{variables:?} {config:?} {flag:?}");
        assert_eq!(
            (run.code == Some(0), their_run.code == Some(0)),
            (is_found, is_found),
            "{label}: {run:?} {their_run:?}"
        );
        assert!(is_found || run.stderr.contains(NOWHERE), "{label}: {}", run.stderr);
        assert_eq!((ours.path("config").exists(), theirs.path("config").exists()), (is_found, is_found), "{label}");
    }
}

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";
/// The value of a variable that is not set.
const UNSET: &str = "<unset>";
