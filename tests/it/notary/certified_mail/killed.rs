//! `kill -9` between the server's 250 and our commit: the mail goes out again, and is the same one.

use serde_json::json;

use super::post::{MAIL, Post};
use crate::{
    harness::until::eventually,
    mail::server::{Mode, SmtpServer},
};

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_servers_answer_and_our_commit_it_is_sent_again_as_the_same_mail() {
    let post = Post::new(|_| {}).await;
    let act = post.practice.an_act("certified_copies").await;
    let draft = post.a_draft("anna@pec.example.org", json!({ "act_id": act })).await;
    let Post { practice, postmaster, directory, port, .. } = post;
    let database = practice.app.database.client().await;
    let sign = "UPDATE act SET status = 'signed', signed_at = now() WHERE id::text = $1";
    database.execute(sign, &[&act]).await.unwrap();
    let ground = practice.app.leave().await;
    let url = format!("smtp://localhost:{port}");
    let settings = [
        ("limits.enabled", "false"),
        ("jobs.rescue", "2s"),
        ("jobs.beat", "200ms"),
        ("jobs.fence", "1s"),
        ("certified_mail.smtp_url", &*url),
    ];
    let mut smtp = SmtpServer::start(&directory, port, Mode::Plain, None).await;
    let server = ground.serve(&settings).await;
    let client = postmaster.at(server.address);
    // Whoever takes a receipt waits: it has been sent, and nobody has written it down.
    let mut holding = ground.database.client().await;
    let holding = holding.transaction().await.unwrap();
    holding.batch_execute("LOCK TABLE certified_mail_receipt IN ACCESS EXCLUSIVE MODE").await.unwrap();
    client.post(&format!("{MAIL}/{draft}/transitions"), json!({"event": "enqueue"})).await.expect(200);
    let first = smtp.next().await;
    server.kill().await;
    let status = async || {
        let row = database.query_one("SELECT status FROM certified_mail", &[]).await.unwrap();
        row.get::<_, String>(0)
    };
    assert_eq!(status().await, "queued", "what was not committed did not happen");
    holding.rollback().await.unwrap();

    let server = ground.serve(&settings).await;
    let second = smtp.next().await;
    assert_eq!(first["headers"]["message-id"], second["headers"]["message-id"], "who counts them counts one");
    assert_eq!((&first["parts"], &first["to"]), (&second["parts"], &second["to"]));
    eventually("it is delivered", async || status().await == "delivered").await;
    let once =
        "SELECT (SELECT count(*) FROM certified_mail_receipt) = 2 AND (SELECT count(*) FROM document) = 2
        AND (SELECT sending FROM certified_mail) = 1 AND (SELECT status FROM act) = 'sent'
        AND (SELECT count(*) FROM audit_entry WHERE action = 'certified_mail.submit') = 1";
    assert!(database.query_one(once, &[]).await.unwrap().get::<_, bool>(0), "here it happened once");
    assert_eq!(server.terminate().await, 0);
}
