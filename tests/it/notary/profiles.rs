//! Profiles of clients and partners: their own, checked, and nobody else's.

use serde_json::json;
use sportello::accounts::policy::Role;

use crate::harness::{app::TestApp, notaries::a_vat_number};

const CLIENT: &str = "/api/v1/me/client-profile";
const PARTNER: &str = "/api/v1/me/partner-profile";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_says_who_they_are_and_the_code_fits() {
    let app = TestApp::start().await;
    let (client, stranger) =
        (app.log_in(&app.a_person().await).await, app.log_in(&app.a_person().await).await);
    client.get(CLIENT).await.expect(404);
    let mario = json!({
        "first_name": "Mario", "last_name": "Rossi", "sex": "male", "born_on": "1985-12-10",
        "fiscal_code": "RSSMRA85T10A562S", "civil_status": "single", "country": "it",
        "id_kind": "passport", "id_number": "YA1234567", "id_expires_on": "2030-01-01",
    });
    let made = client.replace(CLIENT, None, mario.clone()).await.expect(201);
    assert_eq!((&made.json()["country"], &made.json()["version"]), (&json!("IT"), &json!(1)));
    client.replace(CLIENT, None, mario.clone()).await.expect(428);
    let mut married = mario.clone();
    married["civil_status"] = json!("married");
    let changed = client.replace(CLIENT, Some(made.header("etag")), married.clone()).await.expect(200);
    assert_eq!(changed.json()["civil_status"], "married");
    client.replace(CLIENT, Some(made.header("etag")), married).await.expect(412);
    stranger.get(CLIENT).await.expect(404);
    for (field, value, pointer, code) in [
        ("born_on", json!("1985-12-11"), "/fiscal_code", "other_birth"),
        ("sex", json!("female"), "/fiscal_code", "other_sex"),
        ("fiscal_code", json!("RSSMRA85T10A562A"), "/fiscal_code", "invalid_fiscal_code"),
        ("fiscal_code", json!("00743110157"), "/fiscal_code", "invalid_fiscal_code"),
        ("id_number", json!(null), "/id_number", "required"),
        ("born_on", json!("2999-01-01"), "/fiscal_code", "other_birth"),
        ("province", json!("B"), "/province", "invalid_code"),
    ] {
        let mut wrong = mario.clone();
        wrong[field] = value;
        let refused = stranger.replace(CLIENT, None, wrong).await.expect(422).json();
        assert_eq!(
            (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
            (&json!(pointer), &json!(code))
        );
    }
    client.delete(CLIENT).await.expect(204);
    client.delete(CLIENT).await.expect(204);
    client.get(CLIENT).await.expect(404);
    let told: String = app
        .value("SELECT string_agg(action || details::text, ' ' ORDER BY id) FROM audit_entry WHERE action ~ '^client'")
        .await;
    assert_eq!(
        told, "client_profile.save{} client_profile.save{} client_profile.remove{}",
        "and no contents"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_has_a_tax_number_of_their_own_and_is_verified_by_an_administrator() {
    let app = TestApp::start().await;
    let account = app.a_person_with(Role::Partner).await;
    let (partner, other) =
        (app.log_in(&account).await, app.log_in(&app.a_person_with(Role::Partner).await).await);
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let agency = json!({
        "kind": "estate_agency", "business_name": "Casa Nostra", "vat_number": a_vat_number(7), "city": "Rimini",
        "province": "rn",
    });
    let made = partner.replace(PARTNER, None, agency.clone()).await.expect(201).json();
    assert_eq!((&made["province"], &made["is_verified"]), (&json!("RN"), &json!(false)));
    assert_eq!(other.replace(PARTNER, None, agency.clone()).await.expect(409).code(), "taken");
    let client = app.log_in(&app.a_person().await).await;
    client.replace(PARTNER, None, agency.clone()).await.expect(403);

    let path = format!("/api/v1/notary/partners/{}", account.id);
    let waiting = admin.get("/api/v1/notary/partners?verified=false").await.expect(200).json();
    assert_eq!(waiting["data"].as_array().unwrap().len(), 1);
    let seen = admin.get(&path).await.expect(200);
    let verified = admin.patch(&path, seen.header("etag"), json!({ "is_verified": true })).await.expect(200);
    admin.patch(&path, seen.header("etag"), json!({ "is_verified": true })).await.expect(412);
    assert_eq!(admin.get("/api/v1/notary/partners?verified=false").await.json()["data"], json!([]));
    let mut moved = agency.clone();
    moved["city"] = json!("Riccione");
    let moved = partner.replace(PARTNER, Some(verified.header("etag")), moved).await.expect(200);
    assert_eq!(moved.json()["is_verified"], true);
    let mut renamed = agency;
    renamed["business_name"] = json!("Casa Altrui");
    let renamed = partner.replace(PARTNER, Some(moved.header("etag")), renamed).await.expect(200);
    assert_eq!(renamed.json()["is_verified"], false);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_finds_partners_who_were_verified_by_what_they_do_and_where() {
    let app = TestApp::start().await;
    let database = app.database.client().await;
    let add = "INSERT INTO partner (user_id, kind, business_name, vat_number, phone, city, province, is_verified, created_at, updated_at)
        VALUES ($1, $2, $3, $4, '051 123456', $5, $6, $7, now(), now())";
    let mut people = Vec::new();
    for (n, (kind, name, city, province, verified)) in [
        ("surveyor", "Zani Misure", "Forlì", "FC", true),
        ("estate_agency", "Àncora Case", "Forlì", "FC", true),
        ("estate_agency", "Bologna Case", "Bologna", "BO", true),
        ("estate_agency", "Nuova Agenzia", "Bologna", "BO", false),
        ("architect", "Archi e Volte", "Bologna", "BO", true),
    ]
    .into_iter()
    .enumerate()
    {
        let person = app.a_person_with(Role::Partner).await;
        let vat = a_vat_number(n as u32 + 1);
        database.execute(add, &[&person.id, &kind, &name, &vat, &city, &province, &verified]).await.unwrap();
        people.push(person.id);
    }
    let names = async |query: &str| -> Vec<String> {
        let page = app.anonymous().get(&format!("/api/v1/partners{query}")).await.expect(200).json();
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["business_name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names("").await,
        ["Àncora Case", "Archi e Volte", "Bologna Case", "Zani Misure"],
        "by name, verified ones"
    );
    assert_eq!(names("?kind=estate_agency").await, ["Àncora Case", "Bologna Case"]);
    assert_eq!(names("?city=FORLI").await, ["Àncora Case", "Zani Misure"]);
    assert_eq!(names("?province=bo&kind=architect").await, ["Archi e Volte"]);
    let first = app.anonymous().get("/api/v1/partners?limit=3").await.expect(200).json();
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&format!("?limit=3&cursor={next}")).await, ["Zani Misure"]);
    let card = first["data"][0].as_object().unwrap();
    assert!(!card.contains_key("vat_number") && !card.contains_key("certified_address"), "{card:?}");
    let disable = "UPDATE users SET status = 'disabled' WHERE id = $1";
    database.execute(disable, &[&people[4]]).await.unwrap();
    assert_eq!(names("?kind=architect").await, Vec::<String>::new(), "who is not there is not found");
    for wrong in ["?kind=wizard", "?verified=false", "?cursor=x", &format!("?city={}", "x".repeat(201))] {
        app.anonymous().get(&format!("/api/v1/partners{wrong}")).await.expect(400);
    }
    app.finish().await;
}
