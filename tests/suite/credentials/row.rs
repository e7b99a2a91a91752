//! One environment of the matrix: data, and nothing that runs.

/// Everything that a person may have set up, and what must come of it.
///
/// Texts may hold what is only known when the emulators run, in angle brackets: see [`super::scene::Scene::fill`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// What is tried, as a sentence of fact.
    pub(super) name: &'static str,
    /// Variables, beside and before those of every row ([`super::scene`]). One that is [`UNSET`] is not there at all.
    pub(super) env: &'static [(&'static str, &'static str)],
    /// Whose keys stand in the environment, if anybody's.
    pub(super) keys: &'static str,
    /// `~/.aws/config`; absent when empty.
    pub(super) config: &'static str,
    /// `~/.aws/credentials`; absent when empty.
    pub(super) credentials: &'static str,
    /// Other files, with their place under the home directory. One that begins with `#!` may be run; `-> ` makes it a link.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Flags of `eks get-token`.
    pub(super) flags: &'static [&'static str],
    /// Where it is.
    pub(super) place: Place,
    /// What must come of it: what is right, whoever does it.
    pub(super) answer: Answer,
    /// Whether aws-cli 2 does that.
    pub(super) v2: Peer,
    /// Whether aws-cli 1 does that.
    pub(super) v1: Peer,
}

/// Where the programs run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// On a machine without a terminal.
    Machine,
    /// At a terminal, where somebody types this when asked.
    Terminal(&'static str),
    /// In a container of ECS or EKS: the endpoint for credentials is at its own addresses, and nothing else can be reached.
    Task,
}

/// What must come of an environment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// A token of this person or role for this host, with the scope of the host's region.
    Token(&'static str, &'static str),
    /// Nothing on standard output, exit code 1, and each of these in our message on standard error.
    Refusal(&'static [&'static str]),
}

/// Whether another program gives the right answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer {
    /// It does.
    Agrees,
    /// It does not, for this reason. The matrix fails when it does after all: then there is nothing left to explain.
    Differs(&'static str),
}

impl Row {
    /// A row in which nothing is set up. Each row says what is different, and above all its answer.
    pub(super) const NOTHING: Row = Row {
        name: "",
        env: &[],
        keys: "",
        config: "",
        credentials: "",
        files: &[],
        flags: &[],
        place: Place::Machine,
        answer: Answer::Refusal(&[]),
        v2: Peer::Agrees,
        v1: Peer::Agrees,
    };
}

/// The value of a variable that is not set.
pub(super) const UNSET: &str = "<unset>";
