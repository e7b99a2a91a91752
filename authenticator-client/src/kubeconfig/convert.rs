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

/// What became of the entry of a user that runs a program.
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
    /// It is as it was, and may well run one of the other programs: this program does not understand its arguments, or an alias, an
    /// anchor or a merge key is in the way.
    NotConverted {
        /// What is in the way, or what is not understood.
        location: Location,
        /// Why not.
        reason: String,
    },
    /// It is as it was: it runs this program already, or something else.
    Left {
        /// What it runs.
        command: String,
        /// Whether an argument of it is one of the two programs: a wrapper, such as `aws-vault exec` or `sh -c`.
        wraps: bool,
    },
}

impl Kubeconfig {
    /// Converts every entry that runs `aws eks get-token` or `aws-iam-authenticator token`, or only that of one user, and says of every
    /// entry that runs a program what became of it. All others stay as they are; so does a text in which there is nothing to convert.
    pub fn convert(&mut self, user: Option<&str>, plugin: Plugin<'_>) -> Vec<Conversion> {
        let names: Vec<_> =
            self.entries(List::Users).map(|entry| self.name(entry).unwrap_or_default().to_owned()).collect();
        let wanted = names.into_iter().enumerate().filter(|(_, name)| user.is_none_or(|user| user == name));
        // One at a time: what stands in the way of one entry is none of the others' business.
        let convert = |(index, user)| Some(Conversion { outcome: self.convert_one(index, plugin)?, user });
        wanted.filter_map(convert).collect()
    }

    /// `None` of an entry that runs nothing.
    fn convert_one(&mut self, index: usize, plugin: Plugin<'_>) -> Option<Outcome> {
        let entry = self.entries(List::Users).nth(index)?;
        let body = self.document.under(entry, List::Users.body())?;
        let not_converted =
            |fault: &Fault| Outcome::NotConverted { location: fault.location(), reason: fault.message().to_owned() };
        // A merge key may bring the `exec`, and an alias stand for all of it.
        let hidden = |node: &Node, message| Some(not_converted(&self.document.fault(node, message)));
        let Some(exec) = self.document.under(body, EXEC) else {
            let merge = self.document.under(body, MERGE_KEY).or_else(|| body.is_alias().then_some(body))?;
            return hidden(merge, HIDDEN);
        };
        if exec.is_alias() {
            return hidden(exec, HIDDEN);
        }
        let Some(command) = self.text_under(exec, "command") else {
            return self.document.under(exec, MERGE_KEY).and_then(|merge| hidden(merge, HIDDEN));
        };
        let args = match self.document.under(exec, "args") {
            None => Vec::new(),
            Some(args) => match self.document.items(args) {
                Ok(items) => items.iter().map(|arg| self.document.scalar(arg).unwrap_or_default()).collect(),
                Err(fault) => return Some(not_converted(&fault)),
            },
        };
        if !makes_tokens(command, &args) {
            let wraps = args.iter().any(|arg| mentions_a_program(arg));
            return Some(Outcome::Left { command: command.to_owned(), wraps });
        }
        if let Err(reason) = (plugin.understands)(&args) {
            let args = self.document.under(exec, "args").unwrap_or(exec);
            return Some(Outcome::NotConverted { location: self.document.fault(args, "").location(), reason });
        }
        let at = vec![key(List::Users.key()), Step::Item(index), key(List::Users.body()), key(EXEC)];
        let changes = self.conversion(exec, plugin.command).map(|what| Change { at: at.clone(), what }).collect();
        Some(match self.document.apply(changes) {
            Ok(()) => Outcome::Converted,
            Err(fault) => Outcome::NotConverted { location: fault.location(), reason: fault.message().to_owned() },
        })
    }

    fn conversion(&self, exec: &Node, command: &str) -> impl Iterator<Item = What> {
        let has = |key| self.text_under(exec, key).is_some_and(|text| !text.is_empty());
        let version = self.text_under(exec, API_VERSION).is_some_and(|text| ApiVersion::of_client(text).is_some());
        let set = |key: &str, value: &str| What::Set(key.to_owned(), Value::text(value));
        [
            Some(set("command", command)),
            // What kubectl would refuse.
            (!version).then(|| set(API_VERSION, ApiVersion::default().as_str())),
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

/// Whether a wrapper's argument is one of the programs, or a script that runs one.
fn mentions_a_program(arg: &str) -> bool {
    let words = arg.split(|c: char| c.is_whitespace() || matches!(c, '/' | '\\' | ';' | '&' | '|' | '"' | '\''));
    words.map(|word| word.strip_suffix(".exe").unwrap_or(word)).any(|word| PROGRAMS.contains(&word))
}

const PROGRAMS: [&str; 3] = ["aws", "aws-iam-authenticator", "heptio-authenticator-aws"];

const MERGE_KEY: &str = "<<";

const HIDDEN: &str = "an alias or a merge key hides what is run: write it out";
