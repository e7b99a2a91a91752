//! `authenticator-client convert-kubeconfig`.

use std::io::Write;

use clap::Parser;

use super::{
    failure::{Failure, remark, remark_fault},
    flags::{Arguments, Command, ConvertKubeconfigFlags},
    own_program,
};
use crate::{
    World,
    kubeconfig::{Conversion, Outcome, Plugin, choice::Files, file},
    visible::visible,
};

/// The entries cannot be converted, or not all of them.
#[derive(Debug, thiserror::Error)]
enum ConvertError {
    #[error("context {context:?} names no user")]
    ContextWithoutUser { context: String },
    #[error("there is no context {context:?} in {looked_at}{}", nearest.as_ref().map_or(String::new(), |name| format!("; did you mean {name:?}?")))]
    NoContext { context: String, looked_at: String, nearest: Option<String> },
    #[error("there is no such file: {0}")]
    NoFile(String),
    #[error("{0} of the entries could not be converted and are as they were")]
    NotAll(usize),
}

pub(super) fn run(
    flags: ConvertKubeconfigFlags,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let ConvertKubeconfigFlags { context, kubeconfig, dry_run } = flags;
    let files = Files::new(kubeconfig.as_deref(), &world.env)?;
    let command = own_program::command(&world.env)?;
    let plugin = Plugin { command: &command, understands: &understands };
    let user = context.map(|context| user_of(&context, &files)).transpose()?;
    let paths: Vec<_> = match &user {
        // kubectl takes the first.
        Some(user) => vec![files.find(|kubeconfig| kubeconfig.has_user(user), |fault| remark_fault(err, &fault))],
        None => files.all().collect(),
    };
    let present: Vec<_> = paths.iter().copied().filter(|path| path.exists()).collect();
    if present.is_empty() {
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(ConvertError::NoFile(paths.join(", ")).into());
    }
    let (mut not_converted, several) = (0, paths.len() > 1);
    for path in present {
        let conversions = if dry_run {
            let mut kubeconfig = file::read(path)?;
            let converted = kubeconfig.convert(user.as_deref(), plugin);
            if several {
                writeln!(out, "--- # {}", path.display())?;
            }
            write!(out, "{}", kubeconfig.text())?;
            converted
        } else {
            file::edit(path, files.spare(), |kubeconfig| Ok(kubeconfig.convert(user.as_deref(), plugin)))?
        };
        // A dry run prints the file on standard output, and what there is to tell beside it.
        let mut tell = |text: String| {
            if dry_run {
                remark(err, &text);
                return Ok(());
            }
            writeln!(out, "{}", visible(&text))
        };
        let path = path.display();
        if conversions.is_empty() {
            tell(format!("Nothing to convert in {path}: no user entry runs a program"))?;
        }
        for Conversion { user, outcome } in conversions {
            match outcome {
                Outcome::Converted => tell(format!("Converted user {user} in {path}"))?,
                Outcome::Left { command, wraps: false } => {
                    tell(format!("Left user {user} in {path}: it runs {command}"))?
                }
                Outcome::Left { command, wraps: true } => tell(format!(
                    "Left user {user} in {path}: it runs {command}, which runs the other program; put this one in its place by hand"
                ))?,
                Outcome::NotConverted { location, reason } => {
                    not_converted += 1;
                    tell(format!("Left user {user} in {path}: {location}: {reason}"))?;
                }
            }
        }
    }
    out.flush()?;
    if not_converted > 0 { Err(ConvertError::NotAll(not_converted).into()) } else { Ok(()) }
}

/// The user of a context, as kubectl finds it: the first file that has the context counts.
fn user_of(context: &str, files: &Files) -> Result<String, Failure> {
    let mut names = Vec::new();
    for path in files.all() {
        let kubeconfig = file::read(path)?;
        if kubeconfig.contexts().any(|name| name == context) {
            let user = kubeconfig.user_of_context(context).map(str::to_owned);
            return user.ok_or_else(|| ConvertError::ContextWithoutUser { context: context.to_owned() }.into());
        }
        names.extend(kubeconfig.contexts().map(str::to_owned));
    }
    let nearest = super::nearest(context, names.iter().map(String::as_str)).map(str::to_owned);
    let looked_at: Vec<_> = files.all().map(|path| path.display().to_string()).collect();
    Err(ConvertError::NoContext { context: context.to_owned(), looked_at: looked_at.join(", "), nearest }.into())
}

/// Reads an entry's arguments as this program does when it is run with them.
fn understands(args: &[&str]) -> Result<(), String> {
    match Arguments::try_parse_from(std::iter::once("authenticator-client").chain(args.iter().copied())) {
        Ok(Arguments { command: Command::Token(_) | Command::Eks(_), .. }) => Ok(()),
        Ok(_) => Err("its arguments do not make a token".to_owned()),
        Err(error) => {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default();
            Err(line.strip_prefix("error: ").unwrap_or(line).to_owned())
        }
    }
}
