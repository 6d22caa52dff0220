//! Files sent to a document that is somebody else's: the right must still be there when the version would become visible.

use jiff::SignedDuration;
use serde_json::json;

use super::{
    permissions::{add_version, path_of, put, refused},
    shelf::{Shelf, announce, pdf, piece},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_right_ended_while_it_arrived_is_never_seen() {
    let shelf = Shelf::new().await;
    let (owner, writer) = (&shelf.cast.user, &shelf.cast.host);
    for ending in ["expired", "revoked", "narrowed", "deleted"] {
        let document = path_of(&shelf.a_document("prima").await);
        let soon = (shelf.app.app.clock.now() + SignedDuration::from_mins(1)).to_string();
        let granted = json!({"write": true, "expires_at": soon});
        put(owner, &document, &shelf.cast.host_account, granted).await.expect(201);
        let content = pdf("a pezzi");
        let id = document.rsplit('/').next().unwrap();
        let names = [("filename", "atto.pdf"), ("document", id)];
        let made = announce(writer, content.len(), &names, &[("if-match", "\"v1\"")]).await.expect(201);
        let upload = made.header("location");
        piece(writer, upload, 0, content[..5].to_vec(), &[]).await.expect(204);
        match ending {
            "expired" => shelf.app.app.clock.advance(SignedDuration::from_mins(1)),
            "revoked" => {
                let permission = format!("{document}/permissions/{}", shelf.cast.host_account.id);
                owner.delete(&permission).await.expect(204);
            }
            "narrowed" => {
                put(owner, &document, &shelf.cast.host_account, json!({})).await.expect(200);
            }
            _ => {
                owner.delete(&document).await.expect(204);
            }
        }
        let before = refused(&shelf).await;
        let last = piece(writer, upload, 5, content[5..].to_vec(), &[]).await.expect(403);
        assert_eq!(last.code(), "no_right", "{ending}");
        let upload = writer.get(upload).await.expect(200).json();
        assert_eq!((&upload["state"], &upload["problem"]["code"]), (&json!("refused"), &json!("no_right")));
        assert_eq!(refused(&shelf).await - before, 1, "{ending}: it is in the log");
        if ending != "deleted" {
            let seen = owner.get(&document).await.expect(200).json();
            assert_eq!(seen["latest"]["number"], 1, "{ending}");
            owner.delete(&document).await.expect(204);
        }
    }
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 0, "nothing is left");
    let arriving: i64 = shelf.app.value("SELECT sum(arriving)::bigint FROM document_quota").await;
    assert_eq!(arriving, 0);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_is_seen_if_it_came_before_the_right_was_taken_and_only_then() {
    const ORDER: &str = "SELECT coalesce(bool_and(v.id < r.id), true) FROM audit_entry AS v, audit_entry AS r
        WHERE v.action = 'document.add_version' AND v.result = 'ok' AND r.action = 'document.revoke'
          AND v.object_id = r.object_id";
    let shelf = Shelf::new().await;
    let (owner, writer) = (&shelf.cast.user, &shelf.cast.host);
    let mut published = 0;
    for round in 0..12 {
        let document = path_of(&shelf.a_document("prima").await);
        put(owner, &document, &shelf.cast.host_account, json!({"write": true})).await.expect(201);
        let permission = format!("{document}/permissions/{}", shelf.cast.host_account.id);
        // What a version takes from its announcement to its publication is a few dozen of these.
        let taking = async {
            for _ in 0..round * 3 {
                owner.get("/api/v1/me/documents/quota").await.expect(200);
            }
            owner.delete(&permission).await.expect(204)
        };
        let (added, _) = futures_util::join!(add_version(writer, &document, "seconda"), taking);
        let latest = owner.get(&document).await.expect(200).json()["latest"]["number"].clone();
        match added.status {
            // Published, and then not even shown to the one who sent it.
            200 | 404 if latest == 2 => published += 1,
            403 | 404 => assert_eq!(latest, 1, "round {round}"),
            status => panic!("{status} {:?}", added.body),
        }
    }
    let in_order: bool = shelf.app.value(ORDER).await;
    assert!(in_order, "nothing was added after the right was taken; {published} were before");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_people_who_write_one_version_one_wins_and_every_version_is_there() {
    let shelf = Shelf::new().await;
    let document = path_of(&shelf.a_document("prima").await);
    let mut writers = vec![shelf.cast.user.clone()];
    for _ in 0..3 {
        let person = shelf.app.a_person().await;
        put(&shelf.cast.user, &document, &person, json!({"write": true})).await.expect(201);
        writers.push(shelf.app.log_in(&person).await);
    }
    let id = document.rsplit('/').next().unwrap();
    for version in 1..=3 {
        let etag = format!("\"v{version}\"");
        let sending = writers.iter().enumerate().map(|(n, writer)| {
            let etag = &etag;
            async move {
                let content = pdf(&format!("{version} di {n}"));
                let names = [("filename", "atto.pdf"), ("document", id)];
                let made = announce(writer, content.len(), &names, &[("if-match", etag)]).await;
                if made.status != 201 {
                    return (made.status, content);
                }
                (piece(writer, made.header("location"), 0, content.clone(), &[]).await.status, content)
            }
        });
        let answers = futures_util::future::join_all(sending).await;
        let won: Vec<_> = answers.iter().filter(|it| it.0 == 204).collect();
        assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|it| it.0).collect::<Vec<_>>());
        assert!(answers.iter().all(|it| matches!(it.0, 204 | 412)));
        let stored =
            shelf.cast.user.get(&format!("{document}/content?version={}", version + 1)).await.expect(200);
        assert_eq!(stored.body, won[0].1, "what is stored is what the winner sent");
    }
    let versions = shelf.cast.user.get(&format!("{document}/versions")).await.expect(200).json();
    assert_eq!(versions["data"].as_array().unwrap().len(), 4);
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 4, "the others left nothing");
    shelf.app.finish().await;
}
