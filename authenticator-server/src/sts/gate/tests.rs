use super::*;

fn key(text: &str) -> AccessKeyId {
    AccessKeyId::parse(&format!("AKIA{text:0>12}")).unwrap()
}

fn lane(text: &str) -> Line {
    Line::Lane(key(text))
}

fn gate(limits: GateLimits) -> (Gate<String>, Instant) {
    let now = Instant::now();
    (Gate::new(limits, now), now)
}

/// Lets through all who may call at `now`.
fn started(gate: &mut Gate<String>, now: Instant) -> Vec<String> {
    let mut names = Vec::new();
    while let Next::Start(name, _) = gate.next(now, |_| true) {
        names.push(name);
    }
    names
}

fn after(now: Instant, milliseconds: u64) -> Instant {
    now + Duration::from_millis(milliseconds)
}

#[test]
fn lanes_take_turns_whoever_calls_most() {
    let (mut gate, now) = gate(GateLimits::default());
    for n in 0..4 {
        gate.enter(lane("LOUD"), format!("loud {n}"), |_| true).unwrap();
    }
    gate.enter(lane("QUIET"), "quiet".to_owned(), |_| true).unwrap();
    assert_eq!(started(&mut gate, now), ["loud 0", "quiet", "loud 1", "loud 2", "loud 3"]);
}

#[test]
fn lanes_go_before_strangers_but_for_every_eighth_call() {
    let (mut gate, now) = gate(GateLimits::default());
    for n in 0..2 {
        gate.enter(Line::Strangers, format!("stranger {n}"), |_| true).unwrap();
    }
    for n in 0..10 {
        gate.enter(lane("WORKER"), format!("worker {n}"), |_| true).unwrap();
    }
    let names = started(&mut gate, now);
    assert_eq!(names[7], "stranger 0");
    assert_eq!(names[11], "stranger 1");
    assert_eq!(names.iter().filter(|name| name.starts_with("worker")).count(), 10);
}

#[test]
fn a_line_that_is_full_takes_nobody_and_the_others_do() {
    let (mut gate, _) = gate(GateLimits { strangers_waiting: 2, lane_waiting: 1, ..GateLimits::default() });
    let call = || "call".to_owned();
    assert!(gate.enter(Line::Strangers, call(), |_| true).is_ok());
    assert!(gate.enter(Line::Strangers, call(), |_| true).is_ok());
    assert!(gate.enter(Line::Strangers, call(), |_| true).is_err());
    assert!(gate.enter(lane("A"), call(), |_| true).is_ok());
    assert!(gate.enter(lane("A"), call(), |_| true).is_err());
    assert!(gate.enter(lane("B"), call(), |_| true).is_ok());
}

#[test]
fn no_more_strangers_wait_than_can_be_let_through_in_time() {
    for (per_second, room) in [(20, 100), (1, 64), (2000, 8192)] {
        let limits = GateLimits { most_per_second: per_second, least_per_second: 1, ..GateLimits::default() };
        let (mut gate, now) = gate(limits);
        let entered = (0..10_000).take_while(|n| gate.enter(Line::Strangers, n.to_string(), |_| true).is_ok());
        assert_eq!(entered.count(), room, "{per_second} calls a second");
        assert!(!started(&mut gate, now).is_empty());
    }
}

#[test]
fn strangers_whose_calls_hang_leave_room_for_lanes() {
    let (mut gate, now) = gate(GateLimits { in_flight: 3, strangers_in_flight: 2, ..GateLimits::default() });
    for n in 0..5 {
        gate.enter(Line::Strangers, format!("stranger {n}"), |_| true).unwrap();
    }
    assert_eq!(started(&mut gate, now), ["stranger 0", "stranger 1"]);
    gate.enter(lane("WORKER"), "worker".to_owned(), |_| true).unwrap();
    assert_eq!(started(&mut gate, now), ["worker"]);
    gate.enter(lane("WORKER"), "one too many".to_owned(), |_| true).unwrap();
    assert!(started(&mut gate, now).is_empty());
    gate.finish(&Pass { stranger: false }, Outcome::Unheard, now);
    assert_eq!(started(&mut gate, now), ["one too many"]);
}

#[test]
fn throttling_halves_the_rate_and_answers_raise_it_slowly() {
    let (mut gate, now) = gate(GateLimits { most_per_second: 100, least_per_second: 10, ..GateLimits::default() });
    let pass = Pass { stranger: true };
    gate.finish(&pass, Outcome::Throttled, now);
    gate.finish(&pass, Outcome::Throttled, now);
    assert_eq!(gate.rate.per_second, 50.0, "calls under way say the same thing once");
    gate.finish(&pass, Outcome::Throttled, after(now, 100));
    assert_eq!(gate.rate.per_second, 25.0);
    for n in 2..9 {
        gate.finish(&pass, Outcome::Throttled, after(now, n * 100));
    }
    assert_eq!(gate.rate.per_second, 10.0, "never less than the least");
    for _ in 0..10 {
        gate.finish(&pass, Outcome::Answered, after(now, 1000));
    }
    assert!((14.0..15.0).contains(&gate.rate.per_second), "{}", gate.rate.per_second);
    for _ in 0..10_000 {
        gate.finish(&pass, Outcome::Answered, after(now, 1000));
    }
    assert_eq!(gate.rate.per_second, 100.0, "never more than the most");
}

#[test]
fn calls_come_no_faster_than_the_rate() {
    let limits =
        GateLimits { most_per_second: 50, in_flight: 1000, strangers_in_flight: 1000, ..GateLimits::default() };
    let (mut gate, now) = gate(limits);
    for n in 0..200 {
        gate.enter(Line::Strangers, n.to_string(), |_| true).unwrap();
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
            Next::Idle => panic!("there are callers waiting"),
        }
    }
    // Two seconds at fifty, and what may come ahead.
    assert!((100..=104).contains(&count), "{count}");
}

#[test]
fn a_gate_with_nobody_waiting_keeps_nothing() {
    let (mut gate, now) = gate(GateLimits::default());
    for n in 0..100 {
        gate.enter(lane(&n.to_string()), n.to_string(), |_| true).unwrap();
        let mut at = now;
        while let Next::At(later) = gate.next(at, |_| true) {
            at = later;
        }
        gate.finish(&Pass { stranger: false }, Outcome::Answered, at);
    }
    for n in 0..100 {
        let _ = started(&mut gate, after(now, 10_000 + n * 1000));
    }
    assert!(gate.lanes.is_empty() && gate.turns.is_empty() && gate.strangers.is_empty());
}

#[test]
fn who_has_gone_costs_nobody_a_turn() {
    let limits = GateLimits { least_per_second: 1, most_per_second: 1, strangers_waiting: 3, ..GateLimits::default() };
    let (mut gate, now) = gate(limits);
    let waits = |call: &String| !call.starts_with("gone");
    for n in 0..3 {
        gate.enter(Line::Strangers, format!("gone {n}"), waits).unwrap();
        gate.enter(lane("WORKER"), format!("gone too {n}"), waits).unwrap();
    }
    gate.enter(Line::Strangers, "stranger".to_owned(), waits).unwrap();
    assert!(matches!(gate.next(now, waits), Next::Start(call, _) if call == "stranger"));
    assert!(gate.lanes.is_empty() && gate.turns.is_empty() && gate.strangers.is_empty());
}
