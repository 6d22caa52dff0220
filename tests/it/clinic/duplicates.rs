//! Who is probably registered already.

use futures_util::future::join_all;
use serde_json::json;

use super::ward::{PATIENTS, Ward, a_person, with};

#[tokio::test(flavor = "multi_thread")]
async fn a_likely_duplicate_is_answered_with_ids_unless_somebody_has_looked() {
    let ward = Ward::new().await;
    let code = json!({ "sex": "male", "fiscal_code": "RSSMRA85T10A562S" });
    let mario = ward.register(with(a_person("Mario", "Rossi", "1985-12-10"), code.clone())).await;
    // The same code under another name; the same name turned round on the same day, without a code.
    let other_name = with(a_person("Mariano", "Rosi", "1985-12-10"), code);
    let turned = a_person("ROSSI", "Màrio", "1985-12-10");
    for (content, likeness) in [(other_name, "fiscal_code"), (turned.clone(), "name_and_birth")] {
        let refused = ward.nurse.post(PATIENTS, content).await.expect(409);
        assert_eq!(refused.code(), "likely_duplicate");
        assert_eq!(refused.json()["duplicates"], json!([{ "id": mario, "likeness": likeness }]));
    }
    // Nearly the same is shown, and hinders nobody; other days and other clinics are nobody.
    let near = ward.register(a_person("Marco", "Rossi", "1985-12-10")).await;
    ward.register(a_person("Mario", "Rossi", "1962-04-21")).await;
    ward.rival.post(PATIENTS, turned.clone()).await.expect(201);
    let twin = ward.register(with(turned, json!({ "is_distinct": true }))).await;
    let path = format!("{PATIENTS}/{mario}/duplicates");
    let found = ward.reader.get(&path).await.expect(200).json();
    let found: Vec<_> =
        found["data"].as_array().unwrap().iter().map(|it| (&it["id"], &it["likeness"])).collect();
    let expected = [(json!(twin), json!("name_and_birth")), (json!(near), json!("similar_name_and_birth"))];
    assert_eq!(found, expected.iter().map(|(id, like)| (id, like)).collect::<Vec<_>>());
    // Who becomes somebody else by a change is looked for, too.
    let one = format!("{PATIENTS}/{near}");
    let refused = ward.nurse.patch(&one, "*", json!({ "first_name": "Mario" })).await.expect(409);
    assert_eq!(refused.code(), "likely_duplicate");
    ward.nurse.patch(&one, "*", json!({ "notes": "gemello" })).await.expect(200);
    let looked = json!({ "first_name": "Mario", "is_distinct": true });
    ward.nurse.patch(&one, "*", looked).await.expect(200);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_register_one_person_at_once_one_does() {
    let ward = Ward::new().await;
    let posts = (0..12).map(|_| ward.nurse.post(PATIENTS, a_person("Anna", "Bianchi", "1990-05-17")));
    let mut statuses: Vec<u16> = join_all(posts).await.iter().map(|it| it.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[201].as_slice(), &[409; 11]].concat());
    assert_eq!(ward.app.value::<i64>("SELECT count(*) FROM patient").await, 1);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_become_one_person_at_once_one_does() {
    let ward = Ward::new().await;
    for round in 0..8 {
        let (first, last, born) = ("Anna", format!("Bianchi {}", "x".repeat(round + 1)), "1990-05-17");
        let one = ward.register(a_person("Olga", &format!("Uno{}", "y".repeat(round)), "1971-03-09")).await;
        let other = ward.register(a_person("Eva", &format!("Due{}", "z".repeat(round)), "1983-08-01")).await;
        let same = || a_person(first, &last, born);
        let (one, other) = (format!("{PATIENTS}/{one}"), format!("{PATIENTS}/{other}"));
        let (a, b, c) = tokio::join!(
            ward.nurse.patch(&one, "*", same()),
            ward.nurse.patch(&other, "*", same()),
            ward.nurse.post(PATIENTS, same()),
        );
        let mut statuses = [a.status, b.status, c.status];
        statuses.sort_unstable();
        assert!(matches!(statuses, [200 | 201, 409, 409]), "{round}: {statuses:?}");
    }
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_whether_somebody_is_a_patient_is_heard() {
    let ward = Ward::new().await;
    let anna = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let eva = ward.register(a_person("Eva", "Bianchi", "1990-05-17")).await;
    ward.nurse.post(PATIENTS, a_person("Anna", "Bianchi", "1990-05-17")).await.expect(409);
    let path = format!("{PATIENTS}/{eva}");
    ward.nurse.patch(&path, "*", json!({ "first_name": "Anna" })).await.expect(409);
    let sql = "SELECT string_agg(action || ' ' || object_kind || ' ' || (details ->> 'duplicates'), ', ' ORDER BY id)
        FROM audit_entry WHERE result = 'refused'";
    let expected = format!("patient.create clinic [\"{anna}\"], patient.change patient [\"{anna}\"]");
    assert_eq!(ward.app.value::<String>(sql).await, expected);
    ward.app.finish().await;
}
