//! The kubeconfig: entries are added, updated and converted in its text, and nothing else in it changes.
//!
//! ```text
//! --kubeconfig, KUBECONFIG ─▶ files ─▶ text ─▶ Kubeconfig ─ add, convert ─▶ text ─▶ file, locked and replaced as a whole
//! ```
//!
//! All but `file` and `choice` is pure. What is written are edits of the text (`yaml`): comments, order, quoting and unknown
//! keys survive, in entries that are updated too.

use yaml::{Change, Document, Node, Path, Step, What};

pub mod choice;
mod convert;
pub mod file;
mod login;
mod yaml;

pub use convert::{Conversion, Outcome, Plugin};
pub use login::{Added, ClusterEntry, ExecEntry, InteractiveMode, Login};
pub use yaml::{Fault, Location};
pub(crate) use yaml::{Value, not_yaml};

/// A kubeconfig's text, and what it says.
#[derive(Debug)]
pub struct Kubeconfig {
    document: Document,
}

/// One of the lists of named entries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum List {
    Clusters,
    Contexts,
    Users,
}

impl List {
    fn key(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Contexts => "contexts",
            Self::Users => "users",
        }
    }

    /// The key of an entry that holds what it is about, beside `name`.
    fn body(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Contexts => "context",
            Self::Users => "user",
        }
    }
}

impl Kubeconfig {
    /// Reads a text. One that says nothing is a kubeconfig without entries.
    ///
    /// # Errors
    ///
    /// It is no YAML, or not of a kubeconfig's form.
    pub fn parse(text: String) -> Result<Self, Fault> {
        let document = Document::parse(text)?;
        let root = document.root();
        if !root.is_null() {
            document.mapping(root)?;
        }
        let kubeconfig = Self { document };
        for list in [List::Clusters, List::Contexts, List::Users] {
            kubeconfig.check(list)?;
        }
        match kubeconfig.under_root(CURRENT_CONTEXT) {
            Some(node) if !node.is_null() && kubeconfig.document.scalar(node).is_none() => {
                Err(kubeconfig.document.fault(node, "expected the name of a context"))
            }
            _ => Ok(kubeconfig),
        }
    }

    /// Reads the bytes of a file, which must be UTF-8.
    ///
    /// # Errors
    ///
    /// As [`Kubeconfig::parse`].
    pub fn of_bytes(bytes: Vec<u8>) -> Result<Self, Fault> {
        String::from_utf8(bytes).map_err(|error| yaml::not_utf8(&error)).and_then(Self::parse)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.document.text()
    }

    /// Whether there is a cluster of this name.
    #[must_use]
    pub fn has_cluster(&self, name: &str) -> bool {
        self.names(List::Clusters).any(|found| found == name)
    }

    /// The address of a cluster's API server and the trust root for it, as its entry has them; `None` where there is no entry.
    #[must_use]
    pub fn server_of(&self, cluster: &str) -> Option<[Option<&str>; 2]> {
        let entry = self.entries(List::Clusters).find(|entry| self.name(entry) == Some(cluster))?;
        let body = self.document.under(entry, List::Clusters.body());
        Some(["server", "certificate-authority-data"].map(|key| self.text_under(body?, key)))
    }

    /// Whether there is a user of this name.
    #[must_use]
    pub fn has_user(&self, name: &str) -> bool {
        self.names(List::Users).any(|found| found == name)
    }

    /// The names of its contexts.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        self.names(List::Contexts)
    }

    /// The user of a context; `None` where there is no such context, or it names none.
    #[must_use]
    pub fn user_of_context(&self, name: &str) -> Option<&str> {
        let entry = self.entries(List::Contexts).find(|entry| self.name(entry) == Some(name))?;
        self.text_under(self.document.under(entry, List::Contexts.body())?, "user")
    }

    /// The context that kubectl uses unasked.
    #[must_use]
    pub fn current_context(&self) -> Option<&str> {
        self.document.scalar(self.under_root(CURRENT_CONTEXT)?).filter(|name| !name.is_empty())
    }

    /// Makes a context the one that kubectl uses unasked.
    ///
    /// # Errors
    ///
    /// The text is written in a way that cannot be edited.
    pub fn set_current_context(&mut self, name: &str) -> Result<(), Fault> {
        self.document.apply(vec![current_context(name)])
    }

    fn under_root(&self, key: &str) -> Option<&Node> {
        self.document.under(self.document.root(), key)
    }

    /// Whether a list of entries is one.
    fn check(&self, list: List) -> Result<(), Fault> {
        let Some(node) = self.under_root(list.key()) else { return Ok(()) };
        for item in self.document.items(node)? {
            self.document.mapping(item)?;
            match self.document.under(item, NAME) {
                Some(name) if !name.is_null() && self.document.scalar(name).is_none() => {
                    return Err(self.document.fault(name, "expected a name"));
                }
                None if self.document.under(item, MERGE_KEY).is_some() => {
                    return Err(self
                        .document
                        .fault(item, "the entry has no name of its own: write it out beside \"<<\""));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn entries(&self, list: List) -> impl Iterator<Item = &Node> {
        let items = self.under_root(list.key()).and_then(|node| self.document.items(node).ok());
        items.unwrap_or_default().iter()
    }

    fn name<'a>(&'a self, entry: &'a Node) -> Option<&'a str> {
        self.text_under(entry, NAME)
    }

    fn names(&self, list: List) -> impl Iterator<Item = &str> {
        self.entries(list).filter_map(|entry| self.name(entry))
    }

    fn text_under<'a>(&'a self, node: &'a Node, key: &str) -> Option<&'a str> {
        self.document.scalar(self.document.under(node, key)?)
    }

    /// Which entry of the list has this name.
    ///
    /// # Errors
    ///
    /// Several have it: kubectl refuses such a file.
    fn position(&self, list: List, name: &str) -> Result<Option<(usize, &Node)>, Fault> {
        let mut found = None;
        for (index, entry) in self.entries(list).enumerate().filter(|(_, entry)| self.name(entry) == Some(name)) {
            if found.replace((index, entry)).is_some() {
                let message = format!("a second entry of {} with the name {name:?}: remove one of them", list.key());
                return Err(self.document.fault(entry, message));
            }
        }
        Ok(found)
    }
}

fn current_context(name: &str) -> Change {
    Change { at: Path::new(), what: What::Set(CURRENT_CONTEXT.to_owned(), Value::text(name)) }
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

const NAME: &str = "name";
const CURRENT_CONTEXT: &str = "current-context";
/// <https://yaml.org/type/merge.html>
const MERGE_KEY: &str = "<<";

#[cfg(test)]
mod tests;
