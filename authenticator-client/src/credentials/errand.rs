//! One run's asking: the root, then one role after the other; of all that is kept, nothing is asked for again.

use std::pin::Pin;

use aws_credential_types::Credentials;
use aws_types::region::Region;

use super::{
    CallerIdentity, CredentialsError, Means, Plan, Role, SessionName, SourceError, Sts,
    outside::{Outside, OutsideError, StsAddress},
    services::Service,
    source::Root,
};
use crate::{
    cache::{Cached, Origin},
    region::ChosenRegion,
    time,
};

pub(super) struct Errand<'a> {
    plan: &'a Plan,
    means: &'a Means<'a>,
    outside: &'a Outside<'a>,
    region: &'a ChosenRegion,
    address: &'a StsAddress,
    /// What was done so far, in words.
    pub(super) trail: Vec<String>,
    /// What the user should be told.
    pub(super) remarks: Vec<String>,
}

impl<'a> Errand<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        means: &'a Means<'a>,
        outside: &'a Outside<'a>,
        region: &'a ChosenRegion,
        address: &'a StsAddress,
    ) -> Self {
        Self { plan, means, outside, region, address, trail: Vec::new(), remarks: Vec::new() }
    }

    /// The credentials of the last of these roles, or of the root where there are none; kept ones where there are some.
    pub(super) fn up_to<'b>(
        &'b mut self,
        roles: &'b [Role],
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + 'b>> {
        Box::pin(async move {
            let what = roles.last().map_or_else(|| self.plan.source.root.to_string(), ToString::to_string);
            let Some(key) = self.plan.key(roles, self.address).await else {
                let credentials = self.make(roles).await?;
                self.trail.push(what);
                return Ok(credentials);
            };
            let (cache, clock) = (self.means.cache, self.plan.world.clock);
            let Cached { credentials, from } = cache.get_or_make(&key, clock, async || self.make(roles).await).await?;
            self.trail.push(match from {
                Origin::Cache => kept(&what),
                Origin::Made => what,
            });
            Ok(credentials)
        })
    }

    async fn make(&mut self, roles: &[Role]) -> Result<Credentials, CredentialsError> {
        match roles.split_last() {
            None => {
                let Self { plan, means, .. } = *self;
                means.in_time(&plan.source.root.to_string(), self.root(&plan.source.root)).await
            }
            Some((role, before)) => {
                let credentials = self.up_to(before).await?;
                if let Some(end) =
                    credentials.expiry().map(time::timestamp).filter(|end| *end <= (self.plan.world.clock)())
                {
                    let what = before.last().map_or_else(|| self.plan.source.root.to_string(), ToString::to_string);
                    return Err(CredentialsError::Expired { what, end });
                }
                self.assume(role, &credentials).await
            }
        }
    }

    async fn root(&mut self, root: &Root) -> Result<Credentials, SourceError> {
        let Self { outside, region, address, .. } = self;
        let now = (self.plan.world.clock)();
        let own_region = || Region::new(address.region.clone());
        Ok(match root {
            Root::Keys { credentials, .. } => credentials.clone(),
            Root::WebIdentity(source) => {
                let sts = outside.sts(address)?;
                let credentials = source.obtain(&sts, &self.plan.world.fs, now).await?;
                self.remark_on_clock(&sts);
                credentials
            }
            Root::Sso(source) => {
                let oidc = match source.is_renewable() {
                    true => outside.service(Service::SsoOidc, source.region(), region.kind)?,
                    false => outside.nobody(source.region()),
                };
                let portal = outside.service(Service::Sso, source.region(), region.kind)?;
                source.obtain(&oidc, &portal, &self.plan.world).await?
            }
            Root::Login(source) => {
                let config = |region: Option<Region>| outside.provider_config(region.unwrap_or_else(own_region));
                source.obtain(&self.plan.world, config).await?
            }
            Root::Process(source) => source.obtain(&self.plan.world.env, now).await?,
            Root::Container(source) => {
                let client = match source.is_encrypted() {
                    true => outside.client().map_err(OutsideError::from)?,
                    false => outside.local_client(),
                };
                source.obtain(client, &self.plan.world.env, &self.plan.world.fs).await?
            }
            Root::Instance(source) => outside.instance(source).credentials(now).await?,
        })
    }

    async fn assume(&mut self, role: &Role, credentials: &Credentials) -> Result<Credentials, CredentialsError> {
        let sts = self.outside.sts(self.address)?;
        let code = match &role.mfa_serial {
            None => None,
            Some(serial) => {
                let asked = async {
                    self.means.prompt.mfa_code(serial).await.map_err(|source| CredentialsError::Mfa {
                        arn: role.arn.clone(),
                        asked_by: role.asked_by.clone(),
                        source,
                    })
                };
                Some(self.means.in_time(&format!("the code of MFA device {serial}"), asked).await?)
            }
        };
        let asked = async {
            let session_name = self.session_name(role, &sts, credentials).await?;
            let code = code.as_ref().map(|code| code.expose_code());
            sts.assume_role(credentials, role, &session_name, code).await.map_err(|source| {
                CredentialsError::AssumeRole {
                    arn: role.arn.clone(),
                    asked_by: role.asked_by.clone(),
                    source: Box::new(source),
                }
            })
        };
        let what = format!("STS at {} to give role {}", self.address.url, role.arn);
        let assumed = self.means.in_time(&what, asked).await?;
        self.remark_on_clock(&sts);
        Ok(assumed)
    }

    async fn session_name(
        &self,
        role: &Role,
        sts: &Sts,
        credentials: &Credentials,
    ) -> Result<String, CredentialsError> {
        let caller = match role.session_name {
            SessionName::Forwarded => {
                let caller = sts.caller_identity(credentials).await;
                Some(caller.map_err(|error| CredentialsError::CallerIdentity(Box::new(error)))?)
            }
            SessionName::Dated | SessionName::Given(_) => None,
        };
        let callers = caller.as_ref().and_then(CallerIdentity::session_name);
        Ok(role.session_name.at((self.plan.world.clock)(), callers))
    }

    /// STS took what was dated by this clock, or did not look at the date; whoever is shown the token will.
    fn remark_on_clock(&mut self, sts: &Sts) {
        if let Some(difference) = sts.clock_difference() {
            let remark = format!(
                "this computer's clock is {difference} that of STS: the token may be refused until it is set right"
            );
            if !self.remarks.contains(&remark) {
                self.remarks.push(remark);
            }
        }
    }
}

/// How credentials are told of that were made earlier.
pub(super) fn kept(what: &str) -> String {
    format!("{what}, kept from an earlier run")
}
