//! `server`: every long-lived part is made here, stage by stage, and handed down.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use mapping::{Partition, SourceName};
use rustls::pki_types::ServerName;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::config::{ServerConfig, WebhookKubeconfigFile};
use super::settings::Ec2Settings;
use super::{cautions, gauges, health};
use crate::admin::{self, Health};
use crate::audit::AuditLog;
use crate::authenticate::Authenticator;
use crate::aws::{self, ClientCertificate, Endpoint, Network};
use crate::clock::Clock;
use crate::cluster_id::ClusterId;
use crate::ec2::{self, Ec2};
use crate::http::{self, Askers, Webhook};
use crate::kubeconfig::WebhookKubeconfig;
use crate::listen::{Port, listen_on};
use crate::logs::{self, LogQueue};
use crate::metrics::{Ec2Counts, Metrics};
use crate::reload::Reload;
use crate::sources::{Clients, Events, Following, MountedFile, OrderFile, Places, Sources};
use crate::sts::{self, Contact};
use crate::tls::{ClientAuthorities, Keeper, Names, Origin, ServerTls, ServingCertificate, StateDir};
use crate::token::StsHost;
use crate::verify::Verifier;

/// Serves the webhook until a signal ends it.
///
/// # Errors
/// When it cannot start: a file, a port or a setting is unusable.
pub(super) fn run(config: ServerConfig) -> anyhow::Result<()> {
    let clock = Clock::system();
    let metrics = Metrics::default();
    let log = logs::install_queued(config.logs.format, config.logs.verbosity, clock.clone(), metrics.log.clone());
    let log = Finished(log.context("cannot start the thread that writes the log")?);
    log_panics();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let served = runtime.block_on(serve(config, clock, metrics));
    // Whatever is still running after the drain is not worth waiting for.
    runtime.shutdown_background();
    drop(log);
    served
}

/// Finishes the log however the server ends.
struct Finished(LogQueue);

impl Drop for Finished {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Panics are lines of the log: one that wrote to standard error itself would wait there for whoever reads it.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let (location, message) = (panic.location().map(ToString::to_string), panic.payload_as_str());
        tracing::error!(location, panic = message, "a part of the server panicked");
    }));
}

async fn serve(config: ServerConfig, clock: Clock, metrics: Metrics) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let Some(started) = unless(signals.next(), start(config, clock, metrics)).await else {
        tracing::info!("stopped before it listened");
        return Ok(());
    };
    let Started { address, audit, background, health, listener, tls, webhook } = started?;
    tracing::info!(%address, "listening");
    let (stop, stopped) = oneshot::channel();
    let serving = http::serve(listener, tls, webhook, async {
        let _ = stopped.await;
    });
    let stop = || {
        health.stop();
        let _ = stop.send(());
    };
    let stopped = until_stopped(serving, stop, background, signals).await;
    // Tasks that are still running hold it too.
    audit.inspect(|audit| audit.finish());
    stopped
}

/// What serves, once it is let.
struct Started {
    address: SocketAddr,
    audit: Option<Arc<AuditLog>>,
    background: JoinSet<Infallible>,
    health: HealthEndpoint,
    listener: TcpListener,
    tls: ServerTls,
    webhook: Arc<Webhook>,
}

/// Makes every part. What may be wrong is tried before anything is written: a start that fails leaves no traces.
async fn start(config: ServerConfig, clock: Clock, metrics: Metrics) -> anyhow::Result<Started> {
    let ServerConfig {
        api_server,
        audit_log,
        bounds,
        client_allowed_names,
        client_ca_file,
        cluster_id,
        deny_status,
        dynamic_file,
        ec2,
        health_port,
        hosts,
        limits,
        logs: _,
        mappings,
        mounted_file,
        names,
        order_file,
        partition,
        port,
        port_use,
        reserved,
        scrubbed,
        sources: configured,
        state_dir,
        sts_ca_file,
        sts_client_cert_file,
        sts_endpoint,
        warnings,
        webhook_kubeconfig,
    } = config;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %cluster_id, %partition, "starting");
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(%bounds, "how much there may be");
    let mapping_files = [
        mounted_file.as_ref().map(MountedFile::path),
        dynamic_file.as_ref().map(|file| file.path.as_path()),
        order_file.as_ref().map(|file| file.path.as_path()),
    ];
    cautions::writable_files(mapping_files.into_iter().flatten());

    let (reload, hangups) = Reload::on_hangup().context("cannot listen for SIGHUP")?;
    let order = order_file.as_ref().and_then(OrderFile::first).unwrap_or_else(|| configured.clone());
    let sources = Sources::new(&order, reserved, clock.clone());
    let api_clients = Clients::new(api_server);
    if order.iter().any(|source| matches!(source, SourceName::EksConfigMap | SourceName::Crd)) {
        api_clients.check_settings().await?;
    }
    let contact = Contact::new(metrics.sts.clone(), clock.clone());
    let shown = sts_client_cert_file.as_deref().map(ClientCertificate::read).transpose()?;
    let network = network(sts_ca_file, shown).await?;
    let ec2_calls = ec2_calls(&ec2, partition, sts_endpoint.clone(), network.clone(), &clock, metrics.ec2.clone());
    let sts = sts_client(&cluster_id, sts_endpoint, &network, contact.clone());
    let listener = bind(&names.address, port, port_use).await?;
    let address = listener.local_addr().context("the webhook's socket has no address")?;
    let clients = client_ca_file.map(ClientAuthorities::read).transpose()?.map(Arc::new);
    cautions::open_address(address, clients.is_some());
    cautions::silent_api_server(&webhook_kubeconfig, clients.is_some());

    let audit = audit_log.map(|target| AuditLog::open(target, metrics.audit.clone())).transpose()?.map(Arc::new);
    let certificate = certificate(&state_dir, &names, &clock)?;
    tell_api_server(&webhook_kubeconfig, &names.hostname, address, &certificate)?;

    let mut background = JoinSet::new();
    background.spawn(hangups);
    let keeper =
        Keeper::new(state_dir, names, certificate, clients.clone(), clock.clone(), metrics.certificates.clone());
    let tls = keeper.tls();
    background.spawn(keeper.keep(reload.clone()));
    if let Some(clients) = &clients {
        background.spawn(Arc::clone(clients).follow(reload.clone()));
    }
    if let Some(audit) = &audit {
        background.spawn(open_anew(Arc::clone(audit), reload.clone()));
    }
    let events = Events::default();
    background.spawn(events.clone().post(api_clients.clone(), clock.clone()));
    let places = Places { clients: api_clients, mounted_file, dynamic_file, events, ages: metrics.ages.clone() };
    let following = Following::start(places, mappings, sources.clone(), reload);
    background.spawn(following.run(order_file, configured));
    // Of another region, or of none that is said, the first caller's question connects.
    let home = aws::Environment::of_process().region().and_then(|region| hosts.regional(region));
    cautions::any_region(&hosts, home.map(StsHost::region));
    if let Some(host) = home {
        let sts = sts.clone();
        tokio::spawn(async move { sts.warm(host).await });
    }
    let verifier = Verifier::new(hosts, limits, sts, bounds.shield(), metrics.shield.clone());
    let ec2 = Arc::new(Ec2::new(bounds.ec2(ec2.per_second, ec2.burst), Arc::new(ec2_calls)));
    let gauges = gauges::at_scrape(clock.now(), verifier.load(), Arc::clone(&ec2), contact.clone(), sources.clone());
    let mappings = {
        let sources = sources.clone();
        Arc::new(move || sources.current())
    };
    let health = health::of(sources, metrics.certificates.clone(), contact, clock.clone());
    let health = HealthEndpoint::start(health_port, port_use, health, &mut background);
    let authenticator = Authenticator::new(verifier, mappings, ec2, scrubbed, audit.clone(), clock);
    let exposition = metrics.exposition(gauges);
    let askers = if clients.is_some() { Askers::Known(client_allowed_names) } else { Askers::Anybody };
    let webhook = Arc::new(Webhook::new(
        authenticator,
        askers,
        deny_status,
        cautions::few_files(bounds.http()),
        &metrics,
        exposition,
    ));
    Ok(Started { address, audit, background, health, listener, tls, webhook })
}

/// Opens the audit log anew whenever files are to be read again.
async fn open_anew(audit: Arc<AuditLog>, mut reload: Reload) -> Infallible {
    loop {
        reload.asked().await;
        audit.reopen();
    }
}

/// What `work` comes to, or `None` when `stop` is there first.
async fn unless<T>(stop: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop => None,
        done = work => Some(done),
    }
}

/// The first signal stops accepting and lets those finish who have asked; the second does not wait for them.
async fn until_stopped(
    serving: impl Future<Output = ()>,
    stop: impl FnOnce(),
    mut background: JoinSet<Infallible>,
    mut signals: Signals,
) -> anyhow::Result<()> {
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => anyhow::bail!("the webhook stopped by itself"),
        // They never end but by a panic, and then nobody would notice until a login fails.
        Some(ended) = background.join_next() => {
            ended.context("a part of the server failed")?;
        }
        () = signals.next() => tracing::info!("stopping"),
    }
    stop();
    tokio::select! {
        () = serving => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("a second signal: stopped at once"),
    }
    Ok(())
}

fn certificate(state_dir: &StateDir, names: &Names, clock: &Clock) -> anyhow::Result<ServingCertificate> {
    let (certificate, origin) = state_dir.load_or_create(names, clock.now())?;
    let path = state_dir.certificate_path();
    let (path, not_after) = (path.display(), certificate.not_after());
    match origin {
        Origin::Created => tracing::info!(%path, %not_after, "made a certificate authority and a certificate"),
        Origin::Renewed => {
            tracing::info!(%path, %not_after, "made another certificate: the last ended soon, was not believed yet, or did not name the host")
        }
        Origin::Found => tracing::info!(%path, %not_after, "using the certificate that is there"),
    }
    if !certificate.covers(&names.hostname) {
        let hostname = names.hostname.to_str();
        tracing::warn!(%path, %hostname, "the certificate does not name the host: the API server may not believe it");
    }
    cautions::exposed_keys(state_dir);
    if certificate.ends_soon(clock.now()) {
        tracing::warn!(%path, %not_after, "the certificate ends soon: the API server will believe nobody then");
    }
    Ok(certificate)
}

async fn bind(address: &ServerName<'static>, port: u16, port_use: Port) -> anyhow::Result<TcpListener> {
    let host = address.to_str();
    listen_on(&host, port, port_use)
        .await
        .with_context(|| format!("cannot listen on {host} port {port} (--address, --port)"))
}

fn tell_api_server(
    file: &WebhookKubeconfigFile,
    hostname: &ServerName<'static>,
    address: SocketAddr,
    certificate: &ServingCertificate,
) -> anyhow::Result<()> {
    let path = match file {
        WebhookKubeconfigFile::Generate(path) => {
            WebhookKubeconfig::new(hostname, address.port(), &certificate.anchor_pem()).write(path)?;
            path
        }
        WebhookKubeconfigFile::Pregenerated(path) => path,
    };
    tracing::info!("kube-apiserver needs --authentication-token-webhook-config-file={}", path.display());
    Ok(())
}

pub(super) async fn network(
    ca_file: Option<PathBuf>,
    certificate: Option<ClientCertificate>,
) -> anyhow::Result<Network> {
    let environment = aws::Environment::of_process();
    let (roots, origin) = aws::load_roots(ca_file.as_deref(), &environment).await?;
    tracing::info!(trust_roots = roots.count(), from = origin, "trusting for AWS");
    let proxies = environment.proxies()?;
    if let Some(proxy) = proxies.https() {
        tracing::info!(%proxy, "connections to AWS go through a proxy, but for the hosts of NO_PROXY");
    }
    Ok(Network::new(roots, proxies, certificate))
}

pub(super) fn sts_client(
    cluster_id: &ClusterId,
    endpoint: Option<Endpoint>,
    network: &Network,
    contact: Contact,
) -> sts::Client {
    if let Some(endpoint) = &endpoint {
        tracing::warn!(%endpoint, "connections to STS go to another address than its own (--sts-endpoint)");
    }
    sts::Client::new(cluster_id, network.client(endpoint), contact)
}

/// The way to EC2, IAM, and STS for the role that asks them.
fn ec2_calls(
    settings: &Ec2Settings,
    partition: Partition,
    sts_endpoint: Option<Endpoint>,
    network: Network,
    clock: &Clock,
    counts: Ec2Counts,
) -> ec2::Calls {
    for (service, flag, endpoint) in
        [("EC2", "--ec2-endpoint", &settings.endpoint), ("IAM", "--iam-endpoint", &settings.iam_endpoint)]
    {
        if let Some(endpoint) = endpoint {
            tracing::warn!(%endpoint, "connections to {service} go to another address than its own ({flag})");
        }
    }
    let places = ec2::Places {
        partition,
        role: settings.role.clone(),
        source: settings.source.clone(),
        ec2: network.client(settings.endpoint.clone()),
        iam: network.client(settings.iam_endpoint.clone()),
        sts: network.client(sts_endpoint),
    };
    ec2::Calls::new(places, network, clock.clone(), counts)
}

/// The health endpoint, where it could be had.
struct HealthEndpoint {
    health: Arc<Health>,
    /// Where the port is shared: whoever asks there is to be answered by the process that stays.
    gives_way: Option<AbortHandle>,
}

impl HealthEndpoint {
    /// Logging in matters more than being asked how one is: a port that is taken is only told.
    fn start(port: u16, port_use: Port, health: Health, background: &mut JoinSet<Infallible>) -> Self {
        let health = Arc::new(health);
        let mut gives_way = None;
        match admin::bind(port, port_use) {
            Ok(listener) => {
                if let Ok(address) = listener.local_addr() {
                    tracing::info!(%address, "answering health checks");
                }
                let serving = background.spawn(admin::serve(listener, Arc::clone(&health)));
                gives_way = (port_use == Port::Shared).then_some(serving);
            }
            Err(error) => tracing::error!(port, %error, "no health checks: cannot listen (--health-port)"),
        }
        Self { health, gives_way }
    }

    /// Is not ready from now on.
    fn stop(&self) {
        self.health.stop();
        if let Some(serving) = &self.gives_way {
            serving.abort();
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_start_ends_with_the_first_signal_and_else_with_what_it_made() {
        assert_eq!(unless(ready(()), pending::<()>()).await, None);
        assert_eq!(unless(pending(), ready("made")).await, Some("made"));
    }
}
