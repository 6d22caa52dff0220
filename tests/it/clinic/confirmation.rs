//! A document that names somebody else: nothing of it counts before somebody has confirmed whose it is.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    dossier::{Dossier, SEMEN, codes},
    ward::PATIENTS,
};
use crate::harness::client::Answer;

/// No patient of the tests is called so.
pub(super) const OF_ANOTHER: &str = "Paziente: ROSSI MARIO   Data di nascita: 01/01/1970\n";

impl Dossier {
    pub(super) async fn confirm(&self, id: &str) -> Answer {
        let path = format!("{}/documents/{id}/confirmation", self.path);
        self.ward.manager.request(Method::POST, &path, &[], None).await
    }

    /// The score, computed anew.
    async fn newest_score(&self) -> Value {
        self.ward.compute_scores().await;
        self.ward.reader.get(&format!("{PATIENTS}/{}/score", self.patient)).await.expect(200).json()["score"]
            .take()
    }

    async fn graded(&self) -> i64 {
        self.ward.app.value("SELECT count(*) FROM graded_analysis").await
    }

    /// What another system is told of the values.
    async fn statuses(&self) -> Vec<String> {
        let path = format!("/api/v1/fhir/Observation?patient={}&_count=100", self.patient);
        let bundle = self.ward.reader.get(&path).await.expect(200).json();
        let entries = bundle["entry"].as_array().unwrap().iter();
        let mut statuses: Vec<String> =
            entries.map(|it| it["resource"]["status"].as_str().unwrap().to_owned()).collect();
        statuses.dedup();
        statuses
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_names_somebody_else_counts_from_when_somebody_has_confirmed_it() {
    let dossier = Dossier::of("male").await;
    let id = dossier.uploaded("referto.txt", format!("{OF_ANOTHER}{SEMEN}").as_bytes()).await;
    let document = dossier.analysed(&id).await;
    assert_eq!(codes(&document)[0], "document.of_another");
    assert_eq!((&document["names_another"], &document["confirmed_by"]), (&json!(true), &Value::Null));
    assert_eq!(document["values"].as_array().unwrap().len(), 4, "they are shown");
    let list = dossier.ward.reader.get(&format!("{}/documents", dossier.path)).await.expect(200).json();
    assert_eq!(list["data"][0]["names_another"], true);
    assert_eq!((dossier.graded().await, dossier.statuses().await), (0, vec!["preliminary".to_owned()]));
    let score = dossier.newest_score().await;
    assert_eq!((&score["overall"], &score["critical"]), (&Value::Null, &json!([])));
    let left_out = score["left_out"].as_array().unwrap();
    assert!(left_out.iter().all(|it| it["reason"] == "names_another_person"), "{left_out:?}");
    assert_eq!(left_out.len(), 3, "the volume has no curve");
    assert!(score["limits"].as_array().unwrap().contains(&json!("score.unconfirmed_values")));

    let stranger = dossier.colleague(dossier.ward.clinic, &["read_patients"]).await.1;
    let path = format!("{}/documents/{id}/confirmation", dossier.path);
    stranger.request(Method::POST, &path, &[], None).await.expect(403);
    dossier.confirm(&id).await.expect(202);
    let document = dossier.analysed(&id).await;
    assert_eq!((codes(&document)[0], &document["run"]), ("document.confirmed", &json!(2)));
    let confirmed_by = dossier.ward.manager_account.id.to_string();
    assert_eq!(
        (&document["names_another"], &document["confirmed_by"]),
        (&json!(false), &json!(confirmed_by))
    );
    let is_sure = |it: &Value| !it["doubts"].as_array().unwrap().contains(&json!("names_another_person"));
    assert!(document["values"].as_array().unwrap().iter().all(is_sure));
    assert_eq!((dossier.graded().await, dossier.statuses().await), (1, vec!["final".to_owned()]));
    let score = dossier.newest_score().await;
    assert!(score["overall"].is_number(), "{score}");
    assert!(!score["limits"].as_array().unwrap().contains(&json!("score.unconfirmed_values")));
    assert_eq!(dossier.ward.told("patient_document.confirm").await, "patient_document.confirm");

    assert_eq!(dossier.confirm(&id).await.expect(409).json()["code"], "nothing_to_confirm");
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    dossier.ward.manager.request(Method::POST, &again, &[], None).await.expect(202);
    let document = dossier.analysed(&id).await;
    assert_eq!((codes(&document)[0], &document["run"]), ("document.confirmed", &json!(3)), "it stays so");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_only_the_page_that_names_somebody_else_waits_and_own_papers_need_no_confirmation() {
    let dossier = Dossier::new().await;
    let own =
        "Paziente: BIANCHI ANNA   Data di nascita: 17/05/1990\nPrelievo del 03/02/2026\nAMH   2,4 ng/mL\n";
    let id = dossier.uploaded("proprio.txt", own.as_bytes()).await;
    assert_eq!(dossier.analysed(&id).await["names_another"], false);
    assert_eq!(dossier.confirm(&id).await.expect(409).json()["code"], "nothing_to_confirm");
    let theirs =
        "Paziente: VERDI GIOVANNA   Data di nascita: 01/01/1970\nPrelievo del 04/02/2026\nAMH   0,1 ng/mL\n";
    let both = dossier.uploaded("due.txt", format!("{own}\x0c{theirs}").as_bytes()).await;
    let document = dossier.analysed(&both).await;
    let amh = |points: &str| {
        let values = document["values"].as_array().unwrap();
        let it = values.iter().find(|it| it["number"] == points).unwrap();
        it["doubts"].as_array().unwrap().contains(&json!("names_another_person"))
    };
    assert_eq!((amh("2.4"), amh("0.1")), (false, true));
    let score = dossier.newest_score().await;
    assert_eq!(score["critical"], json!([]), "0.1 of somebody else is not hers");
    let ovarian = &score["domains"].as_array().unwrap()[2];
    assert_eq!(ovarian["inputs"][0]["observed"]["measure"], json!({ "measure": "amh", "value": 2.4 }));
    dossier.ward.app.finish().await;
}
