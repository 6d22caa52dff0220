//! Every event that people cause, in every state, by everybody: what the table says is what the server does.

use sportello::notary::rules::machine::{
    Name as _, Who, act,
    appointment::{Event, MACHINE, State},
};

use super::practice::{A_SLOT, Practice};

/// The events that the route takes.
const EVENTS: [Event; 6] =
    [Event::Confirm, Event::Reject, Event::Cancel, Event::MakeReady, Event::Begin, Event::Complete];

#[tokio::test(flavor = "multi_thread")]
async fn every_event_in_every_state_by_everybody_does_what_the_table_says() {
    let practice = Practice::new().await;
    let admin = practice
        .app
        .log_in(&practice.app.a_person_with(sportello::accounts::policy::Role::Admin).await)
        .await;
    let id = practice.a_request(A_SLOT).await;
    let database = practice.app.database.client().await;
    let set = "UPDATE appointment SET status = $1, reason = 'x',
        ended_at = CASE WHEN $1 IN ('completed', 'rejected', 'cancelled', 'expired') THEN now() END";
    let people = [
        (Who::Client, &practice.client),
        (Who::Notary, &practice.notary),
        (Who::Collaborator, &practice.clerk),
        (Who::Admin, &admin),
    ];
    for (from, event, (who, client)) in State::ALL
        .iter()
        .flat_map(|from| EVENTS.iter().map(move |event| (*from, *event)))
        .flat_map(|(from, event)| people.iter().map(move |who| (from, event, *who)))
    {
        database.execute(set, &[&from.as_str()]).await.unwrap();
        let answer = practice.does(client, &id, event.as_str()).await;
        let case = format!("{event:?} in {from:?} by {who:?}: {:?}", answer.body);
        if let Ok(to) = MACHINE.next_by(from, event, who) {
            assert_eq!(answer.status, 200, "{case}");
            assert_eq!(practice.status(&id).await, to.as_str(), "{case}");
        } else {
            assert!(matches!(answer.status, 403 | 409), "{case}");
            let is_ever = MACHINE.next(from, event).is_ok();
            assert_eq!(answer.status == 403, is_ever, "{case}");
            assert_eq!(practice.status(&id).await, from.as_str(), "{case}");
        }
    }
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_an_act_in_every_state_by_everybody_does_what_the_table_says() {
    let practice = Practice::new().await;
    let admin = practice.app.a_person_with(sportello::accounts::policy::Role::Admin).await;
    let (admin, clerk) = (practice.app.log_in(&admin).await, practice.an_act_clerk().await);
    let id = practice.an_act("certified_copies").await;
    let path = format!("/api/v1/acts/{id}");
    let database = practice.app.database.client().await;
    let set = "WITH gone AS (DELETE FROM register_entry), frozen AS (
            UPDATE deed SET frozen_at = CASE WHEN $1 = 'awaiting_signature' AND number = 1 THEN now() END, missing = '{}')
        UPDATE act SET status = $1,
            signed_at = CASE WHEN $1 IN ('signed', 'sent', 'archived') THEN now() END,
            signed_document_id = NULL, signed_sha256 = NULL, signed_certificate = NULL, stamped_at = NULL,
            sent_at = CASE WHEN $1 IN ('sent', 'archived') THEN now() END,
            closed_at = CASE WHEN $1 = 'archived' THEN now() END,
            survey = CASE WHEN $1 = 'archived' THEN '{\"satisfaction\": 5, \"clarity\": 5}'::jsonb END,
            survey_completed_at = CASE WHEN $1 = 'archived' THEN now() END,
            annulled_at = CASE WHEN $1 = 'annulled' THEN now() END,
            reason = CASE WHEN $1 = 'annulled' THEN 'x' END";
    let people = [
        (Who::Client, &practice.client),
        (Who::Notary, &practice.notary),
        (Who::Collaborator, &clerk),
        (Who::Admin, &admin),
    ];
    for (from, event, (who, client)) in act::State::ALL
        .iter()
        .flat_map(|from| act::Event::ALL.iter().map(move |event| (*from, *event)))
        .flat_map(|(from, event)| people.iter().map(move |who| (from, event, *who)))
    {
        database.execute(set, &[&from.as_str()]).await.unwrap();
        let answer = practice.moves(client, &id, event.as_str()).await;
        let case = format!("{event:?} in {from:?} by {who:?}: {:?}", answer.body);
        let status = practice.notary.get(&path).await.expect(200).json()["status"].clone();
        if let Ok(to) = act::MACHINE.next_by(from, event, who) {
            assert_eq!((answer.status, status), (200, to.as_str().into()), "{case}");
        } else {
            let is_ever = act::MACHINE.next(from, event).is_ok();
            assert_eq!(answer.status, if is_ever { 403 } else { 409 }, "{case}");
            assert_eq!(status, from.as_str(), "{case}");
        }
    }
    let stranger = practice.moves(&practice.stranger, &id, "prepare").await;
    assert_eq!(stranger.status, 404);
    assert_eq!(practice.moves(&practice.clerk, &id, "prepare").await.status, 404, "permitted other things");
    practice.app.finish().await;
}
