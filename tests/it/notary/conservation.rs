//! Conservation: packages that others verify without us, one for each thing, whatever dies meanwhile.

use std::{fs, process::Command};

use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::jobs::notary::conservation as jobs;

use super::practice::Practice;
use crate::harness::{scratch::Scratch, verify::Verifier};

const PACKAGES: &str = "/api/v1/notary/office/conservation-packages";

impl Practice {
    /// Acts that are signed now.
    async fn signed_acts(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = self.an_act("certified_copies").await;
            for event in ["prepare", "request_signature", "sign"] {
                self.moves(&self.notary, &id, event).await.expect(200);
            }
            ids.push(id);
        }
        ids
    }

    /// Files have the machine's time, which is far behind the moved clock: to the jobs that look for orphans, and for files that
    /// were begun and never ended, each that has no row yet would be one.
    async fn leave_orphans(&self) {
        let later = "UPDATE job.cron SET next_at = '2100-01-01'
            WHERE key IN ('documents.collect_orphans', 'events.prune_images')";
        assert_eq!(self.app.database.client().await.execute(later, &[]).await.unwrap(), 2);
    }

    /// The first of the next month has come, and what is to be done then is done.
    async fn month_ends(&mut self) {
        self.leave_orphans().await;
        self.wait(32 * 24).await;
        let mut tx = self.app.app.db.begin("tests.plan").await.unwrap();
        let plan = jobs::PlanConservation::default();
        self.app.app.jobs.enqueue(&mut tx, &plan).await.unwrap();
        tx.commit().await.unwrap();
        self.app.run_jobs().await;
    }

    async fn packages(&self) -> Vec<Value> {
        let page = self.notary.get(PACKAGES).await.expect(200).json();
        page["data"].as_array().unwrap().clone()
    }
}

/// Unpacks a ZIP and has its files looked at by `sha256sum` and openssl.
pub(super) fn verify_as_a_stranger(zip: &[u8], authorities: &str) -> Value {
    let scratch = Scratch::new();
    let path = scratch.path().join("package.zip");
    fs::write(&path, zip).unwrap();
    let mut archive = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    archive.extract(scratch.path()).unwrap();
    let mut sums = Command::new("sha256sum");
    let sums = sums.args(["--check", "--strict", "SHA256SUMS"]).current_dir(scratch.path()).output().unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
    let read = |name: &str| fs::read(scratch.path().join(name)).unwrap();
    let (manifest, verifier) = (read("manifest.json"), Verifier::new(authorities));
    verifier.cms(&read("manifest.json.p7s"), &manifest).unwrap();
    verifier.time_stamp(&read("manifest.json.tst"), &manifest).unwrap();
    assert!(verifier.cms(&read("manifest.json.p7s"), b"something else").is_err());
    assert_eq!(read("authorities.pem"), authorities.as_bytes());
    assert!(String::from_utf8(read("README.txt")).unwrap().contains("sha256sum --check"));
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    for item in manifest["items"].as_array().unwrap() {
        let file = read(item["path"].as_str().unwrap());
        assert_eq!(file.len() as u64, item["bytes"].as_u64().unwrap());
        if item["kind"] == "receipt" {
            assert!(String::from_utf8(file).unwrap().contains("daticert.xml"));
            continue;
        }
        let seen = verifier.pdfsig(&file);
        assert_eq!((seen.count, seen.valid, seen.whole), (1, 1, 1), "{}", seen.text);
    }
    manifest
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_in_a_month_is_packed_once_taken_over_and_verified_by_anybody() {
    let mut practice = Practice::new().await;
    let acts = practice.signed_acts(2).await;
    practice.month_ends().await;
    let packages = practice.packages().await;
    assert_eq!(packages.len(), 1, "{packages:?}");
    let package = &packages[0];
    assert_eq!((&package["status"], &package["items"]), (&json!("verified"), &json!(2)), "{package}");
    assert!(package["conservator_reference"].as_str().unwrap().starts_with("PKG-"), "{package}");
    assert_eq!(package["receipt"]["statement"]["sha256"], package["sha256"]);
    let path = format!("/api/v1/conservation-packages/{}", package["id"].as_str().unwrap());
    let zip = practice.notary.get(&format!("{path}/content")).await.expect(200).body;
    let authorities = practice.client.get("/api/v1/signature/authorities").await.expect(200).body;
    let manifest = verify_as_a_stranger(&zip, std::str::from_utf8(&authorities).unwrap());
    assert_eq!(manifest["package"], package["id"]);
    let act = practice.notary.get(&format!("/api/v1/acts/{}", acts[0])).await.expect(200).json();
    assert_eq!(manifest["items"][0]["sha256"], act["signed_deed"]["sha256"]);
    assert_eq!(manifest["items"][0]["about"], act["protocol_number"]);

    practice.month_ends().await;
    assert_eq!(practice.packages().await.len(), 1, "nothing new, nothing packed");
    practice.signed_acts(1).await;
    practice.month_ends().await;
    let packages = practice.packages().await;
    assert_eq!((packages.len(), &packages[0]["items"]), (2, &json!(1)));
    let document = format!("/api/v1/documents/{}", packages[0]["document_id"].as_str().unwrap());
    assert_eq!(practice.notary.delete(&document).await.expect(409).code(), "in_use");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_the_offices_and_administrators_see_that_it_exists() {
    let mut practice = Practice::new().await;
    practice.signed_acts(1).await;
    practice.month_ends().await;
    let package = practice.packages().await.remove(0);
    let path = format!("/api/v1/conservation-packages/{}", package["id"].as_str().unwrap());
    let stranger = practice.app.log_in(&practice.app.a_person().await).await;
    for who in [&practice.client, &stranger] {
        for rest in ["", "/content"] {
            who.get(&format!("{path}{rest}")).await.expect(404);
        }
        who.post(&format!("{path}/verification"), json!({})).await.expect(404);
    }
    let admin = practice.app.a_person_with(sportello::accounts::policy::Role::Admin).await;
    let admin = practice.app.log_in(&admin).await;
    assert_eq!(admin.get(&path).await.expect(200).json()["items"], 1);
    assert_eq!(admin.get(&format!("{path}/content")).await.expect(403).code(), "not_for_you");
    let clerk = practice.an_act_clerk().await;
    assert_eq!(clerk.get(PACKAGES).await.expect(200).json()["data"].as_array().unwrap().len(), 1);
    clerk.get(&format!("{path}/content")).await.expect(200);
    assert_eq!(
        clerk.post(&format!("{path}/verification"), json!({})).await.expect(403).code(),
        "not_for_you"
    );
    practice.notary.get(&format!("{PACKAGES}?status=unheard_of")).await.expect(400);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_found_and_the_office_hears_which() {
    let mut practice = Practice::new().await;
    practice.signed_acts(2).await;
    practice.month_ends().await;
    let package = practice.packages().await.remove(0);
    let object: String = practice
        .app
        .value(
            "SELECT v.object FROM conservation_item i JOIN document_version v ON v.document_id = i.document_id
             WHERE i.position = 2",
        )
        .await;
    let file = practice.app.app.config.database.data_dir.join("files").join(&object);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let path = format!("/api/v1/conservation-packages/{}", package["id"].as_str().unwrap());
    practice.notary.post(&format!("{path}/verification"), json!({})).await.expect(202);
    practice.notary.post(&format!("{path}/verification"), json!({})).await.expect(429);
    practice.app.run_jobs().await;
    let damaged = practice.notary.get(&path).await.expect(200).json();
    assert!(damaged["trouble"].as_str().unwrap().contains("files/00002-signed_deed"), "{damaged}");
    assert_eq!(practice.told(&practice.notary).await.last().unwrap(), "system_message");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planned_twice_at_once_and_begun_again_after_each_step_there_is_one_package() {
    let mut practice = Practice::new().await;
    practice.signed_acts(1).await;
    practice.leave_orphans().await;
    practice.app.app.clock.advance(SignedDuration::from_hours(32 * 24));
    let plan = async || {
        let mut tx = practice.app.app.db.begin("tests.plan").await.unwrap();
        let plan = jobs::PlanConservation::default();
        practice.app.app.jobs.enqueue(&mut tx, &plan).await.unwrap();
        tx.commit().await.unwrap();
    };
    futures_util::future::join_all((0..8).map(|_| plan())).await;
    practice.app.run_jobs().await;
    plan().await;
    practice.app.run_jobs().await;
    let id: uuid::Uuid = practice.app.value("SELECT id FROM conservation_package").await;
    let package = sportello::ids::ConservationPackageId(id);
    let mut tx = practice.app.app.db.begin("tests.again").await.unwrap();
    practice.app.app.jobs.enqueue(&mut tx, &jobs::MakeConservationPackage { package }).await.unwrap();
    practice.app.app.jobs.enqueue(&mut tx, &jobs::HandOverConservationPackage { package }).await.unwrap();
    practice.app.app.jobs.enqueue(&mut tx, &jobs::VerifyConservationPackage { package }).await.unwrap();
    tx.commit().await.unwrap();
    practice.app.run_jobs().await;
    practice.wait(0).await;
    let packages = practice.packages().await;
    assert_eq!((packages.len(), &packages[0]["status"]), (1, &json!("verified")), "{packages:?}");
    practice.app.finish().await;
}
