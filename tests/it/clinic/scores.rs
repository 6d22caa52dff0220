//! Fertility scores: computed by jobs when something that counts has changed, and kept as they were.

use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};
use sportello::{clinic::scores, ids::PatientId, jobs::registry::registry, notary::time::today};

use super::ward::{PATIENTS, Ward, a_person, with};

impl Ward {
    /// Computes what is to be computed a moment after a change.
    pub(crate) async fn compute_scores(&self) {
        self.app.app.clock.advance(SignedDuration::from_secs(2));
        self.app.run_jobs().await;
    }

    /// The history, once what was changed has been computed.
    async fn scores(&self, id: PatientId) -> Vec<Value> {
        self.compute_scores().await;
        let page = self.reader.get(&format!("{PATIENTS}/{id}/scores?limit=100")).await.expect(200).json();
        page["data"].as_array().unwrap().clone()
    }

    /// The history some nights later; everybody has logged in again.
    async fn nights(&mut self, nights: i64) -> Vec<Value> {
        self.app.app.clock.advance(SignedDuration::from_hours(24 * nights));
        self.manager = self.app.log_in(&self.manager_account).await;
        self.nurse = self.app.log_in(&self.nurse_account).await;
        self.reader = self.manager.clone();
        self.app.run_jobs().await;
        let id: uuid::Uuid = self.app.value("SELECT id FROM patient").await;
        self.scores(PatientId(id)).await
    }

    fn days_ago(&self, days: i32) -> String {
        today(self.app.app.clock.now()).checked_sub(days.days()).unwrap().to_string()
    }

    async fn scan(&self, id: PatientId, follicles: u16, days_ago: i32) {
        let scan = json!({ "kind": "follicle", "input": { "total_antral_follicles": follicles },
            "observed_on": self.days_ago(days_ago) });
        self.enter(id, scan).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_score_is_made_when_something_that_counts_has_changed_and_says_everything_about_itself() {
    let ward = Ward::new().await;
    let life = json!({ "lifestyle": { "smoking": "never", "height_cm": 165.0, "weight_kg": 60.0 } });
    let id = ward.register(with(a_person("Anna", "Bianchi", "1990-05-17"), life)).await;
    assert!(ward.scores(id).await.is_empty(), "nothing is computed without consent");
    ward.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(404);
    ward.consent(id, true).await.expect(200);
    let first = ward.scores(id).await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["coverage_percent"], 27, "age and life are known");
    for follicles in [14, 12, 13] {
        ward.scan(id, follicles, 3).await;
    }
    let burst = ward.scores(id).await.len();
    assert!((2..=4).contains(&burst), "a burst makes one, unless it takes longer than a second");
    one_job_for_many_changes(&ward, id).await;
    // What does not count changes nothing.
    let (_, etag) = ward.patient(id).await;
    ward.nurse.patch(&format!("{PATIENTS}/{id}"), &etag, json!({ "notes": "richiamare" })).await.expect(200);
    assert_eq!(ward.scores(id).await.len(), burst);
    let (_, etag) = ward.patient(id).await;
    let smokes = json!({ "lifestyle": { "smoking": "current", "cigarettes_per_day": 20 } });
    ward.nurse.patch(&format!("{PATIENTS}/{id}"), &etag, smokes).await.expect(200);
    let history = ward.scores(id).await;
    assert_eq!(history.len(), burst + 1);
    assert!(history[0]["overall"].as_f64() < history[1]["overall"].as_f64(), "smoking is worse");
    let newest = ward.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(200).json();
    assert_eq!((&newest["id"], &newest["score"]["overall"]), (&history[0]["id"], &history[0]["overall"]));
    assert_eq!(newest["score"]["method"], "sportello.fertility-score/3");
    let codes = |part: &str| {
        newest["explanation"][part]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["code"].clone())
            .collect::<Vec<_>>()
    };
    assert!(codes("limits").contains(&json!("general.supports_clinicians")));
    assert!(codes("limits").contains(&json!("score.not_probability")), "{:?}", codes("limits"));
    assert!(!codes("references").is_empty() && !codes("recommendations").is_empty());
    let left = newest["score"]["left_out"].as_array().unwrap();
    assert_eq!(left.iter().filter(|it| it["reason"] == "superseded").count(), 2, "{left:?}");
    let of_scan = newest["score"]["domains"][2]["inputs"][0]["observed"]["source"].as_str().unwrap();
    assert!(of_scan.starts_with("analysis "), "{of_scan}");
    assert_eq!(ward.told("patient.read_score").await, "patient.read_scores patient.read_score");
    ward.app.finish().await;
}

async fn one_job_for_many_changes(ward: &Ward, id: PatientId) {
    const WAITING: &str = "-- tests.waiting\nSELECT count(*) FROM job.later";
    let app = &ward.app.app;
    let mut tx = app.db.begin("tests.changes").await.unwrap();
    let before: i64 = tx.query_one(WAITING, &[]).await.unwrap().get(0);
    for _ in 0..5 {
        scores::changed(&mut tx, &app.jobs, id).await.unwrap();
    }
    let after: i64 = tx.query_one(WAITING, &[]).await.unwrap().get(0);
    assert_eq!(after - before, 1);
    tx.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_laboratories_count_in_the_unit_of_their_curve_and_hormones_by_their_own_range() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let enter = async |value: Value| {
        let value = with(value, json!({ "observed_on": ward.days_ago(5) }));
        ward.manager.post(&format!("{PATIENTS}/{id}/values"), value).await.expect(201);
    };
    // 2.5 pmol/L are 0.35 ng/mL.
    enter(json!({ "analyte": "amh", "number": "2.5", "unit": "pmol/L" })).await;
    enter(json!({ "analyte": "fsh", "number": "7.2", "unit": "mIU/mL", "range_low": "3.5", "range_high": "12.5" })).await;
    enter(json!({ "analyte": "tsh", "number": "2.1", "unit": "mIU/L" })).await;
    enter(json!({ "analyte": "cftr", "finding": "carrier" })).await;
    enter(json!({ "analyte": "haemoglobin", "number": "13.1", "unit": "g/dL" })).await;
    ward.compute_scores().await;
    let score = ward.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(200).json();
    assert_eq!(score["explanation"]["critical"][0]["code"], "score.amh_critical");
    let used = |domain: &str| {
        let domains = score["score"]["domains"].as_array().unwrap();
        let domain = domains.iter().find(|it| it["domain"] == domain).unwrap();
        domain["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["observed"]["measure"]["value"].clone())
            .collect::<Vec<_>>()
    };
    assert!((used("ovarian")[0].as_f64().unwrap() - 0.35).abs() < 1e-9);
    assert_eq!(used("hormonal").len(), 1, "the one beside its range");
    assert_eq!(used("genetic")[0]["result"], "carrier");
    let left = score["score"]["left_out"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["reason"]), (1, &json!("unusable")), "without a range, nobody knows");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tubes_cycle_and_endometriosis_count_as_of_the_day_that_the_registry_says() {
    let mut ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    assert_eq!(ward.scores(id).await[0]["coverage_percent"], 25, "her age");
    let as_of = ward.days_ago(729);
    let said = json!({ "history": { "tubes": "hydrosalpinx", "ovulation": "regular", "endometriosis": "iv",
        "cycle_length_days": 28, "as_of": as_of } });
    ward.nurse.patch(&format!("{PATIENTS}/{id}"), "*", said).await.expect(200);
    assert_eq!(ward.scores(id).await[0]["coverage_percent"], 35);
    let shown = ward.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(200).json();
    let domains = shown["score"]["domains"].as_array().unwrap();
    assert_eq!((&domains[1]["missing"], &domains[3]["missing"]), (&json!([]), &json!([])));
    let tubes = &domains[3]["inputs"][0]["observed"];
    assert_eq!((&tubes["on"], &tubes["source"]), (&json!(as_of), &json!("registry history")));
    let codes = |part: &str| {
        let said = shown["explanation"][part].as_array().unwrap().iter();
        said.map(|it| it["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes("critical"), ["score.hydrosalpinx", "score.severe_endometriosis"]);
    assert_eq!(codes("positive"), ["score.regular_ovulation"]);
    assert!(codes("recommendations").contains(&"advice.tubal".to_owned()));
    // Two years later only the stage is still true.
    let later = ward.nights(2).await;
    assert_eq!(later[0]["coverage_percent"], 25, "{:?}", later[0]);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_too_old_and_birthdays_are_noticed_at_night() {
    let mut ward = Ward::new().await;
    let today = today(ward.app.app.clock.now());
    // A birthday in ten days.
    let born = today.checked_add(10.days()).unwrap().with().year(1990).build().unwrap();
    let id = ward.register_consenting(a_person("Anna", "Bianchi", &born.to_string())).await;
    ward.scan(id, 14, 728).await;
    let before = ward.scores(id).await;
    let known = before.len();
    assert_eq!(&before[0]["coverage_percent"], &json!(40));
    assert_eq!(ward.nights(2).await.len(), known, "it counts for two years");
    let aged = ward.nights(1).await;
    assert_eq!((aged.len(), &aged[0]["coverage_percent"]), (known + 1, &json!(25)), "the scan is too old");
    assert_eq!(ward.nights(1).await.len(), known + 1, "another night finds nothing");
    let older = ward.nights(7).await;
    assert_eq!(older.len(), known + 2, "a birthday");
    // Nobody looks for records that are closed.
    ward.archive(id, true).await.expect(200);
    assert_eq!(ward.nights(400).await.len(), known + 2);
    let due: i64 = ward.app.value("SELECT count(*) FROM fertility_score WHERE due_on IS NOT NULL").await;
    assert_eq!(due, 0);
    ward.archive(id, false).await.expect(200);
    assert_eq!(ward.scores(id).await.len(), known + 3);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_at_two_nodes_end_in_the_score_of_all_of_them() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let node = ward.app.another_node(|_| {}, registry()).await;
    let there = ward.manager.at(node.address);
    let path = format!("{PATIENTS}/{id}/analyses");
    let entered = (0..24_u16).map(|n| {
        let scan = json!({ "kind": "follicle", "input": { "total_antral_follicles": 10 + n }, "observed_on": ward.days_ago(i32::from(n)) });
        let client = if n % 2 == 0 { &ward.manager } else { &there };
        client.post(&path, scan)
    });
    for made in futures_util::future::join_all(entered).await {
        made.expect(201);
    }
    ward.scores(id).await;
    let newest = ward.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(200).json();
    let used = newest["score"]["domains"][2]["inputs"][0]["observed"].clone();
    assert_eq!((&used["measure"]["value"], &used["on"]), (&json!(10.0), &json!(ward.days_ago(0))));
    let left = newest["score"]["left_out"].as_array().unwrap().len();
    assert_eq!(left, 23, "all of them were looked at");
    node.stop().await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_anonymous_patient_figures_are_left_and_no_day() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    ward.scan(id, 14, 3).await;
    let before = ward.scores(id).await;
    ward.archive(id, true).await.expect(200);
    let path = format!("{PATIENTS}/{id}/anonymisation");
    ward.manager.request(axum::http::Method::POST, &path, &[("if-match", "*")], None).await.expect(200);
    let after = ward.scores(id).await;
    assert_eq!((after.len(), &after[0]["overall"]), (before.len(), &before[0]["overall"]));
    ward.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(404);
    let words: String = ward
        .app
        .value("SELECT concat(s.result, g.label, g.note, g.case_id, g.observed_on) FROM fertility_score s, graded_analysis g")
        .await;
    assert!(!words.contains(&ward.days_ago(3)) && !words.contains("analysis "), "{words}");
    ward.app.finish().await;
}
