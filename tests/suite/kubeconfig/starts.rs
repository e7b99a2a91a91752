//! Kubeconfigs as people have them.

use serde_json::{Value, json};

/// A kubeconfig before a cluster is added.
pub(super) struct Start {
    pub(super) label: &'static str,
    /// Its text; `None` where there is no file.
    pub(super) text: Option<&'static str>,
    /// What of an entry that is updated aws-cli drops and ours keeps.
    pub(super) kept: fn() -> Vec<(&'static str, Value)>,
    /// How many of its lines are replaced, at most.
    pub(super) replaced: usize,
}

const fn start(label: &'static str, text: &'static str, replaced: usize) -> Start {
    Start { label, text: Some(text), kept: Vec::new, replaced }
}

pub(super) const STARTS: &[Start] = &[
    Start { label: "no file", text: None, kept: Vec::new, replaced: 0 },
    start(
        "another cluster, in kubectl's order, with comments",
        "# mine: do not touch
apiVersion: v1
clusters:
# the old one
- cluster:
    server: https://old.example   # with a remark
    certificate-authority-data: \"QUFB\"
  name: 'old'
contexts:
- context:
    cluster: old
    namespace: team
    user: old
  name: old
current-context: old
kind: Config
preferences:
  colors: true
users:
- name: old
  user:
    token: abc

# the end
",
        1,
    ),
    start(
        "an older entry of aws-cli",
        "apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: QUFB
    server: https://older.example
  name: arn:aws:eks:us-west-2:123456789012:cluster/demo
contexts:
- context:
    cluster: arn:aws:eks:us-west-2:123456789012:cluster/demo
    user: arn:aws:eks:us-west-2:123456789012:cluster/demo
  name: arn:aws:eks:us-west-2:123456789012:cluster/demo
current-context: arn:aws:eks:us-west-2:123456789012:cluster/demo
kind: Config
preferences: {}
users:
- name: arn:aws:eks:us-west-2:123456789012:cluster/demo
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1alpha1
      args:
      - --region
      - us-west-2
      - eks
      - get-token
      - --cluster-name
      - demo
      command: aws
      env:
      - name: AWS_PROFILE
        value: old
",
        7,
    ),
    start("an empty file", "", 0),
    start("comments alone", "# nothing yet\n", 0),
    start("a marked document with nothing in it", "---\n", 0),
    start(
        "lists of nothing",
        "apiVersion: v1\nclusters: null\ncontexts: # none\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: [] # none\n",
        4,
    ),
    start("lists that are not there", "kind: Config\napiVersion: v1\n", 0),
    start(
        "JSON as kubectl may print it",
        "{\n    \"kind\": \"Config\",\n    \"apiVersion\": \"v1\",\n    \"clusters\": [\n        {\n            \"name\": \"old\",\n            \"cluster\": {\n                \"server\": \"https://old.example\"\n            }\n        }\n    ],\n    \"contexts\": null,\n    \"current-context\": \"\",\n    \"users\": []\n}\n",
        4,
    ),
    start(
        "lines that end as on Windows",
        "apiVersion: v1\r\nclusters:\r\n- name: old\r\n  cluster:\r\n    server: https://old.example\r\ncontexts: []\r\ncurrent-context: old\r\nusers:\r\n- name: old\r\n  user: {}\r\n",
        2,
    ),
    start(
        "indented lists, keys in another order, no last line break",
        "users:\n  - user: {token: abc}\n    name: old\npreferences: {colors: true}\nkind: Config\ncurrent-context: old\ncontexts:\n    -   name: old\n        context: {user: old, cluster: old}\nclusters:\n  -\n    name: old\n    cluster:\n      server: https://old.example\n      extensions:\n        - name: ext\n          extension: {last-update: \"2026-01-01\", provider: minikube}\nx-unknown: [1, 2]",
        1,
    ),
    start(
        "anchors in what is not touched",
        "apiVersion: v1\nclusters:\n- name: old\n  cluster: &old\n    server: https://old.example\n- name: older\n  cluster: *old\ncontexts: []\nusers:\n- name: certificate\n  user:\n    client-certificate-data: |\n      QUFB\n      QUFB\ncurrent-context: >-\n  old\n",
        3,
    ),
    Start {
        label: "an own entry with what people add",
        text: Some(
            "apiVersion: v1
kind: Config
clusters:
- name: arn:aws:eks:us-west-2:123456789012:cluster/demo
  cluster:
    server: https://older.example
    tls-server-name: name.example # why
    insecure-skip-tls-verify: true
users:
- name: arn:aws:eks:us-west-2:123456789012:cluster/demo
  user:
    as: somebody
    exec: {command: aws, args: [], apiVersion: client.authentication.k8s.io/v1beta1}
contexts:
- name: arn:aws:eks:us-west-2:123456789012:cluster/demo
  context:
    namespace: team
    cluster: arn:aws:eks:us-west-2:123456789012:cluster/demo
    user: somebody else
",
        ),
        kept: || {
            vec![
                ("/clusters/0/cluster/tls-server-name", json!("name.example")),
                ("/users/0/user/as", json!("somebody")),
                ("/contexts/0/context/namespace", json!("team")),
            ]
        },
        replaced: 4,
    },
];
