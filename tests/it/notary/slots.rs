//! Which slots people are shown.

use serde_json::{Value, json};

use super::practice::{A_SLOT, Practice};

async fn starts(practice: &Practice, query: &str) -> Vec<String> {
    let path = format!("/api/v1/notaries/{}/slots?{query}", practice.office);
    let slots = practice.app.anonymous().get(&path).await.expect(200).json();
    assert_eq!(slots["time_zone"], "Europe/Rome");
    slots["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| slot["starts_at"].as_str().unwrap().to_owned())
        .collect()
}

async fn except(practice: &Practice, exception: Value) -> String {
    let made = practice.clerk.post("/api/v1/notary/office/exceptions", exception).await.expect(201);
    made.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_the_week_without_holidays_closures_and_what_is_taken_and_with_extra_openings() {
    let practice = Practice::new().await;
    let day = "from=2031-06-18&until=2031-06-18";
    let whole = starts(&practice, &format!("{day}&minutes=60")).await;
    assert_eq!(whole.len(), 23, "every half hour, the last one at seven: {whole:?}");
    assert_eq!((whole[0].as_str(), whole[22].as_str()), ("2031-06-18T06:00:00Z", "2031-06-18T17:00:00Z"));
    assert!(starts(&practice, "from=2031-06-02&until=2031-06-02").await.is_empty(), "Republic Day");
    let closure =
        json!({"kind": "closure", "starts_at": "2031-06-18T06:00:00Z", "ends_at": "2031-06-18T12:00:00Z"});
    let closure = except(&practice, closure).await;
    assert_eq!(starts(&practice, day).await[0], A_SLOT);
    let opening =
        json!({"kind": "opening", "starts_at": "2031-06-02T08:00:00Z", "ends_at": "2031-06-02T09:00:00Z"});
    except(&practice, opening).await;
    assert_eq!(starts(&practice, "from=2031-06-02&until=2031-06-02").await.len(), 2);

    let id = practice.a_request(A_SLOT).await;
    assert_eq!(starts(&practice, day).await[0], A_SLOT, "requests compete");
    practice.does(&practice.clerk, &id, "confirm").await.expect(200);
    assert_eq!(starts(&practice, day).await[0], "2031-06-18T12:30:00Z");
    assert_eq!(starts(&practice, &format!("{day}&except={id}")).await[0], A_SLOT);
    practice.does(&practice.client, &id, "cancel").await.expect(200);
    practice.notary.delete(&format!("/api/v1/notary/office/exceptions/{closure}")).await.expect(204);
    assert_eq!(starts(&practice, &format!("{day}&minutes=60")).await, whole);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_slots_is_one_query_and_wrong_questions_are_told_what_is_wrong() {
    let practice = Practice::new().await;
    let path = format!("/api/v1/notaries/{}/slots", practice.office);
    let anybody = practice.app.anonymous();
    let answer = anybody.get(&format!("{path}?from=2031-06-01&until=2031-06-30")).await.expect(200);
    assert!(answer.json()["data"].as_array().unwrap().len() > 600);
    assert!(answer.header("server-timing").contains("desc=\"1\""), "{}", answer.header("server-timing"));
    for query in [
        "from=2031-06-02&until=2031-06-01",
        "until=2000-01-01",
        "from=2031-01-01&until=2031-12-31",
        "minutes=5",
        "days=3",
    ] {
        anybody.get(&format!("{path}?{query}")).await.expect(400);
    }
    for from in ["-009999-01-01", "-004713-01-01", "9999-12-31"] {
        let found = anybody.get(&format!("{path}?from={from}&until={from}")).await;
        assert!([200, 400].contains(&found.status), "{from}: {}", found.status);
    }
    anybody.get(&format!("/api/v1/notaries/{}/slots", uuid::Uuid::now_v7())).await.expect(404);
    let sql = "UPDATE notary SET licence_ends_on = '2020-01-01'";
    practice.app.database.client().await.execute(sql, &[]).await.unwrap();
    assert!(starts(&practice, "from=2031-06-18").await.is_empty(), "no licence, no slots");
    let refused = practice.ask(&practice.client, A_SLOT).await.expect(403);
    assert_eq!(refused.code(), "licence_expired");
    practice.app.finish().await;
}
