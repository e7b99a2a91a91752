//! What works and is probably not meant to be so: told at start, and never a reason not to start.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::config::WebhookKubeconfigFile;
use crate::http::HttpLimits;
use crate::metrics;
use crate::tls::StateDir;
use crate::token::HostTable;

/// Warns of private keys that others than their owner may read or write.
pub(super) fn exposed_keys(state_dir: &StateDir) {
    for (path, mode) in state_dir.exposed_keys() {
        let (path, mode) = (path.display(), format!("{mode:04o}"));
        tracing::warn!(%path, mode, "others than its owner may read or write a private key: make it 0600, or replace it");
    }
}

/// Warns of files that say who becomes whom, or which sources say so, and that others than their owner may write.
pub(super) fn writable_files<'a>(files: impl IntoIterator<Item = &'a Path>) {
    for path in files {
        if let Some(mode) = writable_by_others(path) {
            let (path, mode) = (path.display(), format!("{mode:04o}"));
            tracing::warn!(
                %path,
                mode,
                "its group or others may write this file, and give themselves any user and group: make it 0644 or 0600"
            );
        }
    }
}

/// The mode of the file, through links, if its group or others may write it. A file that is not there has none.
fn writable_by_others(path: &Path) -> Option<u32> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o022 != 0).then_some(mode)
}

/// Warns of an address that other machines may reach.
pub(super) fn open_address(address: SocketAddr, asks_for_certificates: bool) {
    if !is_loopback(address.ip()) && !asks_for_certificates {
        tracing::warn!(
            %address,
            "not a loopback address: the webhook asks for no client certificate and answers anybody who reaches it \
             (--address, --client-ca-file)"
        );
    }
}

/// Recommends to pin the regions whose STS is asked, where a token may name any: `home` is the one that is known to be used.
pub(super) fn any_region(hosts: &HostTable, home: Option<&str>) {
    let regions = hosts.regions();
    if regions > FEW_REGIONS {
        tracing::info!(
            regions,
            "a token may have STS of any region asked: allow those alone whose tokens your callers make, such as \
             --allowed-sts-regions={}",
            home.unwrap_or("us-west-2")
        );
    }
}

/// More than any cluster's callers use.
const FEW_REGIONS: usize = 8;

/// Warns of a webhook kubeconfig with which the API server shows no certificate, where one is asked for.
pub(super) fn silent_api_server(file: &WebhookKubeconfigFile, asks_for_certificates: bool) {
    if let (WebhookKubeconfigFile::Generate(path), true) = (file, asks_for_certificates) {
        let path = path.display();
        tracing::warn!(
            %path,
            "the webhook kubeconfig that is generated shows no client certificate, and --client-ca-file asks for one: give its \
             user client-certificate and client-key, and keep it by --kubeconfig-pregenerated"
        );
    }
}

/// The limits as far as this process may open files: connections take half of them at most, those that wait a quarter where there
/// are many, and leave the others to calls of STS, sources of mappings, certificates and health checks.
pub(super) fn few_files(mut limits: HttpLimits) -> HttpLimits {
    let Some(files) = metrics::most_open_files().and_then(|files| usize::try_from(files).ok()) else { return limits };
    if files / 2 < limits.connections {
        limits.connections = files / 2;
        tracing::warn!(
            connections = limits.connections,
            "fewer connections than --max-connections: this process may not open more than twice as many files (ulimit -n)"
        );
    }
    limits.waiting = limits.waiting.min((files / 4).saturating_sub(64));
    limits
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_its_group_or_others_may_write_is_told_of_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("config.yaml"), folder.path().join("link"));
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (mode, expected) in
            [(0o600, None), (0o644, None), (0o664, Some(0o664)), (0o646, Some(0o646)), (0o777, Some(0o777))]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!([&path, &link].map(|path| writable_by_others(path)), [expected; 2], "{mode:o}");
        }
        assert_eq!(writable_by_others(&folder.path().join("absent")), None);
    }

    #[test]
    fn an_address_is_loopback_or_open() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("10.0.0.1", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
