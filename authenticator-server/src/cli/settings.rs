//! The settings that flags and the config file share: one layer's view of them, and how layers lie on one another.

use std::num::NonZeroU32;
use std::path::PathBuf;

use mapping::Partition;
use rustls::pki_types::ServerName;

use super::args::{ServerArgs, StsArgs, WebhookArgs};
use super::bounds::Bounds;
use super::token_rules::TokenRules;
use crate::audit::AuditTarget;
use crate::aws::{Endpoint, RoleArn, SourceArn};
use crate::http::DenyStatus;
use crate::tls::AllowedNames;

/// What one layer (the flags, or the config file's `server` section) says; what it does not say is absent.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Where the webhook listens.
    pub(super) address: Option<ServerName<'static>>,
    /// Where decisions are recorded.
    pub(super) audit_log: Option<AuditTarget>,
    /// The names of the sources of mappings, and the flag or place that has them, for errors.
    pub(super) backend_mode: Option<(Vec<String>, String)>,
    /// The names of which a client certificate must have one.
    pub(super) client_allowed_names: Option<AllowedNames>,
    /// The authorities of client certificates; an empty path is none.
    pub(super) client_ca_file: Option<PathBuf>,
    /// The status of a refusal.
    pub(super) deny_status: Option<DenyStatus>,
    /// Where the webhook kubeconfig is written.
    pub(super) generate_kubeconfig: Option<PathBuf>,
    /// How EC2 is asked about nodes.
    pub(super) ec2: Ec2Settings,
    /// The port of the health endpoint.
    pub(super) health_port: Option<u16>,
    /// What the API server calls the webhook.
    pub(super) hostname: Option<ServerName<'static>>,
    /// Access to the API server that holds mappings; an empty path is none.
    pub(super) kubeconfig: Option<PathBuf>,
    /// Whether the webhook kubeconfig is there already.
    pub(super) kubeconfig_pregenerated: Option<bool>,
    /// The URL of the API server that holds mappings; an empty text is none.
    pub(super) master: Option<String>,
    /// The partition whose STS is believed.
    pub(super) partition: Option<Partition>,
    /// The port of the webhook.
    pub(super) port: Option<u16>,
    /// How much there may be of everything.
    pub(super) bounds: Bounds,
    /// Whether ports are shared with another process.
    pub(super) reuse_port: Option<bool>,
    /// Where certificate and key are.
    pub(super) state_dir: Option<PathBuf>,
    /// Whom to trust for STS.
    pub(super) sts_ca_file: Option<PathBuf>,
    /// The certificate that is shown on the way to STS.
    pub(super) sts_client_cert_file: Option<PathBuf>,
    /// Where connections to STS go.
    pub(super) sts_endpoint: Option<Endpoint>,
    /// Which tokens are worth a question to STS.
    pub(super) tokens: TokenRules,
}

/// What a layer says of asking EC2 about nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ec2Settings {
    /// Calls that may be made at once.
    pub(super) burst: Option<NonZeroU32>,
    /// Where connections to EC2 go.
    pub(super) endpoint: Option<Endpoint>,
    /// Where connections to IAM go.
    pub(super) iam_endpoint: Option<Endpoint>,
    /// Calls a second.
    pub(super) per_second: Option<NonZeroU32>,
    /// The role that asks.
    pub(super) role: Option<RoleArn>,
    /// For whom it asks.
    pub(super) source: Option<SourceArn>,
}

impl Ec2Settings {
    fn over(self, below: Self) -> Self {
        Self {
            burst: self.burst.or(below.burst),
            endpoint: self.endpoint.or(below.endpoint),
            iam_endpoint: self.iam_endpoint.or(below.iam_endpoint),
            per_second: self.per_second.or(below.per_second),
            role: self.role.or(below.role),
            source: self.source.or(below.source),
        }
    }
}

impl Settings {
    /// This layer on top of another: what this one does not say, the other does.
    #[must_use]
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            address: self.address.or(below.address),
            audit_log: self.audit_log.or(below.audit_log),
            backend_mode: self.backend_mode.or(below.backend_mode),
            client_allowed_names: self.client_allowed_names.or(below.client_allowed_names),
            client_ca_file: self.client_ca_file.or(below.client_ca_file),
            deny_status: self.deny_status.or(below.deny_status),
            ec2: self.ec2.over(below.ec2),
            generate_kubeconfig: self.generate_kubeconfig.or(below.generate_kubeconfig),
            health_port: self.health_port.or(below.health_port),
            hostname: self.hostname.or(below.hostname),
            kubeconfig: self.kubeconfig.or(below.kubeconfig),
            kubeconfig_pregenerated: self.kubeconfig_pregenerated.or(below.kubeconfig_pregenerated),
            master: self.master.or(below.master),
            partition: self.partition.or(below.partition),
            port: self.port.or(below.port),
            bounds: self.bounds.over(below.bounds),
            reuse_port: self.reuse_port.or(below.reuse_port),
            state_dir: self.state_dir.or(below.state_dir),
            sts_ca_file: self.sts_ca_file.or(below.sts_ca_file),
            sts_client_cert_file: self.sts_client_cert_file.or(below.sts_client_cert_file),
            sts_endpoint: self.sts_endpoint.or(below.sts_endpoint),
            tokens: self.tokens.over(below.tokens),
        }
    }
}

impl From<WebhookArgs> for Settings {
    fn from(args: WebhookArgs) -> Self {
        let WebhookArgs { state_dir, generate_kubeconfig, hostname, address, port } = args;
        Self { state_dir, generate_kubeconfig, hostname, address, port, ..Self::default() }
    }
}

impl From<StsArgs> for Settings {
    fn from(args: StsArgs) -> Self {
        let StsArgs { partition, sts_endpoint, sts_ca_file, sts_client_cert_file } = args;
        Self { partition, sts_endpoint, sts_ca_file, sts_client_cert_file, ..Self::default() }
    }
}

impl From<ServerArgs> for Settings {
    fn from(args: ServerArgs) -> Self {
        let ServerArgs {
            webhook,
            tokens,
            sts,
            kubeconfig_pregenerated,
            kubeconfig,
            master,
            backend_mode,
            health_port,
            client_allowed_names,
            client_ca_file,
            deny_status,
            audit_log,
            reuse_port,
            bounds,
            ec2_describe_instances_qps,
            ec2_describe_instances_burst,
            ec2_endpoint,
            iam_endpoint,
        } = args;
        let ec2 = Ec2Settings {
            burst: ec2_describe_instances_burst,
            endpoint: ec2_endpoint,
            iam_endpoint,
            per_second: ec2_describe_instances_qps,
            ..Ec2Settings::default()
        };
        Self {
            audit_log,
            bounds,
            reuse_port,
            backend_mode: backend_mode.map(|names| (names, "--backend-mode".to_owned())),
            client_allowed_names: client_allowed_names.and_then(|names| AllowedNames::new(names).ok()),
            client_ca_file,
            deny_status,
            ec2,
            health_port,
            kubeconfig,
            kubeconfig_pregenerated,
            master,
            tokens,
            ..Self::from(webhook).over(sts.into())
        }
    }
}
