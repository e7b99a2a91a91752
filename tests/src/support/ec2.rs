//! EC2's `DescribeInstances` and IAM's `GetInstanceProfile`, as strict as the real ones: over TLS, with every signature recomputed
//! from the bytes on the wire, for the principals of the [`Sts`] that they stand beside.
//!
//! ```text
//! bytes ─tls─▶ request ─sts::judgement─▶ Principal ─describe─▶ a page of the caller's own machines ─answers─▶ XML
//!                                                  └profiles─▶ an instance profile and its role ─────┘
//! ```
//!
//! As at AWS, a caller sees the machines of the caller's own account and of the region that it asks, and nobody else's. What differs
//! from the services: everybody whom STS knows may ask, until [`Behaviour::Refuse`] says otherwise; of the parameters and filters of
//! `DescribeInstances` it knows those that `describe` lists, and refuses the others.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::{Method, Response, StatusCode};
use hyper::body::Bytes;

use super::gate::Gate;
use super::loopback::{Asked, Reply, Secure, next_request_id, plain};
use super::sts::judgement::{self, Service};
use super::sts::sigv4::Pairs;
use super::sts::{Allowance, Fault, Known, Principal, Sts};
pub use answers::Refusal;
pub use machine::{Hostname, Machine, State};

mod answers;
mod describe;
mod machine;
mod profiles;

/// A running emulator of both services.
pub struct Ec2 {
    desk: Arc<Desk>,
    gates: [Gate; 2],
    server: Secure,
}

/// Which of the two services.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Api {
    /// EC2, at `ec2.REGION.amazonaws.com`.
    Ec2,
    /// IAM, at `iam.amazonaws.com`.
    Iam,
}

/// How a service treats a request once it knows who signed it. Whoever did not sign correctly is refused all the same.
#[derive(Clone, Debug, Default)]
pub enum Behaviour {
    /// As the service does.
    #[default]
    Normal,
    /// As the service does, but for the next so many requests, which are throttled.
    ThrottleNext(u32),
    /// As the service does, up to so many requests a second; those beyond are throttled.
    AtMost {
        /// Requests a second.
        per_second: u32,
    },
    /// Everybody is refused with this code and status: `UnauthorizedOperation` and 403, for example.
    Refuse(&'static str, StatusCode),
    /// Everybody gets this answer, in XML or not.
    Say {
        /// The status.
        code: StatusCode,
        /// The body as sent.
        body: Bytes,
    },
    /// Nobody gets an answer, and connections stay open.
    Hang,
    /// Connections are cut once the request has been read.
    Cut,
}

/// One request as it was understood, and what came of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Of which service.
    pub api: Api,
    /// The name that the TLS handshake asked for.
    pub server_name: String,
    /// Who signed it correctly.
    pub caller: Option<String>,
    /// The instance ids that it asks about, as parameters or as values of a filter; for IAM the name of the profile.
    pub names: Vec<String>,
    /// The code with which it was refused. Of an answer that a [`Behaviour::Say`] gave, or of none, it says nothing.
    pub refused: Option<String>,
}

impl Ec2 {
    /// Starts beside an STS, with its principals and its clock, and with these machines.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn beside(sts: &Sts, machines: impl IntoIterator<Item = Machine>) -> Ec2 {
        let desk = Arc::new(Desk::new(sts.known(), machines.into_iter().collect()));
        let server = Secure::start("ec2", |name| api_of(name).is_some(), {
            let desk = Arc::clone(&desk);
            move |asked| desk.answer(&asked)
        });
        let gates = [Gate::to(server.address()), Gate::to(server.address())];
        Ec2 { desk, gates, server }
    }

    /// Where this service listens.
    #[must_use]
    pub fn address(&self, api: Api) -> SocketAddr {
        self.gate(api).address()
    }

    /// The PEM file of the CA that signs the certificates of both.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.server.ca_file()
    }

    /// Adds a machine. One with the same id is replaced.
    pub fn launch(&self, machine: Machine) {
        let mut machines = lock(&self.desk.machines);
        match machines.iter_mut().find(|known| known.id == machine.id) {
            Some(known) => *known = machine,
            None => machines.push(machine),
        }
    }

    /// Changes the state of a machine.
    ///
    /// # Panics
    ///
    /// There is no such machine.
    pub fn becomes(&self, id: &str, state: State) {
        let mut machines = lock(&self.desk.machines);
        machines.iter_mut().find(|known| known.id == id).expect("there is such a machine").state = state;
    }

    /// Forgets a machine, as EC2 does an hour after its end.
    pub fn forget(&self, id: &str) {
        lock(&self.desk.machines).retain(|known| known.id != id);
    }

    /// Makes IAM know an instance profile, with a role in it or none. One of the same name is replaced.
    pub fn know_profile(&self, account: &str, name: &str, role: Option<&str>) {
        let role = role.map(ToOwned::to_owned);
        lock(&self.desk.profiles).insert((account.to_owned(), name.to_owned()), role);
    }

    /// Changes how a service treats requests from now on.
    pub fn behave(&self, api: Api, behaviour: Behaviour) {
        lock(&self.desk.manners).get_mut(&api).expect("both have manners").behaviour = behaviour;
    }

    /// Lets every answer of a service come after this time. Without another word they come at once.
    pub fn latency(&self, api: Api, latency: Duration) {
        lock(&self.desk.manners).get_mut(&api).expect("both have manners").latency = latency;
    }

    /// Lets a page of `DescribeInstances` hold so many machines at most, whatever is asked for. Without another word it is a
    /// thousand.
    pub fn page_size(&self, most: usize) {
        *lock(&self.desk.page_size) = most;
    }

    /// Breaks all connections of a service off, and lets none through from now on.
    pub fn go_away(&self, api: Api) {
        self.gate(api).close();
    }

    /// Lets connections of a service through again.
    pub fn come_back(&self, api: Api) {
        self.gate(api).open();
    }

    /// Every call so far of a service that got as far as a request, in their order.
    #[must_use]
    pub fn calls(&self, api: Api) -> Vec<Call> {
        lock(&self.desk.calls).iter().filter(|call| call.api == api).cloned().collect()
    }

    /// How often each code was told to somebody who called this service.
    #[must_use]
    pub fn refusals(&self, api: Api) -> BTreeMap<String, usize> {
        let mut refusals = BTreeMap::new();
        for code in self.calls(api).into_iter().filter_map(|call| call.refused) {
            *refusals.entry(code).or_default() += 1;
        }
        refusals
    }

    /// How many connections were made so far to both, whether or not a request came over them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    fn gate(&self, api: Api) -> &Gate {
        let [ec2, iam] = &self.gates;
        match api {
            Api::Ec2 => ec2,
            Api::Iam => iam,
        }
    }
}

impl fmt::Debug for Ec2 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ec2").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What the connections share.
struct Desk {
    known: Arc<Known>,
    machines: Mutex<Vec<Machine>>,
    /// By account and name; the role's name.
    profiles: Mutex<BTreeMap<(String, String), Option<String>>>,
    manners: Mutex<BTreeMap<Api, Manners>>,
    page_size: Mutex<usize>,
    calls: Mutex<Vec<Call>>,
}

#[derive(Default)]
struct Manners {
    behaviour: Behaviour,
    allowance: Allowance,
    latency: Duration,
}

/// What comes of a request: all that its answer needs.
type Outcome = Result<String, Refusal>;

impl Desk {
    fn new(known: Arc<Known>, machines: Vec<Machine>) -> Desk {
        Desk {
            known,
            machines: Mutex::new(machines),
            profiles: Mutex::default(),
            manners: Mutex::new([Api::Ec2, Api::Iam].map(|api| (api, Manners::default())).into()),
            page_size: Mutex::new(describe::MOST),
            calls: Mutex::default(),
        }
    }

    /// Judges a request, treats it as the behaviour says, and remembers it.
    fn answer(&self, asked: &Asked) -> Reply {
        let Some(api) = api_of(&asked.server_name) else {
            return Reply::Answer(plain(StatusCode::NOT_FOUND, "text/plain", "no host of ours"));
        };
        let request_id = next_request_id();
        let (caller, form) = self.read(api, asked);
        let names = form.as_ref().map(|form| api.names(form)).unwrap_or_default();
        let (latency, outcome) = {
            let mut manners = lock(&self.manners);
            let manners = manners.get_mut(&api).expect("both have manners");
            (manners.latency, manners.treat(api, &caller))
        };
        let arn = caller.as_ref().ok().map(|principal| principal.arn.clone());
        let outcome = outcome.unwrap_or_else(|| {
            Treated::Outcome(caller.and_then(|caller| self.serve(api, asked, &caller, &form?, &request_id)))
        });
        let refused = match &outcome {
            Treated::Outcome(Err(refusal)) => Some(refusal.code.to_owned()),
            Treated::Outcome(Ok(_)) | Treated::Reply(_) => None,
        };
        let server_name = asked.server_name.to_string();
        lock(&self.calls).push(Call { api, server_name, caller: arn, names, refused });
        match outcome {
            Treated::Reply(reply) => reply,
            Treated::Outcome(outcome) => Reply::Late(latency, api.response(outcome, &request_id)),
        }
    }

    /// Who asks, and with which parameters.
    fn read(&self, api: Api, asked: &Asked) -> (Result<Principal, Refusal>, Result<Pairs, Refusal>) {
        let caller = self.known.judge(api.service(), self.known.now(), asked).map_err(|fault| api.refusal(&fault));
        (caller, form(api, asked))
    }

    fn serve(&self, api: Api, asked: &Asked, caller: &Principal, form: &Pairs, request_id: &str) -> Outcome {
        let action = (stated(api, form, "Action")?, stated(api, form, "Version")?);
        match (api, action.0.as_str(), action.1.as_str()) {
            (Api::Ec2, "DescribeInstances", "2016-11-15") => {
                let region = (api.service().region_of)(&asked.server_name).unwrap_or_default();
                let machines = lock(&self.machines);
                let theirs: Vec<&Machine> = machines
                    .iter()
                    .filter(|machine| machine.account == caller.account && machine.region == region)
                    .collect();
                let page = describe::page(form, &theirs, *lock(&self.page_size))?;
                Ok(answers::instances(&page, request_id))
            }
            (Api::Iam, "GetInstanceProfile", "2010-05-08") => {
                let profile = profiles::get(form, caller, &lock(&self.profiles))?;
                Ok(answers::profile(&profile, request_id))
            }
            _ => Err(Refusal::new(
                "InvalidAction",
                StatusCode::BAD_REQUEST,
                format!("The action {} is not valid for this web service.", action.0),
            )),
        }
    }
}

/// What the manners of a service make of a request.
enum Treated {
    Outcome(Outcome),
    Reply(Reply),
}

impl Manners {
    /// `None` where the service does as it always does.
    fn treat(&mut self, api: Api, caller: &Result<Principal, Refusal>) -> Option<Treated> {
        let throttled = || Some(Treated::Outcome(Err(api.throttled())));
        if caller.is_err() {
            return None;
        }
        match &mut self.behaviour {
            Behaviour::Normal | Behaviour::ThrottleNext(0) => None,
            Behaviour::ThrottleNext(left) => {
                *left -= 1;
                throttled()
            }
            Behaviour::AtMost { per_second } if self.allowance.take(*per_second) => None,
            Behaviour::AtMost { .. } => throttled(),
            Behaviour::Refuse(code, status) => {
                Some(Treated::Outcome(Err(Refusal::new(code, *status, "You are not let do that."))))
            }
            Behaviour::Say { code, body } => {
                let response = plain(*code, "text/xml;charset=UTF-8", body.clone());
                Some(Treated::Reply(Reply::Late(self.latency, response)))
            }
            Behaviour::Hang => Some(Treated::Reply(Reply::Hang)),
            Behaviour::Cut => Some(Treated::Reply(Reply::Cut)),
        }
    }
}

impl Api {
    fn service(self) -> Service {
        match self {
            Api::Ec2 => EC2,
            Api::Iam => IAM,
        }
    }

    /// A refusal of the signature, in the words of this service.
    fn refusal(self, fault: &Fault) -> Refusal {
        match self {
            Api::Ec2 => Refusal::of_ec2(fault),
            Api::Iam => Refusal::of_iam(fault),
        }
    }

    fn throttled(self) -> Refusal {
        match self {
            Api::Ec2 => {
                Refusal::new("RequestLimitExceeded", StatusCode::SERVICE_UNAVAILABLE, "Request limit exceeded.")
            }
            Api::Iam => Refusal::new("Throttling", StatusCode::BAD_REQUEST, "Rate exceeded"),
        }
    }

    fn names(self, form: &Pairs) -> Vec<String> {
        match self {
            Api::Ec2 => describe::ids(form),
            Api::Iam => form.optional("InstanceProfileName").ok().flatten().into_iter().collect(),
        }
    }

    fn response(self, outcome: Outcome, request_id: &str) -> Response<Bytes> {
        match (self, outcome) {
            (Api::Ec2, Ok(body)) => plain(StatusCode::OK, "text/xml;charset=UTF-8", body),
            (Api::Iam, Ok(body)) => plain(StatusCode::OK, "text/xml", body),
            (Api::Ec2, Err(refusal)) => answers::ec2_refusal(&refusal, request_id),
            (Api::Iam, Err(refusal)) => answers::iam_refusal(&refusal, request_id),
        }
    }
}

/// The parameters of a request of the query protocol: a form, posted to the root.
fn form(api: Api, asked: &Asked) -> Result<Pairs, Refusal> {
    let malformed = |message: &str| Refusal::new("MalformedQueryString", StatusCode::BAD_REQUEST, message);
    let is_form = asked.parts.headers.get(http::header::CONTENT_TYPE).is_some_and(|value| {
        value.to_str().is_ok_and(|value| value.split(';').next() == Some("application/x-www-form-urlencoded"))
    });
    if asked.parts.method != Method::POST || asked.parts.uri.path() != "/" || !is_form {
        return Err(malformed("a form must be posted to /"));
    }
    let text = std::str::from_utf8(&asked.body).map_err(|_| malformed("the form is not UTF-8"))?;
    Pairs::parse(text).map_err(|fault| api.refusal(&fault))
}

fn stated(api: Api, form: &Pairs, name: &str) -> Result<String, Refusal> {
    form.optional(name).map_err(|fault| api.refusal(&fault))?.ok_or_else(|| {
        Refusal::new(
            "MissingParameter",
            StatusCode::BAD_REQUEST,
            format!("The request must contain the parameter {name}"),
        )
    })
}

/// Whose host this is.
fn api_of(host: &str) -> Option<Api> {
    [Api::Ec2, Api::Iam].into_iter().find(|api| (api.service().region_of)(host).is_some())
}

const EC2: Service = Service { name: "ec2", region_of: |host| judgement::region_in(host, &["ec2", "ec2-fips"]) };

/// A service for the whole of a partition, which stands in one region of it.
/// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
const IAM: Service = Service {
    name: "iam",
    region_of: |host| match host {
        "iam.amazonaws.com" | "iam-fips.amazonaws.com" => Some("us-east-1"),
        "iam.us-gov.amazonaws.com" => Some("us-gov-west-1"),
        "iam.cn-north-1.amazonaws.com.cn" => Some("cn-north-1"),
        _ => None,
    },
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds a lock of the emulator")
}
