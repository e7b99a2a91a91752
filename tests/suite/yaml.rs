//! YAML as other readers have it: what we read means to PyYAML, libyaml and kubectl what it means to us, or it is refused.

use std::fs;

use authenticator_client::kubeconfig::Kubeconfig;
use authenticator_tests::support::control_plane::Kubectl;
use authenticator_tests::support::readers;
use mapping::format::yaml::{Document, Node, YamlError};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Texts that everybody reads alike, but for PyYAML's reader in Python, which takes no tab after a colon.
const TEXTS: &[&str] = &[
    "- rolearn: arn:aws:iam::111122223333:role/x\n  username: x\n  groups: [\n    \"g1\",\n  g2\n  ]\n- rolearn: \"a b\n    c\"\n  username: |\n    admin\n",
    "- rolearn: x\n  groups: [\n]\n- rolearn: z\n  groups: [\n\"g1\",\n# c\n\"g2\"\n]\n  sso: {\n  }\n",
    "clusterID: demo # c\nserver:\n  mapRoles:\n  - {roleARN: \"arn\", username: \"x\\ty\", groups: [a, b]}\n  - &a\n    roleARN: x\n    username: plain\n      continued\n    groups:\n    - g\n  mapAccounts: [\"111122223333\", 012]\n---\n",
    "server:\n  mapRoles:\n  - roleARN:\tx\t# c\n    username:\t'y'\n    groups:\t[g]\n",
    "apiVersion: v1\nclusters: [{\"name\": \"x\", \"cluster\": {\"server\": \"https://x:443\"}}]\nusers:\n- name: a\n  user: {\n  exec: {\ncommand: x, args: [\n],\nenv: null\n}\n  }\n? complex\n: value\nk: !!str 12\nm: >+\n  a\n\n  b\nn: |2-\n   z\n...\n",
    "- a\n-\n - b: c\n   d: {e, f: }\n - - g\n   -   h: i\n       j: 'k\n        l'\n- ~\n- \"x\\\n   y \\u00e9\"\n",
    "--- # first\na: >\n  x\n\n  y\n    z\n  w\nb: >-\n  c\n  d\n\n\n  e\n---\n",
    "a: |+\n  x\n\nb: |-\n  y\n\nc: |1\n  z\n...\n# end\n",
    "a: |\n  x",
    "- |+\n  x",
    "a:\n  - b: >\n      x\n      y",
    "a: &x [b, c]\nd: *x\ne: &y {f: g}\nh: *y\n",
    "a: yes\nb: 012\nc: 0o7\nd: 1e3\ne: .inf\nf: 2026-12-01\ng: 0x1F\nh: 1_000\ni: 1:20\nj: '~'\nk: ~\n",
    "\u{feff}# c\r\n---\r\na: b\r\nc: |\r\n  d\r\n\r\n  e\r\n...\r\n",
    "{\n\t\"a\": [\n\t\t\"b\", 1, true, null\n\t]\n}\n",
    "a: 'x''y'\nb: \"\\x41\\u00e9\\U0001F600\\/\\t\\e\\_\\N\\L\"\nc: x#y # z\nd: http://x:1/#y\n",
    "%YAML 1.1\n---\na: [b, c: d, {e: f}]\n",
    "# nothing\n---\n...\n",
];

/// What a mutation puts in, or in the place of something.
const SIGNS: &[&str] = &[
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "  ",
    " ",
    ": ",
    ":",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "|",
    ">",
    "|-",
    ">+",
    "|2",
    " #",
    "#",
    "&a ",
    "*a",
    "&b:c ",
    "<<: ",
    "? ",
    "?",
    "!",
    "!!str ",
    "!x ",
    "%YAML 1.2\n",
    "---",
    "...",
    "\n---\n",
    "\n...\n",
    "\t",
    "\r\n",
    "\r",
    "~",
    "\\",
    "\\x",
    "a",
    "b c",
    "-",
    "@",
    "`",
    "%",
    "=",
    "é",
    "0",
    ",\n",
    "[\n",
    "{\n",
    "\n]",
    "\n}",
    "\"\"",
    "''",
    "\n\n",
    "\n#c\n",
    ": |\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{7}",
];

/// Why we refuse what others read. Each is an error by the letter of YAML 1.2, or has no certain meaning, or is bounded.
const REASONS: &[&str] = &[
    "a second document begins here",
    "stands twice in one mapping",
    "tags other than those",
    "a key must be text",
    "can be merged",
    "ends a line for some readers",
    "this begins with \"?\" within brackets",
    "end the name of this anchor",
    "must not stand in YAML",
    "nested deeper",
    "comments must be separated",
    "comment intercepting",
    "a tag, did not find expected",
    "did not find expected tag URI",
    "wrongly indented line in block scalar",
    "plain scalar cannot start with '-'",
    "simple key expected ':'",
    "a tab in the indentation",
    "missing explicit document end marker",
    "may not precede any of",
];

/// A node as `yaml_texts.py` has it; an error where it has no certain meaning.
fn meaning(node: &Node) -> Result<Value, YamlError> {
    if node.is_null() {
        return Ok(Value::Null);
    }
    if let Ok(text) = node.as_text() {
        return Ok(text.into());
    }
    if let Ok(items) = node.as_seq() {
        return items.iter().map(meaning).collect();
    }
    let entries = node.as_map()?.entries().iter().map(|entry| Ok(json!([entry.key(), meaning(entry.value())?])));
    Ok(json!({"map": entries.collect::<Result<Vec<_>, YamlError>>()?}))
}

fn ours(text: &str) -> Result<Value, YamlError> {
    meaning(Document::parse(text)?.root())
}

#[test]
fn what_is_read_means_to_pyyaml_what_it_means_here() {
    let texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    for (text, theirs) in texts.iter().zip(readers::pyyaml(&texts)) {
        let ours = ours(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(theirs["libyaml"], json!({"value": ours}), "{text:?}");
        if !text.contains('\t') {
            assert_eq!(theirs["python"], json!({"value": ours}), "{text:?}");
        }
    }
}

#[test]
fn a_text_with_mistakes_is_read_as_pyyaml_reads_it_or_refused_for_a_reason() {
    let mut random = Random(20_261_201);
    let texts: Vec<String> = (0..4000).map(|_| random.mutated()).collect();
    let mut read = 0;
    for (text, theirs) in texts.iter().zip(readers::pyyaml(&texts)) {
        let theirs = [&theirs["python"], &theirs["libyaml"]].map(|answer| answer.get("value"));
        match ours(text) {
            // libyaml takes the lines of a text that is nothing but a block for comments, if they look like some.
            Ok(ours) if ours.is_string() => {}
            Ok(ours) => {
                for theirs in theirs.into_iter().flatten() {
                    read += 1;
                    assert_eq!(*theirs, ours, "{text:?}");
                }
            }
            // Of what they take for a name of an anchor with a value behind it, all that follows is something else.
            Err(error) if theirs.iter().all(Option::is_some) && !text.contains("&b:c") => {
                assert!(REASONS.iter().any(|reason| error.message().contains(reason)), "{text:?}: {error}");
            }
            Err(_) => {}
        }
    }
    assert!(read > texts.len() / 4, "of {} texts {read} were read by both", texts.len());
}

/// Numbers that look random and are always the same ones (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).expect("64 bits") % bound
    }

    /// A part of one of the texts, with one to three changes.
    fn mutated(&mut self) -> String {
        let text = TEXTS[self.below(TEXTS.len())];
        let mut signs: Vec<String> = if self.below(2) == 0 {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let start = self.below(lines.len());
            let end = start + 1 + self.below(lines.len() - start);
            lines[start..end].concat().chars().map(String::from).collect()
        } else {
            text.chars().map(String::from).collect()
        };
        for _ in 0..=self.below(3) {
            let at = self.below(signs.len() + 1);
            match self.below(5) {
                0..=2 => signs.insert(at, SIGNS[self.below(SIGNS.len())].to_owned()),
                3 => drop(signs.drain(at..(at + 1 + self.below(3)).min(signs.len()).max(at))),
                _ if at < signs.len() => signs[at] = SIGNS[self.below(SIGNS.len())].to_owned(),
                _ => {}
            }
        }
        signs.concat()
    }
}

/// kubectl reads with Go's readers. What our editor makes of a kubeconfig is to kubectl what it was, with the one change.
#[test]
fn a_kubeconfig_in_any_hand_is_edited_and_kubectl_reads_it() {
    let folder = TempDir::new().expect("a folder can be made");
    let kubectl = Kubectl::alone(folder.path().to_owned()).expect("CLUSTER_BIN has kubectl");
    let path = folder.path().join("config");
    let view = |text: &str| -> Value {
        fs::write(&path, text).expect("a file can be written");
        let path = path.display().to_string();
        let view = kubectl.run_at_home(&["config", "view", "--raw", "--output=json", "--kubeconfig", &path]);
        serde_json::from_str(&view.unwrap_or_else(|error| panic!("{text}: {error:#}"))).expect("JSON")
    };
    let head = "apiVersion: v1\nkind: Config\ncurrent-context: a\n";
    for body in [
        "clusters: [\n]\nusers: [\n{name: a, user: {\n}}\n]\ncontexts: [\n  {name: a, context: {cluster: x, user: a}},\n{name: b, context: {\n}}\n]\n",
        "contexts:\n- name: a\n  context: {\n  cluster: x,\nuser: u\n}\n- name: b\n  context: {\n}\nusers:\n- name: a\n  user:\n    exec: {command: c, apiVersion: client.authentication.k8s.io/v1beta1, args: [\n\"x\",\n\"z\"\n], env: [\n], interactiveMode: Never}\n",
        "contexts:\n- name:\ta\n  context:\t{cluster:\tx}\t# c\n- name:\tb\t\nusers:\n- name:\ta\n  user:\t\n    token:\tt\n",
        "contexts:\n- name: a\n  context: {cluster: x}\n---\n",
        "contexts:\n- name: a\n  context: {cluster: x}\n...\n---\n# nothing\n",
        "users:\n- name: a\n  user:\n    token: |-\n      t\n- name: b\n  user:\n    token: |\n      t",
        "users:\r\n- name: a\r\n  user: {\r\ntoken: \"t\"\r\n}\r\n---\r\n",
    ] {
        let text = if body.contains("\r\n") {
            format!("{}{body}", head.replace('\n', "\r\n"))
        } else {
            format!("{head}{body}")
        };
        let mut wanted = view(&text);
        let mut kubeconfig =
            Kubeconfig::of_bytes(text.clone().into_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        kubeconfig.set_current_context("other").unwrap_or_else(|fault| panic!("{text}: {fault}"));
        wanted["current-context"] = "other".into();
        assert_eq!(view(kubeconfig.text()), wanted, "{text}");
    }
}
