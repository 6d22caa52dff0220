//! The signed deed of an act, sent with one request; and what is sent without a licence.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::accounts::policy::Role;

use super::post::{MAIL, Post, arrived};

impl Post {
    /// An act that the notary has signed.
    async fn a_signed_deed(&self) -> String {
        let act = self.practice.an_act_to_sign().await;
        self.practice.moves(&self.practice.notary, &act, "sign").await.expect(200);
        act
    }

    /// The client has an address of certified mail.
    async fn has_an_address(&self, address: &str) {
        let profile = json!({"first_name": "Anna", "last_name": "Bianchi", "country": "IT", "certified_address": address});
        self.practice.client.replace("/api/v1/me/client-profile", None, profile).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signed_deed_of_an_act_goes_to_its_client_with_one_request() {
    let (post, mut server) = Post::open().await;
    let practice = &post.practice;
    let waiting = practice.an_act_to_sign().await;
    let path = format!("/api/v1/acts/{waiting}/certified-mail");
    assert_eq!(post.postmaster.post(&path, json!({})).await.expect(409).code(), "not_signed");
    let act = post.a_signed_deed().await;
    let path = format!("/api/v1/acts/{act}/certified-mail");
    assert_eq!(post.postmaster.post(&path, json!({})).await.expect(409).code(), "no_certified_address");
    post.has_an_address("anna.bianchi@pec.example.org").await;
    let key = [("idempotency-key", "once")];
    let send = async || post.postmaster.request(Method::POST, &path, &key, Some(json!({}))).await.expect(201);
    let (first, again) = (send().await, send().await);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    let mail = first.json();
    assert_eq!((&mail["status"], &mail["act_id"]), (&json!("queued"), &json!(act)));
    assert_eq!(first.header("location"), format!("{MAIL}/{}", mail["id"].as_str().unwrap()));
    let shown = practice.client.get(&format!("/api/v1/acts/{act}")).await.expect(200).json();
    let attached = &mail["attachments"][0];
    assert_eq!(
        (&attached["sha256"], &attached["document_id"], &attached["media_type"]),
        (&shown["signed_deed"]["sha256"], &shown["signed_deed"]["document_id"], &json!("application/pdf"))
    );
    // A line of the server's is longer than what waits in a pipe.
    let (arrived, ()) = tokio::join!(server.next(), post.run_jobs());
    assert_eq!(arrived["to"], json!(["anna.bianchi@pec.example.org"]));
    let number = shown["protocol_number"].as_str().unwrap();
    assert!(arrived["headers"]["subject"].as_str().unwrap().contains(number), "{arrived:#}");
    assert!(arrived["parts"][0]["text"].as_str().unwrap().contains("Gentile Anna Bianchi"), "{arrived:#}");
    let pdf = practice.client.get(&format!("/api/v1/acts/{act}/signed-deed")).await.expect(200).body;
    let sent: Vec<u8> = arrived["parts"][1]["text"].as_str().unwrap().chars().map(|c| c as u8).collect();
    assert_eq!(sent, pdf);
    let shown = practice.client.get(&format!("/api/v1/acts/{act}")).await.expect(200).json();
    assert_eq!(shown["status"], "sent");
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_puts_another_file_in_the_place_of_a_signed_deed() {
    let post = Post::new(|_| {}).await;
    let act = post.a_signed_deed().await;
    let notary = &post.practice.notary;
    let deed =
        async || notary.get(&format!("/api/v1/acts/{act}")).await.expect(200).json()["signed_deed"].clone();
    let signed = deed().await;
    let document = format!("/api/v1/documents/{}", signed["document_id"].as_str().unwrap());
    let etag = notary.get(&document).await.expect(200).header("etag").to_owned();
    let other = crate::signing::hostile::hand_made();
    let headers = [("if-match", &*etag), ("content-type", "application/pdf")];
    let put = notary.attempt_bytes(Method::PUT, &format!("{document}/content"), &headers, other.into()).await;
    assert_eq!(put.unwrap().expect(409).code(), "in_use");
    let bytes = [
        ("tus-resumable", "1.0.0"),
        ("upload-length", "10"),
        ("if-match", &etag),
        (
            "upload-metadata",
            &format!(
                "filename eC5wZGY=,document {}",
                data_encoding::BASE64.encode(signed["document_id"].as_str().unwrap().as_bytes())
            ),
        ),
    ];
    let announced = notary.request(Method::POST, "/api/v1/uploads", &bytes, None).await;
    assert!([400, 409].contains(&announced.status), "{}", announced.status);
    post.has_an_address("anna.bianchi@pec.example.org").await;
    let mail = post
        .postmaster
        .post(&format!("/api/v1/acts/{act}/certified-mail"), json!({}))
        .await
        .expect(201)
        .json();
    let attached = &mail["attachments"][0];
    assert_eq!((&attached["number"], &attached["sha256"]), (&json!(1), &signed["sha256"]));
    assert_eq!(deed().await, signed);
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_office_says_to_whom_the_deed_goes_and_in_which_words() {
    let post = Post::new(|_| {}).await;
    let act = post.a_signed_deed().await;
    let path = format!("/api/v1/acts/{act}/certified-mail");
    let template = json!({"name": "Trasmissione", "subject": "{{act_type}} n. {{protocol_number}}",
        "body": "Si trasmette, rif. {{rif}}."});
    let template =
        post.postmaster.post("/api/v1/certified-mail-templates", template).await.expect(201).json();
    let bank = json!([{"kind": "to", "address": "banca@pec.example.org"}, {"kind": "cc", "address": "anna@pec.example.org"}]);
    let mut body = json!({"template_id": template["id"], "recipients": bank});
    assert_eq!(post.postmaster.post(&path, body.clone()).await.expect(422).code(), "fields_without_value");
    body["values"] = json!({"rif": "mutuo"});
    let mail = post.postmaster.post(&path, body).await.expect(201).json();
    assert_eq!(
        (&mail["body"], mail["recipients"].as_array().unwrap().len()),
        (&json!("Si trasmette, rif. mutuo."), 2)
    );
    for (body, pointer) in [
        (json!({"values": {"rif": "x"}}), "/values"),
        (json!({"recipients": [{"kind": "to", "address": "x"}]}), "/recipients/0/address"),
        (json!({"subject": "x"}), "/subject"),
    ] {
        let refused = post.postmaster.post(&path, body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let nobody = json!({"recipients": []});
    assert_eq!(post.postmaster.post(&path, nobody).await.expect(409).code(), "incomplete");
    let count = "SELECT count(*) FROM certified_mail";
    assert_eq!(post.practice.app.value::<i64>(count).await, 1, "what is refused leaves no draft");
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deed_goes_along_with_mails_about_its_act_and_with_no_others() {
    let post = Post::new(|_| {}).await;
    let practice = &post.practice;
    let (act, other) = (post.a_signed_deed().await, post.a_signed_deed().await);
    let shown = practice.client.get(&format!("/api/v1/acts/{act}")).await.expect(200).json();
    let attach = |act: Option<&str>| {
        json!({"act_id": act, "subject": "Atto", "body": "Si trasmette.",
            "attachments": [{"document_id": shown["signed_deed"]["document_id"]}]})
    };
    for wrong in [None, Some(&*other)] {
        assert_eq!(post.postmaster.post(MAIL, attach(wrong)).await.expect(422).code(), "unknown_document");
    }
    post.postmaster.post(MAIL, attach(Some(&act))).await.expect(201);
    let path = format!("/api/v1/acts/{act}/certified-mail");
    let clerk = practice.app.a_collaborator(practice.office, &["manage_acts"]).await;
    let clerk = practice.app.log_in(&clerk).await;
    assert_eq!(clerk.post(&path, json!({})).await.expect(403).code(), "not_permitted");
    let (there, nowhere) = (path.clone(), format!("/api/v1/acts/{}/certified-mail", uuid::Uuid::now_v7()));
    let elsewhere = practice.app.a_person_with(Role::Notary).await;
    practice.app.an_office(elsewhere.id).await;
    let elsewhere = practice.app.log_in(&elsewhere).await;
    for path in [&there, &nowhere] {
        elsewhere.post(path, json!({})).await.expect(404);
        assert_eq!(practice.client.post(path, json!({})).await.expect(403).code(), "no_office");
    }
    practice.moves(&practice.notary, &act, "annul").await.expect(200);
    assert_eq!(post.postmaster.post(&path, json!({})).await.expect(409).code(), "not_signed");
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_licence_what_was_signed_is_still_sent_and_nothing_else_is() {
    let (post, mut server) = Post::open().await;
    let practice = &post.practice;
    let (signed, open) = (post.a_signed_deed().await, practice.an_act("certified_copies").await);
    post.has_an_address("anna.bianchi@pec.example.org").await;
    let loose = post.a_draft("anna@pec.example.org", json!({})).await;
    let of_open = post.a_draft("anna@pec.example.org", json!({"act_id": open})).await;
    let of_signed = post.a_draft("anna@pec.example.org", json!({"act_id": signed})).await;
    // Promised before: it is in the queue.
    let queued = post.a_mail("prima@pec.example.org", json!({})).await;
    let end = "UPDATE notary SET licence_ends_on = current_date - 5";
    practice.app.database.client().await.execute(end, &[]).await.unwrap();
    let about = |act: Value| json!({"act_id": act, "subject": "Atto", "body": "Si trasmette."});
    for act in [json!(null), json!(open)] {
        assert_eq!(post.postmaster.post(MAIL, about(act)).await.expect(403).code(), "licence_expired");
    }
    for draft in [&loose, &of_open] {
        let path = format!("{MAIL}/{draft}");
        assert_eq!(post.does(&post.postmaster, draft, "enqueue").await.expect(403).code(), "licence_expired");
        let change = post.postmaster.patch(&path, "*", json!({"subject": "x"})).await;
        assert_eq!(change.expect(403).code(), "licence_expired");
        assert_eq!(post.postmaster.delete(&path).await.expect(403).code(), "licence_expired");
    }
    post.postmaster.post(MAIL, about(json!(signed))).await.expect(201);
    let changed = json!({"subject": "Trasmissione"});
    post.postmaster.patch(&format!("{MAIL}/{of_signed}"), "*", changed).await.expect(200);
    post.does(&post.postmaster, &of_signed, "enqueue").await.expect(200);
    let deed = format!("/api/v1/acts/{signed}/certified-mail");
    post.postmaster.post(&deed, json!({})).await.expect(201);
    tokio::join!(arrived(&mut server, 3), post.run_jobs());
    assert_eq!(post.show(&queued).await["status"], "delivered");
    assert_eq!(post.show(&of_signed).await["status"], "delivered");
    let act = practice.client.get(&format!("/api/v1/acts/{signed}")).await.expect(200).json();
    assert_eq!(act["status"], "sent");
    post.practice.app.finish().await;
}
