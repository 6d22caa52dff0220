//! The agenda of the day: in the morning, to who wants it, once.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::json;
use sportello::jobs::notary::SendAgendas;

use super::practice::Practice;
use crate::harness::app::TestApp;

/// Moves the clock to this moment, and does what is due.
async fn at(app: &TestApp, moment: &str) {
    let moment: Timestamp = moment.parse().unwrap();
    app.app.clock.advance(moment.duration_since(app.app.clock.now()));
    app.run_jobs().await;
}

/// The agendas among the mails of the outbox.
fn agendas(app: &TestApp) -> Vec<String> {
    app.mails().into_iter().filter(|mail| mail.contains("Subject: Agenda")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agenda_of_a_day_is_mailed_once_to_who_wants_it_and_not_on_holidays_or_empty_days() {
    let practice = Practice::new().await;
    let app = &practice.app;
    let english = app.a_collaborator(practice.office, &["manage_agenda"]).await;
    let other = app.a_collaborator(practice.office, &["manage_acts"]).await;
    let database = app.database.client().await;
    let speak = "UPDATE users SET language = 'en' WHERE id = $1";
    database.execute(speak, &[&english.id]).await.unwrap();
    // The clerk wants no reminders by mail.
    let wishes = json!({"data": [{"kind": "appointment_reminder", "by_mail": false}]});
    practice
        .clerk
        .request(Method::PUT, "/api/v1/me/notification-preferences", &[], Some(wishes))
        .await
        .expect(200);
    // A holiday of the Republic, and a Wednesday; nobody is told of what is not promised.
    let mut ids = Vec::new();
    for day in
        ["2031-06-18T07:00:00Z", "2031-06-18T12:00:00Z", "2031-06-18T14:00:00Z", "2031-06-20T12:00:00Z"]
    {
        ids.push(practice.a_request(day).await);
    }
    for id in [&ids[0], &ids[1], &ids[3]] {
        practice.does(&practice.notary, id, "confirm").await.expect(200);
    }
    let holiday = "UPDATE appointment SET during = tstzrange('2031-06-02T12:00Z', '2031-06-02T12:30Z') WHERE id::text = $1";
    database.execute(holiday, &[&ids[3]]).await.unwrap();
    let name = "UPDATE appointment SET title = 'Firma del mutuo' WHERE id::text = $1";
    database.execute(name, &[&ids[1]]).await.unwrap();
    at(app, "2031-06-02T05:00:30Z").await;
    at(app, "2031-06-03T05:00:30Z").await;
    assert!(agendas(app).is_empty(), "a holiday, and an empty day");
    at(app, "2031-06-18T04:59:00Z").await;
    assert!(agendas(app).is_empty(), "seven o'clock has not come");
    at(app, "2031-06-18T05:00:30Z").await;
    let mails = agendas(app);
    assert_eq!(mails.len(), 2, "{mails:#?}");
    for mail in &mails {
        assert!(!mail.contains(&other.email), "who does not manage the agenda: {mail}");
        assert!(mail.contains("Anna Bianchi"), "{mail}");
    }
    let of = |address: &str| mails.iter().find(|mail| mail.contains(address)).unwrap().replace("=\r\n", "");
    let notary = of(&practice.notary_account.email);
    assert!(
        notary.contains("mercoled=C3=AC 18 giugno 2031") && notary.contains("Firma del mutuo"),
        "{notary}"
    );
    assert!(notary.contains("09:00") && notary.contains("14:00") && !notary.contains("16:00"), "{notary}");
    let english = of(&english.email);
    assert!(english.contains("Wednesday, 18 June 2031") && english.contains("at Studio Verdi"), "{english}");
    // Who dies after the mails were found, or is told of the tick again, sends none twice.
    for _ in 0..2 {
        let mut tx = app.app.db.begin("tests.agendas").await.unwrap();
        app.app.jobs.enqueue(&mut tx, &SendAgendas {}).await.unwrap();
        tx.commit().await.unwrap();
        app.run_jobs().await;
    }
    let sent = "SELECT count(*) FROM job.done d JOIN job.kind k ON k.id = d.kind_id WHERE k.name = 'notary.send_agenda'";
    assert_eq!(app.value::<i64>(sent).await, 2, "one job for each person and day");
    assert_eq!(agendas(app).len(), 2);
    practice.app.finish().await;
}
