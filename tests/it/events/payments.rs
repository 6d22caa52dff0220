//! Paying, cancelling, expiring: money and tickets stay balanced.

use jiff::SignedDuration;
use sportello::{
    events::{
        booking::{self, Booking, Status},
        cancelling::{self, CancelError},
        payments::{PayError, Provider, Settled, Verdict, apply, request_refund, start},
        refund::TooLate,
        selling::{Order, Sale, ticket_code},
        upkeep,
    },
    ids::{BookingId, PaymentId, UserId},
};

use crate::harness::app::TestApp;

async fn book(app: &TestApp, event: &str, user: UserId) -> Booking {
    let order = Order {
        id: BookingId::new(app.app.clock.now()),
        event: event.to_owned(),
        user,
        tickets: 2,
        date: None,
        code: ticket_code(1),
        claim: None,
    };
    let outcome = app.app.sales.book(order).await;
    let Ok(Ok(Sale::Sold(booking))) = outcome else { panic!("{outcome:?}") };
    *booking
}

async fn begin(app: &TestApp, booking: &Booking, user: UserId) -> Result<PaymentId, PayError> {
    let (now, provider) = (app.app.clock.now(), Provider::named("builtin").unwrap());
    let payment = PaymentId::new(now);
    let mut tx = app.app.db.begin("tests.pay").await.unwrap();
    let reference = provider.reference(payment, "tok_success");
    start(&mut tx, booking.id, user, payment, provider.name(), &reference, now).await?;
    tx.commit().await.unwrap();
    Ok(payment)
}

async fn settle(app: &TestApp, payment: PaymentId, verdict: &Verdict) -> Settled {
    let mut tx = app.app.db.begin("tests.settle").await.unwrap();
    let settled = apply(&mut tx, payment, verdict, app.app.clock.now(), 99).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    settled
}

async fn cancel(app: &TestApp, id: BookingId, user: UserId) -> Result<Booking, CancelError> {
    let now = app.app.clock.now();
    let mut tx = app.app.db.begin("tests.cancel").await.unwrap();
    let booking = cancelling::cancel(&mut tx, id, user, None, now).await?;
    request_refund(&mut tx, PaymentId::new(now), id, booking.refund_cents, now).await.unwrap();
    tx.commit().await.unwrap();
    Ok(booking)
}

const LEFT: &str = "SELECT tickets_left FROM events WHERE title = 'Concerto'";

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_booking_is_confirmed_once_and_refunded_by_the_rule() {
    let app = TestApp::start().await;
    let (event, user) = (app.an_event().priced(1500).days_ahead(5).create().await, app.a_user().await);
    let booking = book(&app, &event, user).await;
    let payment = begin(&app, &booking, user).await.unwrap();
    assert!(matches!(begin(&app, &booking, user).await, Err(PayError::UnderWay)));
    let Settled::Confirmed(paid) = settle(&app, payment, &Verdict::Succeeded).await else { panic!() };
    assert_eq!(
        (paid.booking.status, paid.booking.code.as_deref().map(str::len)),
        (Status::Confirmed, Some(10))
    );
    assert!(
        matches!(settle(&app, payment, &Verdict::Succeeded).await, Settled::Already(_)),
        "a duplicate webhook"
    );
    let cancelled = cancel(&app, booking.id, user).await.unwrap();
    assert_eq!((cancelled.refund_percent, cancelled.refund_cents), (Some(50), 1500));
    assert!(matches!(cancel(&app, booking.id, user).await, Err(CancelError::Ended(Status::Cancelled))));
    assert_eq!(app.value::<i32>(LEFT).await, 10);
    let refunds: i64 =
        app.value("SELECT sum(amount_cents)::bigint FROM payments WHERE kind = 'refund'").await;
    assert_eq!(refunds, 1500);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_touches_somebody_elses_booking() {
    let app = TestApp::start().await;
    let (event, user, stranger) =
        (app.an_event().priced(1500).create().await, app.a_user().await, app.a_user().await);
    let booking = book(&app, &event, user).await;
    assert!(booking::find(&app.app.db, booking.id, stranger).await.unwrap().is_none());
    assert!(matches!(begin(&app, &booking, stranger).await, Err(PayError::NoSuchBooking)));
    assert!(matches!(cancel(&app, booking.id, stranger).await, Err(CancelError::NoSuchBooking)));
    assert_eq!(booking::find(&app.app.db, booking.id, user).await.unwrap().unwrap(), booking);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decline_leaves_the_tickets_held_and_another_payment_possible() {
    let app = TestApp::start().await;
    let (event, user) = (app.an_event().priced(1500).create().await, app.a_user().await);
    let booking = book(&app, &event, user).await;
    let payment = begin(&app, &booking, user).await.unwrap();
    let declined = Verdict::Declined { reason: "no".to_owned() };
    assert!(matches!(settle(&app, payment, &declined).await, Settled::NotPaid(..)));
    let payment = begin(&app, &booking, user).await.unwrap();
    assert!(matches!(settle(&app, payment, &Verdict::Succeeded).await, Settled::Confirmed(_)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unpaid_bookings_expire_and_late_money_goes_back() {
    let app = TestApp::start().await;
    let (event, user) = (app.an_event().priced(1500).create().await, app.a_user().await);
    let booking = book(&app, &event, user).await;
    let payment = begin(&app, &booking, user).await.unwrap();
    // The clock itself stays: the job that does the same would be due.
    let later = app.app.clock.now() + SignedDuration::from_hours(25);
    let mut tx = app.app.db.begin("tests.expire").await.unwrap();
    let expired = upkeep::expire(&mut tx, later).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((expired.len(), expired[0].status), (1, Status::Expired));
    assert_eq!(app.value::<i32>(LEFT).await, 10);
    assert!(matches!(settle(&app, payment, &Verdict::Succeeded).await, Settled::Late(_)));
    assert_eq!(app.value::<i32>(LEFT).await, 10, "late money takes no ticket");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_late_is_too_late_and_past_days_are_completed() {
    let app = TestApp::start().await;
    let (event, user) = (app.an_event().priced(1500).days_ahead(2).create().await, app.a_user().await);
    let booking = book(&app, &event, user).await;
    let payment = begin(&app, &booking, user).await.unwrap();
    settle(&app, payment, &Verdict::Succeeded).await;
    let late = cancel(&app, booking.id, user).await;
    assert!(matches!(late, Err(CancelError::TooLate(TooLate::Deadline))), "{late:?}");
    let mut tx = app.app.db.begin("tests.upkeep").await.unwrap();
    let now = app.app.clock.now() + SignedDuration::from_hours(24);
    assert_eq!(upkeep::announce(&mut tx, now, SignedDuration::from_hours(48)).await.unwrap().len(), 1);
    assert_eq!(upkeep::announce(&mut tx, now, SignedDuration::from_hours(48)).await.unwrap().len(), 0);
    assert_eq!(upkeep::complete(&mut tx, now).await.unwrap(), 0);
    let after = now + SignedDuration::from_hours(48);
    assert_eq!(upkeep::complete(&mut tx, after).await.unwrap(), 1);
    tx.commit().await.unwrap();
    app.finish().await;
}
