//! The rule for one order, without a database.

use ahash::AHashMap;
use jiff::{SignedDuration, Timestamp, civil::date};

use super::{Answer, Claim, Order, Refusal, Sale, Stock, decide, ticket_code};
use crate::{
    events::booking::Status,
    ids::{BookingId, EventId, UserId},
};

fn now() -> Timestamp {
    "2027-06-01T10:00:00Z".parse().unwrap()
}

fn stock(left: i32, unit_cents: i64, days: i8) -> AHashMap<String, Stock> {
    let stock = Stock {
        id: EventId::new(now()),
        title: "Concerto".to_owned(),
        is_withdrawn: false,
        left,
        unit_cents,
        currency: "EUR".to_owned(),
        from: date(2027, 6, 10),
        to: date(2027, 6, 9 + days),
        start_time: None,
        time_zone: "Europe/Rome".to_owned(),
        sold: 0,
        bookings: 0,
    };
    AHashMap::from_iter([("concerto".to_owned(), stock)])
}

fn order(tickets: i16) -> Order {
    Order {
        id: BookingId::new(now()),
        event: "concerto".to_owned(),
        user: UserId::new(now()),
        tickets,
        date: None,
        code: ticket_code(7),
        claim: None,
    }
}

fn sell(order: &Order, stock: &mut AHashMap<String, Stock>) -> Result<Sale, Refusal> {
    decide(order, stock, &mut AHashMap::new(), now(), SignedDuration::from_hours(24))
}

#[test]
fn later_orders_get_what_earlier_ones_left() {
    let mut stock = stock(5, 1000, 1);
    assert!(sell(&order(4), &mut stock).is_ok());
    assert_eq!(sell(&order(2), &mut stock), Err(Refusal::SoldOut { left: 1 }));
    assert!(sell(&order(1), &mut stock).is_ok());
    assert_eq!(stock["concerto"].left, 0);
}

#[test]
fn paid_tickets_are_held_and_free_ones_confirmed_at_once() {
    let Ok(Sale::Sold(held)) = sell(&order(2), &mut stock(5, 1250, 1)) else { panic!() };
    assert_eq!((held.status, held.total_cents, held.code), (Status::Pending, 2500, None));
    assert_eq!(held.hold_expires_at.unwrap().to_string(), "2027-06-02T10:00:00Z");
    let Ok(Sale::Sold(free)) = sell(&order(2), &mut stock(5, 0, 1)) else { panic!() };
    assert_eq!((free.status, free.hold_expires_at, free.code.unwrap().len()), (Status::Confirmed, None, 10));
}

#[test]
fn tickets_are_not_held_beyond_the_beginning() {
    let sold = |now: &str, start_time| {
        let mut stock = stock(5, 1250, 1);
        stock.get_mut("concerto").unwrap().start_time = start_time;
        let (now, day) = (now.parse().unwrap(), SignedDuration::from_hours(24));
        match decide(&order(1), &mut stock, &mut AHashMap::new(), now, day) {
            Ok(Sale::Sold(held)) => Ok(held.hold_expires_at.unwrap().to_string()),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal),
        }
    };
    let nine = Some(jiff::civil::time(21, 0, 0, 0));
    assert_eq!(sold("2027-06-10T18:59:00Z", nine), Ok("2027-06-10T19:00:00Z".to_owned()));
    assert_eq!(sold("2027-06-10T19:00:00Z", nine), Err(Refusal::Begun));
    assert_eq!(
        sold("2027-06-10T19:00:00Z", None),
        Ok("2027-06-10T22:00:00Z".to_owned()),
        "until its day ends"
    );
    assert_eq!(sold("2027-06-10T22:00:00Z", None), Err(Refusal::Begun));
}

#[test]
fn the_day_must_be_one_of_the_events() {
    assert!(matches!(sell(&order(1), &mut stock(5, 0, 3)), Err(Refusal::DateRequired { .. })));
    let chosen = |day| Order { date: Some(date(2027, 6, day)), ..order(1) };
    assert!(sell(&chosen(12), &mut stock(5, 0, 3)).is_ok());
    assert!(matches!(sell(&chosen(13), &mut stock(5, 0, 3)), Err(Refusal::DateOutside { .. })));
}

#[test]
fn one_key_sells_once_even_within_a_batch() {
    let (mut stock, mut answers) = (stock(5, 0, 1), AHashMap::<[u8; 32], Answer>::new());
    let mut decide = |order: &Order| decide(order, &mut stock, &mut answers, now(), SignedDuration::ZERO);
    let first = Order { claim: Some(Claim { key: [1; 32], fingerprint: [2; 32] }), ..order(1) };
    assert!(matches!(decide(&first), Ok(Sale::Sold(_))));
    assert!(matches!(
        decide(&Order { id: BookingId::new(now()), ..first.clone() }),
        Ok(Sale::Replayed { status: 201, .. })
    ));
    let other = Order { claim: Some(Claim { key: [1; 32], fingerprint: [3; 32] }), ..first };
    assert_eq!(decide(&other), Err(Refusal::KeyReused));
}
