//! Graded analyses over HTTP: tried out, entered, read, put right.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::ids::PatientId;

use super::{
    dossier::{Dossier, codes},
    ward::{PATIENTS, Ward, a_person, with},
};
use crate::harness::until::eventually;

pub(super) const ANALYSES: &str = "/api/v1/clinic/analyses";

/// One of each kind, with the word that its result comes to.
pub(crate) fn one_of_each() -> [(Value, &'static str); 5] {
    let of = |kind: &str, input: Value| json!({ "kind": kind, "input": input, "observed_on": "2026-10-02" });
    [
        (
            of(
                "semen",
                json!({ "volume_ml": 2.5, "concentration_million_per_ml": 8.0, "progressive_percent": 20.0,
                "normal_forms_percent": 2.0 }),
            ),
            "several_below",
        ),
        (of("oocyte", json!({ "maturity": "metaphase_ii", "morphology_score": 4 })), "excellent"),
        (
            of(
                "embryo",
                json!({ "stage": "blastocyst", "day": 5, "expansion": 4, "inner_cell_mass": "A",
            "trophectoderm": "B" }),
            ),
            "good",
        ),
        (of("follicle", json!({ "total_antral_follicles": 4 })), "low"),
        (
            of(
                "hysteroscopy",
                json!({ "polyps": [{ "size_mm": 12.0 }] , "myomas": [{ "figo": 0, "size_mm": 41.0 }] }),
            ),
            "severe",
        ),
    ]
}

impl Ward {
    pub(crate) async fn enter(&self, patient: PatientId, analysis: Value) -> Value {
        let path = format!("{PATIENTS}/{patient}/analyses");
        self.manager.post(&path, analysis).await.expect(201).json()
    }

    /// What is wrong with an analysis: pointers and codes.
    async fn wrong(&self, patient: PatientId, analysis: Value) -> Vec<String> {
        let path = format!("{PATIENTS}/{patient}/analyses");
        let refused = self.manager.post(&path, analysis).await.expect(422).json();
        let errors = refused["errors"].as_array().unwrap().iter();
        errors
            .map(|it| format!("{} {}", it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap()))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_graded_kept_and_explained_in_two_languages() {
    let ward = Ward::new().await;
    let anybody = with(a_person("Sam", "Bianchi", "1990-05-17"), json!({ "sex": "other" }));
    let id = ward.register_consenting(anybody).await;
    let path = format!("{PATIENTS}/{id}/analyses");
    let mut made = Vec::new();
    for (analysis, grade) in one_of_each() {
        let kept = ward.enter(id, with(analysis.clone(), json!({ "label": "campione 1" }))).await;
        assert_eq!((&kept["kind"], &kept["grade"]), (&analysis["kind"], &json!(grade)), "{kept}");
        assert_eq!((&kept["source"], &kept["label"]), (&json!("form"), &json!("campione 1")));
        for (name, value) in analysis["input"].as_object().unwrap().iter().filter(|(_, it)| !it.is_array()) {
            assert_eq!(&kept["input"][name], value, "what was given is shown");
        }
        let limits = kept["explanation"]["limits"].as_array().unwrap();
        assert_eq!(limits[0]["code"], "general.supports_clinicians");
        assert!(limits.iter().all(|it| !it["it"].as_str().unwrap().is_empty() && it["en"].is_string()));
        assert!(kept["explanation"]["references"][0]["citation"].as_str().unwrap().len() > 20);
        let shown =
            ward.reader.get(&format!("{ANALYSES}/{}", kept["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(shown.json(), kept);
        let mut tried = analysis.clone();
        tried.as_object_mut().unwrap().remove("observed_on");
        let preview = ward.reader.post(&format!("{ANALYSES}/preview"), tried).await.expect(200).json();
        assert_eq!((&preview["result"], &preview["grade"]), (&kept["result"], &kept["grade"]));
        made.push(kept["id"].clone());
    }
    let page = ward.reader.get(&format!("{path}?limit=3")).await.expect(200).json();
    let ids =
        |page: &Value| page["data"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    let next = page["next_cursor"].as_str().unwrap();
    let rest = ward.reader.get(&format!("{path}?limit=3&cursor={next}")).await.expect(200).json();
    made.reverse();
    assert_eq!([ids(&page), ids(&rest)].concat(), made, "newest first, each once");
    let semen = ward.reader.get(&format!("{path}?kind=semen")).await.expect(200).json();
    assert_eq!(ids(&semen), [made[4].clone()]);
    ward.reader.get(&format!("{path}?kind=urine")).await.expect(400);
    assert_eq!(ward.told("patient.analyse").await, ["patient.analyse"; 5].join(" "));
    assert_eq!(ward.told("patient.read_analysis").await, ["patient.read_analysis"; 5].join(" "));
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_at_once_with_pointers() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let wrong = async |analysis: Value| ward.wrong(id, analysis).await;
    let semen = json!({ "kind": "semen", "input": { "volume_ml": 21.0, "ph": 12.0, "progressive_percent": 50.0,
        "total_motility_percent": 30.0 }, "observed_on": "2026-10-02" });
    assert_eq!(
        wrong(semen.clone()).await,
        ["/input/volume_ml out_of_range", "/input/ph out_of_range", "/input/progressive_percent contradicts"]
    );
    let both = with(semen, json!({ "observed_on": "domani" }));
    assert_eq!(wrong(both).await.last().unwrap(), "/observed_on invalid");
    let scan = json!({ "kind": "follicle", "input": { "left": { "follicles_mm": [300.0] } }, "observed_on": "2026-10-02" });
    assert_eq!(wrong(scan).await, ["/input/left/follicles_mm/0 out_of_range"]);
    let unknown = json!({ "kind": "semen", "input": { "colour": "white" }, "observed_on": "2026-10-02" });
    assert_eq!(wrong(unknown).await, ["/input/colour unknown_field"]);
    let list = json!({ "kind": "follicle", "input": { "right": [7, null] }, "observed_on": "2026-10-02" });
    assert_eq!(wrong(list).await, ["/input/right wrong_type"]);
    let list =
        json!({ "kind": "hysteroscopy", "input": { "polyps": [{}, [3.0]] }, "observed_on": "2026-10-02" });
    assert_eq!(wrong(list).await, ["/input/polyps/1 wrong_type"]);
    let kind = json!({ "kind": "urine", "input": {}, "observed_on": "2026-10-02" });
    assert_eq!(wrong(kind).await, ["/kind not_allowed"]);
    assert_eq!(wrong(json!({})).await, ["/kind required", "/observed_on required"]);
    let later = json!({ "kind": "semen", "input": { "ph": 7.4 }, "observed_on": "2999-01-01", "label": "x".repeat(101) });
    assert_eq!(wrong(later).await, ["/label too_long", "/observed_on in_the_future"]);
    for (kind, input) in [
        ("semen", json!({})),
        ("oocyte", json!({})),
        ("embryo", json!({ "stage": "cleavage", "day": 3 })),
        ("follicle", json!({ "left": {}, "right": null, "cycle_day": 3 })),
        ("hysteroscopy", json!({ "is_complete": true, "polyps": null })),
    ] {
        let nothing = json!({ "kind": kind, "input": input, "observed_on": "2026-10-02" });
        assert_eq!(wrong(nothing).await, ["/input no_finding"], "{kind}");
    }
    let count: i64 = ward.app.value("SELECT count(*) FROM graded_analysis").await;
    assert_eq!(count, 0);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_member_is_named_however_deep_it_stands() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let wrong = async |analysis: Value| ward.wrong(id, analysis).await;
    for (member, given, code) in [
        ("inner_cell_mass", json!("D"), "not_allowed"),
        ("expansion", json!("4"), "wrong_type"),
        ("trophectoderm", json!(["A"]), "wrong_type"),
        ("cells", json!(8), "unknown_field"),
        ("expansion", json!(7), "out_of_range"),
    ] {
        let mut embryo =
            json!({ "kind": "embryo", "input": { "stage": "blastocyst" }, "observed_on": "2026-10-02" });
        embryo["input"][member] = given;
        assert_eq!(wrong(embryo).await, [format!("/input/{member} {code}")]);
    }
    for (input, said) in [
        (json!({}), "/input/stage required"),
        (json!({ "stage": "egg" }), "/input/stage not_allowed"),
        (json!({ "stage": "cleavage" }), "/input/day required"),
        (json!({ "stage": "cleavage", "day": 3, "cells": -8 }), "/input/cells out_of_range"),
        (
            json!({ "stage": "cleavage", "day": 3, "fragmentation_percent": 101 }),
            "/input/fragmentation_percent out_of_range",
        ),
        (json!({ "stage": "morula", "compaction": 1 }), "/input/compaction wrong_type"),
        (json!({ "stage": "morula", "day": 4 }), "/input/day unknown_field"),
    ] {
        let embryo = json!({ "kind": "embryo", "input": input, "observed_on": "2026-10-02" });
        assert_eq!(wrong(embryo).await, [said]);
    }
    let scan = json!({ "kind": "hysteroscopy", "input": { "septum": { "indentation_mm": "12" } }, "observed_on": "2026-10-02" });
    assert_eq!(wrong(scan).await, ["/input/septum/indentation_mm wrong_type"]);
    let sum = json!({ "total_antral_follicles": 1, "left": { "follicles_mm": [5.0] }, "right": { "follicles_mm": [6.0] } });
    let scan = json!({ "kind": "follicle", "input": sum, "observed_on": "2026-10-02" });
    assert_eq!(wrong(scan).await, ["/input/total_antral_follicles contradicts"]);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_of_the_patient_is_refused_and_what_is_of_the_partner_is_said_to_be() {
    let ward = Ward::new().await;
    let [semen, oocyte, embryo, follicle, hysteroscopy] = one_of_each().map(|(it, _)| it);
    for (sex, own, others) in [
        ("female", vec![&oocyte, &embryo, &follicle, &hysteroscopy], vec![&semen]),
        ("male", vec![&semen, &embryo], vec![&oocyte, &follicle, &hysteroscopy]),
        ("other", vec![&semen, &oocyte, &embryo, &follicle, &hysteroscopy], vec![]),
    ] {
        let person = with(a_person(sex, "Bianchi", "1990-05-17"), json!({ "sex": sex, "is_distinct": true }));
        let id = ward.register_consenting(person).await;
        let path = format!("{PATIENTS}/{id}/analyses");
        for analysis in own {
            ward.enter(id, analysis.clone()).await;
            let early = with(analysis.clone(), json!({ "observed_on": "1990-05-16" }));
            let refused = ward.manager.post(&path, early).await.expect(422).json();
            assert_eq!(
                (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
                (&json!("/observed_on"), &json!("before_birth"))
            );
        }
        for analysis in others {
            let refused = ward.manager.post(&path, analysis.clone()).await.expect(422).json();
            assert_eq!(
                refused["errors"],
                json!([{ "in": "body", "pointer": "/kind", "code": "other_sex",
                    "detail": "is of the other sex than the patient: it belongs into the record of the partner" }])
            );
        }
    }
    let count: i64 = ward.app.value("SELECT count(*) FROM graded_analysis").await;
    assert_eq!(count, 4 + 2 + 5);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_of_the_other_sex_counts_no_more_when_the_sex_is_put_right() {
    let ward = Ward::new().await;
    let person = with(a_person("Andrea", "Bianchi", "1990-05-17"), json!({ "sex": "male" }));
    let id = ward.register_consenting(person).await;
    let path = format!("{PATIENTS}/{id}");
    let domains = async || {
        ward.compute_scores().await;
        let found = ward.reader.get(&format!("{path}/score")).await.expect(200).json();
        let domains = found["score"]["domains"].as_array().unwrap().iter();
        domains.filter(|it| it["score"].is_number()).map(|it| it["domain"].clone()).collect::<Vec<_>>()
    };
    ward.enter(id, one_of_each()[0].0.clone()).await;
    let count = json!({ "analyte": "sperm_concentration", "number": "9", "unit": "10*6/mL", "observed_on": "2026-03-12" });
    ward.manager.post(&format!("{path}/values"), count).await.expect(201);
    assert_eq!(domains().await, ["male"]);
    ward.manager.patch(&path, "*", json!({ "sex": "female" })).await.expect(200);
    assert_eq!(domains().await, ["female"], "her age, and nothing of semen");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_by_mistake_stays_and_counts_no_more() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let score = async || {
        ward.compute_scores().await;
        let found = ward.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(200).json();
        found["score"]["domains"].as_array().unwrap().iter().find(|it| it["domain"] == "ovarian").unwrap()["score"].clone()
    };
    let right =
        json!({ "kind": "follicle", "input": { "total_antral_follicles": 14 }, "observed_on": "2026-10-02" });
    let wrong =
        json!({ "kind": "follicle", "input": { "total_antral_follicles": 1 }, "observed_on": "2026-10-03" });
    ward.enter(id, right).await;
    let good = score().await;
    let mistake = ward.enter(id, wrong).await;
    assert!(score().await.as_f64() < good.as_f64(), "the latest counts");
    let path = format!("{ANALYSES}/{}", mistake["id"].as_str().unwrap());
    let withdraw = format!("{path}/withdrawal");
    let send = async |etag: &[(&str, &str)]| ward.manager.request(Method::POST, &withdraw, etag, None).await;
    send(&[]).await.expect(428);
    send(&[("if-match", "\"v9\"")]).await.expect(412);
    ward.reader.request(Method::POST, &withdraw, &[("if-match", "*")], None).await.expect(403);
    let gone = send(&[("if-match", "\"v1\"")]).await.expect(200);
    assert!(gone.json()["withdrawn_at"].is_string());
    assert_eq!(
        send(&[("if-match", gone.header("etag"))]).await.expect(200).header("etag"),
        gone.header("etag")
    );
    assert_eq!(score().await, good, "as if it had never been");
    let list =
        ward.reader.get(&format!("{PATIENTS}/{id}/analyses?is_withdrawn=true")).await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "it stays readable");
    // People's own words may be put right, what was given may not.
    let named = ward.manager.patch(&path, "*", json!({ "note": "ovaio non visto" })).await.expect(200).json();
    assert_eq!((&named["note"], &named["label"]), (&json!("ovaio non visto"), &json!("")));
    ward.manager.patch(&path, "*", json!({ "input": {} })).await.expect(422);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_or_permission_nothing_is_entered_and_strangers_see_nothing() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let path = format!("{PATIENTS}/{id}/analyses");
    let (scan, _) = one_of_each()[3].clone();
    assert_eq!(ward.manager.post(&path, scan.clone()).await.expect(403).code(), "consent_missing");
    ward.consent(id, true).await.expect(200);
    assert_eq!(ward.nurse.post(&path, scan.clone()).await.expect(403).code(), "no_permission");
    ward.rival.post(&path, scan.clone()).await.expect(404);
    let made = ward.enter(id, scan.clone()).await;
    let own = format!("{ANALYSES}/{}", made["id"].as_str().unwrap());
    for path in [&own, &path, &format!("{PATIENTS}/{id}/score"), &format!("{PATIENTS}/{id}/scores")] {
        ward.rival.get(path).await.expect(404);
        ward.admin.get(path).await.expect(403);
    }
    ward.rival.patch(&own, "*", json!({ "note": "x" })).await.expect(404);
    ward.rival
        .request(Method::POST, &format!("{own}/withdrawal"), &[("if-match", "*")], None)
        .await
        .expect(404);
    // To put a mistake right needs no consent; to enter another needs it.
    ward.consent(id, false).await.expect(200);
    ward.manager.post(&path, scan).await.expect(403);
    let etag = [("if-match", "*")];
    ward.manager.request(Method::POST, &format!("{own}/withdrawal"), &etag, None).await.expect(200);
    ward.archive(id, true).await.expect(200);
    assert_eq!(ward.manager.patch(&own, "*", json!({ "note": "x" })).await.expect(409).code(), "archived");
    assert_eq!(ward.told("patient.analyse").await, "patient.analyse! patient.analyse");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_enters_one_and_a_merge_moves_them() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let path = format!("{PATIENTS}/{id}/analyses");
    let (scan, _) = one_of_each()[3].clone();
    let key = [("idempotency-key", "\"uno\"")];
    let first = ward.manager.request(Method::POST, &path, &key, Some(scan.clone())).await.expect(201).json();
    let again = ward.manager.request(Method::POST, &path, &key, Some(scan)).await.expect(201);
    assert_eq!((again.json(), again.header("idempotency-replayed")), (first.clone(), "true"));
    let twin = with(a_person("Anna", "Bianchi", "1990-05-17"), json!({ "is_distinct": true }));
    let target = ward.register_consenting(twin).await;
    ward.compute_scores().await;
    ward.merge(target, id).await.expect(200);
    ward.compute_scores().await;
    let moved = ward.reader.get(&format!("{PATIENTS}/{target}/analyses")).await.expect(200).json();
    assert_eq!(moved["data"][0]["id"], first["id"]);
    assert_eq!(ward.reader.get(&path).await.expect(308).json()["merged_into"], json!(target));
    let found =
        ward.reader.get(&format!("{ANALYSES}/{}", first["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(found["patient_id"], json!(target));
    let score = ward.reader.get(&format!("{PATIENTS}/{target}/score")).await.expect(200).json();
    assert!(score["score"]["domains"].as_array().unwrap().iter().any(|it| it["score"].is_number()));
    ward.app.finish().await;
}

/// Uploads a text and waits: the codes of what was found, and the analyses in the order of the text.
async fn described(dossier: &Dossier, text: &str) -> (String, Vec<String>, Vec<Value>) {
    let id = dossier.uploaded("referto.txt", text.as_bytes()).await;
    let document = dossier.analysed(&id).await;
    assert_eq!(document["status"], "completed", "{document}");
    let said = codes(&document).into_iter().map(str::to_owned).collect();
    (id.clone(), said, of_document(dossier, &id).await)
}

/// The analyses of a document, each as it is shown.
async fn of_document(dossier: &Dossier, id: &str) -> Vec<Value> {
    let path = format!("{}/analyses?document={id}&limit=100", dossier.path);
    let list = dossier.ward.reader.get(&path).await.expect(200).json();
    let mut found = Vec::new();
    for card in list["data"].as_array().unwrap() {
        let path = format!("{ANALYSES}/{}", card["id"].as_str().unwrap());
        found.push(dossier.ward.reader.get(&path).await.expect(200).json());
    }
    found.sort_by_key(|it| {
        (it["places"][0]["line"].as_i64(), it["places"][0]["start"].as_i64(), it["label"].to_string())
    });
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn oocytes_that_a_document_counts_are_graded_by_their_maturity() {
    let dossier = Dossier::new().await;
    let text = "Laboratorio di procreazione\nData del pick-up: 03/02/2026\nOvociti recuperati 11\nMII 8 / MI 2 / GV 1\n\
        MII circa la metà di 8\n";
    let (_, said, found) = described(&dossier, text).await;
    assert_eq!(said, ["document.description_unread", "document.described"]);
    let of = |it: &Value| [it["label"].clone(), it["grade"].clone(), it["observed_on"].clone()];
    assert_eq!(
        found.iter().map(of).collect::<Vec<_>>(),
        [
            [json!("1 × GV"), json!("not_suitable"), json!("2026-02-03")],
            [json!("2 × MI"), json!("may_mature"), json!("2026-02-03")],
            [json!("8 × MII"), Value::Null, json!("2026-02-03")],
        ]
    );
    for it in &found {
        assert_eq!((&it["kind"], &it["source"]), (&json!("oocyte"), &json!("document")));
        assert_eq!(it["places"], json!([{ "page": 1, "line": 4, "start": 0, "end": 19 }]));
    }
    assert_eq!(found[2]["result"]["is_suitable"], true);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn embryos_that_a_document_describes_are_graded_each_once_and_stay_withdrawn() {
    let dossier = Dossier::new().await;
    let text = "Embryology report\nDate of egg retrieval: 13 February 2026\nEmbryo 1: day 3, 8 cells, fragmentation 10 %, even, no multinucleation\n\
        Embryo 2, day 5: 4AB\nNo blastocyst 3BB\n";
    let (id, said, found) = described(&dossier, text).await;
    assert_eq!(said, ["document.description_unread", "document.described"]);
    let of = |it: &Value| [it["label"].clone(), it["grade"].clone(), it["observed_on"].clone()];
    assert_eq!(
        found.iter().map(of).collect::<Vec<_>>(),
        [
            [json!("1"), json!("excellent"), json!("2026-02-16")],
            [json!("2"), json!("good"), json!("2026-02-18")]
        ]
    );
    assert_eq!(found[1]["result"]["gardner"], "4AB");
    assert_eq!(found[1]["places"], json!([{ "page": 1, "line": 4, "start": 17, "end": 20 }]));
    let etag = [("if-match", "*")];
    let path = format!("{ANALYSES}/{}/withdrawal", found[0]["id"].as_str().unwrap());
    dossier.ward.manager.request(Method::POST, &path, &etag, None).await.expect(200);
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    dossier.ward.manager.post(&again, Value::Null).await.expect(202);
    eventually("the second run has ended", async || {
        let now = dossier.document(&id).await;
        now["run"] == 2 && now["status"] == "completed"
    })
    .await;
    let later = of_document(&dossier, &id).await;
    let ids = |of: &[Value]| of.iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&later), ids(&found), "each once");
    assert!(later[0]["withdrawn_at"].is_string() && later[1]["withdrawn_at"].is_null());
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hysteroscopy_that_a_document_describes_is_graded_and_counts() {
    let dossier = Dossier::new().await;
    let text = "ISTEROSCOPIA DIAGNOSTICA del 12/03/2026\nData esame: 12/03/2026\nPolipo endometriale di 12 mm\n\
        Mioma sottomucoso FIGO 0 di 41 mm\nSinechie: assenti\n";
    let (_, said, found) = described(&dossier, text).await;
    assert_eq!(said, ["document.described"]);
    assert_eq!(found.len(), 1);
    let it = &found[0];
    assert_eq!(
        (&it["kind"], &it["grade"], &it["observed_on"]),
        (&json!("hysteroscopy"), &json!("severe"), &json!("2026-03-12"))
    );
    assert_eq!(it["input"]["has_adhesions"], false);
    let lines: Vec<_> = it["places"].as_array().unwrap().iter().map(|it| it["line"].clone()).collect();
    assert_eq!(lines, [3, 4, 5]);
    dossier.ward.compute_scores().await;
    let score = dossier.ward.reader.get(&format!("{}/score", dossier.path)).await.expect(200).json();
    assert!(score["score"]["domains"][4]["score"].is_number(), "{score}");
    dossier.ward.app.finish().await;
}
