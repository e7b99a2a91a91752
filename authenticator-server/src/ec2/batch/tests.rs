use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

type TestBatcher = Batcher<usize, &'static str>;

fn id(number: u64) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

fn role(name: &str) -> Arc<str> {
    name.into()
}

fn start() -> (TestBatcher, Instant) {
    let now = Instant::now();
    (Batcher::new(BatchLimits { per_second: 10, burst: 3, waiting_of_role: 1000 }, "endless", now), now)
}

fn all(_: &usize) -> bool {
    true
}

fn ask(batcher: &mut TestBatcher, now: Instant) -> Batch {
    match batcher.next(now, all) {
        Next::Ask(batch) => batch,
        next => panic!("{next:?}"),
    }
}

fn answered(found: &[u64], next_page: Option<&str>) -> Outcome<u64, &'static str> {
    Outcome::Answered {
        found: found.iter().map(|number| (id(*number), *number)).collect(),
        next_page: next_page.map(str::to_owned),
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn those_who_ask_at_about_the_same_time_share_a_call_and_each_gets_its_own_answer() {
    let (mut batcher, now) = start();
    for (number, waiter) in [(1, 10), (2, 20), (3, 30), (1, 11)] {
        batcher.enter(&id(number), &role("a"), waiter, now, all).unwrap();
    }
    assert_eq!(batcher.next(now, all), Next::At(now + GATHER));
    let batch = ask(&mut batcher, now + GATHER);
    assert_eq!(*batch.ids, [id(1), id(2), id(3)]);
    let mut told = batcher.finish(batch, answered(&[1, 3], None), now + ms(30), 0.0, all);
    told.sort_unstable_by_key(|(waiter, _)| *waiter);
    assert_eq!(told, [(10, Ok(Some(1))), (11, Ok(Some(1))), (20, Ok(None)), (30, Ok(Some(3)))]);
    assert_eq!(batcher.next(now + ms(40), all), Next::Idle);
}

#[test]
fn whoever_asks_about_an_instance_that_is_asked_about_joins_that_call() {
    let (mut batcher, now) = start();
    batcher.enter(&id(1), &role("a"), 10, now, all).unwrap();
    let batch = ask(&mut batcher, now + GATHER);
    batcher.enter(&id(1), &role("a"), 11, now + ms(25), all).unwrap();
    assert_eq!(batcher.next(now + ms(500), all), Next::Idle);
    assert_eq!(batcher.finish(batch, answered(&[1], None), now + ms(500), 0.0, all).len(), 2);
}

#[test]
fn a_call_waits_longer_after_another_unless_it_is_full() {
    let (mut batcher, now) = start();
    batcher.enter(&id(0), &role("a"), 0, now, all).unwrap();
    let _first = ask(&mut batcher, now + GATHER);
    batcher.enter(&id(1), &role("a"), 1, now + ms(30), all).unwrap();
    assert_eq!(batcher.next(now + ms(60), all), Next::At(now + GATHER + SPACING));
    for number in 2..=200 {
        batcher.enter(&id(number), &role("a"), 1, now + ms(60), all).unwrap();
    }
    assert_eq!(ask(&mut batcher, now + ms(60)).ids.len(), MOST_IDS);
}

#[test]
fn no_more_calls_are_made_than_the_rate_and_its_burst_allow() {
    let (mut batcher, now) = start();
    for number in 0..1000 {
        batcher.enter(&id(number), &role("a"), 0, now, all).unwrap();
    }
    for _ in 0..3 {
        ask(&mut batcher, now);
    }
    assert_eq!(batcher.next(now, all), Next::At(now + ms(100)));
    ask(&mut batcher, now + ms(100));
    assert_eq!(batcher.next(now + ms(100), all), Next::At(now + ms(200)));
}

#[test]
fn an_answer_that_goes_on_is_asked_for_before_others_and_tells_what_it_told_already() {
    let (mut batcher, now) = start();
    for number in 1..=3 {
        batcher.enter(&id(number), &role("a"), usize::try_from(number).unwrap(), now, all).unwrap();
    }
    let batch = ask(&mut batcher, now + GATHER);
    let now = now + ms(30);
    assert_eq!(batcher.finish(batch, answered(&[2], Some("page2")), now, 0.0, all), [(2, Ok(Some(2)))]);
    batcher.enter(&id(9), &role("a"), 9, now, all).unwrap();
    let batch = ask(&mut batcher, now);
    assert_eq!((&*batch.ids, batch.page.as_deref()), ([id(1), id(2), id(3)].as_slice(), Some("page2")));
    let told = batcher.finish(batch, answered(&[3], None), now, 0.0, all);
    assert_eq!(told, [(1, Ok(None)), (3, Ok(Some(3)))]);
}

#[test]
fn an_answer_that_never_ends_is_ended_and_says_nothing_of_who_was_not_on_its_pages() {
    let now = Instant::now();
    let limits = BatchLimits { per_second: 10_000, ..BatchLimits::default() };
    let mut batcher: TestBatcher = Batcher::new(limits, "endless", now);
    batcher.enter(&id(1), &role("a"), 1, now, all).unwrap();
    batcher.enter(&id(2), &role("a"), 2, now, all).unwrap();
    for page in 0..=MOST_PAGES {
        let now = now + GATHER + ms(u64::from(page));
        let batch = ask(&mut batcher, now);
        let (last, found): (_, &[u64]) = if page == MOST_PAGES { (true, &[2]) } else { (false, &[]) };
        let told = batcher.finish(batch, answered(found, Some("more")), now, 0.0, all);
        let all_told = [(1, Err("endless")), (2, Ok(Some(2)))];
        assert_eq!(told, if last { &all_told[..] } else { &[] }, "{page}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_asked_for_in_halves_and_keeps_it_from_that_one_alone_that_spoils_it() {
    let (mut batcher, mut now) = start();
    for number in 1..=5 {
        batcher.enter(&id(number), &role("a"), usize::try_from(number).unwrap(), now, all).unwrap();
    }
    now += GATHER;
    let mut told = Vec::new();
    let mut calls = 0;
    while let Next::Ask(batch) = batcher.next(now, all) {
        calls += 1;
        let spoilt = batch.ids.contains(&id(4));
        let found: Vec<_> = (1..=5).filter(|number| batch.ids.contains(&id(*number))).collect();
        let outcome = if spoilt { Outcome::Unread("spoilt") } else { answered(&found, None) };
        told.extend(batcher.finish(batch, outcome, now, 0.0, all));
        now += ms(100);
    }
    told.sort_unstable_by_key(|(waiter, _)| *waiter);
    assert_eq!(told, [(1, Ok(Some(1))), (2, Ok(Some(2))), (3, Ok(Some(3))), (4, Err("spoilt")), (5, Ok(Some(5)))]);
    assert_eq!(calls, 7);
    assert_eq!(batcher.flights.len(), 0);
}

#[test]
fn of_an_answer_that_cannot_be_read_nothing_is_asked_for_who_has_gone() {
    let (mut batcher, now) = start();
    for waiter in [1, 2] {
        batcher.enter(&id(u64::try_from(waiter).unwrap()), &role("a"), waiter, now, all).unwrap();
    }
    let batch = ask(&mut batcher, now + GATHER);
    assert_eq!(batcher.finish::<u64>(batch, Outcome::Unread("spoilt"), now + GATHER, 0.0, |_| false), []);
    assert_eq!((batcher.next(now + ms(1000), all), batcher.flights.len()), (Next::Idle, 0));
}

#[test]
fn when_ec2_is_not_heard_it_is_asked_again_after_a_rest_that_grows_and_ends_with_an_answer() {
    let (mut batcher, mut now) = start();
    batcher.enter(&id(1), &role("a"), 1, now, all).unwrap();
    now += GATHER;
    for rest in [200, 400, 800, 1600, 2000, 2000] {
        let batch = ask(&mut batcher, now);
        assert_eq!(batcher.finish::<u64>(batch, Outcome::Unheard("away"), now, 0.0, all), []);
        assert_eq!(batcher.trouble(), Some(&"away"));
        assert_eq!(batcher.next(now, all), Next::At(now + ms(rest)));
        now += ms(rest);
    }
    let batch = ask(&mut batcher, now);
    assert_eq!(batcher.finish(batch, answered(&[1], None), now, 0.0, all), [(1, Ok(Some(1)))]);
    assert_eq!(batcher.trouble(), None);
    batcher.enter(&id(2), &role("a"), 2, now, all).unwrap();
    assert_eq!(batcher.next(now, all), Next::At(now + SPACING), "no rest is left");
}

#[test]
fn chance_makes_a_rest_shorter_by_half_at_most() {
    for (chance, rest) in [(0.0, 200), (0.5, 150), (1.0, 100), (7.0, 100)] {
        let (mut batcher, now) = start();
        batcher.enter(&id(1), &role("a"), 1, now, all).unwrap();
        let now = now + GATHER + ms(1000);
        let batch = ask(&mut batcher, now);
        batcher.finish::<u64>(batch, Outcome::Unheard("away"), now, chance, all);
        assert_eq!(batcher.next(now, all), Next::At(now + ms(rest.max(100))), "{chance}");
    }
}

#[test]
fn what_will_not_be_answered_another_time_is_told_at_once() {
    let (mut batcher, now) = start();
    batcher.enter(&id(1), &role("a"), 1, now, all).unwrap();
    let batch = ask(&mut batcher, now + GATHER);
    let told = batcher.finish::<u64>(batch, Outcome::Refused("no rights"), now + GATHER, 0.0, all);
    assert_eq!(told, [(1, Err("no rights"))]);
    assert_eq!(batcher.next(now + ms(1000), all), Next::Idle);
}

#[test]
fn a_role_that_asks_about_many_stands_in_the_way_of_no_other() {
    let (mut batcher, now) = start();
    for number in 0..1000 {
        batcher.enter(&id(number), &role("many"), 0, now, all).unwrap();
    }
    assert_eq!(batcher.enter(&id(1000), &role("many"), 7, now, all), Err(7), "its line is full");
    batcher.enter(&id(1001), &role("one"), 1, now, all).unwrap();
    assert!(ask(&mut batcher, now).ids.contains(&id(1001)));
}

#[test]
fn an_instance_that_waits_in_a_long_line_of_another_role_is_asked_about_in_its_own_roles_turn() {
    let (mut batcher, now) = start();
    for number in 0..1000 {
        batcher.enter(&id(number), &role("many"), 0, now, all).unwrap();
    }
    for number in [999, 0] {
        batcher.enter(&id(number), &role("one"), 1, now, all).unwrap();
    }
    let batch = ask(&mut batcher, now);
    assert_eq!((batch.ids.len(), batch.open.len()), (199, 200), "each is named once");
    let told = batcher.finish(batch, answered(&[0, 999], None), now, 0.0, all);
    assert_eq!(told.iter().filter(|(_, answer)| matches!(answer, Ok(Some(0 | 999)))).count(), 3);
    assert!(told.contains(&(1, Ok(Some(999)))) && !told.contains(&(0, Ok(Some(999)))));
}

#[test]
fn nobody_is_asked_for_who_has_gone_and_its_place_is_free() {
    let (mut batcher, now) = start();
    for number in 0..1000_usize {
        batcher.enter(&id(u64::try_from(number).unwrap()), &role("a"), number, now, all).unwrap();
    }
    let waits = |waiter: &usize| *waiter >= 999;
    batcher.enter(&id(1000), &role("a"), 1000, now, waits).unwrap();
    assert_eq!(batcher.waiting(), 2);
    let Next::Ask(batch) = batcher.next(now + GATHER, waits) else { panic!("nothing to ask") };
    assert_eq!(*batch.ids, [id(999), id(1000)]);
    let told = batcher.finish::<u64>(batch, Outcome::Unheard("away"), now + GATHER, 0.0, |_| false);
    assert_eq!((told, batcher.waiting(), batcher.flights.len()), (Vec::new(), 0, 0));
}

/// What may happen.
#[derive(Clone, Debug)]
enum Event {
    Enter { instance: u64, role: u8 },
    Leave(prop::sample::Index),
    Wait(u64),
    Ask,
    Answer { which: prop::sample::Index, found: Vec<bool>, more: bool },
    Unheard(prop::sample::Index),
    Unread(prop::sample::Index),
    Refuse(prop::sample::Index),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let index = any::<prop::sample::Index>;
    let event = prop_oneof![
        6 => (0..40_u64, 0..3_u8).prop_map(|(instance, role)| Event::Enter { instance, role }),
        1 => index().prop_map(Event::Leave),
        3 => (0..150_u64).prop_map(Event::Wait),
        4 => Just(Event::Ask),
        3 => (index(), prop::collection::vec(any::<bool>(), 40), any::<bool>())
            .prop_map(|(which, found, more)| Event::Answer { which, found, more }),
        1 => index().prop_map(Event::Unheard),
        1 => index().prop_map(Event::Unread),
        1 => index().prop_map(Event::Refuse),
    ];
    prop::collection::vec(event, 0..200)
}

/// A batcher, its clock, and everything that was said to whom.
struct World {
    batcher: TestBatcher,
    now: Instant,
    begun: Instant,
    asked_for: Vec<u64>,
    gone: HashSet<usize>,
    told: HashMap<usize, Result<Option<u64>, &'static str>>,
    calls: Vec<Batch>,
    made: u32,
}

impl World {
    fn happen(&mut self, event: Event) {
        match event {
            Event::Enter { instance, role: number } => {
                let waiter = self.asked_for.len();
                self.asked_for.push(instance);
                let gone = self.gone.clone();
                let role = role(["a", "b", "c"][usize::from(number)]);
                self.batcher
                    .enter(&id(instance), &role, waiter, self.now, |waiter| !gone.contains(waiter))
                    .expect("there is room");
            }
            Event::Leave(which) if !self.asked_for.is_empty() => {
                self.gone.insert(which.index(self.asked_for.len()));
            }
            Event::Wait(time) => self.now += ms(time),
            Event::Ask => self.ask(),
            Event::Answer { which, found, more } => self.end(which, |batch| {
                let known = batch.open.iter().filter_map(|asked| {
                    let number = (0..40).find(|number| id(*number) == asked.id)?;
                    found[usize::try_from(number).unwrap()].then(|| (asked.id.clone(), number))
                });
                Outcome::Answered { found: known.collect(), next_page: more.then(|| "more".to_owned()) }
            }),
            Event::Unheard(which) => self.end(which, |_| Outcome::Unheard("away")),
            Event::Unread(which) => self.end(which, |_| Outcome::Unread("spoilt")),
            Event::Refuse(which) => self.end(which, |_| Outcome::Refused("no")),
            Event::Leave(_) => {}
        }
    }

    fn ask(&mut self) {
        let gone = self.gone.clone();
        if let Next::Ask(batch) = self.batcher.next(self.now, |waiter| !gone.contains(waiter)) {
            self.made += 1;
            let allowed = 3 + 10 * self.now.duration_since(self.begun).as_millis() / 1000;
            assert!(u128::from(self.made) <= allowed + 1, "{} calls", self.made);
            let under_way: HashSet<_> = self.calls.iter().flat_map(|batch| &batch.open).collect();
            let asked: HashSet<_> = batch.open.iter().collect();
            assert_eq!(asked.len(), batch.open.len(), "each once");
            assert!(under_way.is_disjoint(&asked), "one call about an instance of a role at a time");
            self.calls.push(batch);
        }
    }

    fn end(&mut self, which: prop::sample::Index, outcome: impl FnOnce(&Batch) -> Outcome<u64, &'static str>) {
        if self.calls.is_empty() {
            return;
        }
        let batch = self.calls.swap_remove(which.index(self.calls.len()));
        let outcome = outcome(&batch);
        let gone = self.gone.clone();
        for (waiter, answer) in self.batcher.finish(batch, outcome, self.now, 0.5, |waiter| !gone.contains(waiter)) {
            if let Ok(Some(number)) = answer {
                assert_eq!(number, self.asked_for[waiter], "its own answer");
            }
            assert_eq!(self.told.insert(waiter, answer), None, "one answer");
        }
    }
}

proptest! {
    #[test]
    fn every_waiter_gets_its_own_answer_and_nothing_is_left_whatever_ec2_says_in_whatever_order(
        events in events(),
        last in any::<prop::sample::Index>(),
    ) {
        let (batcher, now) = start();
        let mut world = World {
            batcher, now, begun: now, asked_for: Vec::new(), gone: HashSet::new(), told: HashMap::new(), calls: Vec::new(), made: 0,
        };
        for event in events {
            world.happen(event);
        }
        // EC2 recovers, and answers what it is asked.
        for _ in 0..200 {
            world.happen(Event::Wait(2500));
            world.happen(Event::Ask);
            world.happen(Event::Answer { which: last, found: vec![true; 40], more: false });
        }
        for waiter in 0..world.asked_for.len() {
            prop_assert!(world.gone.contains(&waiter) || world.told.contains_key(&waiter), "{waiter} waits for ever");
        }
        let Batcher { flights, lines, turns, waiting, unfinished, in_flight, .. } = world.batcher;
        prop_assert!(flights.is_empty() && lines.is_empty() && turns.is_empty() && unfinished.is_empty());
        prop_assert_eq!((waiting, in_flight), (0, 0));
    }
}
