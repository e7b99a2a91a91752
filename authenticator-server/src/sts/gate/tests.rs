use std::time::Duration;

use super::*;

const HOME: &str = "sts.us-west-2.amazonaws.com";
const DEAD: &str = "sts.eu-west-1.amazonaws.com";

fn key(text: &str) -> AccessKeyId {
    AccessKeyId::parse(&format!("AKIA{text:0>12}")).unwrap()
}

fn lane(text: &str) -> Line {
    Line::Lane(key(text))
}

/// A gate whose home host answers.
fn gate(limits: GateLimits) -> (Gate<String>, Instant) {
    let now = Instant::now();
    let mut gate = Gate::new(limits);
    hear(&mut gate, HOME, now);
    (gate, now)
}

/// One call of this host is answered at once.
fn hear(gate: &mut Gate<String>, host: &'static str, now: Instant) {
    enter(gate, host, Line::Strangers, "first", now).unwrap();
    let Next::Start(_, pass) = gate.next(now, |_| true) else { panic!("nobody else is there") };
    gate.finish(&pass, Outcome::Answered, now);
}

fn enter(
    gate: &mut Gate<String>,
    host: &'static str,
    line: Line,
    name: impl Into<String>,
    now: Instant,
) -> Result<(), Refused> {
    gate.enter(host, line, name.into(), now, |_| true)
}

/// Lets through all who may call at `now`.
fn passes(gate: &mut Gate<String>, now: Instant) -> Vec<(String, Pass)> {
    let mut started = Vec::new();
    loop {
        match gate.next(now, |_| true) {
            Next::Start(name, pass) => started.push((name, pass)),
            Next::Refuse(..) => {}
            Next::At(_) | Next::Idle => return started,
        }
    }
}

fn started(gate: &mut Gate<String>, now: Instant) -> Vec<String> {
    passes(gate, now).into_iter().map(|(name, _)| name).collect()
}

fn after(now: Instant, milliseconds: u64) -> Instant {
    now + Duration::from_millis(milliseconds)
}

#[test]
fn lanes_take_turns_whoever_calls_most() {
    let (mut gate, now) = gate(GateLimits::default());
    for n in 0..4 {
        enter(&mut gate, HOME, lane("LOUD"), format!("loud {n}"), now).unwrap();
    }
    enter(&mut gate, HOME, lane("QUIET"), "quiet", now).unwrap();
    assert_eq!(started(&mut gate, now), ["loud 0", "quiet", "loud 1", "loud 2", "loud 3"]);
}

#[test]
fn lanes_go_before_strangers_but_for_every_eighth_call() {
    let (mut gate, now) = gate(GateLimits::default());
    for n in 0..2 {
        enter(&mut gate, HOME, Line::Strangers, format!("stranger {n}"), now).unwrap();
    }
    for n in 0..10 {
        enter(&mut gate, HOME, lane("WORKER"), format!("worker {n}"), now).unwrap();
    }
    let names = started(&mut gate, now);
    assert_eq!(names[7], "stranger 0");
    assert_eq!(names[11], "stranger 1");
    assert_eq!(names.iter().filter(|name| name.starts_with("worker")).count(), 10);
}

#[test]
fn a_line_that_is_full_takes_nobody_and_the_others_do() {
    let (mut gate, now) = gate(GateLimits { strangers_waiting: 3, lane_waiting: 1, ..GateLimits::default() });
    for (line, taken) in [
        (Line::Strangers, true),
        (Line::Strangers, true),
        (Line::Strangers, true),
        (Line::Strangers, false),
        (lane("A"), true),
        (lane("A"), false),
        (lane("B"), true),
    ] {
        let entered = enter(&mut gate, HOME, line, "call", now);
        assert_eq!(entered, if taken { Ok(()) } else { Err(Refused::Full) });
    }
}

#[test]
fn no_more_strangers_wait_than_can_be_let_through_in_time_and_no_host_takes_the_queue_of_all() {
    for (per_second, room) in [(20, 100), (1, 64), (2000, 8192 / 4 * 3)] {
        let limits = GateLimits { most_per_second: per_second, least_per_second: 1, ..GateLimits::default() };
        let (mut gate, now) = gate(limits);
        let entered = (0..10_000).take_while(|n| enter(&mut gate, HOME, Line::Strangers, n.to_string(), now).is_ok());
        assert_eq!(entered.count(), room, "{per_second} calls a second");
        assert_eq!(enter(&mut gate, DEAD, Line::Strangers, "of another host", now), Ok(()));
        assert!(!started(&mut gate, after(now, 1000)).is_empty());
    }
}

#[test]
fn strangers_whose_calls_hang_leave_room_for_lanes() {
    let (mut gate, now) = gate(GateLimits { in_flight: 3, strangers_in_flight: 2, ..GateLimits::default() });
    for n in 0..5 {
        enter(&mut gate, HOME, Line::Strangers, format!("stranger {n}"), now).unwrap();
    }
    assert_eq!(started(&mut gate, now), ["stranger 0", "stranger 1"]);
    enter(&mut gate, HOME, lane("WORKER"), "worker", now).unwrap();
    let workers = passes(&mut gate, now);
    let [(name, pass)] = &workers[..] else { panic!("one more may call: {workers:?}") };
    assert_eq!(name, "worker");
    enter(&mut gate, HOME, lane("WORKER"), "one too many", now).unwrap();
    assert!(started(&mut gate, now).is_empty());
    gate.finish(pass, Outcome::GivenUp, now);
    assert_eq!(started(&mut gate, now), ["one too many"]);
}

/// Strangers and lanes of a host whose calls hang, then of many such hosts.
#[test]
fn calls_of_hosts_that_hang_leave_room_for_those_of_a_host_that_answers() {
    let hosts: Vec<&'static str> = (0..150).map(|n| &*format!("host-{n}").leak()).collect();
    for (dead, were_heard) in [(1, false), (1, true), (3, true), (12, true), (150, false), (150, true)] {
        let (mut gate, now) = gate(GateLimits::default());
        if were_heard {
            hosts[..dead].iter().for_each(|host| hear(&mut gate, host, now));
        }
        let mut at = now;
        for round in 0..20_u64 {
            at = after(now, round * 50);
            for (number, host) in hosts[..dead].iter().enumerate() {
                for n in 0..8 {
                    // Some queues are full before the end.
                    let _ = enter(&mut gate, host, Line::Strangers, "hangs", at);
                    let _ = enter(&mut gate, host, lane(&format!("{number}{n}")), "hangs", at);
                }
            }
            started(&mut gate, at);
        }
        for n in 0..20 {
            enter(&mut gate, HOME, Line::Strangers, format!("home {n}"), at).unwrap();
            let home = passes(&mut gate, at);
            let answered = home.iter().find(|(name, _)| name.starts_with("home"));
            let (name, pass) = answered.unwrap_or_else(|| panic!("{dead} dead hosts keep {n} waiting"));
            assert_eq!(name, &format!("home {n}"));
            gate.finish(pass, Outcome::Answered, at);
        }
        let most = 128 + 32 + 2 * dead;
        assert!(gate.load(at).in_flight <= most, "{dead}: {:?}", gate.load(at));
    }
}

#[test]
fn a_host_that_was_never_heard_gets_few_calls_until_its_first_answer() {
    let now = Instant::now();
    let mut gate = Gate::new(GateLimits::default());
    for n in 0..50 {
        enter(&mut gate, HOME, Line::Strangers, n.to_string(), now).unwrap();
    }
    let first = passes(&mut gate, now);
    assert_eq!(first.len(), 16);
    gate.finish(&first[0].1, Outcome::Answered, now);
    assert_eq!(started(&mut gate, now).len(), 34);
}

#[test]
fn strangers_of_a_host_that_cannot_be_heard_are_told_so_but_for_those_who_wait_for_a_probe() {
    let (mut gate, now) = gate(GateLimits::default());
    let later = silence(&mut gate, DEAD, now);
    assert_eq!(gate.load(later).unreachable_hosts, 1);
    let entered: Vec<_> =
        (0..7).map(|n| enter(&mut gate, DEAD, Line::Strangers, format!("stranger {n}"), later)).collect();
    let refused = Err(Refused::Unreachable(Outage::TimedOut));
    assert_eq!(entered, [Ok(()), Ok(()), Ok(()), Ok(()), refused, refused, refused]);
    assert_eq!(enter(&mut gate, DEAD, lane("WORKER"), "worker", later), Ok(()), "lanes wait on");

    // One each half second, lanes first.
    assert_eq!(started(&mut gate, later), ["worker"]);
    assert!(matches!(gate.next(later, |_| true), Next::At(at) if at == after(later, 500)));
    let probe = passes(&mut gate, after(later, 500));
    assert_eq!(probe.len(), 1);
    assert_eq!(enter(&mut gate, HOME, Line::Strangers, "home", later), Ok(()), "another host is asked all the same");
    assert_eq!(started(&mut gate, after(later, 501)), ["home"]);

    // Its first answer ends that, whatever it says.
    gate.finish(&probe[0].1, Outcome::Unusable, after(later, 600));
    assert_eq!(started(&mut gate, after(later, 600)), ["stranger 1", "stranger 2", "stranger 3"]);
    assert_eq!(enter(&mut gate, DEAD, Line::Strangers, "stranger", after(later, 600)), Ok(()));
}

#[test]
fn whoever_waits_when_a_host_falls_silent_is_told_so() {
    let (mut gate, now) = gate(GateLimits::default());
    for n in 0..40 {
        enter(&mut gate, DEAD, Line::Strangers, n.to_string(), now).unwrap();
    }
    let calls = passes(&mut gate, now);
    for (_, pass) in &calls {
        gate.finish(pass, Outcome::Unheard(Outage::Unreachable), after(now, 6000));
    }
    let (mut refused, mut started) = (0, 0);
    loop {
        match gate.next(after(now, 6000), |_| true) {
            Next::Refuse(_, outage) => {
                assert_eq!(outage, Outage::Unreachable);
                refused += 1;
            }
            Next::Start(..) => started += 1,
            Next::At(_) => break,
            Next::Idle => panic!("some wait for the next probe"),
        }
    }
    assert_eq!((calls.len(), refused, started, gate.load(now).strangers_waiting), (16, 20, 1, 3));
}

#[test]
fn a_host_is_not_given_up_for_few_calls_for_a_moments_or_for_those_before_its_last_answer() {
    let unheard = Outcome::Unheard(Outage::Unreachable);
    for (begun, answered, ended, calls, expected) in [
        (0, None, 1000, 3, 1),
        (0, None, 1000, 2, 0),
        (0, None, 900, 9, 0),
        (0, Some(10), 6000, 9, 0),
        (20, Some(10), 6000, 9, 1),
    ] {
        let (mut gate, now) = gate(GateLimits::default());
        let begin = |gate: &mut Gate<String>| {
            (0..calls).for_each(|_| enter(gate, DEAD, Line::Strangers, "call", now).unwrap());
            passes(gate, after(now, begun))
        };
        let mut passes = if begun == 0 { begin(&mut gate) } else { Vec::new() };
        if let Some(answered) = answered {
            hear(&mut gate, DEAD, after(now, answered));
        }
        if begun > 0 {
            passes = begin(&mut gate);
        }
        passes.iter().for_each(|(_, pass)| gate.finish(pass, unheard, after(now, ended)));
        assert_eq!(gate.load(after(now, ended)).unreachable_hosts, expected, "{calls} calls from {begun} to {ended}");
    }
}

#[test]
fn a_call_that_nobody_waited_for_says_nothing_of_its_host() {
    let (mut gate, now) = gate(GateLimits::default());
    for _ in 0..10 {
        enter(&mut gate, DEAD, Line::Strangers, "call", now).unwrap();
    }
    for (_, pass) in passes(&mut gate, now) {
        gate.finish(&pass, Outcome::GivenUp, after(now, 6000));
    }
    assert_eq!((gate.load(after(now, 6000)).unreachable_hosts, gate.load(now).in_flight), (0, 0));
}

/// Calls of this host are not answered, until it counts as one that cannot be heard.
fn silence(gate: &mut Gate<String>, host: &'static str, now: Instant) -> Instant {
    for _ in 0..3 {
        enter(gate, host, Line::Strangers, "unheard", now).unwrap();
    }
    for (_, pass) in passes(gate, now) {
        gate.finish(&pass, Outcome::Unheard(Outage::TimedOut), after(now, 6000));
    }
    after(now, 6000)
}

#[test]
fn throttling_halves_the_rate_and_answers_raise_it_slowly() {
    let (mut gate, now) = gate(GateLimits { most_per_second: 100, least_per_second: 10, ..GateLimits::default() });
    let mut due = now;
    let mut finish = |outcome, at| {
        enter(&mut gate, HOME, Line::Strangers, "call", at).unwrap();
        due = after(due, 1000);
        let Next::Start(_, pass) = gate.next(due, |_| true) else { panic!("nobody else is there") };
        gate.finish(&pass, outcome, at);
        gate.load(at).per_second
    };
    finish(Outcome::Throttled, now);
    assert_eq!(finish(Outcome::Throttled, now), 50.0, "calls under way say the same thing once");
    assert_eq!(finish(Outcome::Throttled, after(now, 100)), 25.0);
    for n in 2..9 {
        finish(Outcome::Throttled, after(now, n * 100));
    }
    assert_eq!(finish(Outcome::Throttled, after(now, 900)), 10.0, "never less than the least");
    for _ in 0..9 {
        finish(Outcome::Answered, after(now, 1000));
    }
    let risen = finish(Outcome::Answered, after(now, 1000));
    assert!((14.0..15.0).contains(&risen), "{risen}");
    for _ in 0..10_000 {
        finish(Outcome::Answered, after(now, 1000));
    }
    assert_eq!(finish(Outcome::Answered, after(now, 1000)), 100.0, "never more than the most");
}

#[test]
fn a_host_that_throttles_slows_no_other() {
    let limits = GateLimits { most_per_second: 100, ..GateLimits::default() };
    let (mut gate, now) = gate(limits);
    enter(&mut gate, DEAD, Line::Strangers, "throttled", now).unwrap();
    for (_, pass) in passes(&mut gate, now) {
        gate.finish(&pass, Outcome::Throttled, now);
    }
    assert_eq!(gate.load(now).per_second, 50.0);
    for host in [HOME, DEAD] {
        for _ in 0..80 {
            enter(&mut gate, host, Line::Strangers, host, now).unwrap();
        }
    }
    let mut count = HashMap::from([(HOME, 0), (DEAD, 0)]);
    let mut at = now;
    while at <= after(now, 500) {
        match gate.next(at, |_| true) {
            Next::Start(name, pass) => {
                *count.get_mut(name.as_str()).unwrap() += 1;
                gate.finish(&pass, Outcome::GivenUp, at);
            }
            Next::At(later) => at = later,
            other => panic!("there are callers waiting: {other:?}"),
        }
    }
    assert!((50..=56).contains(&count[HOME]) && (25..=28).contains(&count[DEAD]), "{count:?}");
}

#[test]
fn calls_come_no_faster_than_the_rate() {
    let limits =
        GateLimits { most_per_second: 50, in_flight: 1000, strangers_in_flight: 1000, ..GateLimits::default() };
    let (mut gate, now) = gate(limits);
    for n in 0..200 {
        enter(&mut gate, HOME, Line::Strangers, n.to_string(), now).unwrap();
    }
    let mut count = 0;
    let mut at = now;
    while at <= after(now, 2000) {
        match gate.next(at, |_| true) {
            Next::Start(..) => count += 1,
            Next::At(later) => {
                assert!(later > at);
                at = later;
            }
            other => panic!("there are callers waiting: {other:?}"),
        }
    }
    // Two seconds at fifty, and what may come ahead.
    assert!((100..=104).contains(&count), "{count}");
}

#[test]
fn a_gate_with_nobody_waiting_keeps_nothing_but_its_hosts() {
    let (mut gate, now) = gate(GateLimits::default());
    for n in 0..100 {
        enter(&mut gate, HOME, lane(&n.to_string()), n.to_string(), now).unwrap();
        for (_, pass) in passes(&mut gate, after(now, 1000 * n)) {
            gate.finish(&pass, Outcome::Answered, now);
        }
    }
    assert_eq!((gate.load(now).lanes_waiting, gate.load(now).strangers_waiting, gate.load(now).in_flight), (0, 0, 0));
    assert!(gate.turns.is_empty());
    assert_eq!(gate.hosts.len(), 1);
}

#[test]
fn who_has_gone_costs_nobody_a_turn() {
    let limits = GateLimits { least_per_second: 1, most_per_second: 1, strangers_waiting: 4, ..GateLimits::default() };
    let (mut gate, now) = gate(limits);
    let waits = |call: &String| !call.starts_with("gone");
    for n in 0..3 {
        gate.enter(HOME, Line::Strangers, format!("gone {n}"), now, waits).unwrap();
        gate.enter(HOME, lane("WORKER"), format!("gone too {n}"), now, waits).unwrap();
    }
    gate.enter(HOME, Line::Strangers, "stranger".to_owned(), now, waits).unwrap();
    assert!(matches!(gate.next(after(now, 2000), waits), Next::Start(call, _) if call == "stranger"));
    assert!(gate.turns.is_empty());
    assert_eq!((gate.load(now).lanes_waiting, gate.load(now).strangers_waiting), (0, 0));
}
