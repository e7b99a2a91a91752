//! Those who are asked for credentials, as this run can ask them. Each is made when it is needed.

use std::{cell::OnceCell, time::SystemTime};

use aws_config::{BehaviorVersion, provider_config::ProviderConfig};
use aws_smithy_async::{rt::sleep::TokioSleep, time::TimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::{SdkConfig, region::Region};
use jiff::Timestamp;

use super::{
    instance::{Instance, Metadata},
    login,
    network::{self, TrustError},
    services::{Service, ServiceError},
    sts::Sts,
};
use crate::{
    World,
    endpoint::{EndpointError, HostKind, StsEndpoint},
    profile::Profile,
    region::ChosenRegion,
};

/// The world's clock, for the SDK.
#[derive(Clone, Copy, Debug)]
struct Clock(fn() -> Timestamp);

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        (self.0)().into()
    }
}

/// A service cannot be asked for what is configured here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutsideError {
    /// There is no such STS host.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Its URL cannot be chosen.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Nobody is trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Where STS is asked, which is not always where the token is signed for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct StsAddress {
    /// Its URL.
    pub(super) url: String,
    /// The region of the credential scope.
    pub(super) region: String,
}

impl StsAddress {
    /// The configured URL, else the host of the region.
    pub(super) fn new(region: &ChosenRegion, profile: &Profile, world: &World) -> Result<Self, OutsideError> {
        let endpoint = StsEndpoint::new(&region.region, region.kind)?;
        let url = match Service::Sts.configured_url(profile, &world.env)? {
            Some(url) => url,
            None => format!("https://{}", endpoint.host()),
        };
        Ok(Self { url, region: endpoint.signing_region().to_owned() })
    }
}

/// Everybody outside the process.
pub(super) struct Outside<'a> {
    pub(super) profile: &'a Profile,
    pub(super) world: &'a World,
    client: OnceCell<SharedHttpClient>,
    local_client: OnceCell<SharedHttpClient>,
    instance: OnceCell<Metadata>,
}

impl<'a> Outside<'a> {
    pub(super) fn new(profile: &'a Profile, world: &'a World) -> Self {
        Self { profile, world, client: OnceCell::new(), local_client: OnceCell::new(), instance: OnceCell::new() }
    }

    /// STS.
    pub(super) fn sts(&self, address: &StsAddress) -> Result<Sts, OutsideError> {
        let config = self.config(Region::new(address.region.clone()))?.endpoint_url(&address.url).build();
        Ok(Sts::new(config, address.url.clone(), self.world.clock))
    }

    /// Another service in its own region, at the configured URL if there is one.
    pub(super) fn service(&self, service: Service, region: Region, kind: HostKind) -> Result<SdkConfig, OutsideError> {
        let config = self.config(region)?;
        let config = match service.configured_url(self.profile, &self.world.env)? {
            Some(url) => config.endpoint_url(url),
            None => config
                .use_fips(matches!(kind, HostKind::Fips | HostKind::FipsDualStack))
                .use_dual_stack(matches!(kind, HostKind::DualStack | HostKind::FipsDualStack)),
        };
        Ok(config.build())
    }

    /// What aws-config's provider for `aws login` needs, to ask AWS.
    pub(super) fn provider_config(&self, region: Region) -> Result<ProviderConfig, OutsideError> {
        Ok(ProviderConfig::empty()
            .with_http_client(login::judged(self.client()?))
            .with_region(Some(region))
            .with_sleep_impl(TokioSleep::new())
            .with_time_source(Clock(self.world.clock)))
    }

    /// The instance's metadata service.
    pub(super) fn instance(&self, instance: &Instance) -> &Metadata {
        self.instance.get_or_init(|| instance.asked_by(self.local_client()))
    }

    /// The client for a service of the machine itself.
    pub(super) fn local_client(&self) -> SharedHttpClient {
        self.local_client.get_or_init(network::local_client).clone()
    }

    /// A service that nobody can ask, for there is no client to do it with.
    pub(super) fn nobody(&self, region: Region) -> SdkConfig {
        self.base(region).build()
    }

    fn config(&self, region: Region) -> Result<aws_types::sdk_config::Builder, TrustError> {
        Ok(self.base(region).http_client(self.client()?))
    }

    fn base(&self, region: Region) -> aws_types::sdk_config::Builder {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .sleep_impl(TokioSleep::new())
            .time_source(Clock(self.world.clock))
    }

    /// The client for AWS's services, or for whoever else shows a certificate.
    pub(super) fn client(&self) -> Result<SharedHttpClient, TrustError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = network::client(self.profile, &self.world.env, None)?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}
