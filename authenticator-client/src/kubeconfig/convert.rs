//! Entries of `users` that run aws-cli or the Go program, turned into ones that run this program.
//!
//! Their arguments and their environment stay as they are: this program takes both programs' command lines.

use super::{
    Kubeconfig, List, Value, key,
    login::{API_VERSION, EXEC, INSTALL_HINT, INSTALL_HINT_TEXT, INTERACTIVE_MODE},
    yaml::{Change, Fault, Location, Node, Step, What},
};
use crate::exec_info::ApiVersion;

/// What entries are turned into.
#[derive(Clone, Copy)]
pub struct Plugin<'a> {
    /// The program, as an entry names it.
    pub command: &'a str,
    /// Reads an entry's arguments, as the program itself would.
    ///
    /// # Errors
    ///
    /// With what it does not understand.
    pub understands: &'a dyn Fn(&[&str]) -> Result<(), String>,
}

/// What became of an entry that runs one of the other programs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conversion {
    /// The name of the user's entry.
    pub user: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// See [`Conversion`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It runs this program now.
    Converted,
    /// It is as it was: this program would not understand its arguments.
    NotUnderstood {
        /// Where they stand.
        location: Location,
        /// Why not.
        reason: String,
    },
}

impl Kubeconfig {
    /// Converts every entry that runs `aws eks get-token` or `aws-iam-authenticator token`, or only that of one user. All others stay
    /// as they are; so does a text in which there is nothing to convert.
    ///
    /// # Errors
    ///
    /// The text is written in a way that cannot be edited; it is as it was then.
    pub fn convert(&mut self, user: Option<&str>, plugin: Plugin<'_>) -> Result<Vec<Conversion>, Fault> {
        let (mut conversions, mut changes) = (Vec::new(), Vec::new());
        for (index, entry) in self.entries(List::Users).enumerate() {
            let name = self.name(entry).unwrap_or_default();
            if user.is_some_and(|user| user != name) {
                continue;
            }
            let exec = self.document.under(entry, List::Users.body()).and_then(|body| self.document.under(body, EXEC));
            let Some(exec) = exec else { continue };
            let Some((command, args)) = self.command_line(exec) else { continue };
            if !makes_tokens(command, &args) {
                continue;
            }
            let outcome = match (plugin.understands)(&args) {
                Ok(()) => {
                    let at = vec![key(List::Users.key()), Step::Item(index), key(List::Users.body()), key(EXEC)];
                    changes.extend(self.conversion(exec, plugin.command).map(|what| Change { at: at.clone(), what }));
                    Outcome::Converted
                }
                Err(reason) => {
                    let args = self.document.under(exec, "args").unwrap_or(exec);
                    Outcome::NotUnderstood { location: self.document.fault(args, "").location(), reason }
                }
            };
            conversions.push(Conversion { user: name.to_owned(), outcome });
        }
        self.document.apply(changes)?;
        Ok(conversions)
    }

    fn command_line<'a>(&'a self, exec: &'a Node) -> Option<(&'a str, Vec<&'a str>)> {
        let command = self.text_under(exec, "command")?;
        let args = self.document.items(self.document.under(exec, "args")?).ok()?;
        Some((command, args.iter().map(|arg| self.document.scalar(arg)).collect::<Option<_>>()?))
    }

    fn conversion(&self, exec: &Node, command: &str) -> impl Iterator<Item = What> {
        let has = |key| self.text_under(exec, key).is_some_and(|text| !text.is_empty());
        let version = self.text_under(exec, API_VERSION).is_some_and(|text| ApiVersion::of_client(text).is_some());
        let set = |key: &str, value: &str| What::Set(key.to_owned(), Value::text(value));
        [
            Some(set("command", command)),
            // What kubectl would refuse.
            (!version).then(|| set(API_VERSION, ApiVersion::V1.as_str())),
            (!has(INSTALL_HINT)).then(|| set(INSTALL_HINT, INSTALL_HINT_TEXT)),
            (!has(INTERACTIVE_MODE)).then(|| set(INTERACTIVE_MODE, "IfAvailable")),
        ]
        .into_iter()
        .flatten()
    }
}

/// Whether a command line is one of the two programs making a token: their names, wherever they are.
fn makes_tokens(command: &str, args: &[&str]) -> bool {
    let file = command.rsplit(['/', '\\']).next().unwrap_or(command);
    let program = file.strip_suffix(".exe").unwrap_or(file);
    let words: Vec<&str> = args.iter().copied().filter(|arg| !arg.starts_with('-')).collect();
    match program {
        "aws" => words.windows(2).any(|pair| matches!(pair, ["eks", "get-token"])),
        "aws-iam-authenticator" | "heptio-authenticator-aws" => words.contains(&"token"),
        _ => false,
    }
}
