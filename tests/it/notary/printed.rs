//! What an office prints: the agenda of a day, and what is known of an act.

use std::process::Command;

use serde_json::json;

use super::practice::{A_SLOT, Practice};

fn words(pdf: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("sportello-printed-{}.pdf", uuid::Uuid::now_v7()));
    std::fs::write(&path, pdf).unwrap();
    let checked = Command::new("qpdf").arg("--check").arg(&path).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let said = Command::new("pdftotext").args(["-layout".as_ref(), path.as_os_str(), "-".as_ref()]).output();
    std::fs::remove_file(&path).unwrap();
    String::from_utf8(said.unwrap().stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agenda_of_a_day_shows_what_takes_its_time_to_who_may_see_it() {
    const AGENDA: &str = "/api/v1/notary/office/agenda.pdf";
    let practice = Practice::new().await;
    let request =
        json!({"type": "consultation", "title": "Mutuo #eval(1)", "starts_at": A_SLOT, "minutes": 60});
    let path = format!("/api/v1/notaries/{}/appointments", practice.office);
    let asked = practice.client.post(&path, request).await.expect(201).json();
    let id = asked["id"].as_str().unwrap();
    let day = format!("{AGENDA}?on=2031-06-18");
    let before = words(&practice.clerk.get(&day).await.expect(200).body);
    assert!(before.contains("Studio Verdi") && before.contains("Nessun appuntamento."), "{before}");
    let confirm = json!({"event": "confirm"});
    practice.clerk.post(&format!("/api/v1/appointments/{id}/transitions"), confirm).await.expect(200);
    let after = words(&practice.clerk.get(&day).await.expect(200).body);
    for part in [
        "mercoledì 18 giugno 2031",
        "14:00–15:00",
        &practice.client_account.name,
        "Mutuo #eval(1)",
        "confermato",
    ] {
        assert!(after.contains(part), "{part}: {after}");
    }
    let empty = words(&practice.notary.get(&format!("{AGENDA}?on=2031-06-19")).await.expect(200).body);
    assert!(empty.contains("Nessun appuntamento."));
    practice.notary.get(&format!("{AGENDA}?on=domani")).await.expect(400);
    // Of the last days there is no next one, and of the first no moment that can be written down.
    for day in ["0001-01-01", "9998-12-31", "9999-12-30", "9999-12-31"] {
        let page = words(&practice.notary.get(&format!("{AGENDA}?on={day}")).await.expect(200).body);
        assert!(page.contains("Nessun appuntamento."), "{day}: {page}");
    }
    for day in ["0000-12-31", "-000001-06-01", "-009999-01-01"] {
        let told = practice.notary.get(&format!("{AGENDA}?on={day}")).await.expect(400).json();
        assert_eq!(told["errors"][0]["code"], "out_of_range", "{told}");
        assert!(told["errors"][0]["detail"].as_str().unwrap().contains("9999-12-31"), "{told}");
    }
    practice.notary.get(&format!("{AGENDA}?on=10000-01-01")).await.expect(400);
    assert_eq!(practice.client.get(&format!("{AGENDA}?on=9999-12-31")).await.expect(403).code(), "no_office");
    assert_eq!(practice.client.get(&day).await.expect(403).code(), "no_office");
    let other = practice.app.a_collaborator(practice.office, &["manage_acts"]).await;
    let other = practice.app.log_in(&other).await;
    assert_eq!(other.get(&day).await.expect(403).code(), "not_for_you");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_of_an_act_says_what_its_reader_sees_of_it() {
    let practice = Practice::new().await;
    let verify = "UPDATE users SET email_verified_at = now() WHERE id = $1";
    practice.app.database.client().await.execute(verify, &[&practice.client_account.id]).await.unwrap();
    let case = json!({"client_email": practice.client_account.email, "act_type": "mortgage_loan"});
    let act = practice.notary.post("/api/v1/acts", case).await.expect(201).json();
    let id = act["id"].as_str().unwrap();
    let note =
        json!({"office_note": "solo per lo studio", "bank_name": "Banca Aurora", "loan_cents": 12_000_000});
    practice.notary.patch(&format!("/api/v1/acts/{id}"), "*", note).await.expect(200);
    let path = format!("/api/v1/acts/{id}/summary.pdf");
    let office = practice.notary.get(&path).await.expect(200);
    let text = words(&office.body);
    for part in [
        "Riepilogo dell'atto",
        "Banca Aurora",
        "120.000,00 €",
        "solo per lo studio",
        "bozza",
        &practice.client_account.name,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let client = words(&practice.client.get(&path).await.expect(200).body);
    assert!(client.contains("Banca Aurora") && !client.contains("solo per lo studio"), "{client}");
    let again = practice.notary.get(&path).await.expect(200);
    assert_eq!(again.header("etag"), office.header("etag"), "the same until something changes");
    practice.stranger.get(&path).await.expect(404);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_of_an_act_is_as_new_as_its_newest_document() {
    let practice = Practice::new().await;
    let appointment = practice.an_appointment_for("mortgage_loan").await;
    let database = practice.app.database.client().await;
    let ready = format!("UPDATE appointment SET status = 'ready' WHERE id = '{appointment}'");
    database.batch_execute(&ready).await.unwrap();
    let case = json!({"appointment_id": appointment, "act_type": "mortgage_loan"});
    let act = practice.notary.post("/api/v1/acts", case).await.expect(201).json();
    let path = format!("/api/v1/acts/{}/summary.pdf", act["id"].as_str().unwrap());
    let before = practice.notary.get(&path).await.expect(200);
    // A document is looked at: the act itself does not change.
    let looked_at = "UPDATE appointment_document SET updated_at = '2031-07-01T08:30:00Z'
        WHERE id = (SELECT max(id::text)::uuid FROM appointment_document WHERE appointment_id = $1::text::uuid)";
    assert_eq!(database.execute(looked_at, &[&appointment]).await.unwrap(), 1);
    let after = practice.notary.get(&path).await.expect(200);
    let text = words(&after.body);
    assert!(text.contains("martedì 1 luglio 2031, 10:30"), "{text}");
    assert_ne!(after.header("etag"), before.header("etag"));
    let shown = practice.notary.get(path.trim_end_matches("/summary.pdf")).await.expect(200).json();
    assert!(shown["documents"][0].get("updated_at").is_none(), "{shown}");
    practice.app.finish().await;
}
