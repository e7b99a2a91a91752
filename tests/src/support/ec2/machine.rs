//! The machines that EC2 knows.

/// An EC2 instance.
#[derive(Clone, Debug)]
pub struct Machine {
    /// `i-` and 17 hexadecimal digits, or 8 for one of before 2016.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// Where it stands.
    pub region: String,
    /// What it does.
    pub state: State,
    /// Its name in its VPC's DNS; empty in a VPC without DNS host names.
    pub private_dns_name: String,
    /// After what it is named.
    pub hostname: Hostname,
    /// Its address in the VPC.
    pub private_ip: String,
    /// Its IPv6 address, if its subnet has any.
    pub ipv6: Option<String>,
    /// Its network.
    pub vpc: String,
    /// The name of its instance profile, in its own account.
    pub profile: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// What an instance does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It starts for the first time.
    Pending,
    /// It runs.
    Running,
    /// It ends for good.
    ShuttingDown,
    /// It is gone, and EC2 knows of it for another hour.
    Terminated,
    /// It is being stopped.
    Stopping,
    /// It may be started again.
    Stopped,
}

/// After what a subnet lets EC2 name its instances.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hostname {
    /// `ip-10-0-0-7.REGION.compute.internal`.
    IpName,
    /// `i-0123456789abcdef0.REGION.compute.internal`.
    ResourceName,
}

impl Machine {
    /// A running one, the `number`th of its kind: id, address and names follow from the number.
    #[must_use]
    pub fn new(account: &str, region: &str, number: u32) -> Machine {
        let [_, a, b, c] = number.to_be_bytes();
        let zone = match region {
            "us-east-1" => "ec2.internal".to_owned(),
            _ => format!("{region}.compute.internal"),
        };
        Machine {
            id: format!("i-0{number:016x}"),
            account: account.to_owned(),
            region: region.to_owned(),
            state: State::Running,
            private_dns_name: format!("ip-10-{a}-{b}-{c}.{zone}"),
            hostname: Hostname::IpName,
            private_ip: format!("10.{a}.{b}.{c}"),
            ipv6: None,
            vpc: "vpc-0a1b2c3d4e5f60718".to_owned(),
            profile: None,
            tags: Vec::new(),
        }
    }

    /// The same with an instance profile.
    #[must_use]
    pub fn with_profile(mut self, name: &str) -> Machine {
        self.profile = Some(name.to_owned());
        self
    }

    /// The same with another name in its VPC's DNS.
    #[must_use]
    pub fn named(mut self, private_dns_name: &str) -> Machine {
        self.private_dns_name = private_dns_name.to_owned();
        self
    }

    /// The same with one tag more.
    #[must_use]
    pub fn tagged(mut self, key: &str, value: &str) -> Machine {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The same in this state.
    #[must_use]
    pub fn in_state(mut self, state: State) -> Machine {
        self.state = state;
        self
    }
}

impl State {
    /// EC2's code and name.
    pub(super) fn code_and_name(self) -> (u8, &'static str) {
        match self {
            State::Pending => (0, "pending"),
            State::Running => (16, "running"),
            State::ShuttingDown => (32, "shutting-down"),
            State::Terminated => (48, "terminated"),
            State::Stopping => (64, "stopping"),
            State::Stopped => (80, "stopped"),
        }
    }
}

impl Hostname {
    /// As EC2 writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Hostname::IpName => "ip-name",
            Hostname::ResourceName => "resource-name",
        }
    }
}
