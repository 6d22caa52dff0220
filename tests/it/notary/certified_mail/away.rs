//! The provider is away, refuses, or is not asked at all.

use jiff::SignedDuration;
use serde_json::json;

use super::post::{MAIL, Post, arrived};

/// Mails of everyday.
const MAILS: usize = 24;
const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_for_an_hour_everything_waits_and_is_sent_once_when_it_is_back() {
    let mut post = Post::new(|config| config.certified_mail.max_bytes.0 = 200_000).await;
    post.refuse("nessuno@pec.example.org");
    let file = post.practice.a_file(&post.postmaster, &"Visura. ".repeat(2000)).await;
    let large = post.practice.a_file(&post.postmaster, &"Planimetria. ".repeat(20_000)).await;
    let attached = |id: &str| json!({"attachments": [{"document_id": id}]});
    let oversize = post.a_mail("grande@pec.example.org", attached(&large)).await;
    let refused = post.a_mail("nessuno@pec.example.org", json!({})).await;
    let mut mails = Vec::new();
    for number in 0..MAILS {
        let more = if number % 3 == 0 { attached(&file) } else { json!({}) };
        mails.push(post.a_mail(&format!("anna{number}@pec.example.org"), more).await);
    }
    // An hour of nothing.
    for _ in 0..12 {
        post.run_jobs().await;
        post.wait(FIVE_MINUTES).await;
    }
    for id in mails.iter().chain([&refused]) {
        let mail = post.show(id).await;
        assert_eq!((&mail["status"], mail["failed_at"].is_null()), (&json!("queued"), true), "{mail:#}");
        assert!((4..=12).contains(&mail["tries"].as_i64().unwrap()), "backs off: {mail:#}");
        assert!(mail["problem"].as_str().unwrap().contains("could not be handed over"), "{mail:#}");
    }
    let count = format!("{MAIL}?status=queued&limit=100");
    let queued = post.postmaster.get(&count).await.expect(200).json();
    assert_eq!(queued["data"].as_array().unwrap().len(), MAILS + 1);
    // What is too large has not waited for anybody.
    let quarantined = post.show(&oversize).await;
    assert_eq!((&quarantined["status"], &quarantined["tries"]), (&json!("quarantined"), &json!(0)));
    assert!(quarantined["bytes"].as_i64().unwrap() > 200_000, "{quarantined:#}");
    let told = post.practice.notary.get("/api/v1/me/notifications").await.expect(200).json();
    let told = told["data"][0]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("quarantena") && told.contains("0.2 MB"), "the office is told: {told}");

    let mut server = post.serve().await;
    post.wait(SignedDuration::from_mins(40)).await;
    let (counted, ()) = tokio::join!(arrived(&mut server, MAILS), post.run_jobs());
    assert_eq!((counted.len(), counted.values().max()), (MAILS, Some(&1)), "each once");
    for id in &mails {
        let mail = post.show(id).await;
        assert_eq!((&mail["status"], &mail["problem"]), (&json!("delivered"), &json!(null)), "{mail:#}");
        assert!(counted.contains_key(mail["message_id"].as_str().unwrap()), "{mail:#}");
        let receipts = post.receipts(id).await;
        assert_eq!(receipts.len(), 2);
        for (kind, text) in &receipts {
            let word = if kind == "acceptance" { "accettazione" } else { "avvenuta-consegna" };
            assert!(text.contains(&format!("X-Ricevuta: {word}")) && text.contains("daticert.xml"), "{text}");
            assert!(text.contains(mail["message_id"].as_str().unwrap()), "{text}");
        }
    }
    let failed = post.show(&refused).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["problem"].as_str().unwrap().contains("550"), "{failed:#}");

    // What was refused is sent again when its cause is mended; nobody else is.
    post.refuse("");
    post.does(&post.postmaster, &refused, "retry").await.expect(200);
    post.run_jobs().await;
    assert_eq!(post.show(&refused).await["status"], "delivered");
    let again = arrived(&mut server, 1).await;
    assert!(
        again.keys().all(|id| !counted.contains_key(id) && id.contains(&format!("{refused}.2@"))),
        "{again:?}"
    );
    let per_mail = "SELECT count(*) FROM certified_mail_receipt GROUP BY mail_id HAVING count(*) <> 2";
    let odd = post.practice.app.database.client().await.query(per_mail, &[]).await.unwrap();
    assert!(odd.is_empty());
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_handed_over_for_days_is_given_up_and_its_office_is_told() {
    let mut post = Post::new(|config| config.certified_mail.give_up = "3d".parse().unwrap()).await;
    let id = post.a_mail("anna@pec.example.org", json!({})).await;
    post.run_jobs().await;
    post.wait(SignedDuration::from_hours(71)).await;
    post.run_jobs().await;
    assert_eq!(post.show(&id).await["status"], "queued");
    post.wait(SignedDuration::from_hours(2)).await;
    post.run_jobs().await;
    let mail = post.show(&id).await;
    assert_eq!(mail["status"], "failed", "{mail:#}");
    let problem = mail["problem"].as_str().unwrap();
    assert!(problem.contains("3days") && problem.contains("could not be handed over"), "{problem}");
    assert_eq!(post.practice.told(&post.postmaster).await, ["system_message"]);
    // Its job goes, too.
    post.wait(SignedDuration::from_hours(1)).await;
    post.run_jobs().await;
    let waiting = "SELECT count(*) FROM job.body b JOIN job.kind k ON k.id = b.kind_id WHERE k.name = 'notary.send_certified_mail'";
    assert_eq!(post.practice.app.value::<i64>(waiting).await, 0);
    // Whoever mends it sends it again.
    let mut server = post.serve().await;
    post.does(&post.practice.notary, &id, "retry").await.expect(200);
    post.run_jobs().await;
    assert_eq!(arrived(&mut server, 1).await.len(), 1);
    assert_eq!(post.show(&id).await["status"], "delivered");
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_made_smaller_and_sent() {
    let post = Post::new(|config| config.certified_mail.max_bytes.0 = 100_000).await;
    let mut server = post.serve().await;
    let large = post.practice.a_file(&post.postmaster, &"Planimetria. ".repeat(10_000)).await;
    let id = post.a_mail("anna@pec.example.org", json!({"attachments": [{"document_id": large}]})).await;
    post.run_jobs().await;
    assert_eq!(post.show(&id).await["status"], "quarantined");
    post.postmaster.delete(&format!("/api/v1/documents/{large}")).await.expect(409);
    let revised = post.does(&post.postmaster, &id, "revise").await.expect(200).json();
    assert_eq!((&revised["status"], &revised["problem"]), (&json!("draft"), &json!(null)));
    // A draft holds nothing.
    post.postmaster.delete(&format!("/api/v1/documents/{large}")).await.expect(204);
    assert_eq!(post.does(&post.postmaster, &id, "enqueue").await.expect(422).code(), "unknown_document");
    let etag = post.postmaster.get(&format!("{MAIL}/{id}")).await.header("etag").to_owned();
    post.postmaster.patch(&format!("{MAIL}/{id}"), &etag, json!({"attachments": []})).await.expect(200);
    post.does(&post.postmaster, &id, "enqueue").await.expect(200);
    post.run_jobs().await;
    assert_eq!(post.show(&id).await["status"], "delivered");
    assert_eq!(arrived(&mut server, 1).await.len(), 1);
    post.practice.app.finish().await;
}
