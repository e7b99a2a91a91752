//! The main job, told to a person: `make demo`.
//!
//! An emulated STS that checks every signature, the real webhook and the real plugin. Each step makes a token, asks the webhook
//! about it as an API server would, shows what happens and compares it with what must happen. Ends with 1 if anything differs.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::Server;
use authenticator_tests::support::sts::{Behaviour, Principal, Seen, Sts};
use authenticator_tests::support::{plugin, programs};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<ExitCode> {
    let page = Page::new();
    page.line("Building the two programs (minutes the first time, a moment after that) ...")?;
    programs::server();

    let sts = Sts::start([alice(), ada(), mallory()]);
    let server = Server::start(CONFIG, &sts);
    let reviewer = server.reviewer();
    page.opening(&sts, &reviewer)?;

    let steps = steps();
    let mut as_expected = 0;
    for (number, step) in (1..).zip(&steps) {
        let before = sts.seen().len();
        sts.behave(step.sts.clone());
        let answer = reviewer.review(ReviewVersion::V1, &step.token).await;
        let seen = sts.seen().split_off(before);
        as_expected += usize::from(page.step(number, step, &seen, &answer)?);
    }
    page.closing(as_expected, steps.len())?;
    Ok(if as_expected == steps.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One person at the door.
struct Step {
    title: &'static str,
    story: &'static str,
    token: String,
    sts: Behaviour,
    expected: Expected,
}

/// What must come of it.
enum Expected {
    /// Let in under this name, with these groups.
    In(&'static str, &'static [&'static str]),
    /// Refused, with this code; and whether STS may be asked.
    Refused(&'static str, StsIs),
    /// No verdict, with this code.
    Unknown(&'static str),
}

/// Whether a request goes to STS before somebody is refused.
#[derive(Clone, Copy, Eq, PartialEq)]
enum StsIs {
    Asked,
    NotAsked,
}

impl Expected {
    fn is_met_by(&self, seen: &[Seen], answer: &Answer) -> bool {
        match (self, answer) {
            (Expected::In(username, groups), Answer::Allowed(user)) => {
                user.username == *username && user.groups == *groups
            }
            (Expected::Refused(code, sts), Answer::Refused(reason)) => {
                reason.starts_with(&format!("{code}: ")) && seen.is_empty() == (*sts == StsIs::NotAsked)
            }
            (Expected::Unknown(code), Answer::Failed { status, text }) => {
                *status == 503 && text.starts_with(&format!("{code}: "))
            }
            _ => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Expected::In(username, groups) => format!("let in as {username}, groups {}", groups.join(", ")),
            Expected::Refused(code, StsIs::Asked) => format!("refused with {code} after STS was asked"),
            Expected::Refused(code, StsIs::NotAsked) => format!("refused with {code}, and STS not asked"),
            Expected::Unknown(code) => format!("no verdict, with {code}"),
        }
    }
}

fn steps() -> Vec<Step> {
    let token = |principal: &Principal| plugin::token(principal, CLUSTER, REGION);
    let step = |title, story, token, expected| Step { title, story, token, sts: Behaviour::Normal, expected };
    let alices = token(&alice());
    vec![
        step(
            "Alice, an IAM user with keys of her own",
            "She runs kubectl; her kubeconfig runs the plugin; her keys are in the environment.",
            alices.clone(),
            Expected::In("alice", &["system:masters"]),
        ),
        step(
            "Ada, who has taken on the role viewer",
            "Her keys are temporary. The role's path is no part of what STS says, so none is compared.",
            token(&ada()),
            Expected::In("viewer:ada-example.com", &["viewers"]),
        ),
        step(
            "Mallory, a colleague whom nobody has mapped",
            "STS knows who he is. The cluster has no place for him.",
            token(&mallory()),
            Expected::Refused("identity.not_mapped", StsIs::Asked),
        ),
        step(
            "A forger, who knows Alice's access key id but not her secret",
            "The token looks like hers in all but the signature, which only STS can tell.",
            token(&alice().forger()),
            Expected::Refused("sts.signature_does_not_match", StsIs::Asked),
        ),
        step(
            "Alice's token for another cluster",
            "Stolen there, or sent here by mistake. The webhook asks about its own cluster, always.",
            plugin::token(&alice(), "another-cluster", REGION),
            Expected::Refused("sts.signature_does_not_match", StsIs::Asked),
        ),
        step(
            "Alice's token, with one bit changed on its way",
            "https became ittps. That is no token, so STS is not bothered.",
            with_bit_changed(&alices),
            Expected::Refused("token.url", StsIs::NotAsked),
        ),
        step(
            "Something that is no token at all",
            "As every scanner on the network sends.",
            "k8s-aws-v1.letmein".to_owned(),
            Expected::Refused("token.base64", StsIs::NotAsked),
        ),
        Step {
            sts: Behaviour::CloseConnection,
            ..step(
                "Ada again with a new token, while STS is away",
                "Nobody can tell who she is, and that is not her fault: 503, not a denial, and nothing to remember.",
                plugin::token(&ada(), CLUSTER, "eu-central-1"),
                Expected::Unknown("sts.unreachable"),
            )
        },
        step(
            "Ada a moment later, STS back",
            "The same kind of token, and in she goes.",
            plugin::token(&ada(), CLUSTER, "eu-west-1"),
            Expected::In("viewer:ada-example.com", &["viewers"]),
        ),
    ]
}

/// The token of a URL that begins with `i` in place of `h`: the next bit pattern, one bit away.
fn with_bit_changed(token: &str) -> String {
    // "htt" is "aHR0" in base64, "itt" is "aXR0".
    token.replacen("k8s-aws-v1.aH", "k8s-aws-v1.aX", 1)
}

fn alice() -> Principal {
    Principal::user(ACCOUNT, "alice")
}

fn ada() -> Principal {
    Principal::role_session(ACCOUNT, "viewer", "ada@example.com")
}

fn mallory() -> Principal {
    Principal::user(ACCOUNT, "mallory")
}

/// What is printed, and how.
struct Page {
    colour: bool,
}

impl Page {
    fn new() -> Page {
        Page { colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    fn opening(&self, sts: &Sts, reviewer: &Reviewer) -> io::Result<()> {
        self.line("")?;
        self.line(&self.bold("Who is at the door of a Kubernetes cluster that knows people by their AWS credentials"))?;
        self.line("")?;
        self.row("STS", &format!("an emulator at {} that recomputes every signature", sts.address()))?;
        self.row("webhook", &format!("the real one, asked at {} as an API server would", reviewer.url()))?;
        self.row(
            "plugin",
            "the real one, run as kubectl would: authenticator-client token -i demo --region us-west-2",
        )?;
        self.row("mappings", &format!("user/alice   is alice, in system:masters     (account {ACCOUNT})"))?;
        self.row("", "role/viewer  is viewer:{{SessionName}}, in viewers")
    }

    /// Prints one step, and says whether it went as it must.
    fn step(&self, number: usize, step: &Step, seen: &[Seen], answer: &Answer) -> io::Result<bool> {
        self.line("")?;
        self.line(&format!("{} {}", self.bold(&format!("{number}.")), self.bold(step.title)))?;
        self.row("", step.story)?;
        self.row("token", &shortened(&step.token))?;
        self.row("STS", &sts_words(step, seen))?;
        self.row("answer", &self.answer_words(answer))?;
        if step.expected.is_met_by(seen, answer) {
            return Ok(true);
        }
        self.row("", &self.red(&format!("NOT AS EXPECTED: must be {}", step.expected.words())))?;
        Ok(false)
    }

    fn closing(&self, as_expected: usize, all: usize) -> io::Result<()> {
        let words = format!("{as_expected} of {all} steps went as they must.");
        self.line("")?;
        self.line(&if as_expected == all { self.green(&words) } else { self.red(&words) })
    }

    fn answer_words(&self, answer: &Answer) -> String {
        match answer {
            Answer::Allowed(user) => {
                let words = self.green(&format!("let in as {}", user.username));
                format!("200, {words}, groups {}\nuid {}", user.groups.join(", "), user.uid)
            }
            Answer::Refused(reason) => format!("200, {}\n{reason}", self.red("refused")),
            Answer::Failed { status, text } => format!("{}, {}\n{text}", status.as_u16(), self.yellow("no verdict")),
        }
    }

    /// A name on the left, and lines of text beside it.
    fn row(&self, name: &str, text: &str) -> io::Result<()> {
        let mut name = format!("{name:<8}");
        for line in text.lines().flat_map(wrapped) {
            self.line(&format!("   {}  {line}", self.dim(&name)))?;
            name = " ".repeat(8);
        }
        Ok(())
    }

    fn line(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", text.trim_end())?;
        out.flush()
    }

    fn bold(&self, text: &str) -> String {
        self.painted("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.painted("2", text)
    }

    fn red(&self, text: &str) -> String {
        self.painted("31", text)
    }

    fn green(&self, text: &str) -> String {
        self.painted("32", text)
    }

    fn yellow(&self, text: &str) -> String {
        self.painted("33", text)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn sts_words(step: &Step, seen: &[Seen]) -> String {
    let Some(last) = seen.last() else { return "not asked".to_owned() };
    let asked = format!("{} was asked", last.server_name);
    match (&step.sts, &last.verdict) {
        (Behaviour::CloseConnection, _) => format!("{asked} {} times, and hung up each time", seen.len()),
        (_, Ok(arn)) => format!("{asked}, and says {arn}"),
        (_, Err(code)) => format!("{asked}, and says {}", code.name()),
    }
}

fn shortened(token: &str) -> String {
    match token.get(..44) {
        Some(start) => format!("{start}...  ({} bytes)", token.len()),
        None => token.to_owned(),
    }
}

/// Breaks a line between words so that it fits a terminal of 100 columns with the name beside it.
fn wrapped(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("there is a line from the start");
        if last.len() + word.len() >= WIDTH && !last.is_empty() {
            lines.push(word.to_owned());
        } else {
            let space = if last.is_empty() { "" } else { " " };
            let _ = write!(last, "{space}{word}");
        }
    }
    lines
}

const WIDTH: usize = 84;
const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "demo";
const REGION: &str = "us-west-2";
const CONFIG: &str = "clusterID: demo
server:
  mapUsers:
    - userARN: arn:aws:iam::111122223333:user/alice
      username: alice
      groups: [system:masters]
  mapRoles:
    # With its path, as IAM shows it.
    - roleARN: arn:aws:iam::111122223333:role/department/viewer
      username: viewer:{{SessionName}}
      groups: [viewers]
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_differs_is_noticed() {
        let refused = |reason: &str| Answer::Refused(reason.to_owned());
        let expected = Expected::Refused("token.url", StsIs::NotAsked);
        assert!(expected.is_met_by(&[], &refused("token.url: it has no query")));
        assert!(!expected.is_met_by(&[], &refused("token.host: it is none")));
        let asked = Expected::Refused("token.url", StsIs::Asked);
        assert!(!asked.is_met_by(&[], &refused("token.url: it has no query")));
        assert!(!Expected::In("alice", &[]).is_met_by(&[], &refused("token.url: it has no query")));
        assert!(!Expected::Unknown("token.url").is_met_by(&[], &refused("token.url: it has no query")));
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let text = "words and ".repeat(40);
        let lines = wrapped(text.trim_end());
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        assert_eq!(lines.join(" "), text.trim_end());
    }
}
