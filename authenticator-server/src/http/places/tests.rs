use futures::FutureExt as _;

use super::*;

/// Places for so many connections, memory for so many requests at once, and half as many bytes for bodies.
fn places(places: usize, requests: usize) -> Arc<Places> {
    let request_bytes = 2 * requests * REQUEST_BYTES;
    let limits = HttpLimits { connections: places, waiting: 8, request_bytes, ..HttpLimits::default() };
    Arc::new(Places::new(&limits, ServingCounts::default()))
}

async fn guests<const N: usize>(places: &Arc<Places>) -> ([Arc<Guest>; N], Vec<Seat>) {
    let (mut guests, mut seats) = (Vec::new(), Vec::new());
    for _ in 0..N {
        let (guest, seat) = Arc::clone(places).take().await;
        guests.push(Arc::new(guest));
        seats.push(seat);
    }
    (guests.try_into().ok().unwrap(), seats)
}

fn must_go(guest: &Guest) -> bool {
    guest.must_go().now_or_never().is_some()
}

/// Who has to go when one more comes, after their grace.
async fn gone_for_one_more(places: &Arc<Places>, guests: &[Arc<Guest>], seats: Vec<Seat>) -> Vec<usize> {
    let mut newcomer = pin!(Arc::clone(places).take());
    assert!(tokio::time::timeout(GRACE / 2, &mut newcomer).await.is_err());
    assert!(!guests.iter().any(|guest| must_go(guest)), "each has its grace");
    assert!(tokio::time::timeout(GRACE, &mut newcomer).await.is_err());
    let gone = (0..guests.len()).filter(|number| must_go(&guests[*number])).collect();
    drop(seats);
    newcomer.await;
    gone
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_gets_the_place_of_the_first_over_which_nobody_was_let_in_the_idle_before_the_busy() {
    for (busy, gone) in [(&[][..], 1), (&[1], 2), (&[1, 2], 1)] {
        let places = places(3, 4);
        let (guests, seats) = guests::<3>(&places).await;
        guests[0].prove();
        let charges: Vec<_> = busy.iter().map(|number: &usize| guests[*number].charge().unwrap()).collect();
        assert_eq!(gone_for_one_more(&places, &guests, seats).await, [gone], "{busy:?}");
        drop(charges);
    }
}

#[tokio::test(start_paused = true)]
async fn where_all_have_proven_themselves_the_place_is_that_of_the_longest_unused() {
    let places = places(3, 1);
    let (all, seats) = guests(&places).await;
    let [first, second, third] = &all;
    for guest in [first, third, second, first] {
        guest.prove();
        tokio::time::advance(Duration::from_millis(1)).await;
        drop(guest.charge().unwrap());
    }
    assert_eq!(gone_for_one_more(&places, &all, seats).await, [2]);
}

#[tokio::test(start_paused = true)]
async fn the_more_wait_the_shorter_is_the_grace() {
    for (waiting, grace) in [(0, GRACE), (4, GRACE / 2), (8, LEAST_GRACE), (100, LEAST_GRACE)] {
        let places = places(1, 1);
        let ([guest], seats) = guests(&places).await;
        let mut newcomer = pin!(Arc::clone(&places).take());
        // It waits already when the others come.
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut newcomer).await.is_err());
        places.waiting(waiting);
        assert!(tokio::time::timeout(grace - Duration::from_millis(2), &mut newcomer).await.is_err());
        assert!(!must_go(&guest), "{waiting}");
        assert!(tokio::time::timeout(2 * LOOK_AGAIN, &mut newcomer).await.is_err());
        assert!(must_go(&guest), "{waiting}");
        drop(seats);
        newcomer.await;
    }
}

#[tokio::test]
async fn a_proven_connection_takes_the_memory_of_one_that_has_proven_nothing_and_holds_most() {
    let places = places(4, 4);
    let ([api_server, idle, slow, other], _seats) = guests(&places).await;
    api_server.prove();
    let mut held: Vec<_> = [&api_server, &other, &slow, &slow].map(|guest| guest.charge().unwrap()).into();
    held.push(api_server.charge().expect("the slow one gives way"));
    assert_eq!([&api_server, &idle, &slow, &other].map(|guest| must_go(guest)), [false, false, true, false]);
    assert!(slow.charge().is_none(), "it has no place any more");
    // What it gives back was given back already.
    held.drain(2..4);
    assert_eq!(places.taken().held.requests, 3 * REQUEST_BYTES);
    drop(held);
    assert_eq!(places.taken().held, Held::default());
}

#[tokio::test]
async fn one_that_has_proven_nothing_takes_the_memory_of_those_alone_that_hold_more() {
    let places = places(3, 4);
    let ([api_server, small, large], _seats) = guests(&places).await;
    let _held = [&api_server, &small, &large, &large].map(|guest| guest.charge().unwrap());
    assert!(large.charge().is_none(), "it holds more than the others");
    let _more = small.charge().expect("the large one gives way");
    assert_eq!([&api_server, &small, &large].map(|guest| must_go(guest)), [false, false, true]);
}

#[tokio::test]
async fn one_that_has_brought_whole_bodies_goes_after_those_that_never_did() {
    let places = places(3, 4);
    let ([api_server, whole, never], _seats) = guests(&places).await;
    api_server.prove();
    let mut held = [&whole, &whole, &whole, &never].map(|guest| guest.charge().unwrap());
    held[0].body_is_read();
    let _request = api_server.charge().expect("another gives way");
    assert_eq!([&whole, &never].map(|guest| must_go(guest)), [false, true]);
}

#[tokio::test]
async fn a_request_is_shed_where_all_have_proven_themselves() {
    let places = places(2, 2);
    let ([guest, other], _seats) = guests(&places).await;
    guest.prove();
    other.prove();
    let (first, _second) = (other.charge().unwrap(), guest.charge().unwrap());
    assert!(guest.charge().is_none());
    assert!(!must_go(&guest) && !must_go(&other));
    drop(first);
    assert!(guest.charge().is_some());
}

/// As an API server's is, right after a start.
#[tokio::test]
async fn the_only_connection_there_is_is_never_cut_for_its_own_requests() {
    let places = places(2, 2);
    let ([guest], _seats) = guests(&places).await;
    let (mut charge, _other) = (guest.charge().unwrap(), guest.charge().unwrap());
    assert!(guest.charge().is_none());
    assert!(charge.grow(Share::Bodies, REQUEST_BYTES) && !charge.grow(Share::Bodies, 1));
    places.give_way(Lack::Files);
    assert!(!must_go(&guest));
}

#[tokio::test]
async fn a_connection_is_cut_for_its_own_bodies_if_it_never_brought_a_whole_one_and_is_not_alone() {
    for (reads, gone) in [(false, true), (true, false)] {
        let places = places(2, 4);
        let ([_other, guest], _seats) = guests(&places).await;
        let (mut first, mut second) = (guest.charge().unwrap(), guest.charge().unwrap());
        if reads {
            first.body_is_read();
        }
        assert!(first.grow(Share::Bodies, 2 * REQUEST_BYTES));
        assert!(!second.grow(Share::Bodies, 1));
        assert_eq!(must_go(&guest), gone);
    }
}

#[tokio::test]
async fn a_body_that_was_read_holds_nothing_and_large_ones_leave_room_to_others() {
    let places = places(1, 4);
    let ([guest], _seats) = guests(&places).await;
    let (mut large, mut small) = (guest.charge().unwrap(), guest.charge().unwrap());
    assert!(large.grow(Share::LargeBodies, REQUEST_BYTES) && !large.grow(Share::LargeBodies, 1));
    assert!(small.grow(Share::Bodies, REQUEST_BYTES) && !small.grow(Share::Bodies, 1));
    large.body_is_read();
    assert!(small.grow(Share::Bodies, REQUEST_BYTES));
    assert_eq!(places.taken().held, Held { requests: 2 * REQUEST_BYTES, bodies: 2 * REQUEST_BYTES });
    drop((large, small));
    assert_eq!(places.taken().held, Held::default());
}
