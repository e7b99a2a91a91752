//! `authenticator-client update-kubeconfig`, also as `eks update-kubeconfig`: `aws eks update-kubeconfig`, but that the entry runs this
//! program.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use tokio::time::{Instant, timeout_at};

use super::{
    failure::{Failure, remark, remark_fault},
    flags::{AwsFlags, GlobalFlags, UpdateKubeconfigFlags},
    login::{LoggedIn, with_drivers},
    nearest, own_program,
    request::{Login as LoginRequest, check_role_arn},
};
use crate::{
    World,
    credentials::{StsError, service_url},
    eks::{Cluster, ClusterName, Eks, EksEndpoint, EksError, InvalidClusterName},
    kubeconfig::{
        Added, ClusterEntry, ExecEntry, Kubeconfig, Login,
        choice::Files,
        file::{self, FileError},
    },
    profile::ProfileChoice,
    visible::visible,
};

/// The login cannot be written down.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpdateError {
    #[error("--name {name:?}")]
    Name {
        name: String,
        #[source]
        source: InvalidClusterName,
    },
    #[error(
        "--no-verify-ssl would write down whatever API server somebody in between names: trust its certificate with --ca-bundle FILE"
    )]
    NoVerifySsl,
    #[error("--proxy-url is {0:?}: write a URL that starts with http://, https:// or socks5://")]
    ProxyUrl(String),
    #[error("cannot describe cluster {name} in {region} with {credentials}{hint}")]
    Describe {
        name: ClusterName,
        region: String,
        /// Whose they are, in words.
        credentials: String,
        /// The names that were probably meant.
        hint: String,
        #[source]
        source: EksError,
    },
    #[error("EKS did not answer in time")]
    Deadline,
    #[error(
        "the answer is about {arn}, and these credentials are of account {account}: the entry of that cluster stays as it is"
    )]
    Account { arn: String, account: String },
    #[error(
        "cannot ask STS whether {arn} is of the account of these credentials, as it must be before its entry gets another address: \
         try again, or remove the entry first"
    )]
    UnknownAccount {
        arn: String,
        #[source]
        source: Option<StsError>,
    },
}

/// What is asked for, checked.
struct Wanted {
    name: ClusterName,
    files: Files,
    flags: UpdateKubeconfigFlags,
    endpoint_url: Option<String>,
    ca_bundle: Option<PathBuf>,
}

pub(super) fn run(
    global: &GlobalFlags,
    before: AwsFlags,
    mut flags: UpdateKubeconfigFlags,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let aws = before.then(std::mem::take(&mut flags.aws));
    if aws.idle.no_verify_ssl {
        return Err(UpdateError::NoVerifySsl.into());
    }
    let wanted = Wanted {
        name: flags.name.parse().map_err(|source| UpdateError::Name { name: flags.name.clone(), source })?,
        files: Files::new(flags.kubeconfig.as_deref(), &world.env)?,
        endpoint_url: aws
            .idle
            .endpoint_url
            .clone()
            .map(|url| service_url(url, || "--endpoint-url".to_owned()))
            .transpose()?,
        ca_bundle: aws.idle.ca_bundle.as_ref().map(PathBuf::from),
        flags,
    };
    if let Some(url) =
        wanted.flags.proxy_url.as_ref().filter(|url| !PROXIES.iter().any(|scheme| url.starts_with(scheme)))
    {
        return Err(UpdateError::ProxyUrl(url.clone()).into());
    }
    if let Some(arn) = wanted.flags.role_arn.as_ref().filter(|arn| !arn.is_empty()) {
        check_role_arn(arn, "--role-arn")?;
    }
    let command = own_program::command(&world.env)?;
    let request = LoginRequest::of_update_kubeconfig(global, aws, wanted.flags.assume_role_arn.clone())?;
    let logged_in = request.log_in(world, err)?;
    let cluster = describe(&wanted, &logged_in, world)?;
    for text in logged_in.obtained.region.remark.iter().chain(&logged_in.obtained.remarks) {
        remark(err, text);
    }
    let profile = match logged_in.plan.profile().choice() {
        ProfileChoice::Flag(name) | ProfileChoice::Variable { name, .. } => Some(name.as_str()),
        ProfileChoice::Default => None,
    };
    let arn = cluster.arn.clone();
    let path = wanted.files.find(|kubeconfig| kubeconfig.has_cluster(&arn), |fault| remark_fault(err, &fault));
    if file::read(path).is_ok_and(|kubeconfig| gets_another_address(&kubeconfig, &cluster)) {
        check_account(&cluster, &logged_in)?;
    }
    write_down(&wanted, path, &wanted.login(cluster, command, profile), out)
}

/// Whether there is an entry of the cluster, with another address or trust root.
fn gets_another_address(kubeconfig: &Kubeconfig, cluster: &Cluster) -> bool {
    let Cluster { arn, endpoint, certificate_authority_data, .. } = cluster;
    kubeconfig
        .server_of(arn)
        .is_some_and(|found| found != [endpoint, certificate_authority_data].map(|text| Some(text.as_str())))
}

/// Whoever answers in EKS's place could name any cluster, and lead its users to an API server of their own. An entry that is there gets
/// another address only if the cluster is of the account that was asked.
fn check_account(cluster: &Cluster, logged_in: &LoggedIn) -> Result<(), Failure> {
    let LoggedIn { plan, obtained, deadline } = logged_in;
    let sts = plan.sts(&obtained.region)?;
    let runtime = with_drivers()?;
    let answer = runtime.block_on(async { timeout_at(*deadline, sts.caller_identity(&obtained.credentials)).await });
    runtime.shutdown_background();
    let arn = cluster.arn.clone();
    match answer {
        Ok(Ok(identity)) if identity.account == cluster.account => Ok(()),
        Ok(Ok(identity)) => Err(UpdateError::Account { arn, account: identity.account }.into()),
        Ok(Err(source)) => Err(UpdateError::UnknownAccount { arn, source: Some(source) }.into()),
        Err(_) => Err(UpdateError::UnknownAccount { arn, source: None }.into()),
    }
}

fn describe(wanted: &Wanted, logged_in: &LoggedIn, world: &World) -> Result<Cluster, Failure> {
    let LoggedIn { plan, obtained, deadline } = logged_in;
    let url = match (&wanted.endpoint_url, plan.configured_eks_url()?) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => url,
        (None, None) => EksEndpoint::new(&obtained.region.region, obtained.region.kind)?.url().to_owned(),
    };
    let client = plan.client(wanted.ca_bundle.as_deref())?;
    let eks = Eks::new(client, &url, obtained.region.region.clone(), obtained.credentials.clone(), world.clock);
    let runtime = with_drivers()?;
    let answer = runtime.block_on(async {
        let answer = timeout_at(*deadline, eks.describe_cluster(&wanted.name)).await;
        match answer.map_err(|_| UpdateError::Deadline)? {
            Ok(cluster) => Ok(cluster),
            Err(source) => Err(UpdateError::Describe {
                name: wanted.name.clone(),
                region: obtained.region.region.to_string(),
                credentials: obtained.trail.last().cloned().unwrap_or_default(),
                hint: if source.is_no_such_cluster() {
                    hint(&eks, &wanted.name, *deadline).await
                } else {
                    String::new()
                },
                source,
            }),
        }
    });
    // Not to wait for a host name that nobody resolves any more.
    runtime.shutdown_background();
    Ok(answer?)
}

/// Which clusters there are, if EKS says.
async fn hint(eks: &Eks, name: &ClusterName, deadline: Instant) -> String {
    let Ok(Ok(names)) = timeout_at(deadline, eks.cluster_names()).await else { return String::new() };
    match (nearest(&name.to_string(), names.iter().map(String::as_str)), names.as_slice()) {
        (Some(near), _) => format!("; did you mean {near:?}?"),
        (None, []) => "; there are no clusters".to_owned(),
        (None, names) => {
            let shown: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
            let more = if names.len() > SHOWN { ", ..." } else { "" };
            format!("; there are {}{more}", shown.join(", "))
        }
    }
}

impl Wanted {
    fn login(&self, cluster: Cluster, command: String, profile: Option<&str>) -> Login {
        let Cluster { account: _, arn, region, endpoint, certificate_authority_data, outpost_id } = cluster;
        let flags = &self.flags;
        let given = |flag: &Option<String>| flag.clone().filter(|text| !text.is_empty());
        let mut args = vec!["--region".to_owned(), region.to_string()];
        // As an argument it counts whatever the environment holds.
        args.extend(profile.iter().flat_map(|profile| ["--profile".to_owned(), (*profile).to_owned()]));
        args.extend(["eks", "get-token"].map(str::to_owned));
        let id = outpost_id.clone().unwrap_or_else(|| self.name.to_string());
        if !flags.provide_cluster_info {
            let flag = if outpost_id.is_some() { "--cluster-id" } else { "--cluster-name" };
            args.extend([flag.to_owned(), id.clone()]);
        }
        args.extend(given(&flags.role_arn).iter().flat_map(|role| ["--role-arn".to_owned(), role.clone()]));
        let user = given(&flags.user_alias).unwrap_or_else(|| arn.clone());
        Login {
            context: given(&flags.alias).unwrap_or_else(|| user.clone()),
            user,
            cluster: ClusterEntry {
                name: arn,
                server: endpoint,
                certificate_authority_data,
                proxy_url: given(&flags.proxy_url),
                exec_cluster_id: flags.provide_cluster_info.then_some(id),
            },
            exec: ExecEntry {
                command,
                args,
                api_version: flags.exec_api_version,
                interactive_mode: flags.interactive_mode,
                provide_cluster_info: flags.provide_cluster_info,
            },
        }
    }
}

/// Into the file that has the cluster, else into the first.
fn write_down(wanted: &Wanted, path: &Path, login: &Login, out: &mut dyn Write) -> Result<(), Failure> {
    let Wanted { files, flags, .. } = wanted;
    if flags.dry_run {
        let mut kubeconfig = file::read(path)?;
        kubeconfig.add(login).map_err(|source| FileError::Content { path: path.to_owned(), source })?;
        write!(out, "{}", kubeconfig.text())?;
        return Ok(out.flush()?);
    }
    match file::edit(path, files.spare(), |kubeconfig| kubeconfig.add(login))? {
        Added::Added => writeln!(out, "Added new context {} to {}", visible(&login.context), path.display())?,
        Added::Updated => writeln!(out, "Updated context {} in {}", visible(&login.context), path.display())?,
    }
    // kubectl takes the current context from the first file that names one: from none that comes before.
    let names_another =
        |kubeconfig: &Kubeconfig| kubeconfig.current_context().is_some_and(|name| name != login.context);
    for earlier in files.before(path) {
        if file::read(earlier).is_ok_and(|kubeconfig| names_another(&kubeconfig)) {
            file::edit(earlier, files.spare(), |kubeconfig| kubeconfig.set_current_context(&login.context))?;
            writeln!(out, "Set the current context in {}, which comes before", earlier.display())?;
        }
    }
    if flags.verbose {
        writeln!(out, "Entries:\n\n{}", login.entries().join("\n"))?;
    }
    Ok(out.flush()?)
}

/// What kubectl takes (`k8s.io/client-go/tools/clientcmd`, `parseProxyURL`).
const PROXIES: [&str; 3] = ["http://", "https://", "socks5://"];

/// As many names of clusters are shown.
const SHOWN: usize = 10;
