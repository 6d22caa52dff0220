//! Acts: opened, written, signed, surveyed, archived; parties with codes; lists with few questions.

use axum::http::Method;
use serde_json::{Value, json};

use super::practice::{A_SLOT, Practice};
use crate::harness::client::{Answer, Client};

const SURVEY: &str = r#"{"satisfaction": 5, "clarity": 4, "comment": "Tutto chiaro."}"#;

impl Practice {
    /// Somebody of the office who manages acts.
    pub(crate) async fn an_act_clerk(&self) -> Client {
        self.app.log_in(&self.app.a_collaborator(self.office, &["manage_acts"]).await).await
    }

    /// A draft of the client's.
    pub(crate) async fn an_act(&self, act_type: &str) -> String {
        let verify = "UPDATE users SET email_verified_at = now() WHERE id = $1";
        self.app.database.client().await.execute(verify, &[&self.client_account.id]).await.unwrap();
        let case = json!({"client_email": self.client_account.email, "act_type": act_type});
        let act = self.notary.post("/api/v1/acts", case).await.expect(201).json();
        act["id"].as_str().unwrap().to_owned()
    }

    /// Something happens to an act.
    pub(crate) async fn moves(&self, client: &Client, id: &str, event: &str) -> Answer {
        let mut body = json!({ "event": event });
        if event == "request_signature" {
            self.a_deed(id).await; // where none may be drafted, none is needed
        }
        if event == "annul" {
            body["reason"] = json!("Errore materiale.");
        }
        if event == "send" {
            body["reason"] = json!("Consegnato a mano al cliente.");
        }
        if event == "archive" {
            body["survey"] = serde_json::from_str(SURVEY).unwrap();
        }
        client.post(&format!("/api/v1/acts/{id}/transitions"), body).await
    }

    async fn put(&self, client: &Client, path: &str, body: Value) -> Answer {
        let etag = client.get(path.rsplit_once('/').unwrap().0).await.header("etag").to_owned();
        client.request(Method::PUT, path, &[("if-match", &*etag)], Some(body)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_an_appointment_to_the_archive() {
    let practice = Practice::new().await;
    let clerk = practice.an_act_clerk().await;
    let appointment = practice.a_request(A_SLOT).await;
    let case = json!({"appointment_id": appointment, "act_type": "property_sale"});
    assert_eq!(clerk.post("/api/v1/acts", case.clone()).await.expect(409).code(), "appointment_not_ready");
    let ready = format!("UPDATE appointment SET status = 'ready' WHERE id = '{appointment}'");
    practice.app.database.client().await.execute(&ready, &[]).await.unwrap();
    assert_eq!(practice.clerk.post("/api/v1/acts", case.clone()).await.expect(403).code(), "not_permitted");
    let act = clerk.post("/api/v1/acts", case.clone()).await.expect(201).json();
    assert_eq!((&act["status"], &act["title"]), (&json!("draft"), &json!("Compravendita di beni immobili")));
    assert_eq!(clerk.post("/api/v1/acts", case).await.expect(409).code(), "already_opened");
    assert_eq!(practice.told(&practice.client).await, ["act_created"]);
    let id = act["id"].as_str().unwrap();
    let path = format!("/api/v1/acts/{id}");
    practice.moves(&clerk, id, "prepare").await.expect(200);
    assert_eq!(practice.moves(&clerk, id, "request_signature").await.expect(409).code(), "incomplete");
    let etag = clerk.get(&path).await.header("etag").to_owned();
    let change = json!({"property_address": "Via Indipendenza 1, Bologna", "property_value_cents": 25_000_000,
        "property_units": [{"municipality": "Bologna", "sheet": "160", "parcel": "72", "sub": "4", "category": "A/3"}],
        "office_note": "Chiedere la planimetria."});
    let changed = clerk.patch(&path, &etag, change).await.expect(200).json();
    assert_eq!(changed["property_units"][0]["sub"], "4");
    clerk.patch(&path, &etag, json!({"title": "x"})).await.expect(412);
    let sellers = json!({"data": [{"role": "seller", "kind": "person", "first_name": "Mario", "last_name": "Rossi",
        "fiscal_code": "RSSMRA85T10A562S", "iban": "IT60 X054 2811 1010 0000 0123 456"}]});
    practice.put(&clerk, &format!("{path}/parties"), sellers).await.expect(200);
    practice.moves(&clerk, id, "request_signature").await.expect(200);
    let etag = clerk.get(&path).await.header("etag").to_owned();
    assert_eq!(
        clerk.patch(&path, &etag, json!({"title": "x"})).await.expect(409).code(),
        "not_in_this_state"
    );
    clerk.patch(&path, &etag, json!({"office_note": "Pronto."})).await.expect(200);
    assert_eq!(practice.moves(&clerk, id, "sign").await.expect(403).code(), "not_for_you");
    let survey: Value = serde_json::from_str(SURVEY).unwrap();
    practice.put(&practice.client, &format!("{path}/survey"), survey.clone()).await.expect(409);
    let signed = practice.moves(&practice.notary, id, "sign").await.expect(200).json();
    assert!(signed["protocol_number"].as_str().unwrap().ends_with("-0001"), "{signed}");
    let silent =
        clerk.post(&format!("{path}/transitions"), json!({"event": "send"})).await.expect(422).json();
    assert_eq!(silent["errors"][0]["pointer"], "/reason", "say how it was handed over");
    let sent = practice.moves(&clerk, id, "send").await.expect(200).json();
    assert_eq!(sent["handed_over"], "Consegnato a mano al cliente.");
    let bare = json!({"event": "archive"});
    let archive = format!("{path}/transitions");
    assert_eq!(clerk.post(&archive, bare.clone()).await.expect(409).code(), "survey_missing");
    practice.put(&practice.client, &format!("{path}/survey"), survey).await.expect(200);
    let archived = clerk.post(&archive, bare).await.expect(200).json();
    assert_eq!(archived["register_status"], "registered");
    assert_eq!(
        practice.told(&practice.client).await,
        ["act_created", "act_available", "act_signed", "act_completed"]
    );
    let seen = practice.client.get(&path).await.expect(200).json();
    assert_eq!((&seen["office_note"], &seen["possible"]), (&json!(null), &json!([])));
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_parties_prove_themselves() {
    let practice = Practice::new().await;
    let id = practice.an_act("general_power_of_attorney").await;
    let path = format!("/api/v1/acts/{id}/parties");
    let person = |field: &str, value: &str| {
        let mut party =
            json!({"role": "agent", "kind": "person", "first_name": "Mario", "last_name": "Rossi"});
        party[field] = json!(value);
        json!({ "data": [party] })
    };
    for (field, value, code) in [
        ("fiscal_code", "RSSMRA85T10A562T", "invalid_fiscal_code"),
        ("vat_number", "00743110158", "invalid_vat_number"),
        ("operator_code", "SM", "invalid_operator_code"),
        ("iban", "IT60X0542811101000000123457", "invalid_iban"),
        ("company_name", "Rossi srl", "not_allowed"),
    ] {
        let refused = practice.put(&practice.notary, &path, person(field, value)).await.expect(422).json();
        assert_eq!(refused["errors"][0]["code"], code, "{refused}");
        assert_eq!(refused["errors"][0]["pointer"], format!("/data/0/{field}"));
    }
    let company = json!({"data": [
        {"role": "principal", "kind": "company", "company_name": "Olivetti", "vat_number": "00743110157"},
        {"role": "agent", "kind": "person", "first_name": "Anna", "last_name": "Neri"}]});
    practice.put(&practice.notary, &path, company).await.expect(200);
    let parties = practice.client.get(&path).await.expect(200).json();
    assert_eq!(parties["data"][0]["vat_number"], "00743110157");
    practice.stranger.get(&path).await.expect(404);
    let one = person("first_name", "Luigi");
    practice.put(&practice.notary, &path, one).await.expect(200);
    assert_eq!(practice.client.get(&path).await.json()["data"].as_array().unwrap().len(), 1);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_acts_are_listed_with_at_most_three_questions() {
    let practice = Practice::new().await;
    let appointment = practice.an_appointment_for("mortgage_loan").await;
    let many = "INSERT INTO act (id, notary_id, client_id, appointment_id, act_type, title, created_at, updated_at)
        SELECT gen_random_uuid(), $1, $2, CASE WHEN n = 1 THEN $3::text::uuid END, 'mortgage_loan', 'Mutuo ' || n, now(), now()
        FROM generate_series(1, 120) AS n";
    let args: [&(dyn postgres_types::ToSql + Sync); 3] =
        [&practice.office, &practice.client_account.id, &appointment];
    practice.app.database.client().await.execute(many, &args).await.unwrap();
    for (client, side) in [(&practice.notary, "office"), (&practice.client, "client")] {
        let path = format!("/api/v1/acts?side={side}&limit=100&act_type=mortgage_loan&status=draft");
        let page = client.get(&path).await.expect(200);
        let timing = page.header("server-timing");
        assert!((1..=3).any(|n| timing.contains(&format!("desc=\"{n}\""))), "{timing}");
        let page = page.json();
        let data = page["data"].as_array().unwrap();
        assert_eq!((data.len(), &data[0]["office_name"]), (100, &json!("Studio Verdi")));
        let next = page["next_cursor"].as_str().unwrap();
        let rest = client.get(&format!("{path}&cursor={next}")).await.expect(200).json();
        let rest = rest["data"].as_array().unwrap();
        assert_eq!(rest.len(), 20);
        let documents = data.iter().chain(rest).filter(|act| act["documents"] != json!([])).count();
        assert_eq!(documents, 1, "those of the appointment");
    }
    let none = practice.client.get("/api/v1/acts?status=signed").await.expect(200).json();
    assert_eq!(none["data"], json!([]));
    assert_eq!(practice.stranger.get("/api/v1/acts?side=office").await.expect(200).json()["data"], json!([]));
    practice.app.finish().await;
}
