//! What is written is what is sent: to whom, with what, by whom, and about which act.

use axum::http::Method;
use serde_json::{Value, json};

use super::post::{MAIL, Post};

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_as_it_was_when_it_was_put_into_the_queue() {
    let post = Post::new(|_| {}).await;
    let file = post.practice.a_file(&post.postmaster, "Prima stesura").await;
    let recipients = json!([
        {"kind": "to", "address": "Anna@PEC.example.org", "name": "Anna \"la\" Bianchi"},
        {"kind": "cc", "address": "copia@pec.example.org"},
        {"kind": "bcc", "address": "archivio@pec.example.org"}]);
    let id = post
        .a_draft(
            "x@pec.example.org",
            json!({"recipients": recipients, "attachments": [{"document_id": file}]}),
        )
        .await;
    let queued = post.does(&post.postmaster, &id, "enqueue").await.expect(200).json();
    assert_eq!((&queued["status"], &queued["attachments"][0]["number"]), (&json!("queued"), &json!(1)));
    assert_eq!(queued["possible"], json!([]));
    let sender = queued["sender"].as_str().unwrap().to_owned();
    assert!(sender.ends_with("@pec.sportello.example"), "{sender}");
    // What happens later to the draft's parts is not in it.
    let path = format!("/api/v1/documents/{file}");
    let etag = post.postmaster.get(&path).await.header("etag").to_owned();
    let (content, headers) =
        (format!("{path}/content"), [("if-match", &*etag), ("content-type", "text/plain")]);
    let newer = post.postmaster.attempt_bytes(Method::PUT, &content, &headers, "Altro.\n".into()).await;
    newer.unwrap().expect(200);
    assert_eq!(post.postmaster.delete(&path).await.expect(409).code(), "in_use");
    let etag = post.postmaster.get(&format!("{MAIL}/{id}")).await.header("etag").to_owned();
    let late = post.postmaster.patch(&format!("{MAIL}/{id}"), &etag, json!({"subject": "x"})).await;
    assert_eq!(late.expect(409).code(), "not_in_this_state");
    post.postmaster.delete(&format!("{MAIL}/{id}")).await.expect(409);
    let mut server = post.serve().await;
    post.practice.app.app.clock.advance(jiff::SignedDuration::from_mins(5));
    post.run_jobs().await;
    let mail = server.next().await;
    assert_eq!(mail["from"], json!(sender));
    assert_eq!(
        mail["to"],
        json!(["anna@pec.example.org", "copia@pec.example.org", "archivio@pec.example.org"])
    );
    let headers = &mail["headers"];
    assert_eq!(headers["subject"], "Trasmissione dell’atto");
    assert_eq!(headers["from"], format!("Studio Verdi <{sender}>"));
    assert!(headers["to"].as_str().unwrap().ends_with("<anna@pec.example.org>"), "{headers:#}");
    assert!(headers["bcc"].is_null() && !mail["parts"].to_string().contains("archivio"), "{mail:#}");
    assert_eq!(
        mail["parts"][1],
        json!({"type": "text/plain", "name": "visura.txt", "text": "Prima stesura\n"})
    );
    let shown = post.show(&id).await;
    let delivered = shown["recipients"].as_array().unwrap().iter().all(|it| it["delivered_at"].is_string());
    assert!(delivered && shown["status"] == "delivered", "{shown:#}");
    let told = "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_entry WHERE action LIKE 'certified%'";
    let told: String = post.practice.app.value(told).await;
    assert!(
        told.starts_with("certified_mail.create certified_mail.transition certified_mail.submit"),
        "{told}"
    );
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acceptance_of_the_mail_about_a_signed_act_sends_the_act() {
    let (post, mut server) = Post::open().await;
    let practice = &post.practice;
    let signed = practice.an_act("certified_copies").await;
    let open = practice.an_act("certified_copies").await;
    let sign = "UPDATE act SET status = 'signed', signed_at = now() WHERE id::text = $1";
    practice.app.database.client().await.execute(sign, &[&signed]).await.unwrap();
    for act in [&signed, &open] {
        post.a_mail("anna@pec.example.org", json!({ "act_id": act })).await;
    }
    post.run_jobs().await;
    let (one, other) = (server.next().await, server.next().await);
    assert_ne!(one["headers"]["message-id"], other["headers"]["message-id"]);
    let act = practice.client.get(&format!("/api/v1/acts/{signed}")).await.expect(200).json();
    assert_eq!((&act["status"], &act["handed_over"]), (&json!("sent"), &json!(null)), "{act:#}");
    assert!(act["sent_at"].is_string());
    let act = practice.client.get(&format!("/api/v1/acts/{open}")).await.expect(200).json();
    assert_eq!(act["status"], "draft", "what is not signed is not sent");
    let about = post.postmaster.get(&format!("{MAIL}?act_id={signed}")).await.expect(200).json();
    assert_eq!(about["data"].as_array().unwrap().len(), 1);
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_written_becomes_a_header() {
    let post = Post::new(|_| {}).await;
    let to = |address: &str, name: &str| json!([{"kind": "to", "address": address, "name": name}]);
    for (body, pointer) in [
        (json!({"subject": "Atto\r\nBcc: evil@example.org"}), "/subject"),
        (json!({"subject": "Atto\nX-Evil: 1"}), "/subject"),
        (json!({"subject": "Atto\u{85}X-Evil: 1"}), "/subject"),
        (json!({"recipients": to("a@b.it", "Anna\r\nBcc: evil@example.org")}), "/recipients/0/name"),
        (json!({"recipients": to("a@b.it\r\nBcc: evil@example.org", "")}), "/recipients/0/address"),
        (json!({"recipients": to("a@b.it>, <evil@example.org", "")}), "/recipients/0/address"),
        (
            json!({"recipients": [{"kind": "to", "address": "a@b.it"}, {"kind": "cc", "address": "A@b.it"}]}),
            "/recipients/1/address",
        ),
    ] {
        let refused = post.postmaster.post(MAIL, body.clone()).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}: {refused}");
    }
    let many: Vec<Value> = (0..51).map(|n| json!({"kind": "to", "address": format!("a{n}@b.it")})).collect();
    post.postmaster.post(MAIL, json!({"recipients": many})).await.expect(422);
    post.postmaster.post(MAIL, json!({"subject": "x".repeat(501)})).await.expect(422);
    // A value of a template is a line, too, where it stands in one.
    let template = json!({"name": "Avviso", "subject": "Avviso a {{whom}}", "body": "{{whom}}"});
    let template =
        post.postmaster.post("/api/v1/certified-mail-templates", template).await.expect(201).json();
    let evil = json!({"template_id": template["id"], "values": {"whom": "Anna\r\nBcc: evil@example.org"}});
    let refused = post.postmaster.post(MAIL, evil).await.expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/subject");
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certified_mail_is_for_who_may_send_it_and_attachments_for_who_may_read_them() {
    let post = Post::new(|_| {}).await;
    let practice = &post.practice;
    let id = post.a_draft("anna@pec.example.org", json!({})).await;
    let path = format!("{MAIL}/{id}");
    for (name, client) in [
        ("a clerk without the permission", &practice.clerk),
        ("a client", &practice.client),
        ("a stranger", &practice.stranger),
    ] {
        assert_eq!(client.get(&path).await.status, 404, "{name}");
        assert_eq!(client.patch(&path, "\"v1\"", json!({"subject": "x"})).await.status, 404, "{name}");
        assert_eq!(client.delete(&path).await.status, 404, "{name}");
        assert_eq!(client.get(&format!("{path}/receipts")).await.status, 404, "{name}");
        assert_eq!(post.does(client, &id, "enqueue").await.status, 404, "{name}");
    }
    let draft = json!({"subject": "x"});
    assert_eq!(practice.clerk.post(MAIL, draft.clone()).await.expect(403).code(), "not_permitted");
    assert_eq!(practice.client.post(MAIL, draft).await.expect(403).code(), "no_office");
    assert_eq!(practice.clerk.get(MAIL).await.expect(200).json()["data"], json!([]));
    practice.notary.get(&path).await.expect(200);
    // An administrator sees it and does not write it.
    let admin = practice.app.a_person_with(sportello::accounts::policy::Role::Admin).await;
    let admin = practice.app.log_in(&admin).await;
    admin.get(&path).await.expect(200);
    assert_eq!(admin.patch(&path, "*", json!({"subject": "x"})).await.expect(403).code(), "not_for_you");
    assert_eq!(post.does(&admin, &id, "enqueue").await.expect(403).code(), "not_for_you");
    // Of others' documents nobody attaches one.
    let foreign = practice.a_file(&practice.stranger, "Di altri").await;
    let attach = json!({"subject": "x", "attachments": [{"document_id": foreign}]});
    assert_eq!(post.postmaster.post(MAIL, attach).await.expect(422).code(), "unknown_document");
    let act = json!({"subject": "x", "act_id": uuid::Uuid::now_v7()});
    assert_eq!(post.postmaster.post(MAIL, act).await.expect(422).code(), "unknown_act");
    // A right that is taken before it is sent is taken.
    let shared = practice.a_file(&practice.notary, "Condiviso").await;
    let rights = format!("/api/v1/documents/{shared}/permissions");
    practice.notary.post(&rights, json!({"user_id": post.account.id})).await.expect(201);
    let id = post.a_draft("anna@pec.example.org", json!({"attachments": [{"document_id": shared}]})).await;
    practice.notary.delete(&format!("{rights}/{}", post.account.id)).await.expect(204);
    assert_eq!(post.does(&post.postmaster, &id, "enqueue").await.expect(422).code(), "unknown_document");
    let whole = post.a_draft("anna@pec.example.org", json!({"recipients": []})).await;
    assert_eq!(post.does(&post.postmaster, &whole, "enqueue").await.expect(409).code(), "incomplete");
    post.does(&post.postmaster, &whole, "deliver").await.expect(422);
    practice
        .app
        .database
        .client()
        .await
        .execute("UPDATE notary SET licence_active = false", &[])
        .await
        .unwrap();
    assert_eq!(post.does(&post.postmaster, &whole, "enqueue").await.expect(403).code(), "notary_inactive");
    post.practice.app.finish().await;
}
