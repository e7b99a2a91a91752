use super::*;
use crate::exec_info::ApiVersion;

/// A login as `update-kubeconfig` makes it.
pub(super) fn login() -> Login {
    Login {
        cluster: ClusterEntry {
            name: ARN.to_owned(),
            server: "https://EXAMPLE.gr7.us-west-2.eks.amazonaws.com".to_owned(),
            certificate_authority_data: "LS0tLS1CRUdJTg==".to_owned(),
            proxy_url: None,
            exec_cluster_id: None,
        },
        user: ARN.to_owned(),
        exec: ExecEntry {
            command: "authenticator-client".to_owned(),
            args: ["eks", "get-token", "--cluster-name", "demo"].map(str::to_owned).to_vec(),
            api_version: None,
            interactive_mode: None,
            provide_cluster_info: false,
        },
        context: "demo".to_owned(),
    }
}

const ARN: &str = "arn:aws:eks:us-west-2:111122223333:cluster/demo";

fn added(text: &str, login: &Login) -> (String, Added) {
    let mut kubeconfig = Kubeconfig::parse(text.to_owned()).unwrap();
    let added = kubeconfig.add(login).unwrap();
    let text = kubeconfig.text().to_owned();
    assert_eq!(kubeconfig.add(login), Ok(Added::Updated));
    assert_eq!(kubeconfig.text(), text, "a second time changes nothing");
    (text, added)
}

#[test]
fn a_new_file_has_what_aws_cli_would_write() {
    let (text, what) = added("", &login());
    assert_eq!(what, Added::Added);
    let expected = format!(
        "apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: \"LS0tLS1CRUdJTg==\"
    server: https://EXAMPLE.gr7.us-west-2.eks.amazonaws.com
  name: {ARN}
contexts:
- context:
    cluster: {ARN}
    user: {ARN}
  name: demo
current-context: demo
kind: Config
preferences: {{}}
users:
- name: {ARN}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - eks
      - get-token
      - --cluster-name
      - demo
      command: authenticator-client
      installHint: \"authenticator-client logs in to this cluster with AWS credentials and is not installed here: install it and see to it that it is in PATH. For a cluster of EKS, `aws eks update-kubeconfig` writes an entry that runs the AWS CLI instead\"
      interactiveMode: IfAvailable
"
    )
    .replace("\"LS0tLS1CRUdJTg==\"", "LS0tLS1CRUdJTg==");
    assert_eq!(text, expected);
}

#[test]
fn entries_that_are_there_keep_what_is_not_written() {
    let before = format!(
        "# mine
apiVersion: v1
kind: Config
clusters:
  - name: {ARN} # the one
    cluster:
      server: https://old
      insecure-skip-tls-verify: true
      proxy-url: http://proxy
      extensions:
        - name: mine
          extension: {{a: b}}
  - name: other
    cluster: {{server: https://other}}
users:
  - user:
      token: abc
      exec:
        command: aws
        env: # why
          - name: AWS_PROFILE
            value: old
          - {{name: HTTPS_PROXY, value: http://proxy}}
        args: [eks, get-token]
        apiVersion: client.authentication.k8s.io/v1beta1
        installHint: ask me
        interactiveMode: Never
        unknown: kept
    name: \"{ARN}\"
contexts:
  - context: {{cluster: \"{ARN}\", user: {ARN}, namespace: team}}
    name: demo
current-context: other
preferences: {{colors: true}}
"
    );
    let mut login = login();
    login.cluster.exec_cluster_id = Some("demo".to_owned());
    login.exec.provide_cluster_info = true;
    let (text, what) = added(&before, &login);
    assert_eq!(what, Added::Updated);
    let expected = before
        .replace("https://old", "https://EXAMPLE.gr7.us-west-2.eks.amazonaws.com")
        .replace("      insecure-skip-tls-verify: true\n", "")
        .replace(
            "          extension: {a: b}\n",
            "          extension: {a: b}
        - name: client.authentication.k8s.io/exec
          extension:
            cluster-id: demo
      certificate-authority-data: LS0tLS1CRUdJTg==\n",
        )
        .replace("  - user:\n      token: abc\n", "  - user:\n")
        .replace("command: aws", "command: authenticator-client")
        .replace("          - name: AWS_PROFILE\n            value: old\n", "")
        .replace("[eks, get-token]", r#"["eks", "get-token", "--cluster-name", "demo"]"#)
        .replace("        unknown: kept\n", "        unknown: kept\n        provideClusterInfo: true\n")
        .replace("current-context: other", "current-context: demo");
    assert_eq!(text, expected);
}

#[test]
fn a_flag_replaces_what_an_entry_says_and_nothing_else_does() {
    let (text, _) = added("", &login());
    let mut other = login();
    other.exec.api_version = Some(ApiVersion::V1Beta1);
    other.exec.interactive_mode = Some(InteractiveMode::Always);
    let (asked, _) = added(&text, &other);
    assert!(asked.contains("client.authentication.k8s.io/v1beta1\n") && asked.contains("interactiveMode: Always\n"));
    let (kept, _) = added(&asked, &login());
    assert_eq!(kept, asked);
    let old = asked.replace("/v1beta1", "/v1alpha1").replace("Always", "Sometimes");
    let (mended, _) = added(&old, &login());
    assert_eq!(mended, text, "what kubectl would refuse does not stay");
}

#[test]
fn a_json_kubeconfig_stays_json() {
    for before in [
        r#"{"kind":"Config","clusters":[],"users":null}"#.to_owned(),
        format!(
            "{{\n\t\"clusters\": [\n\t\t{{\n\t\t\t\"name\": \"{ARN}\",\n\t\t\t\"cluster\": {{}}\n\t\t}}\n\t],\n\t\"x\": 1\n}}\n"
        ),
        "{}".to_owned(),
    ] {
        let (text, _) = added(&before, &login());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(json["current-context"], "demo");
        assert_eq!(json["clusters"][0]["cluster"]["certificate-authority-data"], "LS0tLS1CRUdJTg==");
        assert_eq!(json["users"][0]["user"]["exec"]["args"][3], "demo");
    }
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let text = format!("clusters:\n- name: {ARN}\n- name: {ARN}\n");
    let fault = Kubeconfig::parse(text).unwrap().add(&login()).unwrap_err();
    assert!(fault.to_string().starts_with("line 3 column 3: a second entry of clusters with the name"), "{fault}");
}

fn plugin() -> Plugin<'static> {
    Plugin {
        command: "authenticator-client",
        understands: &|args| if args.contains(&"--unheard-of") { Err("no such flag".to_owned()) } else { Ok(()) },
    }
}

#[test]
fn entries_of_the_two_programs_are_converted_and_no_others() {
    let before = "users:
- name: cli # a
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1alpha1
      args: # kept
      - --region
      - us-west-2 # here
      - eks
      - get-token
      - --role
      - arn:aws:iam::111122223333:role/x
      command: aws
      env:
      - name: AWS_PROFILE
        value: p
      unknown: 1
- name: go
  user: {exec: {command: '/opt/bin/aws-iam-authenticator', args: [token, -i, x], apiVersion: client.authentication.k8s.io/v1beta1, installHint: mine, interactiveMode: Never}}
- name: windows
  user:
    exec: {command: 'C:\\bin\\aws.exe', args: [eks, get-token], interactiveMode: Always, installHint: h, apiVersion: client.authentication.k8s.io/v1}
- name: s3
  user: {exec: {command: aws, args: [s3, ls]}}
- name: gke
  user: {exec: {command: gke-gcloud-auth-plugin, args: [eks, get-token]}}
- name: vault
  user: {exec: {command: aws-vault, args: [exec, p, --, aws, eks, get-token]}}
- name: strange
  user: {exec: {command: aws, args: [eks, get-token, --unheard-of]}}
- name: certificate
  user: {client-certificate: a}
- name: nothing
";
    let mut kubeconfig = Kubeconfig::parse(before.to_owned()).unwrap();
    let conversions = kubeconfig.convert(None, plugin());
    let users: Vec<_> = conversions.iter().map(|conversion| conversion.user.as_str()).collect();
    assert_eq!(users, ["cli", "go", "windows", "s3", "gke", "vault", "strange"]);
    for (index, command, wraps) in [(3, "aws", false), (4, "gke-gcloud-auth-plugin", false), (5, "aws-vault", true)] {
        assert_eq!(conversions[index].outcome, Outcome::Left { command: command.to_owned(), wraps });
    }
    let Outcome::NotConverted { location, reason } = &conversions[6].outcome else { panic!("{conversions:?}") };
    // In the text as it is now.
    assert!(kubeconfig.text().lines().nth(location.line() - 1).unwrap().contains("--unheard-of"), "{location}");
    assert_eq!(reason, "no such flag");
    let hint = login::INSTALL_HINT_TEXT;
    let expected = before
        .replace("v1alpha1", "v1beta1")
        .replace("command: aws\n", "command: authenticator-client\n")
        .replace(
            "      unknown: 1\n",
            &format!("      unknown: 1\n      installHint: \"{hint}\"\n      interactiveMode: IfAvailable\n"),
        )
        .replace("'/opt/bin/aws-iam-authenticator'", "\"authenticator-client\"")
        .replace("'C:\\bin\\aws.exe'", "\"authenticator-client\"");
    assert_eq!(kubeconfig.text(), expected);

    let again = kubeconfig.convert(None, plugin());
    let converted = again.iter().filter(|conversion| conversion.outcome == Outcome::Converted);
    assert_eq!(converted.count(), 0);
    assert_eq!(kubeconfig.text(), expected);
}

/// What stands in the way of one entry is none of the others' business.
#[test]
fn an_entry_behind_an_alias_an_anchor_or_a_merge_key_is_left_with_its_place() {
    let good = "- name: good\n  user: {exec: {command: aws, args: [eks, get-token]}}\n";
    for (label, entries, line) in [
        ("an alias for the exec", "- name: a\n  user: {exec: *x}\n", 4),
        ("an alias for the user", "- name: a\n  user: *u\n", 4),
        ("a merge key in the exec", "- name: a\n  user: {exec: {<<: *x, env: []}}\n", 4),
        ("a merge key in the user", "- name: a\n  user: {<<: *u}\n", 4),
        ("an anchor on the exec", "- name: a\n  user: {exec: &y {command: aws, args: [eks, get-token]}}\n", 4),
    ] {
        let text = format!(
            "extensions: [&x {{command: aws, args: [eks, get-token]}}, &u {{exec: {{command: aws}}}}]\nusers:\n{entries}{good}"
        );
        let mut kubeconfig = Kubeconfig::parse(text.clone()).unwrap();
        let conversions = kubeconfig.convert(None, plugin());
        let [first, second] = conversions.as_slice() else { panic!("{label}: {conversions:?}") };
        assert!(
            matches!(&first.outcome, Outcome::NotConverted { location, .. } if location.line() == line),
            "{label}: {first:?}"
        );
        assert_eq!(second.outcome, Outcome::Converted, "{label}");
        assert!(kubeconfig.text().contains(entries), "{label}");
    }
}

#[test]
fn one_users_entry_can_be_converted_alone() {
    let before = "users:\n- name: a\n  user: {exec: {command: aws, args: [eks, get-token]}}\n";
    let both = format!("{before}{}", before.replace("users:\n", "").replace("name: a", "name: b"));
    let mut kubeconfig = Kubeconfig::parse(both.clone()).unwrap();
    assert_eq!(kubeconfig.convert(Some("b"), plugin()).len(), 1);
    assert!(kubeconfig.text().starts_with(before));
    assert_ne!(kubeconfig.text(), both);
}

#[test]
fn contexts_and_users_are_found_by_name() {
    let text = "x: &n u\ncontexts:\n- name: a\n  context: {user: *n}\n- name: b\ncurrent-context: ''\n";
    let kubeconfig = Kubeconfig::parse(text.to_owned()).unwrap();
    assert_eq!(kubeconfig.contexts().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((kubeconfig.user_of_context("a"), kubeconfig.user_of_context("b")), (Some("u"), None));
    assert_eq!(kubeconfig.current_context(), None);
}
