//! A cluster, a user who runs our plugin, and the context of the two: what `update-kubeconfig` adds or updates.
//!
//! As aws-cli, with two differences in entries that are there already: keys that this does not write (a context's `namespace`, for
//! instance) stay, and those go that would keep the new ones from working.

use clap::ValueEnum;

use super::{
    Kubeconfig, List, NAME, Value, current_context, key,
    yaml::{Change, Fault, Node, Path, Step, What},
};
use crate::exec_info::ApiVersion;

/// What is added or updated.
#[derive(Clone, Debug)]
pub struct Login {
    /// The cluster's entry.
    pub cluster: ClusterEntry,
    /// The name of the user's entry.
    pub user: String,
    /// What the user's entry runs.
    pub exec: ExecEntry,
    /// The name of the context, which becomes the current one.
    pub context: String,
}

/// An entry of `clusters`.
#[derive(Clone, Debug)]
pub struct ClusterEntry {
    /// Its name: the cluster's ARN.
    pub name: String,
    /// The URL of the API server.
    pub server: String,
    /// Whom to trust for it: PEM in base64.
    pub certificate_authority_data: String,
    /// The proxy that leads there.
    pub proxy_url: Option<String>,
    /// What the plugin is told as the cluster's id, where it is asked to find it here.
    pub exec_cluster_id: Option<String>,
}

/// The `exec` of an entry of `users`.
#[derive(Clone, Debug)]
pub struct ExecEntry {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The version of the contract; without one the entry's own stays, of a new entry it is `v1beta1`: aws-cli writes it, and the only one
    /// that every client library takes.
    pub api_version: Option<ApiVersion>,
    /// When the plugin has the terminal; without one the entry's own stays, of a new entry it is `IfAvailable`.
    pub interactive_mode: Option<InteractiveMode>,
    /// Whether the plugin is told of the cluster; `false` leaves the entry's own.
    pub provide_cluster_info: bool,
}

/// When the plugin has the terminal as its input (`k8s.io/client-go/tools/clientcmd/api`, `ExecInteractiveMode`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum InteractiveMode {
    /// Never: it cannot ask for an MFA code.
    Never,
    /// If there is one.
    IfAvailable,
    /// Always: without a terminal it is not run.
    Always,
}

/// What was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Added {
    /// There was no such cluster.
    Added,
    /// There was.
    Updated,
}

impl InteractiveMode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::IfAvailable => "IfAvailable",
            Self::Always => "Always",
        }
    }
}

impl Login {
    /// The entries as they are written where there are none yet, in aws-cli's order: context, user, cluster.
    #[must_use]
    pub fn entries(&self) -> [String; 3] {
        [self.context_entry(), self.user_entry(), self.cluster_entry()]
            .map(|entry| entry.block().into_iter().map(|line| line + "\n").collect())
    }

    fn cluster_entry(&self) -> Value {
        let ClusterEntry { name, server, certificate_authority_data, proxy_url, exec_cluster_id } = &self.cluster;
        let mut body = vec![
            (Value::text("certificate-authority-data"), Value::text(certificate_authority_data)),
            (Value::text("server"), Value::text(server)),
        ];
        body.extend(proxy_url.iter().map(|url| (Value::text("proxy-url"), Value::text(url))));
        body.extend(exec_cluster_id.iter().map(|id| (Value::text(EXTENSIONS), Value::List(vec![extension(id)]))));
        Value::map([("cluster", Value::Map(body)), (NAME, Value::text(name))])
    }

    fn user_entry(&self) -> Value {
        Value::map([(NAME, Value::text(&self.user)), ("user", Value::map([(EXEC, self.exec.value(None))]))])
    }

    fn context_entry(&self) -> Value {
        let body = Value::map([("cluster", Value::text(&self.cluster.name)), ("user", Value::text(&self.user))]);
        Value::map([("context", body), (NAME, Value::text(&self.context))])
    }
}

impl ExecEntry {
    /// The `exec`; of one that is there already, what is to be written into it.
    fn value(&self, old: Option<&Old<'_>>) -> Value {
        let mut entries = Vec::new();
        let mut set = |key: &str, value: Value| entries.push((Value::text(key), value));
        let kept_version = old.and_then(|old| ApiVersion::of_client(old.text(API_VERSION)?));
        let api_version = self.api_version.or(kept_version).unwrap_or_default();
        set(API_VERSION, Value::text(api_version.as_str()));
        set("args", Value::texts(&self.args));
        set("command", Value::text(&self.command));
        let has_hint = old.and_then(|old| old.text(INSTALL_HINT)).is_some_and(|hint| !hint.is_empty());
        if !has_hint {
            set(INSTALL_HINT, Value::text(INSTALL_HINT_TEXT));
        }
        let kept_mode = old.and_then(|old| InteractiveMode::from_str(old.text(INTERACTIVE_MODE)?, false).ok());
        let mode = self.interactive_mode.or(kept_mode).unwrap_or(InteractiveMode::IfAvailable);
        set(INTERACTIVE_MODE, Value::text(mode.as_str()));
        if self.provide_cluster_info {
            set("provideClusterInfo", Value::bool(true));
        }
        Value::Map(entries)
    }
}

/// A mapping that is there already.
struct Old<'a> {
    kubeconfig: &'a Kubeconfig,
    node: &'a Node,
    at: Path,
}

impl<'a> Old<'a> {
    /// What is under a key, if it is a mapping with something in it.
    fn under(&self, name: &str) -> Option<Self> {
        let Self { kubeconfig, node, at } = self;
        let node = kubeconfig.document.under(node, name)?;
        let node = kubeconfig.document.mapping(node).ok().filter(|node| !node.is_empty_collection())?;
        Some(Self { kubeconfig, node, at: at.iter().cloned().chain([key(name)]).collect() })
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.kubeconfig.text_under(self.node, name)
    }

    fn change(&self, what: What) -> Change {
        Change { at: self.at.clone(), what }
    }

    /// Writes these keys, of mappings one by one, and leaves the others.
    fn merge(&self, value: &Value, changes: &mut Vec<Change>) {
        let Value::Map(entries) = value else { return };
        for (name, value) in entries {
            let Value::Text(name) = name else { continue };
            match (value, self.under(name)) {
                (Value::Map(_), Some(old)) => old.merge(value, changes),
                _ => changes.push(self.change(What::Set(name.clone(), value.clone()))),
            }
        }
    }

    fn remove(&self, keys: &[&str], changes: &mut Vec<Change>) {
        changes.extend(keys.iter().map(|key| self.change(What::Remove((*key).to_owned()))));
    }
}

impl Kubeconfig {
    /// Adds a login, or updates the entries that have its names, and makes its context the current one.
    ///
    /// # Errors
    ///
    /// The text is written in a way that cannot be edited; it is as it was then.
    pub fn add(&mut self, login: &Login) -> Result<Added, Fault> {
        let added = if self.has_cluster(&login.cluster.name) { Added::Updated } else { Added::Added };
        if self.document.root().is_null() {
            self.document.apply(vec![Change { at: Path::new(), what: What::Fill(whole(login)) }])?;
            return Ok(added);
        }
        let mut changes = Vec::new();
        match self.old(List::Clusters, &login.cluster.name)? {
            Some(old) => self.update_cluster(login, &old, &mut changes),
            None => changes.push(self.append(List::Clusters, login.cluster_entry())),
        }
        match self.old(List::Users, &login.user)? {
            Some(old) => self.update_user(login, &old, &mut changes),
            None => changes.push(self.append(List::Users, login.user_entry())),
        }
        match self.old(List::Contexts, &login.context)? {
            Some(old) => old.merge(&login.context_entry(), &mut changes),
            None => changes.push(self.append(List::Contexts, login.context_entry())),
        }
        changes.push(current_context(&login.context));
        self.document.apply(changes)?;
        Ok(added)
    }

    fn update_cluster(&self, login: &Login, old: &Old<'_>, changes: &mut Vec<Change>) {
        let mut entry = login.cluster_entry();
        let extensions = old.under("cluster").and_then(|old| {
            let items = self.document.items(self.document.under(old.node, EXTENSIONS)?).ok()?;
            (!items.is_empty()).then_some((old, items))
        });
        // A list of named entries of its own.
        if let (Some(id), Some((old, items))) = (&login.cluster.exec_cluster_id, extensions) {
            if let Value::Map(entries) = &mut entry {
                for (_, body) in entries {
                    if let Value::Map(body) = body {
                        body.retain(|(name, _)| *name != Value::text(EXTENSIONS));
                    }
                }
            }
            let mut at = old.at.clone();
            at.push(key(EXTENSIONS));
            match items.iter().position(|item| self.name(item) == Some(EXEC_EXTENSION)) {
                None => changes.push(Change { at, what: What::Append(extension(id)) }),
                Some(index) => {
                    at.push(Step::Item(index));
                    if let Some(node) = items.get(index) {
                        Old { kubeconfig: self, node, at }.merge(&extension(id), changes);
                    }
                }
            }
        }
        old.merge(&entry, changes);
        if let Some(old) = old.under("cluster") {
            // kubectl refuses the latter beside certificate-authority-data, which replaces the former.
            old.remove(&["certificate-authority", "insecure-skip-tls-verify"], changes);
        }
    }

    fn update_user(&self, login: &Login, old: &Old<'_>, changes: &mut Vec<Change>) {
        let old_exec = old.under("user").and_then(|old| old.under(EXEC));
        let exec = login.exec.value(old_exec.as_ref());
        old.merge(&Value::map([("user", Value::map([(EXEC, exec)]))]), changes);
        if let Some(exec) = old_exec {
            self.remove_profile_variables(&exec, changes);
        }
        if let Some(user) = old.under("user") {
            user.remove(&OTHER_AUTHENTICATION, changes);
        }
    }

    /// Takes out the variables by which aws-cli's entries choose a profile: an argument does so now, or nothing.
    fn remove_profile_variables(&self, exec: &Old<'_>, changes: &mut Vec<Change>) {
        let Some(items) = self.document.under(exec.node, "env").and_then(|node| self.document.items(node).ok()) else {
            return;
        };
        let names_profile = |item: &&Node| self.name(item).is_some_and(|name| PROFILE_VARIABLES.contains(&name));
        let profile: Vec<usize> =
            items.iter().enumerate().filter(|(_, item)| names_profile(item)).map(|(index, _)| index).collect();
        if profile.is_empty() {
            return;
        }
        if profile.len() == items.len() {
            exec.remove(&["env"], changes);
            return;
        }
        let mut at = exec.at.clone();
        at.push(key("env"));
        // From the last one on, so that the places of those before stay.
        changes.extend(profile.into_iter().rev().map(|index| Change { at: at.clone(), what: What::RemoveItem(index) }));
    }

    fn old(&self, list: List, name: &str) -> Result<Option<Old<'_>>, Fault> {
        let found = self.position(list, name)?;
        Ok(found.map(|(index, node)| Old { kubeconfig: self, node, at: vec![key(list.key()), Step::Item(index)] }))
    }

    fn append(&self, list: List, entry: Value) -> Change {
        match self.entries(list).next() {
            None => Change { at: Path::new(), what: What::Set(list.key().to_owned(), Value::List(vec![entry])) },
            Some(_) => Change { at: vec![key(list.key())], what: What::Append(entry) },
        }
    }
}

/// A kubeconfig with this login alone, in aws-cli's order.
fn whole(login: &Login) -> Value {
    Value::map([
        ("apiVersion", Value::text("v1")),
        ("clusters", Value::List(vec![login.cluster_entry()])),
        ("contexts", Value::List(vec![login.context_entry()])),
        ("current-context", Value::text(&login.context)),
        ("kind", Value::text("Config")),
        ("preferences", Value::Map(Vec::new())),
        ("users", Value::List(vec![login.user_entry()])),
    ])
}

/// What client-go passes on to the plugin as `spec.cluster.config`.
fn extension(cluster_id: &str) -> Value {
    Value::map([
        (NAME, Value::text(EXEC_EXTENSION)),
        ("extension", Value::map([("cluster-id", Value::text(cluster_id))])),
    ])
}

pub(super) const EXEC: &str = "exec";
pub(super) const API_VERSION: &str = "apiVersion";
pub(super) const INTERACTIVE_MODE: &str = "interactiveMode";
pub(super) const INSTALL_HINT: &str = "installHint";
const EXTENSIONS: &str = "extensions";
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// What kubectl prints when it does not find the plugin.
pub(super) const INSTALL_HINT_TEXT: &str = "authenticator-client logs in to this cluster with AWS credentials and is not \
     installed here: install it and see to it that it is in PATH. For a cluster of EKS, `aws eks update-kubeconfig` writes an entry that \
     runs the AWS CLI instead";

const PROFILE_VARIABLES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// Every other way of a user's entry to log in: client-go would prefer it, or refuse the entry.
const OTHER_AUTHENTICATION: [&str; 9] = [
    "auth-provider",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "password",
    "token",
    "tokenFile",
    "username",
];
