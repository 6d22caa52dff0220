//! Tickets are sold once: under a rush, under crashes, and under repeated requests.

use std::time::Duration;

use sportello::{
    actors::sales::SalesError,
    events::selling::{Claim, Order, Refusal, Sale, ticket_code},
    ids::{BookingId, UserId},
};

use crate::harness::app::TestApp;

fn order(app: &TestApp, event: &str, user: UserId, number: u64) -> Order {
    Order {
        id: BookingId::new(app.app.clock.now()),
        event: event.to_owned(),
        user,
        tickets: 1,
        date: None,
        code: ticket_code(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8),
        claim: None,
    }
}

const LEFT: &str = "SELECT tickets_left FROM events WHERE title = 'Concerto'";
const BALANCED: &str = "SELECT count(*) = 0 FROM events e WHERE e.tickets_left <> e.capacity - coalesce((
        SELECT sum(b.tickets) FROM bookings b
        WHERE b.event_id = e.id AND b.status IN ('pending', 'confirmed', 'completed')), 0)
    OR e.bookings_count <> (SELECT count(*) FROM bookings b
        WHERE b.event_id = e.id AND b.status IN ('pending', 'confirmed', 'completed'))";
const MAILED_ONCE: &str = "SELECT count(*) FROM bookings b
    WHERE (SELECT count(*) FROM job.body j WHERE j.args ->> 'booking' = b.id::text) <> 1";

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_get_ten_tickets() {
    let app = TestApp::start().await;
    app.pause_queue("mail").await; // a mail that was sent would be gone before it is counted
    let (event, user) = (app.an_event().with_capacity(10).create().await, app.a_user().await);
    let buying = (0..200).map(|number| app.app.sales.book(order(&app, &event, user, number)));
    let outcomes = futures_util::future::join_all(buying).await;
    let sold = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(Sale::Sold(_))))).count();
    let refused =
        outcomes.iter().filter(|outcome| matches!(outcome, Ok(Err(Refusal::SoldOut { left: 0 })))).count();
    assert_eq!((sold, refused), (10, 190));
    assert_eq!(app.value::<i32>(LEFT).await, 0);
    assert!(app.value::<bool>(BALANCED).await);
    assert_eq!(app.value::<i64>(MAILED_ONCE).await, 0, "each booking has its mail, once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_of_every_data_actor_lose_no_ticket_and_sell_none_twice() {
    let app = TestApp::start_with(|config| config.actors.intensity = 1000).await;
    let (event, user) = (app.an_event().with_capacity(10).create().await, app.a_user().await);
    let crashing = async {
        for cell in app.app.registry.cells() {
            if cell.kind != "supervisor" {
                let _ = app.app.registry.crash(&cell.path);
                tokio::task::yield_now().await;
            }
        }
    };
    let buying = (0..200).map(|number| app.app.sales.book(order(&app, &event, user, number)));
    let (outcomes, ()) = tokio::join!(futures_util::future::join_all(buying), crashing);
    let mut seen = 0;
    for outcome in &outcomes {
        match outcome {
            Ok(Ok(Sale::Sold(_))) => seen += 1,
            Ok(Err(Refusal::SoldOut { .. }))
            | Err(SalesError::Down | SalesError::Unknown | SalesError::Overloaded) => {}
            other => panic!("{other:?}"),
        }
    }
    let live: i64 = app.value("SELECT count(*) FROM bookings").await;
    assert!(seen <= live && live <= 10, "{seen} seen, {live} written");
    assert!(app.value::<bool>(BALANCED).await);
    assert_eq!(app.value::<i64>(MAILED_ONCE).await, 0);
    // Everything works again: what is left can be sold.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    for number in live..10 {
        while !matches!(app.app.sales.book(order(&app, &event, user, 1000 + number as u64)).await, Ok(Ok(_)))
        {
            assert!(tokio::time::Instant::now() < deadline, "the shards did not recover");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_answered_and_not_sold_again() {
    let app = TestApp::start().await;
    let (event, user) = (app.an_event().with_capacity(5).create().await, app.a_user().await);
    let claim = Some(Claim { key: [7; 32], fingerprint: [1; 32] });
    let first = app.app.sales.book(Order { claim, ..order(&app, &event, user, 1) }).await.unwrap().unwrap();
    let Sale::Sold(booking) = first else { panic!("{first:?}") };
    let again = app.app.sales.book(Order { claim, ..order(&app, &event, user, 2) }).await.unwrap().unwrap();
    let Sale::Replayed { status, body } = again else { panic!("{again:?}") };
    assert_eq!((status, body), (201, serde_json::to_vec(&*booking).unwrap()));
    let other = Some(Claim { key: [7; 32], fingerprint: [2; 32] });
    let refused = app.app.sales.book(Order { claim: other, ..order(&app, &event, user, 3) }).await.unwrap();
    assert_eq!(refused, Err(Refusal::KeyReused));
    assert_eq!(app.value::<i32>(LEFT).await, 4);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_impossible_order_does_not_spoil_the_batch() {
    let app = TestApp::start().await;
    let (event, user) = (app.an_event().create().await, app.a_user().await);
    let nobody = UserId::new(app.app.clock.now());
    let buying = [user, nobody, user]
        .into_iter()
        .zip(0..)
        .map(|(user, n)| app.app.sales.book(order(&app, &event, user, n)));
    let outcomes = futures_util::future::join_all(buying).await;
    assert!(matches!(outcomes[0], Ok(Ok(Sale::Sold(_)))) && matches!(outcomes[2], Ok(Ok(Sale::Sold(_)))));
    assert!(matches!(outcomes[1], Err(SalesError::Db(_))), "{:?}", outcomes[1]);
    assert!(app.value::<bool>(BALANCED).await);
    app.finish().await;
}
