//! The protocol register: no number is left out, none is given twice.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::http::Method;
use serde_json::json;
use sportello::{accounts::policy::Role, ids::ActId};

use super::practice::Practice;
use crate::harness::{app::TestApp, client::Client};

const ACTS: usize = 500;
const WORKERS: usize = 8;
/// Every so manieth request is left by its client.
const LEFT: usize = 7;

/// Who has no patience leaves in the middle: before the deed is set, while it is signed or stored, or after the commit.
const PATIENCE: [u64; 4] = [2, 20, 60, 120];

/// Signs an act, and says whether it is signed now.
async fn sign(notary: &Client, id: ActId, tries: &AtomicUsize) -> bool {
    let path = format!("/api/v1/acts/{id}/transitions");
    let attempt = notary.attempt(Method::POST, &path, &[], Some(json!({"event": "sign"})));
    let n = tries.fetch_add(1, Ordering::Relaxed);
    let answer = if n % LEFT == 3 {
        let patience = Duration::from_millis(PATIENCE[n / LEFT % PATIENCE.len()]);
        tokio::time::timeout(patience, attempt).await.ok().flatten()
    } else {
        attempt.await
    };
    // Signed before: the answer of a commit was lost.
    answer.is_some_and(|answer| {
        answer.status == 200 || (answer.status == 409 && answer.code() == "not_in_this_state")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_acts_signed_by_eight_at_once_with_crashes_have_the_numbers_from_1_to_500() {
    let app = TestApp::start_with(|config| {
        config.actors.intensity = 1000;
        config.limits.enabled = false;
    })
    .await;
    let notary = app.a_person_with(Role::Notary).await;
    let office = app.an_office(notary.id).await;
    let desk = app.log_in(&notary).await;
    let client = app.a_person().await;
    let now = app.app.clock.now();
    let ids: Vec<ActId> = (0..ACTS).map(|_| ActId::new(now)).collect();
    let many = "INSERT INTO act (id, notary_id, client_id, act_type, status, title, created_at, updated_at)
        SELECT id, $2, $3, 'property_sale', 'awaiting_signature', 'Vendita', $4, $4 FROM unnest($1::uuid[]) AS id";
    let database = app.database.client().await;
    database.execute(many, &[&ids, &office, &client.id, &now]).await.unwrap();
    let drafts = "WITH draft AS (
            INSERT INTO document (id, owner_id, title, desk, latest, created_at, updated_at)
            SELECT id, $2, 'Bozza', 'notary', 1, $3, $3 FROM unnest($1::uuid[]) AS id RETURNING id
        )
        INSERT INTO deed (act_id, number, title, language, built_in, body, facts, given, missing, unprintable, document_id,
            sha256, drafted_by, drafted_at, frozen_at)
        SELECT id, 1, 'Vendita', 'it', 'ATT-NT', 'Atto {{protocol_number}} del {{signed_on}}.', '{}', '{}', '{}', '', id,
            sha256('bozza'), $2, $3, $3 FROM draft";
    database.execute(drafts, &[&ids, &notary.id, &now]).await.unwrap();
    let (next, done, tries) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let work = async || {
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            while !sign(&desk, *id, &tries).await {
                tokio::task::yield_now().await;
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    // Connections die, those in the middle of a transaction first, each time some more acts are signed.
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'sportello %'
        ORDER BY state = 'idle in transaction' DESC, random() LIMIT 2) AS unlucky";
    let chaos = async {
        let (mut killed, mut seen) = (0, 0);
        while done.load(Ordering::Relaxed) < ACTS {
            if done.load(Ordering::Relaxed) >= seen + 10 {
                seen = done.load(Ordering::Relaxed);
                killed += database.query_one(kill, &[]).await.unwrap().get::<_, i64>(0);
            }
            tokio::task::yield_now().await;
        }
        killed
    };
    let workers = futures_util::future::join_all((0..WORKERS).map(|_| work()));
    let both = async { tokio::join!(workers, chaos) };
    let (_, killed) = tokio::time::timeout(Duration::from_secs(300), both).await.expect("all are signed");
    assert!(killed >= 40, "{killed} connections were killed");
    assert!(tries.load(Ordering::Relaxed) > ACTS + ACTS / LEFT / 2, "clients have left");
    let row = "SELECT count(*), count(DISTINCT number), min(number)::bigint, max(number)::bigint, count(DISTINCT act_id)
        FROM register_entry";
    let row = database.query_one(row, &[]).await.unwrap();
    let figures: Vec<i64> = (0..5).map(|column| row.get(column)).collect();
    assert_eq!(figures, [500, 500, 1, 500, 500]);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM act WHERE status = 'signed'").await, 500);
    assert_eq!(app.value::<i32>("SELECT last FROM register_counter").await, 500);
    let deeds = "SELECT count(*) FROM act a JOIN document_version v ON v.document_id = a.signed_document_id
        JOIN register_entry r ON r.act_id = a.id
        WHERE v.name = r.prefix || '-' || to_char(r.number, 'FM0000') || '.pdf' AND v.sha256 = a.signed_sha256";
    assert_eq!(app.value::<i64>(deeds).await, 500, "each deed bears the number of its act");
    assert_eq!(
        app.value::<i64>("SELECT count(*) FROM document_version").await,
        500,
        "and there is none besides"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annulled_number_stays_used_and_the_year_is_counted() {
    let practice = Practice::new().await;
    let mut numbers = Vec::new();
    let mut first = String::new();
    for round in 0..3 {
        let id = practice.an_act("certified_copies").await;
        for event in ["prepare", "request_signature", "sign"] {
            practice.moves(&practice.notary, &id, event).await.expect(200);
        }
        if round == 0 {
            let annulled = practice.moves(&practice.notary, &id, "annul").await.expect(200).json();
            assert_eq!(annulled["register_status"], "annulled");
            first.clone_from(&id);
        }
        let act = practice.notary.get(&format!("/api/v1/acts/{id}")).await.expect(200).json();
        numbers.push(act["protocol_number"].as_str().unwrap().to_owned());
    }
    let prefix = numbers[0].strip_suffix("-0001").expect("the first");
    assert_eq!(numbers, ["0001", "0002", "0003"].map(|number| format!("{prefix}-{number}")));
    let page = practice.notary.get("/api/v1/notary/office/register?limit=2").await.expect(200).json();
    assert_eq!(page["data"][0]["protocol_number"], numbers[2]);
    let next = page["next_cursor"].as_str().unwrap();
    let rest = format!("/api/v1/notary/office/register?limit=2&cursor={next}");
    let rest = practice.notary.get(&rest).await.expect(200).json();
    assert_eq!(
        (&rest["data"][0]["act_id"], &rest["data"][0]["reason"]),
        (&json!(first), &json!("Errore materiale."))
    );
    let shown = practice.app.anonymous().get(&format!("/api/v1/notaries/{}", practice.office)).await;
    assert_eq!(shown.expect(200).json()["acts"], 2, "signed, and not annulled");
    let year = practice.notary.get("/api/v1/notary/office/register/statistics").await.expect(200).json();
    let expected = json!([{"prefix": prefix, "first": 1, "last": 3, "entries": 3, "signed": 2, "registered": 0,
        "annulled": 1}]);
    assert_eq!(year["data"], expected);
    let other = practice.notary.get("/api/v1/notary/office/register/statistics?year=1999").await.expect(200);
    assert_eq!(other.json()["data"], json!([]));
    for path in ["/api/v1/notary/office/register", "/api/v1/notary/office/register/statistics"] {
        let blind = practice.clerk.get(path).await.expect(403);
        assert_eq!(blind.code(), "not_permitted", "who may not manage acts is told so");
    }
    practice.app.finish().await;
}
