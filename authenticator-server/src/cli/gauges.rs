//! What is read from the server's parts whenever metrics are asked for.

use std::sync::Arc;

use jiff::Timestamp;
use mapping::{DiagnosticCode, SourceName};

use crate::ec2::Ec2;
use crate::metrics::{AtScrape, Row, process};
use crate::sources::{SourceStatus, Sources};
use crate::sts::{Contact, Heard, Load};

/// The gauges of a server that began at `started`.
pub(super) fn at_scrape(
    started: Timestamp,
    load: impl Fn() -> Load + Clone + Send + Sync + 'static,
    ec2: Arc<Ec2>,
    contact: Contact,
    sources: Sources,
) -> Vec<AtScrape> {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    let mut gauges = process(started);
    gauges.extend(shield(load));
    gauges.extend(sts(contact));
    let help = "Instances that wait for EC2 to be asked about them";
    gauges.push(AtScrape::value("authenticator_server_ec2_waiting", help, move || Some(count(ec2.waiting()))));
    gauges.extend(go_mappings(sources.clone()));
    gauges.extend(mappings(sources));
    gauges.push(AtScrape::rows("authenticator_server_build_info", "The version, at the value 1", move || {
        vec![(version.clone(), 1.0)]
    }));
    gauges
}

fn shield(load: impl Fn() -> Load + Clone + Send + Sync + 'static) -> Vec<AtScrape> {
    let value = |name, help, value: fn(Load) -> f64| {
        let load = load.clone();
        AtScrape::value(name, help, move || Some(value(load())))
    };
    let waiting = load.clone();
    vec![
        value("authenticator_server_shield_flights", "Tokens about which STS is asked or waited for", |load| {
            count(load.flights)
        }),
        value("authenticator_server_shield_calls_in_flight", "Calls of STS in flight", |load| {
            count(load.gate.in_flight)
        }),
        value("authenticator_server_shield_rate", "Calls a second that each host of STS is believed to bear", |load| {
            load.gate.per_second
        }),
        value(
            "authenticator_server_shield_unreachable_hosts",
            "Hosts of STS that cannot be heard, of those that were asked",
            |load| count(load.gate.unreachable_hosts),
        ),
        value("authenticator_server_shield_identities", "Identities that are kept, about", |load| {
            entries(load.identities)
        }),
        value("authenticator_server_shield_refusals", "Refusals of STS that are kept, about", |load| {
            entries(load.refusals)
        }),
        value("authenticator_server_shield_lanes", "Callers that have a lane, about", |load| entries(load.lanes)),
        AtScrape::rows("authenticator_server_shield_waiting", "Calls of STS that wait for their turn", move || {
            let gate = waiting().gate;
            vec![
                (vec![("line", "lane".to_owned())], count(gate.lanes_waiting)),
                (vec![("line", "strangers".to_owned())], count(gate.strangers_waiting)),
            ]
        }),
    ]
}

fn sts(contact: Contact) -> Vec<AtScrape> {
    let value = |name, help, value: fn(Heard) -> Option<f64>| {
        let contact = contact.clone();
        AtScrape::value(name, help, move || value(contact.heard()))
    };
    vec![
        value(
            "authenticator_server_sts_clock_skew_seconds",
            "How far the clock of STS is ahead of this machine's",
            |heard| heard.clock_ahead.map(|ahead| ahead.as_secs_f64()),
        ),
        value(
            "authenticator_server_sts_last_answer_timestamp_seconds",
            "When STS was last heard, since 1970",
            |heard| heard.at.map(seconds),
        ),
    ]
}

fn mappings(sources: Sources) -> Vec<AtScrape> {
    let rows = |name, help, value: fn(&SourceStatus) -> f64| {
        let sources = sources.clone();
        AtScrape::rows(name, help, move || each(&sources, value))
    };
    let (problems, emptied) = (sources.clone(), sources.clone());
    vec![
        rows("authenticator_server_source_synced", "Whether the source was read, and all of it", |source| {
            f64::from(u8::from(source.synced))
        }),
        rows("authenticator_server_source_generation", "How often rules of the source were put in force", |source| {
            entries(source.generation)
        }),
        rows("authenticator_server_source_rules", "Rules in force", |source| count(source.rules)),
        rows("authenticator_server_source_accounts", "Accounts that are mapped whole", |source| count(source.accounts)),
        rows(
            "authenticator_server_source_kept_entries",
            "Entries that are not understood and give what they gave before",
            |source| count(source.kept),
        ),
        rows(
            "authenticator_server_source_closed_entries",
            "Entries that are not understood and let nobody in",
            |source| count(source.closed),
        ),
        AtScrape::counter(
            "authenticator_server_source_emptied",
            "How often the source went from some mappings to none",
            move || each(&emptied, |source| entries(source.emptied)),
        ),
        rows(
            "authenticator_server_source_stale_since_timestamp_seconds",
            "Since when the rules in force may not be what is written; 0 if they are",
            |source| source.stale_since.map_or(0.0, seconds),
        ),
        AtScrape::rows(
            "authenticator_server_source_problems",
            "What was wrong with the source's text when it was last read",
            move || problems.status().iter().flat_map(problem_rows).collect(),
        ),
    ]
}

/// What the Go program says of its sources, under its names.
fn go_mappings(sources: Sources) -> Vec<AtScrape> {
    let failures = |name, help, source| {
        let sources = sources.clone();
        AtScrape::counter(name, help, move || {
            let status = sources.status().into_iter().find(|status| status.source == source);
            vec![(Vec::new(), status.map_or(0.0, |status| entries(status.failures)))]
        })
    };
    let dynamic = |name, help, only: bool| {
        let sources = sources.clone();
        AtScrape::value(name, help, move || {
            let names: Vec<_> = sources.status().iter().map(|status| status.source).collect();
            let named = names.contains(&SourceName::DynamicFile) && (!only || names.len() == 1);
            Some(f64::from(u8::from(named)))
        })
    };
    vec![
        failures(
            "aws_iam_authenticator_configmap_watch_failures",
            "EKS Configmap watch failures",
            SourceName::EksConfigMap,
        ),
        failures("aws_iam_authenticator_dynamicfile_failures", "Dynamic file failures", SourceName::DynamicFile),
        dynamic("aws_iam_authenticator_dynamic_file_enabled", "Dynamic file in backend mode is enabled", false),
        dynamic("aws_iam_authenticator_dynamic_file_only", "Only dynamic file in backend mode is enabled", true),
    ]
}

fn each(sources: &Sources, value: fn(&SourceStatus) -> f64) -> Vec<Row> {
    let row = |status: &SourceStatus| (vec![("source", status.source.as_str().to_owned())], value(status));
    sources.status().iter().map(row).collect()
}

fn problem_rows(status: &SourceStatus) -> Vec<Row> {
    let source = status.source.as_str();
    let row = |(code, number): (&DiagnosticCode, &usize)| {
        (vec![("code", code.as_str().to_owned()), ("source", source.to_owned())], count(*number))
    };
    status.problems.iter().map(row).collect()
}

/// Exact below four thousand million.
fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn entries(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Seconds since 1970.
fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}
