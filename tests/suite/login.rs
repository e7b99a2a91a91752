//! What the plugin does for credentials that cost a call, and what it does not do twice.
//!
//! - [`cache`]: one call for as many runs as there may be, whoever is killed meanwhile.
//! - [`home`]: where it is, when no variable says so.
//! - [`process`]: a credential process is asked each time, and may ask whoever sits at the terminal.
//! - [`prompt`]: a person at a terminal is asked for a code, once, and nobody else is.
//! - [`renewal`]: a session of `aws login` that has ended is renewed.
//! - [`roles`]: what the command line says of a role reaches STS.
//! - [`way`]: what is told of a proxy, and of a page where AWS should be.
//! - [`whoami`]: what is told of credentials.

use std::path::PathBuf;
use std::process::Child;

use authenticator_tests::support::programs::{self, Run};
use authenticator_tests::support::secrets;
use authenticator_tests::support::sts::{Mfa, Principal, Role, Sts};
use authenticator_tests::support::{plugin, proxy};
use tempfile::TempDir;

use crate::people::{ACCOUNT, CLUSTER, alice};

mod cache;
mod home;
mod process;
mod prompt;
mod renewal;
mod roles;
mod way;
mod whoami;

/// Somebody's home, and an STS that knows them.
struct Scene {
    home: TempDir,
    sts: Sts,
    environment: Vec<(String, String)>,
}

impl Scene {
    /// Alice's, with the keys in her environment.
    fn new() -> Scene {
        Scene::of(&alice())
    }

    fn of(principal: &Principal) -> Scene {
        let sts = Sts::start([principal.clone()]);
        let mut environment = principal.env();
        let ca = sts.ca_file().to_str().unwrap().to_owned();
        for (name, value) in
            [("HTTPS_PROXY", proxy::to(sts.address())), ("AWS_CA_BUNDLE", ca), ("AWS_REGION", "us-west-2".to_owned())]
        {
            environment.push((name.to_owned(), value));
        }
        Scene { home: TempDir::new().unwrap(), sts, environment }
    }

    /// The same, and more variables.
    fn with(mut self, variables: &[(&str, &str)]) -> Scene {
        self.environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    /// A profile `mfa`, whose role demands a code of a device.
    fn with_mfa(self) -> Scene {
        self.sts.know_role(Role { mfa: Some(Mfa { serial: DEVICE.to_owned(), code: CODE.to_owned() }), ..admin() });
        let folder = self.home.path().join(".aws");
        std::fs::create_dir(&folder).unwrap();
        let arn = admin().arn;
        std::fs::write(
            folder.join("config"),
            format!("[profile mfa]\nrole_arn = {arn}\nmfa_serial = {DEVICE}\ncredential_source = Environment\n"),
        )
        .unwrap();
        self
    }

    /// Runs the plugin.
    fn run(&self, arguments: &[&str]) -> Run {
        programs::run(programs::client(), self.home.path(), arguments, &self.environment)
    }

    /// A token for the suite's cluster.
    fn token(&self, arguments: &[&str]) -> Run {
        self.run(&[&["token", "-i", CLUSTER], arguments].concat())
    }

    /// Whose it is: the ARN that STS answers a token with.
    fn owner(&self, run: &Run) -> String {
        let credential = run.credential(plugin::BETA).unwrap_or_else(|error| panic!("{error:#}\n{}", run.stderr));
        let request = authenticator_tests::support::sts::caller::request_of(&credential.token, CLUSTER).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let before = self.sts.seen().len();
        runtime.block_on(self.sts.call(http::Version::HTTP_11, request)).unwrap();
        self.sts.seen()[before].verdict.clone().unwrap()
    }

    /// How many roles STS was asked for.
    fn asked(&self) -> usize {
        self.sts.seen().iter().filter(|seen| seen.parameter("Action").as_deref() == Some("AssumeRole")).count()
    }

    /// What the last request for a role said.
    fn last_asked(&self, parameter: &str) -> Option<String> {
        let seen = self.sts.seen();
        let last = seen.iter().rfind(|seen| seen.parameter("Action").as_deref() == Some("AssumeRole"));
        last.and_then(|seen| seen.parameter(parameter))
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join(".kube/cache/authenticator-client")
    }
}

/// A role that alice may take on.
fn admin() -> Role {
    Role::trusting(ACCOUNT, "admin", [alice().arn.as_str()])
}

/// What a program left behind that was started beside the test.
fn left_behind(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    secrets::assert_none_in("the plugin", &stderr);
    Run { stdout: String::from_utf8_lossy(&output.stdout).into_owned(), stderr, code: output.status.code() }
}

#[track_caller]
fn assert_refused(run: &Run, message: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.stderr);
    assert!(run.stderr.starts_with("error: ") && run.stderr.lines().count() == 1, "{}", run.stderr);
    assert!(run.stderr.contains(message), "{}", run.stderr);
}

const DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";
const CODE: &str = "123456";
