use percent_encoding::utf8_percent_encode;

use super::super::sigv4::ENCODED;
use super::*;

#[test]
fn a_role_is_taken_on_by_whom_it_trusts_and_nobody_else() {
    let assumed = assumed(&role(), &alice(), &[]).unwrap();
    assert_eq!(assumed.principal.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/deployer/from-a-test"));
    assert!(assumed.principal.user_id.ends_with(":from-a-test"), "{assumed:?}");
    assert_eq!(assumed.principal.session.unwrap().ends, Some(assumed.ends));
    assert_eq!(assumed.ends, now() + SignedDuration::from_hours(1));

    assert_eq!(refused(&role(), &bob(), &[]), Code::AccessDenied);
    let absent = Role { arn: "arn:aws:iam::111122223333:role/other".to_owned(), ..role() };
    assert_eq!(refused(&absent, &alice(), &[]), Code::AccessDenied);
}

#[test]
fn a_session_is_trusted_as_its_role() {
    let chained = Role::trusting(ACCOUNT, "deployer", ["arn:aws:iam::111122223333:role/first"]);
    let session = Principal::role_session(ACCOUNT, "first", "any");
    assert!(assumed(&chained, &session, &[]).is_ok());
    assert_eq!(refused(&chained, &Principal::role_session(ACCOUNT, "second", "any"), &[]), Code::AccessDenied);
}

#[test]
fn what_a_role_demands_must_be_in_the_request() {
    let mfa = Mfa { serial: "arn:aws:iam::111122223333:mfa/alice".to_owned(), code: "123456".to_owned() };
    let external = Role { external_id: Some("abc".to_owned()), ..role() };
    let named = Role { session_name: Some("ci".to_owned()), ..role() };
    let long = Role { duration: Some(SignedDuration::from_hours(2)), ..role() };
    let guarded = Role { mfa: Some(mfa.clone()), ..role() };
    let serial = ("SerialNumber", mfa.serial.as_str());
    type Form<'a> = &'a [(&'a str, &'a str)];
    let rows: [(&Role, Form<'_>, &[Form<'_>]); 4] = [
        (&external, &[("ExternalId", "abc")], &[&[], &[("ExternalId", "abd")]]),
        (&named, &[("RoleSessionName", "ci")], &[&[]]),
        (&long, &[("DurationSeconds", "7200")], &[&[], &[("DurationSeconds", "7199")]]),
        (
            &guarded,
            &[serial, ("TokenCode", "123456")],
            &[&[], &[serial], &[serial, ("TokenCode", "123457")], &[("SerialNumber", "GA12"), ("TokenCode", "123456")]],
        ),
    ];
    for (role, right, wrong) in rows {
        assert!(assumed(role, &alice(), right).is_ok(), "{right:?}");
        for wrong in wrong {
            assert_eq!(refused(role, &alice(), wrong), Code::AccessDenied, "{wrong:?}");
        }
    }
    assert_eq!(
        refused(&role(), &alice(), &[serial, ("TokenCode", "123456")]),
        Code::AccessDenied,
        "a device of nobody"
    );
}

#[test]
fn a_session_is_as_long_as_it_was_asked_to_be_within_the_bounds() {
    let length = |seconds| assumed(&role(), &alice(), &[("DurationSeconds", seconds)]);
    assert_eq!(length("900").unwrap().ends, now() + SignedDuration::from_secs(900));
    for wrong in ["899", "43201", "", "1h"] {
        assert_eq!(length(wrong).unwrap_err().code, Code::ValidationError, "{wrong}");
    }
    let chained = Role::trusting(ACCOUNT, "deployer", ["arn:aws:iam::111122223333:role/first"]);
    let session = Principal::role_session(ACCOUNT, "first", "any");
    assert!(assumed(&chained, &session, &[("DurationSeconds", "3600")]).is_ok());
    assert_eq!(refused(&chained, &session, &[("DurationSeconds", "3601")]), Code::ValidationError);
}

#[test]
fn a_session_has_a_name_of_the_right_characters() {
    for wrong in ["", "a", "two words", "a/b", &"a".repeat(65)] {
        assert_eq!(refused(&role(), &alice(), &[("RoleSessionName", wrong)]), Code::ValidationError, "{wrong}");
    }
    assert!(assumed(&role(), &alice(), &[("RoleSessionName", "i-0123_+=,.@-")]).is_ok());
}

#[test]
fn a_web_identity_is_known_by_its_token_alone() {
    let pod = Role::for_web_identity(ACCOUNT, "pod", "a.b.c");
    let take = |caller: Option<&Principal>, token| {
        let form = form(&pod, &[("WebIdentityToken", token)]);
        assume(std::slice::from_ref(&pod), caller, &form, now()).map_err(|fault| fault.code)
    };
    assert_eq!(take(None, "a.b.c").unwrap().principal.arn, pod.session("from-a-test").arn);
    assert_eq!(take(None, "a.b.d").unwrap_err(), Code::AccessDenied);
    assert_eq!(take(None, "abc").unwrap_err(), Code::InvalidIdentityToken);
    assert_eq!(take(Some(&alice()), "a.b.c").unwrap_err(), Code::AccessDenied, "AssumeRole is for others");
    let for_alice = assume(&[role()], None, &form(&role(), &[("WebIdentityToken", "a.b.c")]), now());
    assert_eq!(for_alice.unwrap_err().code, Code::AccessDenied);
}

#[test]
fn each_session_has_keys_of_its_own_even_under_the_same_name() {
    let [first, second] = [(), ()].map(|()| assumed(&role(), &alice(), &[]).unwrap().principal);
    assert_eq!((&first.arn, &first.user_id), (&second.arn, &second.user_id));
    assert_ne!(first.access_key_id, second.access_key_id);
    assert_ne!(first.secret_access_key, second.secret_access_key);
    assert_ne!(first.session, second.session);
}

#[test]
fn a_roles_path_is_not_in_its_sessions_names() {
    let role = Role { arn: "arn:aws-cn:iam::111122223333:role/teams/a/deployer".to_owned(), ..role() };
    assert_eq!(role.session("s").arn, "arn:aws-cn:sts::111122223333:assumed-role/deployer/s");
}

fn assumed(role: &Role, caller: &Principal, stated: &[(&str, &str)]) -> Result<Assumed, Fault> {
    let known = Role { arn: self::role().arn, ..role.clone() };
    assume(std::slice::from_ref(&known), Some(caller), &form(role, stated), now())
}

fn refused(role: &Role, caller: &Principal, stated: &[(&str, &str)]) -> Code {
    assumed(role, caller, stated).unwrap_err().code
}

/// A request for the role, with these parameters beside or in place of the usual ones.
fn form(role: &Role, stated: &[(&str, &str)]) -> Pairs {
    let usual = [("RoleArn", role.arn.as_str()), ("RoleSessionName", "from-a-test")];
    let usual = usual.into_iter().filter(|(name, _)| stated.iter().all(|(stated, _)| stated != name));
    let form: Vec<String> = usual
        .chain(stated.iter().copied())
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED)))
        .collect();
    Pairs::parse(&form.join("&")).unwrap()
}

fn role() -> Role {
    Role::trusting(ACCOUNT, "deployer", [alice().arn.as_str()])
}

fn alice() -> Principal {
    Principal::user(ACCOUNT, "alice")
}

fn bob() -> Principal {
    Principal::user(ACCOUNT, "bob")
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

const ACCOUNT: &str = "111122223333";
