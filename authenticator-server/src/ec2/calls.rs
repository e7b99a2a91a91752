//! The calls of EC2 and IAM.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use mapping::{InstanceRole, Partition};
use tokio::sync::OnceCell;

use super::answer::{InstanceProfile, read_instances, read_profile};
use super::batch::{Batch, Outcome};
use super::desk::{Known, known};
use super::{Outage, endpoint};
use crate::aws::{HttpClient, MAKING, Network, OwnCredentials, QueryApi, QueryError, RoleArn, Service, SourceArn, own};
use crate::clock::Clock;
use crate::metrics::Ec2Counts;

/// Where EC2, IAM and STS are reached, and as whom.
#[derive(Clone, Debug)]
pub struct Places {
    /// The partition of all three.
    pub partition: Partition,
    /// The role that asks EC2 and IAM, if it is not this server itself.
    pub role: Option<RoleArn>,
    /// For whom that role is assumed.
    pub source: Option<SourceArn>,
    /// The connections to EC2.
    pub ec2: HttpClient<Full<Bytes>>,
    /// The connections to IAM.
    pub iam: HttpClient<Full<Bytes>>,
    /// The connections to STS, which is asked for that role.
    pub sts: HttpClient<Full<Bytes>>,
}

/// Calls EC2 and IAM as this server. Nothing is looked up or connected before something is asked.
#[derive(Debug)]
pub struct Calls {
    places: Places,
    network: Network,
    clock: Clock,
    counts: Ec2Counts,
    ready: OnceCell<Ready>,
}

/// The services of the region that this server is in.
#[derive(Debug)]
struct Ready {
    ec2: (QueryApi, Service),
    iam: (QueryApi, Service),
}

impl Calls {
    /// Calls by these ways, and counts them.
    #[must_use]
    pub fn new(places: Places, network: Network, clock: Clock, counts: Ec2Counts) -> Self {
        Self { places, network, clock, counts, ready: OnceCell::new() }
    }

    /// Where what is found is counted too.
    pub(super) const fn counts(&self) -> &Ec2Counts {
        &self.counts
    }

    /// A page of what EC2 knows of the instances in the batch.
    ///
    /// They are a filter and not a list of ids: of a list EC2 refuses all if it does not know one of them.
    pub(super) async fn describe_instances(&self, batch: Batch) -> Outcome<Known, Outage> {
        let values = batch.ids.iter().enumerate();
        let values = values.map(|(index, id)| (format!("Filter.1.Value.{}", index.saturating_add(1)), id.to_string()));
        let mut parameters = vec![("Filter.1.Name".to_owned(), "instance-id".to_owned())];
        parameters.extend(values);
        parameters.push(("MaxResults".to_owned(), PAGE.to_owned()));
        parameters.extend(batch.page.map(|page| ("NextToken".to_owned(), page)));
        let answer = self.call("DescribeInstances", |ready| &ready.ec2, &parameters).await;
        match answer.map(|body| read_instances(&body.unwrap_or_default())) {
            Ok(Ok(page)) => Outcome::Answered { found: known(page.found), next_page: page.next },
            Ok(Err(error)) => {
                tracing::warn!(instances = batch.ids.len(), %error, "EC2's answer cannot be read");
                Outcome::Unread(Outage::Answer)
            }
            Err(Outage::TooLarge) => Outcome::Unread(Outage::TooLarge),
            Err(outage @ (Outage::Refused | Outage::NoCredentials | Outage::NoRegion)) => Outcome::Refused(outage),
            Err(outage) => Outcome::Unheard(outage),
        }
    }

    /// The role of an instance profile of this server's account; none if there is no such profile any more.
    pub(super) async fn get_instance_profile(&self, profile: &InstanceProfile) -> Result<InstanceRole, Outage> {
        let parameters = [("InstanceProfileName".to_owned(), profile.name().to_owned())];
        match self.call("GetInstanceProfile", |ready| &ready.iam, &parameters).await? {
            Some(body) => read_profile(&body, profile).map_err(|_| Outage::Answer),
            None => Ok(InstanceRole::None),
        }
    }

    /// What is answered; nothing if that which was asked for is not there.
    async fn call(
        &self,
        action: &'static str,
        which: impl Fn(&Ready) -> &(QueryApi, Service),
        parameters: &[(String, String)],
    ) -> Result<Option<Bytes>, Outage> {
        let call = self.counts.call(action);
        let answer = async {
            let (api, service) = which(self.ready.get_or_try_init(|| self.prepare()).await?);
            match api.call(service, action, parameters, &[]).await {
                Ok(body) => Ok(Some(body)),
                Err(QueryError::Refused(code)) if code.is_no_such_entity() => Ok(None),
                Err(error) => Err(outage(action, &error)),
            }
        };
        let answer = tokio::time::timeout(ONE_TRY, answer).await.unwrap_or(Err(Outage::TimedOut));
        call.ended(answer.as_ref().map_or_else(|outage| outage.code(), |_| "ok"));
        answer
    }

    async fn prepare(&self) -> Result<Ready, Outage> {
        let Places { partition, role, source, ec2, iam, sts } = &self.places;
        let own = tokio::time::timeout(MAKING, own(&self.network, self.clock.clone())).await;
        let Ok((Some(region), credentials)) = own else {
            tracing::error!(
                "the region to ask EC2 in is not known: neither AWS_REGION, nor a profile, nor instance metadata"
            );
            return Err(Outage::NoRegion);
        };
        let mut credentials = Arc::new(credentials);
        if let Some(role) = role {
            let api = QueryApi::new(sts.clone(), credentials, self.clock.clone());
            let sts = endpoint::sts(*partition, &region);
            credentials = Arc::new(OwnCredentials::of_role(api, sts, role, source.as_ref(), self.clock.clone()));
        }
        tracing::info!(region, "asking EC2 about nodes");
        let api = |http: &HttpClient<_>| QueryApi::new(http.clone(), Arc::clone(&credentials), self.clock.clone());
        Ok(Ready { ec2: (api(ec2), endpoint::ec2(*partition, &region)), iam: (api(iam), endpoint::iam(*partition)) })
    }
}

fn outage(action: &'static str, error: &QueryError) -> Outage {
    // What is wrong on this server's side has to be told to whoever runs it.
    match error {
        QueryError::Credentials(reason) => {
            tracing::error!(action, %reason, "no AWS credentials of this server's own");
            Outage::NoCredentials
        }
        QueryError::Refused(code) => {
            tracing::error!(action, %code, "AWS refuses this server's call");
            Outage::Refused
        }
        QueryError::Throttled => Outage::Throttled,
        QueryError::Unreachable => Outage::Unreachable,
        QueryError::Status(_) | QueryError::TooLarge => {
            tracing::warn!(action, %error, "AWS did not answer what was asked");
            if *error == QueryError::TooLarge { Outage::TooLarge } else { Outage::Answer }
        }
    }
}

/// As many as a page can have, so that a batch needs one.
const PAGE: &str = "1000";

/// The time for one call, credentials included.
const ONE_TRY: Duration = Duration::from_secs(5);
