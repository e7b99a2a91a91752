//! What a hundred thousand role mappings cost: `cargo run --release -p mapping --example scale`.
//!
//! It ends with 1 if they take a second or more to load, 64 MiB or more of memory, or if looking one up takes more than
//! twice as long as among a hundred; or if a full `aws-auth` takes a second to read anew. The memory is the peak of the whole
//! process, with the text that is read.
#![expect(clippy::print_stdout, reason = "the table is what the example is for")]

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    fs,
    hint::black_box,
    ops::Range,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use mapping::{
    Chain, Decision, Identity, RuleSet, Source, SourceName,
    format::{aws_auth::AwsAuth, config_file::ConfigFile, yaml::Document},
};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let before = peak_kib()?;
    let (few, _) = load(FEW)?;
    let (many, load_time) = load(MANY)?;
    let peak = peak_kib()?;
    let few = look_up(&few, FEW)?;
    let many = look_up(&many, MANY)?;
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    let (bytes, edit_time) = edit()?;

    let good = load_time < MAX_TIME && peak < MAX_KIB && ratio <= MAX_RATIO && edit_time < MAX_TIME;
    println!("{:<36}{:>13}{:>12}", "", "measured", "goal");
    println!("{:<36}{:>9} ms {:>12}", format!("loading {MANY} entries"), load_time.as_millis(), "< 1000 ms");
    println!("{:<36}{:>9} MiB{:>12}", "peak of the process's memory", peak / 1024, "< 64 MiB");
    println!("{:<36}{:>9} MiB", "  of it before anything was read", before / 1024);
    println!("{:<36}{:>9} ns", format!("a look-up among {FEW}"), few.as_nanos());
    println!("{:<36}{:>9} ns", format!("a look-up among {MANY}"), many.as_nanos());
    println!("{:<36}{:>9.2}    {:>12}", "  ratio", ratio, "<= 2");
    println!(
        "{:<36}{:>9} ms {:>12}",
        format!("reading {} KiB of aws-auth", bytes / 1024),
        edit_time.as_millis(),
        "< 1000 ms"
    );
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The entries of `mapRoles`: of ten eight name a role, one a permission set and one a pattern.
fn text(entries: Range<usize>) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for n in entries {
        match n % 10 {
            8 => writeln!(text, "- sso: {{permissionSetName: Team-{n}, accountID: '{:012}'}}", n % ACCOUNTS)?,
            9 => writeln!(text, "- rolearnLike: arn:aws:iam::{n:012}:role/team-*")?,
            _ => writeln!(text, "- rolearn: arn:aws:iam::{:012}:role/team-{n}", n % ACCOUNTS)?,
        }
        writeln!(text, "  username: 'team-{n}:{{{{SessionName}}}}'\n  groups: [developers, team-{n}]")?;
    }
    Ok(text)
}

/// The caller that the entry is about.
fn caller(n: usize) -> Result<Identity, Box<dyn Error>> {
    let (account, role) = match n % 10 {
        8 => (n % ACCOUNTS, format!("AWSReservedSSO_Team-{n}_0123456789abcdef")),
        9 => (n, format!("team-{n}")),
        _ => (n % ACCOUNTS, format!("team-{n}")),
    };
    let arn = format!("arn:aws:sts::{account:012}:assumed-role/{role}/jane").parse()?;
    Ok(Identity::new(arn, "AROAEXAMPLE:jane", "ASIAIOSFODNN7EXAMPLE".to_owned())?)
}

fn load(entries: usize) -> Result<(Arc<RuleSet>, Duration), Box<dyn Error>> {
    let text = format!("mapRoles:\n{}", text(0..entries)?);
    let start = Instant::now();
    let document = Document::parse(&text)?;
    drop(text);
    let loaded = ConfigFile::load(document.into_root().into_map()?)?;
    let took = start.elapsed();
    let rules = loaded.next.rules();
    match loaded.diagnostics.first() {
        Some(diagnostic) => Err(diagnostic.to_string().into()),
        None if rules.rule_count() != entries => Err("not every entry became a rule".into()),
        None => Ok((rules, took)),
    }
}

/// How long it takes to read a full `aws-auth` of which one entry has changed, and how many bytes it has.
fn edit() -> Result<(usize, Duration), Box<dyn Error>> {
    let object = |roles| BTreeMap::from([("mapRoles".to_owned(), roles)]);
    let before = AwsAuth::update(None, &object(text(0..FULL)?)).next;
    let roles = text(1..FULL + 1)?;
    let bytes = roles.len();
    let edited = object(roles);
    let start = Instant::now();
    let update = AwsAuth::update(Some(&before), &edited);
    let took = start.elapsed();
    match update.diagnostics.first() {
        Some(diagnostic) => Err(diagnostic.to_string().into()),
        None if update.next.rules().rule_count() != FULL => Err("not every entry of aws-auth became a rule".into()),
        None => Ok((bytes, took)),
    }
}

/// The middle one of several rounds, each of which looks up the same hundred callers.
fn look_up(rules: &Arc<RuleSet>, entries: usize) -> Result<Duration, Box<dyn Error>> {
    let chain = Chain::new(vec![Source::new(SourceName::MountedFile, Some(Arc::clone(rules)))]);
    let callers = (0..FEW).map(|n| caller(n / 10 * (entries / 10) + n % 10)).collect::<Result<Vec<_>, _>>()?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for caller in &callers {
            if !matches!(black_box(chain.decide(black_box(caller))), Decision::Granted(_)) {
                return Err(format!("{} is not mapped", caller.arn()).into());
            }
        }
        rounds.push(start.elapsed());
    }
    rounds.sort_unstable();
    let middle = rounds.get(ROUNDS / 2).ok_or("no round")?;
    Ok(*middle / u32::try_from(callers.len())?)
}

fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

const FEW: usize = 100;
const MANY: usize = 100_000;
/// Of them an object of just under 1 MiB is full, which is all that Kubernetes takes.
const FULL: usize = 8_000;
const ACCOUNTS: usize = 500;
const ROUNDS: usize = 1001;

const MAX_KIB: u64 = 64 * 1024;
const MAX_TIME: Duration = Duration::from_secs(1);
const MAX_RATIO: f64 = 2.0;
