//! The built-in authority in the database: one for all servers, sealed, renewed, revoked.

use jiff::SignedDuration;
use sportello::{
    accounts::{administration, users::User},
    config::values::{Optional, Secret as ConfigSecret},
    jobs::registry::registry,
    signing::{Signature, Signing, providers::Signer},
};

use super::local::carla;
use crate::harness::{app::TestApp, providers::without_signatures, verify::Verifier};

fn signer(user: &User) -> Signer {
    Signer { user: user.id, person: carla() }
}

async fn signed(app: &TestApp, signing: &Signing, signer: &Signer) -> Signature {
    signing.detached([7; 32], signer, app.app.clock.now()).await.unwrap()
}

async fn text(app: &TestApp, path: &str) -> String {
    String::from_utf8(app.anonymous().get(path).await.expect(200).body.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_sign_for_the_first_time_at_two_servers_share_one_authority_and_one_certificate_each() {
    let app = TestApp::start().await;
    let other = app.another_node(|_| {}, registry()).await;
    let people = [app.a_person().await, app.a_person().await];
    let signers: Vec<Signer> = people.iter().map(signer).collect();
    let all = (0..16).map(|n| {
        let signing = if n % 2 == 0 { &app.app.signing } else { &other.signing };
        signed(&app, signing, &signers[n / 2 % 2])
    });
    let serials: Vec<_> = futures_util::future::join_all(all).await.into_iter().map(|it| it.serial).collect();
    let distinct: std::collections::BTreeSet<_> = serials.iter().collect();
    assert_eq!(distinct.len(), 2);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM signing_authority").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM signing_certificate").await, 2);
    assert_eq!(text(&app, "/api/v1/signature/authorities").await.matches("BEGIN").count(), 1);
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_before_it_ends_and_when_its_owner_is_called_otherwise() {
    let app = TestApp::start().await;
    let user = app.a_person().await;
    let first = signed(&app, &app.app.signing, &signer(&user)).await.serial;
    assert_eq!(signed(&app, &app.app.signing, &signer(&user)).await.serial, first);
    let mut married = signer(&user);
    married.person.surname = "Rossi".to_owned();
    let second = signed(&app, &app.app.signing, &married).await.serial;
    assert_ne!(second, first);
    app.app.clock.advance(SignedDuration::from_hours(24 * 334));
    assert_eq!(signed(&app, &app.app.signing, &married).await.serial, second, "31 days are left");
    app.app.clock.advance(SignedDuration::from_hours(24 * 2));
    let third = signed(&app, &app.app.signing, &married).await.serial;
    assert_ne!(third, second);
    app.app.clock.advance(SignedDuration::from_hours(24 * 2000));
    assert_ne!(signed(&app, &app.app.signing, &married).await.serial, third, "it ended long ago");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM signing_certificate WHERE key IS NOT NULL").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM signing_authority").await, 1);
    // Nine years and some: what is issued now would outlive its authority.
    app.app.clock.advance(SignedDuration::from_hours(24 * 1200));
    signed(&app, &app.app.signing, &married).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM signing_authority").await, 2);
    let roots = text(&app, "/api/v1/signature/authorities").await;
    assert_eq!(roots.matches("BEGIN").count(), 2, "what the first has signed is verified still");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_signs_no_more_and_its_number_is_on_the_list() {
    let app = TestApp::start().await;
    let user = app.a_person().await;
    let serial = signed(&app, &app.app.signing, &signer(&user)).await.serial;
    let number = data_encoding::HEXUPPER.encode(&serial);
    let verifier = Verifier::new(&text(&app, "/api/v1/signature/authorities").await);
    let list = verifier.read_revocations(&text(&app, "/api/v1/signature/revocations").await);
    assert!(!list.contains(&number) && list.contains("No Revoked Certificates"), "{list}");
    let mut tx = app.app.db.begin("tests.disable").await.unwrap();
    administration::set_active(&mut tx, &user.email, false, false, app.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let list = verifier.read_revocations(&text(&app, "/api/v1/signature/revocations").await);
    assert!(list.contains(&number) && list.contains("Issuing CA"), "{list}");
    let refused = app.app.signing.detached([7; 32], &signer(&user), app.app.clock.now()).await.unwrap_err();
    assert!(refused.to_string().contains("closed"), "{refused}");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM signing_certificate WHERE key IS NOT NULL").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_the_authorities_while_the_provider_is_away_is_told_to_come_back() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let refused = without_signatures(&app.app.signing, client.get("/api/v1/signature/authorities")).await;
    assert_eq!(refused.expect(503).code(), "signature_provider_away");
    client.get("/api/v1/signature/authorities").await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_sealed_and_sealed_again_when_the_ring_has_a_new_one() {
    let app = TestApp::start().await;
    let user = app.a_person().await;
    let before = signed(&app, &app.app.signing, &signer(&user)).await.serial;
    let sealed = "SELECT count(*) FROM (SELECT key FROM signing_certificate UNION ALL SELECT issuing_key FROM signing_authority
        UNION ALL SELECT time_stamp_key FROM signing_authority) AS k WHERE get_byte(key, 0) = 1";
    assert_eq!(
        app.value::<i64>(sealed).await,
        3,
        "in the layout of what is sealed, which DER does not begin with"
    );
    let key = "2027a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let other = app
        .another_node(|config| config.jobs.seal_keys = Optional(Some(ConfigSecret::new(key))), registry())
        .await;
    let mut tx = other.db.begin("tests.rewrap").await.unwrap();
    assert_eq!(other.signing.rewrap(&mut tx).await.unwrap(), (2, 0));
    assert_eq!(other.signing.rewrap(&mut tx).await.unwrap(), (0, 0));
    tx.commit().await.unwrap();
    let names = "SELECT string_agg(DISTINCT key_id, ',') FROM (SELECT key_id FROM signing_certificate
        UNION ALL SELECT key_id FROM signing_authority) AS k";
    assert_eq!(app.value::<String>(names).await, "2027a");
    assert_eq!(signed(&app, &other.signing, &signer(&user)).await.serial, before);
    let lost = app.app.signing.detached([7; 32], &signer(&user), app.app.clock.now()).await.unwrap_err();
    assert!(lost.to_string().contains("2027a"), "{lost}");
    other.stop().await;
    app.finish().await;
}
